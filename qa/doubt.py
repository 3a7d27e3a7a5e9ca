"""Ranking of a follow-up -> whether the person has gone on to something else.

The words of "Who wrote Hamlet?" do not tell whether it goes on from what was said before. The
articles do: the first one that is found with the conversation's help says nothing of Hamlet, or
nothing of what was spoken of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qa.confidence import lacked, unmet
from qa.ranking import Ranked
from qa.retrieval import Candidates
from qa.words import content_terms

LEAST_MET = 0.4
"""Share of a question's own stems, by rarity, that the first article holds of one that goes on from
the turns before: see tests/quality/followups.py."""

LEAST_SPOKEN_OF = 0.3
"""Share of the stems that only the turns before have, likewise."""


def is_of_another(candidates: Candidates, ranked: Sequence[Ranked]) -> bool:
    """Tell whether the first article lacks the question's words, or those of the turns before."""
    if not ranked:
        return True
    first = ranked[0].candidate.article_id
    mine = [item.candidate for item in ranked if item.candidate.article_id == first]
    own = set(content_terms(candidates.query.text))
    said = [term for term in candidates.terms if term not in own]

    def rarity(terms: Iterable[str]) -> float:
        return sum(candidates.idf.get(term, 0.0) for term in terms)

    if rarity(unmet(own, mine)) > (1 - LEAST_MET) * rarity(own):
        return True
    missing, _ = lacked(said, mine)  # slips in them do not matter, and would cost the most
    return rarity(missing) > (1 - LEAST_SPOKEN_OF) * rarity(said)
