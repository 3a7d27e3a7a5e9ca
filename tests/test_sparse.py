"""BM25: tantivy's scores against the formula, ties by key, filters, removal."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import ArchiveDamagedError
from embeddings import sparse
from embeddings.sparse import LANGUAGES as SUPPORTED
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


LANGUAGES = {
    "german": (
        "Der Rat stimmte dafür, die alten Häuser zu schließen.",
        "Wo ist das Haus?",
    ),
    "french": ("Les conseillers ont voté la fermeture des vieux ponts.", "Où est le conseiller ?"),
    "spanish": ("Los concejales votaron que se cerrasen los puentes.", "¿Quién es el concejal?"),
    "italian": ("I consiglieri hanno votato che si chiuda il ponte.", "Chi è il consigliere?"),
    "russian": ("Совет решил, что мосты на реке закроют на год.", "Где он, этот мост?"),
    "finnish": ("Neuvosto sanoi, että sillat ovat kiinni ja se on pitkä aika.", "Missä on silta?"),
    "turkish": (
        "Meclis köprülerin bir yıl için kapanacağını ve bunu bildirdi.",
        "Bu köprü nerede?",
    ),
    "chinese": ("市议会周一晚上投票决定关闭老桥整整一年。", "老桥什么时候关闭？"),
    "japanese": (
        "市議会は夜、古い橋を一年間閉鎖することを決めた。",
        "橋の閉鎖はいつですか？",
    ),
    "korean": (
        "시의회는 저녁 낡은 다리를 폐쇄하기로 결정했다.",
        "낡은 다리는 언제 폐쇄되나?",
    ),
    "thai": ("สภาเมืองลงมติปิดสะพานเก่าเป็นเวลาหนึ่งปี", "สะพานเก่าปิดเมื่อไร"),
    "hindi": ("परिषद ने पुराने पुल को एक साल के लिए बंद करने का फैसला किया।", "पुराने पुल को क्यों बंद किया?"),
    "arabic": ("صوت المجلس على إغلاق الجسور القديمة لمدة عام كامل.", "لماذا إغلاق الجسر القديم؟"),
}
"""Articles of a sentence, and a question each that has their words in other forms."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_is_found_by_its_words(tmp_path: Path, language: str) -> None:
    """A question finds the article in its language among the others, words in other forms."""
    index = SparseIndex(tmp_path)
    index.update((n, "", text) for n, (text, _) in enumerate(LANGUAGES.values()))
    terms = dict.fromkeys(analyze(LANGUAGES[language][1]), 1.0)
    found = [key for key, _ in index.search(terms, 3)]
    assert found[:1] == [list(LANGUAGES).index(language)]
    assert any(index.document_frequency(term) == 1 for term in terms)


@pytest.mark.parametrize("language", [None, "english", *sorted(SUPPORTED), "polish", "czech"])
def test_every_language_that_is_guessed_is_analysed(
    monkeypatch: pytest.MonkeyPatch, language: str | None
) -> None:
    """Languages with a stemmer have one that works, the others are analysed as English is."""
    monkeypatch.setattr(sparse, "language_of", lambda text: language)
    assert analyze("bridges opened")[0] == "bridg"


def test_other_languages_change_nothing_for_english() -> None:
    """English is analysed as before; a word by itself has its English stem alone."""
    assert analyze("The councils voted on Häuser in München, the mayor said") == (
        "the council vote on hauser in munchen the mayor said".split()
    )
    assert analyze("Häuser") == ["hauser"]
    assert analyze("Wo sind die Häuser?") == ["wo", "sind", "die", "hauser", "haus"]


def test_letters_that_look_alike_are_one() -> None:
    """Decomposed letters, ligatures, wide digits, soft hyphens make no difference."""
    assert analyze("Cafe\u0301 o\ufb03ce \uff12\uff10\uff12\uff15 coun\u00adcil") == (
        analyze("Café office 2025 council")
    )


@given(st.text(max_size=200))
def test_any_text_is_analysed(text: str) -> None:
    """Terms have no white space in them, and none is empty."""
    assert all(term.split() == [term] for term in analyze(text))


@pytest.mark.parametrize("k", [1, 5])
def test_more_wanted_than_there_are(tmp_path: Path, k: int) -> None:
    """An index that lacks most of the wanted documents finds those that it has, or none."""
    few = SparseIndex(tmp_path)
    assert few.search({"bridg": 1.0}, k, range(1, 100)) == []
    few.update([(7, "", "a bridge")])
    assert [key for key, _ in few.search({"bridg": 1.0}, k, range(1, 100))] == [7]
