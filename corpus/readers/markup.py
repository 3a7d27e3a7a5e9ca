"""Turn HTML elements into paragraphs of plain text, and pieces of HTML as feeds hold them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import lxml.html
from lxml import etree

from corpus.errors import ReadError

MAX_ELEMENTS = 20_000
"""Elements of a page: the largest of shared/bench/extraction has 1,709, live blogs some 10,000;
trafilatura needs up to two seconds for this many, and nine for 200,000 empty ones."""

BREAKS = frozenset({"br", "lb"})
"""What HTML and trafilatura's own tree call a line break."""

_BLOCKS = frozenset(
    """
    address article aside blockquote center dd div dl dt footer h1 h2 h3 h4 h5 h6 header hr li
    main ol p pre section table td th tr ul
    """.split()
)
_HIDDEN = frozenset(
    """
    audio button figure form head iframe nav noscript script style svg template video
    """.split()
)
_CODE = frozenset({"head", "iframe", "script", "style", "svg", "template"})
_CONTROLS = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f]")
"""Characters that a parser lets through and that no element's text may be set to."""
_HEADINGS = ("h1", "h2", "h3")
_PARAGRAPH_END = re.compile(
    r"</(?:p|div|h[1-6]|li|blockquote)\s{0,9}>|<br\s{0,9}/?>", re.IGNORECASE
)
_TAG_START = re.compile(r"\s{0,999}<[a-z!]", re.IGNORECASE)


def looks_like_markup(text: str, *, whole: bool) -> bool:
    """Tell whether a text is HTML; with `whole`, only where it starts with a tag as well.

    A field called "text" is kept as it came by contract, so there a stray tag is not enough.
    """
    if whole and not _TAG_START.match(text):
        return False
    return _PARAGRAPH_END.search(text) is not None


def markup_to_text(markup: str) -> str:
    """Return the visible words, a blank line between blocks, without scripts, figures and forms.

    Raises `ReadError` for what cannot be parsed or has more than `MAX_ELEMENTS` elements.
    """
    return visible_text(parse_page(markup))


def visible_text(tree: lxml.html.HtmlElement) -> str:
    """Return the visible words of a page, as `markup_to_text` does."""
    return "\n\n".join(visible_paragraphs(tree))


def visible_paragraphs(tree: lxml.html.HtmlElement) -> Iterator[str]:
    """Yield the visible paragraphs of a page, without scripts, figures and forms."""
    return paragraphs(tree, blocks=_BLOCKS, hidden=_HIDDEN)


def linked_paragraphs(tree: lxml.html.HtmlElement) -> Iterator[str]:
    """Yield the paragraphs that are links as a whole, as `visible_paragraphs` would give them."""
    for link in tree.iter("a"):
        yield from paragraphs(link, blocks=_BLOCKS, hidden=_HIDDEN)


def all_paragraphs(tree: lxml.html.HtmlElement) -> Iterator[str]:
    """Yield the paragraphs of a page with those of forms, buttons and navigation."""
    return paragraphs(tree, blocks=_BLOCKS, hidden=_CODE)


def first_heading(tree: lxml.html.HtmlElement) -> str | None:
    """Return the words of the first heading, else of the page's title, if there are any."""
    for name in (*_HEADINGS, "title"):
        for heading in tree.iter(name):
            if words := " ".join(heading.text_content().split()):
                return words
    return None


def parse_page(markup: str) -> lxml.html.HtmlElement:
    """Return a page as a tree; raise `ReadError` where it is empty, no HTML, or too large."""
    parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=False)
    try:
        source = _CONTROLS.sub(" ", markup).encode("utf-8")
        tree = lxml.html.document_fromstring(source, parser=parser)
    except (etree.LxmlError, ValueError) as error:
        raise ReadError(f"expected an HTML page with text in it, found none ({error})") from error
    elements = int(tree.xpath("count(//*)"))
    if elements > MAX_ELEMENTS:
        raise ReadError(f"{elements:,} elements: expected a page of at most {MAX_ELEMENTS:,}")
    return tree


def paragraphs(
    element: etree._Element, *, blocks: frozenset[str], hidden: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Yield the text of each innermost block in order, white space squeezed, breaks kept."""
    words: list[str] = []
    walker = etree.iterwalk(element, events=("start", "end", "comment", "pi"))
    for event, node in walker:
        is_block = node.tag in blocks
        if is_block:
            yield from _flushed(words)
        if event == "start":
            if node.tag in hidden:
                walker.skip_subtree()
            else:
                words.append("\n" if node.tag in BREAKS else _squeezed(node.text))
        else:
            words.append(" " if node.tag == "cell" else "")
            words.append(_squeezed(node.tail) if node is not element else "")
    yield from _flushed(words)


def _flushed(words: list[str]) -> Iterator[str]:
    """Yield the collected words as one paragraph, if there are any, and start the next."""
    lines = (" ".join(line.split()) for line in "".join(words).split("\n"))
    paragraph = "\n".join(lines).strip()
    words.clear()
    if paragraph:
        yield paragraph


def _squeezed(text: str | None) -> str:
    """Return a text with its line ends as spaces, as HTML means them."""
    return re.sub(r"\s", " ", text) if text else ""
