"""Ranking of a follow-up -> whether the person has gone on to something else.

The words of "Who wrote Hamlet?" do not tell whether it goes on from what was said before. The
articles do: what is found with the conversation's help says nothing of Hamlet.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from qa.confidence import unmet
from qa.ranking import Ranked
from qa.retrieval import Candidates
from qa.words import content_terms

LEAST_MET = 0.4
"""Share of a question's own stems, by rarity, that the first article holds of one that goes on from
the turns before: see tests/quality/followups.py. To ask the same of what was said before it tells
some more new topics, and takes two follow-ups in 100 for them."""


def is_of_another(candidates: Candidates, ranked: Sequence[Ranked]) -> bool:
    """Tell whether the article that the turns before bring first lacks the question's words."""
    if not ranked:
        return True
    first = ranked[0].candidate.article_id
    mine = [item.candidate for item in ranked if item.candidate.article_id == first]
    own = dict.fromkeys(content_terms(candidates.query.text))

    def rarity(terms: Collection[str]) -> float:
        return sum(candidates.idf.get(term, 0.0) for term in terms)

    return rarity(unmet(own, mine)) > (1 - LEAST_MET) * rarity(own)
