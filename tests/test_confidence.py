"""How sure an answer is: a probability, and a threshold for a stated share of errors."""

from __future__ import annotations

import inspect
import json
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.records import Article
from qa import cli
from qa.confidence import WEIGHTS, confidence, signs, threshold, unmet
from qa.odds import Sureness
from qa.ranking import UNREAD, rank, weigh
from tests.archives import ROOT
from tests.questions import make_candidates, story, with_tokens

REGATTA = "The regatta was rowed in rain. Eastmarsh won the skiffs. Nobody fell in."
BRIDGE = "The bridge closed on Friday. Boats may pass below it. Cars take the ferry."


def articles(*texts: str) -> list[Article]:
    return [story(f"s{n}", text, "Post", "2025-03-01") for n, text in enumerate(texts)]


def sure(question: str, *texts: str) -> float:
    candidates = make_candidates(question, articles(*texts))
    return confidence(candidates, rank(candidates))


def test_it_is_a_probability() -> None:
    """Between 0 and 1, and 0 where there is nothing to quote."""
    assert 0 < sure("Who won the skiffs?", REGATTA, BRIDGE) < 1
    candidates = make_candidates("Who won the skiffs?", [])
    assert confidence(candidates, []) == 0


def test_a_name_that_no_article_holds_lowers_it() -> None:
    """The same question with a stranger in it is less likely to be answered here."""
    known = sure("Who won the skiffs in Eastmarsh?", REGATTA, BRIDGE)
    assert sure("Who won the skiffs in Vladivostok?", REGATTA, BRIDGE) < known


def test_the_quote_that_is_given_is_judged() -> None:
    """Where another passage was put first, its signs count: here its article holds no term."""
    candidates = make_candidates("Who won the skiffs?", articles(REGATTA, BRIDGE))
    shares = weigh(candidates)
    best, other = rank(candidates)
    assert signs(candidates, shares, best) == signs(candidates, shares)
    assert signs(candidates, shares, other)["article lead"] < 0
    assert signs(candidates, shares, other)["unmet"] > signs(candidates, shares, best)["unmet"]


def test_the_weights_name_the_signs_and_nothing_else() -> None:
    """A sign that is renamed must not leave its weight behind, nor go without one."""
    stored = json.loads(files("qa.weights").joinpath(WEIGHTS).read_text("utf-8"))
    candidates = make_candidates("Who won the skiffs?", articles(REGATTA))
    read = with_tokens(candidates)
    for told, asked in ((stored[UNREAD], candidates), (stored, read)):
        named = list(signs(asked, weigh(asked)))
        assert list(told["answerable"]["weights"]) == list(told["right"]["weights"]) == named
        assert set(told["right"]["bends"]) < set(named)
        assert list(told["bounds"]) == named


def test_surer_that_there_is_an_answer_or_that_it_is_quoted() -> None:
    """Either raises the confidence that ships, whatever the other says."""
    stored = json.loads(files("qa.weights").joinpath(WEIGHTS).read_text("utf-8"))
    odds = np.linspace(-6, 6, 49)
    for told in (stored, stored[UNREAD]):
        model = Sureness.stored(told)
        each, other = np.meshgrid(odds, odds)
        both = model.both.log_odds(np.stack([each, other], axis=-1))
        level = model.level.log_odds(both[..., None])
        assert (np.diff(level, axis=1) > 0).all()
        rises = np.diff(level, axis=0)
        assert (rises >= 0).all()
        assert (rises[-1] > 0).all()


@given(st.floats(0, 1), st.floats(0, 1))
def test_fewer_errors_take_more_confidence(one: float, other: float) -> None:
    """The threshold never falls as the allowed share of errors does, and stays in 0..1."""
    low, high = sorted((one, other))
    assert 0 <= threshold(high) <= threshold(low) <= 1


def test_the_usual_threshold() -> None:
    """Without a stated rate it is that of the weights file; below all measured rates it is 1."""
    stored = json.loads(files("qa.weights").joinpath(WEIGHTS).read_text("utf-8"))
    for read in (True, False):
        assert threshold(read=read) == threshold(stored["max_error"], read=read)
        assert threshold(0.0, read=read) == 1


def test_no_threshold_between_what_was_reached_and_what_was_not() -> None:
    """Nothing was measured there: it is 1, as below."""
    stored = json.loads(files("qa.weights").joinpath(WEIGHTS).read_text("utf-8"))
    for read, told in ((True, stored), (False, stored[UNREAD])):
        unreached = [error for error, least in told["thresholds"] if least >= 1]
        first = min(error for error, least in told["thresholds"] if least < 1)
        assert threshold(first, read=read) < 1
        assert threshold((max(unreached, default=0) + first) / 2, read=read) == 1


def test_signs_count_as_far_as_they_were_seen() -> None:
    """What a conversation of many words makes of them says no more than the most that was seen."""
    stored = json.loads(files("qa.weights").joinpath(WEIGHTS).read_text("utf-8"))
    model = Sureness.stored(stored[UNREAD])
    assert model.probability(model.most * 10 + 1) == model.probability(model.most)
    shuffled = dict(reversed(stored["answerable"]["weights"].items()))
    other = stored | {"answerable": stored["answerable"] | {"weights": shuffled}}
    with pytest.raises(ValueError, match="other signs"):
        Sureness.stored(other)


def test_what_an_article_does_not_hold() -> None:
    """Stems are looked for in all of an article's passages and its headline, slips forgiven."""
    candidates = make_candidates("Did the regata reach Vladivostok in rain?", articles(REGATTA))
    missing = unmet(candidates.terms, candidates.found)
    assert "vladivostok" in missing
    assert "rain" not in missing
    assert not any(stem.startswith("regat") for stem in missing)


def test_help_and_readme_name_the_share_that_holds_where_none_is_given() -> None:
    share = json.loads((files("qa.weights") / WEIGHTS).read_text("utf-8"))["max_error"]
    assert f"Default: {share:g}." in inspect.getsource(cli.ask)
    assert f"({share:g} where not given)" in (ROOT / "README.md").read_text("utf-8")
