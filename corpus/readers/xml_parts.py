"""Parse XML without entities, document types or the network, and without limits being lifted."""

from __future__ import annotations

from lxml import etree

from corpus.errors import ReadError

MAX_XML_ELEMENTS = 500_000
"""Elements: a document of 1,000 pages has some 200,000."""


def parse_xml(data: bytes, *, forgiving: bool = False) -> etree._Element:
    """Return the root of an XML text; `forgiving` reads on over faults, as feeds often have them.

    Raises `ReadError` for what is no XML, declares entities, or has too many elements. Entities
    are not resolved, external files and addresses are not opened.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=forgiving,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ReadError(f"not XML as it should be: {_first_line(error)}") from error
    if root is None:
        raise ReadError("not XML as it should be: it has no elements")
    declared = root.getroottree().docinfo.internalDTD
    if declared is not None and next(iter(declared.iterentities()), None) is not None:
        raise ReadError("it declares entities of its own: not read, as these can hold anything")
    elements = int(root.xpath("count(//*)"))
    if elements > MAX_XML_ELEMENTS:
        raise ReadError(f"{elements:,} elements: expected at most {MAX_XML_ELEMENTS:,}")
    return root


def local_name(element: etree._Element) -> str:
    """Return an element's name without its namespace; nothing for what is no element."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def text_of(element: etree._Element | None) -> str:
    """Return all text in an element on one line; nothing where there is none."""
    return " ".join("".join(element.itertext()).split()) if element is not None else ""


def _first_line(error: Exception) -> str:
    """Return the first line of a parser's message."""
    return str(error).partition("\n")[0][:200]
