"""Render what the archive says as HTML: Answer -> markup in which article text is inert."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from urllib.parse import urlsplit

from corpus.records import Span
from qa import texts
from qa.controls import (
    Place,
    render_actions,
    render_card_actions,
    render_chips,
    render_navigation,
)
from qa.conversation import Collection
from qa.days import age, readable_date
from qa.kinds import answer_spans
from qa.markup import Html, join, tag, text
from qa.records import Answer, Citation, Figure
from qa.understood import dates_in_words
from qa.written import Written
from qa.written_view import render_written

QUESTION_SHOWN = 600
"""Characters of a question that are repeated above its answer; a longer one is cut."""

SOURCES_NAMED = 3
"""Outlets named where the archive is described; the rest are counted."""

INVENTED_DOMAIN = ".example"
"""Reserved for examples (RFC 2606): the samples' addresses are there, and lead nowhere."""

_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")
GAP = "\n" + tag("span", class_="qa-gap") + "\n"
"""Stands between two paragraphs of a passage."""

_INDEX_COMMAND = tag("code", text("qa index FOLDER"))
_CHAT_COMMAND = tag("code", text("qa chat"))


def render_question(question: str) -> Html:
    """Render the person's question as the heading of its answer."""
    shown = " ".join(question[: QUESTION_SHOWN + 1].split())
    if len(shown) > QUESTION_SHOWN:
        shown = shown[:QUESTION_SHOWN] + "…"
    return tag("h2", text(shown), class_="qa-question", dir="auto")


def render_pending() -> Html:
    """Render what stands in the answer's place while the articles are searched."""
    return tag("p", text(texts.PENDING), class_="qa-pending")


def render_failure(message: str) -> Html:
    """Render a message in an answer's place, for a question that could not be asked."""
    return tag("p", text(message), class_="qa-failure", dir="auto")


def render_answer(
    answer: Answer, place: Place | None = None, written: Written | None = None
) -> Html:
    """Render an answer, or the calm explanation that there is none, with a card for each source.

    `written` is what a language model wrote beside it.
    """
    place = place or Place()
    if answer.answered:
        body = _render_found(answer, place, render_written(written))
    else:
        body = _render_not_found(answer, place)
    kind = "qa-answer" if answer.answered else "qa-answer qa-answer-none"
    return tag("article", body, class_=kind, data_at=str(place.at))


def _render_found(answer: Answer, place: Place, written: Html) -> Html:
    words = answer_spans(answer.question, answer.text or "")
    marked = render_marked(answer.text or "", words)
    quote = tag("blockquote", marked, class_="qa-quote", dir="auto")
    first = answer.citations[0] if answer.citations else None
    caption = _render_attribution(first, place) if first else Html("")
    notes = [
        _render_confidence(answer.confidence),
        *_render_support(answer.supported_by),
        *render_chips(answer.query, place.at),
    ]
    return join(
        tag("figure", quote, caption, class_="qa-figure"),
        written,
        _render_figures(answer.figures),
        _render_notes(notes),
        render_actions(place, answered=True),
        _render_sources(_count_sources(answer), answer.citations, place, answered=True),
    )


def render_marked(quote: str, spans: Sequence[Span]) -> Html:
    """Render a quote with the words that answer in `<mark>`; the words of it stay one for one."""
    parts, at = [], 0
    for span in spans:
        parts += [text(quote[at : span.start]), tag("mark", text(span.of(quote)), class_="qa-word")]
        at = span.end
    return join(*parts, text(quote[at:]))


def _count_sources(answer: Answer) -> str:
    count = len(answer.citations)
    return texts.counted(count, texts.SOURCE)


def _render_not_found(answer: Answer, place: Place) -> Html:
    verdict = tag("h3", text(texts.NOT_FOUND), class_="qa-none-title")
    reason = tag("p", text(answer.reason or texts.NO_REASON), class_="qa-reason", dir="auto")
    return join(
        tag("div", verdict, reason, class_="qa-none"),
        _render_figures(answer.figures),
        _render_notes(list(render_chips(answer.query, place.at))),
        render_actions(place, answered=False),
        _render_sources(texts.NEAREST, answer.citations, place, answered=False),
    )


def _render_attribution(citation: Citation, place: Place) -> Html:
    """Render outlet, date and headline of the quoted article, with the number of its card."""
    number = tag("span", text(f"[{citation.n}]"), class_="qa-number")
    headline = tag("cite", text(citation.title or texts.UNTITLED), class_="qa-headline", dir="auto")
    byline = _render_byline(citation, place)
    return tag("figcaption", byline, headline, text(" "), number, class_="qa-attribution")


