"""Ranking of a follow-up -> whether the person has gone on to something else.

The words of "Who wrote Hamlet?" do not tell whether it goes on from what was said before. The
articles do: the first one that is found with the conversation's help says nothing of Hamlet, or
nothing of what was spoken of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from corpus.tokens import are_among, codes
from qa.confidence import unmet
from qa.follow_up import names_in
from qa.ranking import Ranked
from qa.retrieval import Candidate, Candidates
from qa.wording import wordings
from qa.words import content_terms

LEAST_MET = 0.4
"""Share of a question's own stems, by rarity, that the first article holds of one that goes on from
the turns before: see tests/quality/followups.py."""

LEAST_SPOKEN_OF = 0.1
"""Share of the stems that only the turns before have, likewise."""


def is_of_another(candidates: Candidates, ranked: Sequence[Ranked]) -> bool:
    """Tell whether the article that the turns before bring first lacks the question's words."""
    if not ranked:
        return True
    own = _own(candidates)
    missing = unmet(own, _first(ranked))
    return _rarity(candidates, missing) > (1 - LEAST_MET) * _rarity(candidates, own)


def names_another(candidates: Candidates, ranked: Sequence[Ranked]) -> bool:
    """Tell whether the article that the turns before bring first lacks a name of the question.

    Who asks on about an article in other words than its own still calls people as it does.
    """
    named = content_terms(" ".join(names_in(candidates.query.text)))
    return not ranked or bool(unmet(named, _first(ranked)))


def may_be_of_another(candidates: Candidates, ranked: Sequence[Ranked]) -> bool:
    """Tell whether that article lacks what was spoken of: the question's words alone brought it.

    Not of all such questions that is the topic; it is where they are answered by themselves.
    """
    own = _own(candidates)
    said = [term for term in candidates.terms if term not in own]
    held = np.concatenate([item.stems for item in wordings(_first(ranked))])
    is_held = are_among(codes(said), held).tolist()
    missing = [term for term, found in zip(said, is_held, strict=True) if not found]
    return _rarity(candidates, missing) > (1 - LEAST_SPOKEN_OF) * _rarity(candidates, said)


def _own(candidates: Candidates) -> dict[str, None]:
    """Return the stems of the question itself."""
    return dict.fromkeys(content_terms(candidates.query.text))


def _first(ranked: Sequence[Ranked]) -> list[Candidate]:
    """Return the passages of the article that comes first."""
    first = ranked[0].candidate.article_id
    return [item.candidate for item in ranked if item.candidate.article_id == first]


def _rarity(candidates: Candidates, terms: Iterable[str]) -> float:
    return sum(candidates.idf.get(term, 0.0) for term in terms)
