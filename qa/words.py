"""Word lists of English that questions are understood with, as stems of the index's analyzer."""

from __future__ import annotations

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

_COMMON = """
ask become call come different find first get give go help inform information kind like long look
make many mean much name need new number old one people question really show still take thing time
two type use want way win year another
"""

COMMON = frozenset(analyze(_COMMON))
"""Stems that any two questions may share without being about the same."""


def content_terms(text: str) -> list[str]:
    """Return the stems of a text without stop words, in order."""
    return [term for term in analyze(text) if term not in STOP_WORDS]