def _render_byline(citation: Citation, place: Place) -> Html:
    """Render "outlet · date · age"; what is not known is left out."""
    outlet = citation.source and tag("bdi", text(citation.source), class_="qa-outlet")
    published = citation.published and _render_date(citation.published)
    ago = citation.published and age(citation.published, place.today or date.today())
    parts = [Html(part) for part in (outlet, published, ago and text(ago)) if part]
    separator = tag("span", text(" · "), class_="qa-dot", aria_hidden="true")
    return tag("span", join(*parts, separator=separator), class_="qa-byline") if parts else Html("")


def _render_date(iso: str) -> Html:
    readable = readable_date(iso)
    return tag("time", text(readable), datetime=iso if readable != iso else None)


def _render_confidence(confidence: float) -> Html:
    words, level = confidence_words(confidence)
    share = tag("span", text(f"{round(confidence * 100)}%"), class_="qa-share")
    return tag(
        "li",
        text(words),
        text(" "),
        share,
        class_=f"qa-chip qa-confidence qa-confidence-{level}",
        title=texts.CONFIDENCE_TOLD,
    )


def confidence_words(confidence: float) -> tuple[str, str]:
    """Return a probability in words, and the name of its level."""
    for least, words, level in texts.CONFIDENCE_WORDS:
        if confidence >= least:
            return words, level
    return texts.CONFIDENCE_WORDS[-1][1:]


def _render_support(outlets: Sequence[str]) -> Iterator[Html]:
    """Yield a list item that names other outlets which say the same in their own words."""
    if outlets:
        names = join(*(tag("bdi", text(name)) for name in outlets), separator=text(", "))
        yield tag("li", text(texts.ALSO_REPORTED), names, class_="qa-chip")


def _render_figures(figures: Sequence[Figure]) -> Html:
    """Render a small list of the different numbers that articles give, or nothing."""
    if not figures:
        return Html("")
    rows = join(*(tag("li", _render_figure(figure)) for figure in figures))
    return tag(
        "div",
        tag("p", text(texts.FIGURES_DIFFER), class_="qa-figures-title"),
        tag("ul", rows),
        class_="qa-figures",
    )


def _render_figure(figure: Figure) -> Html:
    """Render a number with the outlet, the day and the number of the card it comes from."""
    outlet = figure.source and tag("bdi", text(figure.source), class_="qa-outlet")
    published = figure.published and _render_date(figure.published)
    by = [Html(part) for part in (outlet, published) if part]
    return join(
        tag("strong", text(figure.text), dir="auto"),
        *by,
        tag("span", text(f"[{figure.n}]"), class_="qa-number"),
        separator=text(" "),
    )


def _render_notes(notes: Sequence[Html]) -> Html:
    if not notes:
        return Html("")
    return tag("ul", *notes, class_="qa-chips", aria_label=texts.ABOUT_ANSWER)


def _render_sources(
    title: str, citations: Sequence[Citation], place: Place, *, answered: bool
) -> Html:
    """Render the cards; under an answer the first stands open and is named as the answer."""
    if not citations:
        return Html("")
    cards = [
        tag("li", _render_card(citation, place, answering=answered and at == 0))
        for at, citation in enumerate(citations)
    ]
    heading = tag("h3", text(title), class_="qa-sources-title")
    return tag("section", heading, tag("ol", *cards, class_="qa-cards"), class_="qa-sources")


def _render_card(citation: Citation, place: Place, *, answering: bool) -> Html:
    body = tag(
        "div",
        tag("p", render_passage(citation), class_="qa-passage", dir="auto"),
        _render_card_foot(citation),
        render_card_actions(citation.n, place),
        class_="qa-card-body",
    )
    kind = "qa-card qa-card-answer" if answering else "qa-card"
    summary = _render_summary(citation, place, answering)
    return tag("details", summary, body, class_=kind, open=answering)


def _render_summary(citation: Citation, place: Place, answering: bool) -> Html:
    """Render the line of a card that always shows; the quote in it shows while it is closed."""
    label = tag("span", text(texts.ANSWER), class_="qa-answer-label") if answering else Html("")
    heading = tag(
        "span",
        tag("span", text(citation.title or texts.UNTITLED), class_="qa-card-title", dir="auto"),
        join(_render_byline(citation, place), label),
        tag("q", text(citation.quote), class_="qa-preview", dir="auto"),
        class_="qa-card-head",
    )
    return tag("summary", tag("span", text(f"[{citation.n}]"), class_="qa-number"), heading)


def render_passage(citation: Citation) -> Html:
    """Render the passage with exactly the quote in `<mark>`; unmarked where offsets do not fit."""
    passage, quote = citation.passage, citation.quote_in_passage
    if quote.start < 0 or quote.of(passage) != citation.quote:
        return _render_flow(passage)
    before, after = Span(0, quote.start), Span(quote.end, len(passage))
    marked = tag("mark", text(quote.of(passage)))
    return Html(_render_flow(before.of(passage)) + marked + _render_flow(after.of(passage)))


