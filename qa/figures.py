"""Candidates -> the different numbers that cited articles give for what was asked, if they do.

Only numbers of one measure count, from articles of the same days that tell of the same: a false
alarm is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import combinations

from corpus.records import Article, Span
from embeddings.sparse import analyze
from qa.kinds import Kind, asked_kind
from qa.quantities import MONEY, PERCENT, Quantity, measure_of, quantities
from qa.recency import NOW
from qa.records import Citation, Figure
from qa.retrieval import Candidate, Candidates

ARTICLES = 8
"""Best citations that are looked at: accounts of what was asked are among the first."""

WINDOW_DAYS = 10
"""Days between two accounts of one state of things; later ones tell how it went on."""

COVERED_WEIGHT = 0.5
"""What the question's terms in lead and passage (a share by IDF) weigh against the cosine."""

LEAST_NEAR = 0.5
"""Nearness of question and sentence below which a number is about something else. All eight
disagreements of the samples are at .59 and more, what else is in their articles mostly below."""

LEAST_ALIKE = 0.57
"""Similarity of the passages of two articles from which on they tell of the same event: .58 and
more in the samples' disagreements; other accidents and attacks of newsqa mostly have less."""

MOST_BEHIND = 0.4
"""Nearness by which the farther of two numbers may be behind the nearest; .36 in the samples."""

LEAD = 400
"""Characters at the head of an article whose words count as what it is about."""

_COUNTED = re.compile(r"\bhow many ((?:[^\W_][\w’'-]*[ ?]?){1,3})")
_TIME = frozenset(analyze("second minute hour day week month year decade times"))
"""Stems of units of time: what lasts how long differs from article to article with the thing."""

_HOW = re.compile(r"\bhow (?:many|much)\b")
_GATE = re.compile(
    r"\b(?:attendance|crowd|turnout)\b|\bhow many (?:attended|came|marched|turned)\b"
)
_WORTH = re.compile(r"\b(?:value|worth|costs?|bill|price|estimated?|insured)\b")
_ASKING = frozenset(
    analyze(
        "people person fans homes houses jobs vehicles attendance crowd turnout value worth cost"
        " bill price estimate expected insured pay paid spend spent figure watched attended"
    )
)
"""Stems that say which number is asked for, not of what: articles have other words for them."""

_WHAT = re.compile(r"\b(?:what|how much|how big|how large)\b")


@dataclass(frozen=True, slots=True)
class _Told:
    """A number of the measure asked for: which citation's article tells it, where, how nearly."""

    citation: Citation
    candidate: Candidate
    quantity: Quantity
    span: Span
    nearness: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What cited articles say of the number asked for: where they differ, and who else agrees.

    `figures` are the numbers that differ, best citation first; one that another confirms, but for
    rounding, stands once. `supported_by` names other outlets with the number of the first quote.
    """

    figures: tuple[Figure, ...] = ()
    supported_by: tuple[str, ...] = ()


def compare_figures(candidates: Candidates, citations: Sequence[Citation]) -> Comparison:
    """Return what cited articles say of the number that a question asks for; mostly nothing."""
    measures = asked_measures(candidates.query.question)
    if not measures:
        return Comparison()
    told = list(_told(candidates, citations[:ARTICLES], measures))
    if candidates.query.recency >= NOW:
        told = _of_newest(told)
    return Comparison(tuple(_figure(item) for item in _differing(told)), _supporting(told))


def _differing(told: Sequence[_Told]) -> list[_Told]:
    """Return the numbers that differ, by citation; each stands for its article."""
    best = _nearest_by_citation(told)
    pairs = [(one, other) for one, other in combinations(best, 2) if _differ(one, other, told)]
    if not pairs:
        return []
    first, second = max(pairs, key=_nearness)
    shown = [first, second]
    for item in best:
        if all(other is not item and _differ(item, other, told) for other in shown):
            shown.append(item)
    return sorted(shown, key=lambda item: item.citation.n)


def _nearness(pair: tuple[_Told, _Told]) -> float:
    return pair[0].nearness + pair[1].nearness


def _supporting(told: Sequence[_Told]) -> tuple[str, ...]:
    """Return the outlets, other than the first citation's, that give the very number it quotes."""
    quoted = [item for item in told if item.citation.n == 1 and _is_quoted(item)]
    if not quoted:
        return ()
    stated = max(quoted, key=lambda item: item.nearness)
    own = {stated.citation.source, *stated.citation.also_in}
    return tuple(
        dict.fromkeys(
            item.citation.source
            for item in told
            if item.citation.source
            and item.citation.source not in own
            and item.quantity.value == stated.quantity.value
            and _alike(item, stated)
        )
    )


def _is_quoted(told: _Told) -> bool:
    return Span(told.citation.start, told.citation.end).contains(told.span)


