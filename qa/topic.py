"""Query -> whether it asks about anything, or only what an outlet had or some days brought."""

from __future__ import annotations

from embeddings.sparse import analyze
from qa.records import Query
from qa.words import REPORTING, content_terms


def names_a_topic(query: Query) -> bool:
    """Tell whether a query says more than that something was reported, and when."""
    names = (query.period.label, *query.period.names) if query.period else ()
    dated = {stem for name in names for stem in analyze(name)}
    return not (REPORTING | dated).issuperset(content_terms(query.text))