def _render_flow(run: str) -> Html:
    """Render running text: blank lines, however many in a row, are one break."""
    return Html(GAP.join(text(block) for block in _BLANK_LINES.split(run)))


def _render_card_foot(citation: Citation) -> Html:
    also, link = _render_also_in(citation), _render_link(citation)
    original = tag("p", link, class_="qa-original") if link else link
    return tag("div", also, original, class_="qa-card-foot") if also or link else Html("")


def _render_also_in(citation: Citation) -> Html:
    """Render the outlets that carry the same story, and which of them had it first."""
    if not citation.also_in:
        return Html("")
    names = []
    for name in citation.also_in:
        first = text(texts.FIRST) if name == citation.first_in else Html("")
        names.append(join(tag("bdi", text(name)), first))
    return tag("p", text(texts.ALSO_IN), join(*names, separator=text(", ")), class_="qa-also")


def _render_link(citation: Citation) -> Html:
    """Render the link to the original, on the quote where the citation has such a link."""
    address = next((url for url in (citation.link, citation.url) if url and is_web(url)), None)
    if address is None:
        return Html("")
    host = urlsplit(address).hostname or ""
    link = tag(
        "a",
        text(texts.READ_ORIGINAL),
        tag("bdi", text(host), class_="qa-host"),
        class_="qa-link",
        href=address,
        target="_blank",
        rel="noopener noreferrer nofollow",
    )
    return join(link, text(texts.INVENTED_NOTE)) if host.endswith(INVENTED_DOMAIN) else link


def is_web(url: str) -> bool:
    """Tell whether `url` is an absolute http or https address without blanks or controls."""
    if any(character.isspace() or not character.isprintable() for character in url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def render_masthead(collection: Collection, *, samples: bool) -> Html:
    """Render the name of the page, over what kind of archive it asks."""
    if samples:
        kind = tag("strong", text(texts.SAMPLES), class_="qa-samples-label")
        more = tag("span", text(texts.YOUR_OWN), _INDEX_COMMAND, class_="qa-subtitle-more")
        about = join(kind, more)
    else:
        about = text(_count(collection))
    name = tag("h1", text(texts.TITLE), class_="qa-title")
    names = tag("div", name, tag("p", about, class_="qa-subtitle"), class_="qa-names")
    return tag("div", names, render_navigation(), class_="qa-masthead")


def render_headline() -> Html:
    """Render the invitation above the question box."""
    return join(
        tag("p", text(texts.ASK_THE_ARTICLES), class_="qa-invitation"),
        tag("p", text(texts.PROMISE), class_="qa-promise"),
    )


def render_hint(message: str) -> Html:
    """Render a friendly word under the question box."""
    return tag("p", text(message), class_="qa-hint", role="status")


def render_collection(collection: Collection, *, samples: bool) -> Html:
    """Render what one can ask about: the samples' label and way out, or the archive's content."""
    if samples:
        return _render_samples_note(collection)
    if collection.articles == 0:
        page = tag("a", text(texts.ARCHIVE_PAGE), href="archive", class_="qa-way")
        note = join(text(texts.EMPTY), page, text(texts.OR_RUN), _INDEX_COMMAND, text("."))
        return tag("p", note, class_="qa-collection qa-empty")
    return tag(
        "p", text(texts.IN_THIS_ARCHIVE.format(what=describe(collection))), class_="qa-collection"
    )


def describe(collection: Collection) -> str:
    """Return in words how many articles there are, from which outlets and between which dates."""
    parts = [_count(collection)]
    names = [name for name, _ in collection.sources if name]
    if names:
        parts.append(f"from {_name_some(names)}")
    said = " ".join(parts)
    dates = dates_in_words(collection.first, collection.last)
    return f"{said}, {dates}" if dates else said


def _count(collection: Collection) -> str:
    return texts.counted(collection.articles, texts.ARTICLE)


def _name_some(names: Sequence[str]) -> str:
    named, rest = list(names[:SOURCES_NAMED]), len(names) - SOURCES_NAMED
    if rest > 0:
        named.append(f"{rest} more" if rest > 1 else "one more")
    return " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))


def _render_samples_note(collection: Collection) -> Html:
    invented = texts.INVENTED.format(what=describe(collection))
    note = join(
        text(invented), _INDEX_COMMAND, text(texts.AND_START), _CHAT_COMMAND, text(texts.AGAIN)
    )
    return join(
        tag("p", note, class_="qa-collection"),
        tag("h2", text(texts.TRY), class_="qa-examples-title"),
    )
