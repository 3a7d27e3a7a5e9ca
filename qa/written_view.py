"""Render what a language model wrote: each sentence with its source, and what was struck."""

from __future__ import annotations

from qa import texts
from qa.markup import Html, join, tag, text
from qa.written import Written


def render_written(written: Written | None) -> Html:
    """Render the sentences that passages support, or nothing where no model is asked."""
    if written is None:
        return Html("")
    title = tag("h3", text(texts.WRITTEN), class_="qa-written-title")
    if written.failure is not None:
        told = tag("p", text(texts.NOT_WRITTEN), class_="qa-written-note")
        return tag("section", title, told, class_="qa-written")
    sentences = [
        join(
            text(sentence.text + " "),
            tag("span", text(f"[{sentence.n}] "), class_="qa-number", title=sentence.support),
        )
        for sentence in written.sentences
    ]
    body = tag("p", *sentences, class_="qa-written-text", dir="auto") if sentences else Html("")
    if written.struck:
        said = texts.STRUCK_ONE if written.struck == 1 else texts.STRUCK.format(n=written.struck)
        body = join(body, tag("p", text(said), class_="qa-written-note"))
    return tag("section", title, body, class_="qa-written")