def asked_measures(question: str) -> frozenset[str]:
    """Return the measures of a number that answers, as `Quantity.measures` names them.

    Nothing where no number is asked for, one of no stated measure, or more than one.
    """
    lowered = question.lower()
    if len(_HOW.findall(lowered)) > 1:
        return frozenset()
    kind = asked_kind(question)
    if kind is Kind.PERCENTAGE:
        return frozenset(PERCENT)
    if _GATE.search(lowered):
        return measure_of("people")
    counted = _COUNTED.search(lowered)
    if counted:
        return _first_measure(re.split(r"[ ?]", counted[1]))
    if kind is Kind.MONEY or (_WHAT.search(lowered) and _WORTH.search(lowered)):
        return MONEY
    return frozenset()


def _first_measure(words: Iterable[str]) -> frozenset[str]:
    """Return what the first word that measures anything measures: "new jobs at" -> jobs."""
    found = next((measure for word in words if (measure := measure_of(word))), frozenset[str]())
    return found - _TIME


def _told(
    candidates: Candidates, citations: Sequence[Citation], measures: frozenset[str]
) -> Iterator[_Told]:
    """Yield the numbers of these measures in the passages of cited articles that are near."""
    cited = {citation.article_id: citation for citation in citations}
    for candidate in candidates.found:
        citation = cited.get(candidate.article_id)
        if citation is None:
            continue
        found = list(_in_passage(candidate, measures))
        if not found:
            continue
        nearness = candidate.vectors.sentences @ candidates.vector
        nearness += COVERED_WEIGHT * _covered(candidates, candidate)
        for sentence, quantity, span in found:
            if nearness[sentence] >= LEAST_NEAR:
                yield _Told(citation, candidate, quantity, span, float(nearness[sentence]))


def _in_passage(
    candidate: Candidate, measures: frozenset[str]
) -> Iterator[tuple[int, Quantity, Span]]:
    """Yield (sentence, number, its offsets in the article) for the numbers of these measures."""
    for sentence, span in enumerate(candidate.stored.sentences):
        for quantity in quantities(span.of(candidate.article.text)):
            if quantity.measures & measures:
                at = span.start + quantity.span.start
                yield sentence, quantity, Span(at, at + len(quantity.span))


def _covered(candidates: Candidates, candidate: Candidate) -> float:
    """Return the share (0..1) of the question's terms, by IDF, in an article's lead and passage."""
    article = candidate.article
    held = _terms(article.title or "", article.text[:LEAD])
    held |= _terms("", candidate.stored.span.of(article.text))
    weights = {
        term: candidates.idf[term] * weight
        for term, weight in candidates.terms.items()
        if term not in _ASKING
    }
    return sum(w for term, w in weights.items() if term in held) / (sum(weights.values()) or 1.0)


@lru_cache(maxsize=1_024)
def _terms(title: str, text: str) -> frozenset[str]:
    return frozenset(analyze(f"{title} {text}"))


def _of_newest(told: Sequence[_Told]) -> list[_Told]:
    """Return the numbers of the newest article and of those of the same days."""
    newest = max(told, key=lambda item: item.citation.published or "", default=None)
    return [item for item in told if newest is not None and _same_days(item, newest)]


def _nearest_by_citation(told: Sequence[_Told]) -> list[_Told]:
    """Return the number of each citation whose sentence is nearest; of one sentence, the first."""
    best: dict[int, _Told] = {}
    for item in told:
        held = best.get(item.citation.n)
        if held is None or item.nearness > held.nearness:
            best[item.citation.n] = item
    least = max((item.nearness for item in told), default=0.0) - MOST_BEHIND
    return [best[n] for n in sorted(best) if best[n].nearness >= least]


def _differ(one: _Told, other: _Told, told: Sequence[_Told]) -> bool:
    """Tell whether two articles tell of the same with numbers that neither of them confirms."""
    if not one.quantity.measures & other.quantity.measures or not _same_days(one, other):
        return False
    if not _alike(one, other):
        return False
    return not any(
        item.quantity.agrees(mine.quantity)
        for mine, yours in ((one, other), (other, one))
        for item in told
        if item.citation.n == yours.citation.n
    )


def _alike(one: _Told, other: _Told) -> bool:
    """Tell whether two passages tell of the same event."""
    return float(one.candidate.vectors.passage @ other.candidate.vectors.passage) >= LEAST_ALIKE


def _same_days(one: _Told, other: _Told) -> bool:
    """Tell whether two articles are of the same days; without a date they are not."""
    try:
        first, second = (date.fromisoformat(item.citation.published or "") for item in (one, other))
    except ValueError:
        return False
    return abs((first - second).days) <= WINDOW_DAYS


def _figure(told: _Told) -> Figure:
    article: Article = told.candidate.article
    return Figure(
        n=told.citation.n,
        text=told.span.of(article.text),
        source=article.source,
        published=article.published,
        article_id=article.id,
        start=told.span.start,
        end=told.span.end,
    )
