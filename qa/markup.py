"""Build HTML that is safe by type: only `text()` turns a string into `Html`, and it escapes."""

from __future__ import annotations

import html
import re
from typing import NewType

Html = NewType("Html", str)
"""Markup made by this module. mypy refuses a plain `str` where `Html` is asked for."""

_VOID = frozenset({"br", "hr", "input", "link", "meta", "wbr"})
_UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def text(value: str) -> Html:
    """Escape `value` for element content and for quoted attributes.

    Control characters and lone surrogates, which no page or JSON answer can carry, become U+FFFD;
    all others stay, one for one.
    """
    return Html(html.escape(_UNSHOWABLE.sub(_REPLACEMENT, value), quote=True))


def join(*parts: Html, separator: Html = Html("")) -> Html:
    """Join pieces of markup; empty ones are left out."""
    return Html(separator.join(part for part in parts if part))


def tag(name: str, /, *children: Html, **attributes: str | bool | None) -> Html:
    """Build one element.

    Attribute names come from keywords: `class_` is `class`, `aria_label` is `aria-label`. Values
    are escaped; None and False leave the attribute out, True gives it without a value.
    """
    written = "".join(
        _attribute(key, value) for key, value in attributes.items() if value not in (None, False)
    )
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{''.join(children)}</{name}>")


def _attribute(key: str, value: str | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{text(str(value))}"'
