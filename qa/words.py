"""Word lists of English that questions are understood with, as stems of the index's analyzer."""

from __future__ import annotations

from functools import lru_cache

from embeddings.sparse import analyze

_STOP = """
a about after all also am an and any are as at be because been before being between both but by
can could did do does doing during each for from further had has have having he her here hers him
his how i if in into is it its itself just let me more most my no nor not of off on once only or
other our out over own s same she should so some such t than that the their theirs them then there
these they this those through to too under until up us very was we were what when where which
while who whom whose why will with would you your yours tell know say said says according anyone
anything
"""

STOP_WORDS = frozenset(analyze(_STOP))
"""Stems that carry no topic: function words, and verbs that questions are wrapped in."""

ASKED = 64
"""Texts whose terms are kept: several stages ask for those of one question."""

_COMMON = """
against another ask asked back become call come cost costs different final find first following
gave get give go going had happen help inform information kind last left like long look made make
many mean month much name need new next number old one open paid part pay people place put
question really report second see set show start still stop take thing time told took turn two
type use want way week went whole win work worked year
"""

COMMON = frozenset(analyze(_COMMON))
"""Stems that any two questions may share without being about the same."""


_REPORTING = "report write wrote written publish cover print happen news story"

REPORTING = frozenset(analyze(_REPORTING))
"""Stems of what outlets do with any topic, and of what any topic is to them."""


def content_terms(text: str) -> list[str]:
    """Return the stems of a text without stop words, in order."""
    return [*_content_terms(text)]


@lru_cache(maxsize=ASKED)
def _content_terms(text: str) -> tuple[str, ...]:
    return tuple([term for term in analyze(text) if term not in STOP_WORDS])
