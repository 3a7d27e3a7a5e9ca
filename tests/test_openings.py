"""What is looked for where its words open is what the whole regular expression finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.kinds import _FOUND, _OPENINGS, Kind, find, find_in
from qa.openings import matches

PIECES = """
one two twenty-one Thirty no once NO half hundreds million 12 3.5 1,234 7 2019 1999s 3rd $ US$5
us$5 A$2bn C$ £33m €10 dollars pounds 5% per cent percent percentage-points years-old year
40-year-old , . ; 41, Monday mondays Jan. January 3 last week Next Year this morning Tonight 4:30
p.m. ago later in In to the of New York Paris, U.S. across Kit Holt Who “quoted” café snake_case ½
東京 x1 fifty millions dozen decades , 34, weeks, at noon from midnight 10am thousandth tens
""".split()
TEXTS = st.lists(
    st.lists(st.sampled_from([*PIECES, "\n"]), max_size=25).map(" ".join), min_size=2, max_size=6
)


@pytest.mark.parametrize("kind", _OPENINGS)
@given(texts=TEXTS)
def test_the_same_is_found(kind: Kind, texts: list[str]) -> None:
    """In many texts at once as in each alone."""
    pattern = _FOUND[kind]
    found = [[match.span() for match in own] for own in matches(pattern, _OPENINGS[kind], texts)]
    assert found == [[match.span() for match in pattern.finditer(text)] for text in texts]
    assert find_in(kind, texts) == [find(kind, text) for text in texts]


def test_nothing_is_found_in_nothing() -> None:
    """Neither in no text nor of no kind."""
    assert find_in(Kind.NUMBER, []) == []
    assert find_in(Kind.OTHER, ["7", "8"]) == [[], []]
    assert find_in(Kind.NUMBER, ["", ""]) == [[], []]
