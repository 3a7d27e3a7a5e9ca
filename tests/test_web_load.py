"""The server under load, for some seconds; `python -m tests.quality.load` does it for a minute."""

from __future__ import annotations

import pytest

from tests.quality.load import measure


@pytest.mark.slow
def test_many_clients_get_right_answers_or_are_turned_away() -> None:
    figures, broken = measure(clients=64, seconds=4)
    assert broken == [], figures
