"""Tell the pages that hold no whole article: what a paywall leaves, lists of stories, notices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import dropwhile

from lxml.html import HtmlElement

from corpus.errors import ReadError
from corpus.readers.markup import linked_paragraphs

MAX_STUB_WORDS = 150
"""Words: what stands before a paywall has 30 to 120; of 181 articles of shared/bench/extraction
none that is whole and this short speaks of a subscription."""

MAX_DECLARED_WORDS = 80
"""Words of what stands on a page that declares its article as not free and asks for nothing: it may
be a brief that is whole, and saved by one who paid."""

MAX_CUT_WORDS = 300
"""Words of a beginning that breaks off in the middle of a sentence."""

MIN_STATED_SHARE = 0.4
"""Share of the words that the page's JSON-LD counts from which on the article is taken as whole:
counts often include captions and what stands in boxes."""

MIN_HEADLINES = 10
"""Linked headlines: pages that list stories have dozens."""

MIN_HEADLINE_WORDS = 4
"""Words of a linked headline: links with fewer are sections and buttons."""

MIN_PROSE_WORDS = 8
"""Words of a paragraph that may be part of an article."""

MIN_RUN_CHARS = 400
"""Characters of the longest run of paragraphs without a linked headline between them: articles
have more, teasers under a headline 100 to 250."""

STUB_CHARS = 5_000
"""Characters at the end of a copied text that are looked at for what a paywall says."""

STUB_LINES = 8
"""Lines at the end of a copied text in which a paywall may speak."""

_WALL = re.compile(
    r"\b(?:"
    r"(?:subscribe|register|sign (?:in|up)|log ?in|join|pay)\b[^.!?\n]{0,60}"
    r"\b(?:to|and) (?:continue|keep|read(?: on| more| this| the)?|unlock|access|view)\b"
    r"|to (?:continue|keep) reading[,:]? ?(?:this|the|please|subscribe|register|sign|log|create)"
    r"|(?:this|the) (?:article|story|content|page|report) is "
    r"(?:only |exclusively |reserved |available |just )*(?:for|to) "
    r"(?:\w+ ){0,3}(?:subscribers|members|customers)"
    r"|(?:subscriber|member)s?[- ]only (?:article|story|content)|subscriber exclusive"
    r"|for subscribers only|only available (?:to|for) subscribers"
    r"|(?:already a|are you a) (?:subscriber|member)\b"
    r"|(?:create|get) (?:a |your )?free account to (?:continue|read|keep)"
    r"|(?:reached|used|read) (?:your|all (?:of )?your|the) (?:\w+ ){0,3}"
    r"(?:limit|free (?:articles?|stories|story))"
    r"|(?:articles?|stories) (?:left|remaining) this month"
    r"|unlock (?:this|the(?: full| rest of the)?) (?:article|story)"
    r")",
    re.IGNORECASE,
)
"""What stands where the rest of an article is for those who pay."""

MAX_NOTICE_WORDS = 60
"""Words of a page that a server shows instead of an article."""

MIN_WORDS = 3
"""Words below which what stands in a page is the name of something and no article."""

_NOTICE = re.compile(
    r"\b(?:(?:please )?(?:enable|turn on|activate) (?:java ?script|cookies)"
    r"|java ?script (?:is|seems to be|must be|needs to be|has been) (?:\w+ )?(?:disabled|enabled)"
    r"|(?:verify|verifying|confirm|checking)\b.{0,40}\b(?:human|not a robot|browser|connection)"
    r"|are you (?:a robot|human)|unusual (?:traffic|activity)|access (?:denied|to this page)"
    r"|(?:403 forbidden|404 not found|page not found|page can(?:no|')t be found)"
    r"|(?:page|article|story) (?:you (?:requested|are looking for)|(?:is )?no longer available)"
    r"|(?:something|that) went wrong|we value your privacy|before you continue to)\b",
    re.IGNORECASE,
)
"""What servers say instead of an article: checks for robots, errors, questions of consent."""

_SENTENCE_END = re.compile(r"[.!?\u3002\uff01\uff1f][\"'\u201d\u2019»)\]]{0,3}\Z")
_CUT_OFF = re.compile(r"(?:\.\.\.|…|\[…\]|\[\.\.\.\])\Z")


def check_whole(
    text: str, notices: Iterable[str], *, walled: bool | None = None, stated_words: int = 0
) -> None:
    """Raise `ReadError` where a text is only the beginning of an article that is to be paid for.

    `notices` are the paragraphs from the text's start to the page's end; `walled` tells what the
    page itself declares, that the article is not free or that it is, and `stated_words` how many
    words it counts in it.
    """
    words = _length(text)
    lacking = words < MIN_STATED_SHARE * stated_words
    if walled is False or (words > MAX_CUT_WORDS and not lacking):
        return
    cut_off = lacking or _breaks_off(text)
    declared = walled and (cut_off or words <= MAX_DECLARED_WORDS)
    short = cut_off or words <= MAX_STUB_WORDS
    if declared or (short and any(_WALL.search(line[:500]) for line in notices)):
        raise ReadError(
            f"only the first {words} words are here, the rest is behind the outlet's paywall:"
            " save the page while signed in, or leave it out"
        )


def check_no_notice(text: str, title: str | None) -> None:
    """Raise `ReadError` for what a server shows instead of an article, or an empty page."""
    words = _length(text)
    if words < MIN_WORDS:
        raise ReadError(f"no article in this page: {words} words, expected paragraphs of text")
    found = _NOTICE.search(f"{title or ''}\n{text}") if words <= MAX_NOTICE_WORDS else None
    if found:
        raise ReadError(f"a notice and no article ({found[0][:60]!r}): save the page anew")


def check_no_list(tree: HtmlElement, prose: Sequence[str]) -> None:
    """Raise `ReadError` for a page that lists stories: many linked headlines, little between them.

    `prose` are the page's visible paragraphs in order.
    """
    linked = {line for line in linked_paragraphs(tree) if _words(line) >= MIN_HEADLINE_WORDS}
    if len(linked) < MIN_HEADLINES:
        return
    headlines = longest = run = 0
    for line in prose:
        if line in linked:
            headlines += 1
            run = 0
        elif _words(line) >= MIN_PROSE_WORDS:
            run += len(line)
            longest = max(longest, run)
    if headlines >= MIN_HEADLINES and longest < MIN_RUN_CHARS:
        raise ReadError(
            f"a page that lists stories ({headlines} headlines) and holds none:"
            " save the stories themselves"
        )


def from_start(paragraphs: Iterable[str], text: str) -> Iterator[str]:
    """Yield a page's paragraphs from the one on with which the text starts.

    What stands above an article asks every reader to subscribe, whatever the article.
    """
    return dropwhile(lambda paragraph: not text.startswith(paragraph), paragraphs)


def is_walled(linked: Mapping[str, object], tags: Mapping[str, str]) -> bool | None:
    """Tell whether a page declares the article as not free to read, or as free; None: neither."""
    free = str(linked.get("isAccessibleForFree", "")).strip().lower().rpartition("/")[2]
    tier = tags.get("article:content_tier", "").lower()
    if free in ("false", "no", "0") or tier == "locked":
        return True
    return False if free in ("true", "yes", "1") or tier == "free" else None


def _breaks_off(text: str) -> bool:
    """Tell whether a text ends in the middle of a sentence."""
    end = text.rstrip()[-20:]
    return not _SENTENCE_END.search(end) or bool(_CUT_OFF.search(end))


def _length(text: str) -> int:
    """Return the number of words of a text; without spaces, an eighth of its characters."""
    return max(len(text.split()), len(text) // 8)


def _words(line: str) -> int:
    """Return the number of words of a line."""
    return line.count(" ") + 1
