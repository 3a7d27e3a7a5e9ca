"""BM25: tantivy's scores against the formula, ties by key, filters, removal."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import ArchiveDamagedError
from embeddings.sparse import TITLE_BOOST, SparseIndex, analyze

K1, B = 1.2, 0.75
DOCUMENTS = {
    11: ("Bridge opens", "the bridge opened on tuesday after the bridge was mended"),
    22: ("", "a ferry crossed the river on tuesday"),
    33: ("Harbour news", "the harbour wall fell and the ferry stayed in the harbour"),
    44: ("", "bridge"),
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> SparseIndex:
    made = SparseIndex(tmp_path_factory.mktemp("sparse"))
    made.update((key, *texts) for key, texts in DOCUMENTS.items())
    return made


def bm25(term: str, field: int) -> dict[int, float]:
    """Return each document's score by the formula of Robertson and Zaragoza (2009), eq. 3.15."""
    texts = {key: analyze(document[field]) for key, document in DOCUMENTS.items()}
    average = sum(map(len, texts.values())) / len(texts)
    holding = sum(term in terms for terms in texts.values())
    idf = math.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
    scores = {}
    for key, terms in texts.items():
        if frequency := terms.count(term):
            norm = K1 * (1 - B + B * len(terms) / average)
            scores[key] = idf * frequency * (K1 + 1) / (frequency + norm)
    return scores


@pytest.mark.parametrize(
    "terms", [{"bridg": 1.0}, {"tuesday": 0.5, "ferri": 1.0}, {"harbour": 2.0, "bridg": 0.1}]
)
def test_scores_are_bm25_of_body_and_headline(index: SparseIndex, terms: dict[str, float]) -> None:
    """Weights of terms and of the headline multiply the formula's values (lengths under 40)."""
    expected: dict[int, float] = {}
    for term, weight in terms.items():
        for field, boost in ((1, 1.0), (0, TITLE_BOOST)):
            for key, score in bm25(term, field).items():
                expected[key] = expected.get(key, 0.0) + weight * boost * score
    found = index.search(terms, 10)
    assert dict(found) == pytest.approx(expected, rel=1e-4)
    assert [key for key, _ in found] == sorted(expected, key=lambda key: (-expected[key], key))


def test_filters_keep_scores(index: SparseIndex) -> None:
    """Statistics are of the whole index, so a filter takes hits away and changes none."""
    everything = dict(index.search({"bridg": 1.0, "ferri": 1.0}, 10))
    some = dict(index.search({"bridg": 1.0, "ferri": 1.0}, 10, [22, 44, 99]))
    assert some == pytest.approx({key: everything[key] for key in (22, 44)})
    assert index.search({"bridg": 1.0}, 10, []) == []


def test_nothing_asked_nothing_found(index: SparseIndex) -> None:
    """No terms, no room and unknown words find nothing."""
    assert index.search({}, 10) == index.search({"bridg": 1.0}, 0) == []
    assert index.search({"zebra": 1.0}, 10) == []
    assert (index.document_frequency("bridg"), index.document_frequency("zebra")) == (2, 0)


def test_ties_break_by_key_even_at_the_cut(tmp_path: Path) -> None:
    """Equal documents come by key, whichever segment they lie in."""
    index = SparseIndex(tmp_path)
    for key in (50, 7, 30, 2, 90):
        index.update([(key, "", "the same few words")])
    assert [key for key, _ in index.search({"word": 1.0}, 2)] == [2, 7]


def test_removed_documents_are_not_found(tmp_path: Path) -> None:
    """A key that is removed and added in one commit has its new text only."""
    index = SparseIndex(tmp_path)
    index.update([(1, "", "old bridge"), (2, "", "old ferry")])
    index.update([(1, "", "new bridge")], remove=[1, 2, 99])
    assert len(index) == 1
    assert index.search({"old": 1.0}, 5) == []
    assert [key for key, _ in index.search({"new": 1.0}, 5)] == [1]


def test_an_index_is_read_again_from_its_folder(tmp_path: Path) -> None:
    """What was committed is there for the next process."""
    SparseIndex(tmp_path).update([(1, "t", "bridge")])
    assert [key for key, _ in SparseIndex(tmp_path).search({"bridg": 1.0}, 5)] == [1]


def test_what_is_no_index_is_named(tmp_path: Path) -> None:
    """A folder with something else in tantivy's place is damage."""
    (tmp_path / "meta.json").write_text("{", "utf-8")
    with pytest.raises(ArchiveDamagedError):
        SparseIndex(tmp_path)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The Bridges' opening", ["the", "bridg", "open"]),
        ("Café NAÏVE", ["cafe", "naiv"]),
        ("£14.2m on 3 May", ["14", "2m", "on", "3", "may"]),
        ("\ud800 \x00 ...", []),
        ("x" * 61 + " y", ["y"]),
    ],
)
def test_terms(text: str, terms: list[str]) -> None:
    """Words are folded and stemmed; what is no word leaves no term."""
    assert analyze(text) == terms


@given(st.text(max_size=60))
def test_any_text_can_be_analyzed_and_searched(index: SparseIndex, text: str) -> None:
    """Terms of any text are terms to search for."""
    terms = dict.fromkeys(analyze(text), 1.0)
    assert all(score > 0 for _, score in index.search(terms, 5))
