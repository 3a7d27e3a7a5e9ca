"""Draft questions from articles, without a language model: templates first, then gaps to fill.

A draft is a start for a person who reviews it, not gold: the grammar is taken from the sentence as
it stands, and where that does not hold, the sentence is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from corpus.records import Article, Span
from corpus.sentences import split_sentences
from qa.kinds import Kind, find
from qa.words import content_terms

PER_ARTICLE = 3
"""Drafts of one article: of more, most ask for the same few facts again."""

SHORTEST, LONGEST = 40, 240
"""Characters of a sentence that drafts are made of: shorter ones say little alone, longer ones make
questions that nobody would ask."""

FEWEST_TERMS = 3
"""Words of content that a draft must have besides the answer, to point at one story."""

LONGEST_SUBJECT = 8
"""Words before the verb that are turned around: "When was {subject} opened?"."""

TEMPLATE, CLOZE = "draft-template", "draft-cloze"
GAP = "____"

_VERB = (
    r"(?:said|told|won|lost|made|took|gave|led|left|found|held|came|went|became|began|ran|sold"
    r"|bought|built|broke|wrote|paid|set|cut|met|saw|fell|rose|spent|kept|brought|caught|drew|fought"
    r"|grew|hit|put|spoke|stood|struck|taught|thought|threw|understood|wore"
    r"|was|were|is|are|has|have|had|will|would|could|can|may|must|(?:[a-z]{2,20}ed))"
)
_TITLE = r"(?:Mr|Mrs|Ms|Dr|Sir|Dame|Lord|Lady|Captain|Sergeant|Councillor|Professor|Mayor)\.? "
_NO_PERSON = (
    r"(?!(?:While|After|Before|As|When|If|Although|Though|Since|Once|Until|Because|But|And|For|In|On"
    r"|At|To|From|With|Two|Three|Four|Five|Six|Seven|Eight|Nine|Ten|Eleven|Twelve|[A-Z][a-z]+teen"
    r"|Most|Many|Some|All|Both|No|Every|Each|Another|Other|Some|Several)\b)"
)
_PERSON = (
    rf"{_NO_PERSON}(?:{_TITLE})?[A-Z][a-z’'-]{{1,30}}(?: (?:[A-Z]\.|[A-Z][\w’'-]{{1,30}})){{1,3}}"
)
_WHO = re.compile(rf"(?P<answer>{_PERSON})(?:, [^,]{{2,60}},)? (?P<verb>{_VERB})\b(?P<rest>[^;:]*)")
_COUNT_WORD = (
    r"(?:Two|Three|Four|Five|Six|Seven|Eight|Nine|Ten|Eleven|Twelve|Thirteen|Fourteen|Fifteen"
    r"|Sixteen|Seventeen|Eighteen|Nineteen|Twenty|Thirty|Forty|Fifty|Sixty|Seventy|Eighty|Ninety"
    r"|Dozens|Hundreds|Thousands)"
)
_MANY = re.compile(
    rf"(?:(?:About|Around|Some|Nearly|Almost|More than|Over|At least) )?"
    rf"(?P<answer>{_COUNT_WORD}(?:-[a-z]+)?|\d[\d,]{{0,12}}) (?:of )?"
    rf"(?P<things>(?:[a-z][\w’'-]* ){{0,3}}?[a-z][\w’'-]*s"
    rf"|(?:[a-z]+ )?(?:people|men|women|children)) "
    rf"(?P<verb>{_VERB})\b(?P<rest>[^;:]*)"
)
_WHEN = re.compile(
    r"(?P<subject>[A-Z][^,;:\"“]*?) "
    r"(?:(?P<aux>was|were|is|are|has been|have been) (?=(?:[a-z]+ly )?(?:to [a-z]+|[a-z]{2,20}ed"
    r"|held|built|found|made|set|sold|won|lost|given|taken|shown|seen|born|shut|cut|sent|kept"
    r"|written|broken|chosen|stolen|drawn|begun|due|led|hit|paid|bought|hurt|shot|brought|caught)\b)"
    r"|(?P<will>will) )"
    r"(?P<rest>[^;:\"“]*)"
)
_UNSAID = re.compile(
    r"^(?:He|She|It|They|We|I|You|This|That|These|Those|His|Her|Its|Their|There|But|And|So|Then)\b"
)
_BODY = re.compile(
    r"^The\b|\b(?:School|Council|Bank|Transit|Hospital|Court|Club|Company|Party|Police|University"
    r"|Department|Office|Service|Commission|Committee|Board|Union|Church|Bridge|Road|Street|Centre"
    r"|Center|Museum|Airport|House|Times|News|Group|Agency|Ministry|United|City|States)\b"
)
"""Names of bodies and places: nobody asks "who" of them."""
_TOLD = re.compile(r"\b(?:said|says|told|announced|according)\b")
_QUOTES = re.compile(r"[\"“”]")
_END = re.compile(
    r"(?:, (?:which|who|where|when|while|but|and|after|before|as|although)\b.*"
    r"|, (?:[\w.’'-]+ ){1,5}(?:said|says|told|announced)\b.*|, according to .*)$"
)
_WEAK = frozenset({"one", "once", "twice", "half", "none", "no one", "third", "quarter"})
"""Numbers that ask for nothing when they are left out."""
_RANGE = re.compile(r"(?:\d|\w) ?(?:to|and|-|–) ?$")


@dataclass(frozen=True, slots=True)
class Draft:
    """A question with the place of its answer, `article.text[start:end]`, and how it was made."""

    question: str
    article: str
    start: int
    end: int
    answer: str
    kind: str


def draft(article: Article, most: int = PER_ARTICLE) -> list[Draft]:
    """Return at most `most` drafts of an article, each from another sentence, templates first.

    Among equals, the earlier sentence: news leads with what matters.
    """
    sentences = [
        span
        for span in split_sentences(article.text, article.kept)
        if SHORTEST <= len(span) <= LONGEST and _stands_alone(span.of(article.text))
    ]
    chosen: list[tuple[Span, Draft]] = []
    for make in (_from_template, _from_gap):
        for span in sentences:
            if len(chosen) >= most:
                break
            if span not in [taken for taken, _ in chosen]:
                found = next(make(article, span), None)
                chosen += [(span, found)] if found else []
    return [item for _, item in sorted(chosen, key=lambda pair: pair[0])]


def _stands_alone(sentence: str) -> bool:
    """Tell whether a sentence is one that can be turned: whole, without speech or "he" in front."""
    return (
        sentence[0].isalnum()
        and not sentence[0].islower()
        and sentence.rstrip()[-1] in ".!"
        and not _UNSAID.match(sentence)
        and not _QUOTES.search(sentence)
        and " -- " not in sentence
        and "\n" not in sentence
    )


def _from_template(article: Article, span: Span) -> Iterator[Draft]:
    """Yield questions that a sentence answers, by the templates it fits."""
    sentence = span.of(article.text).rstrip(".! ")
    for make in (_how_many, _when, _who):
        for question, place in make(sentence):
            if _says_enough(question):
                yield _draft(article, span, question, place, TEMPLATE)


def _who(sentence: str) -> Iterator[tuple[str, Span]]:
    """Yield "Who {verb} ...?" of a sentence that begins with a person."""
    match = _WHO.match(sentence)
    if match is None or _BODY.search(match["answer"]):
        return
    if len(match["rest"].split()) >= FEWEST_TERMS:
        verb = {"were": "was", "are": "is", "have": "has"}.get(match["verb"], match["verb"])
        yield f"Who {verb}{_clause(match['rest'])}?", Span(*match.span("answer"))


def _how_many(sentence: str) -> Iterator[tuple[str, Span]]:
    """Yield "How many {things} {verb} ...?" of a sentence that begins with a count."""
    match = _MANY.match(sentence)
    if match:
        question = f"How many {match['things']} {match['verb']}{_clause(match['rest'])}?"
        yield question, Span(*match.span("answer"))


def _when(sentence: str) -> Iterator[tuple[str, Span]]:
    """Yield "When was {subject} ...?" of a passive sentence that names a day, month or year."""
    match = _WHEN.match(sentence)
    if match is None or len(match["subject"].split()) > LONGEST_SUBJECT:
        return
    if _TOLD.search(sentence):  # the day may be that of the telling
        return
    for place in find(Kind.DATE, match["rest"]):
        before, after = match["rest"][: place.start], match["rest"][place.end :]
        lead = re.search(r"(?:\b(?:on|in|by|at|since|until|last|early|late) )+$", before)
        if lead is None or len(after.split()) > LONGEST_SUBJECT:
            continue
        rest = _clause(f" {before[: lead.start()].strip()}{after}").rstrip(" ,")
        aux, _, been = (match["aux"] or match["will"]).partition(" ")
        told = f"{been}{rest}" if been else rest.strip()
        start = match.start("rest") + place.start
        subject = _lowered(match["subject"])
        yield f"When {aux} {subject} {told.strip()}?", Span(start, start + len(place))
        return


def _from_gap(article: Article, span: Span) -> Iterator[Draft]:
    """Yield gaps to fill: the sentence with its figure, day or name left out."""
    sentence = span.of(article.text).rstrip(". ")
    asked = (
        (Kind.MONEY, "Which amount"),
        (Kind.PERCENTAGE, "Which share"),
        (Kind.DATE, "Which day or time"),
        (Kind.NUMBER, "Which number"),
        (Kind.PERSON, "Which name"),
    )
    for kind, words in asked:
        for place in find(kind, sentence):
            if kind is not Kind.PERSON and _is_part(sentence, place):
                continue
            gapped = f"{sentence[: place.start]}{GAP}{sentence[place.end :]}"
            if _says_enough(gapped):
                question = f"{words} is missing: “{gapped}”?"
                yield _draft(article, span, question, place, CLOZE)
                break


def _is_part(sentence: str, place: Span) -> bool:
    """Tell whether a number is no answer of its own: "one", the end of a range, or "two-thirds"."""
    return (
        place.start == 0
        or place.of(sentence).lower() in _WEAK
        or sentence[place.end : place.end + 1] in ("-", "–")
        or bool(_RANGE.search(sentence[: place.start]))
    )


def _draft(article: Article, span: Span, question: str, place: Span, kind: str) -> Draft:
    start = span.start + place.start
    end = start + len(place)
    answer = article.text[start:end]
    return Draft(" ".join(question.split()), article.id, start, end, answer, kind)


def _says_enough(question: str) -> bool:
    return len(set(content_terms(question))) >= FEWEST_TERMS


def _clause(rest: str) -> str:
    """Return the rest of a sentence up to where another clause begins."""
    return _END.sub("", rest).rstrip(" ,")


def _lowered(subject: str) -> str:
    """Return a subject as it stands inside a sentence: "The bridge" is "the bridge"."""
    first, _, rest = subject.partition(" ")
    if first in ("The", "A", "An", "All", "Both", "Each", "Every", "Some", "Most", "Many", "No"):
        return f"{first.lower()} {rest}"
    return subject
