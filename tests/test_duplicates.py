"""The same story in several outlets is told from two accounts of one event."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from corpus.duplicates import SAME_STORY, containment, group_same_stories, same_story
from corpus.records import Article, Span
from tests.fakes import make_article
from tests.pace import within

WIRE = (
    "Pilcher's cannery will close in May with the loss of 140 jobs, its owner said on Wednesday."
    " The firm blamed falling catches and the price of tin. Unions called for talks."
    " The site has been a cannery since 1911 and once employed 900 people in three shifts."
)
OWN = (
    "Workers wept outside the gates on Wednesday as news spread that the cannery is to shut."
    " Some 140 people will be out of work by May. One had packed fish there for forty years."
)


def test_a_trimmed_wire_story_is_the_same_story() -> None:
    """A cut at the end and a changed word leave one story."""
    trimmed = WIRE.partition(" The site")[0].replace("Wednesday", "Feb. 26")
    assert same_story(make_article("a", WIRE), make_article("b", trimmed))


def test_two_accounts_of_one_event_are_not() -> None:
    """Two reporters' words differ, though they tell the same."""
    assert containment(make_article("a", WIRE), make_article("b", OWN)) < SAME_STORY / 2


def test_containment_by_hand() -> None:
    """Of the shorter text's three runs of four words, the longer one holds two."""
    longer = make_article("a", "one two three four five and more")
    shorter = make_article("b", "one two three four five six")
    assert containment(longer, shorter) == 2 / 3


def test_texts_without_words_resemble_nothing() -> None:
    """An article that keeps no words is no copy of another like it."""
    assert containment(make_article("a", "..."), make_article("b", "...")) == 0


def test_groups_keep_the_order_given() -> None:
    """Copies join the first of them, whatever stands between."""
    texts = [WIRE, OWN, WIRE + " More soon.", "Something else happened in the harbour today."]
    articles = [make_article(str(n), text) for n, text in enumerate(texts)]
    assert group_same_stories(articles) == [[0, 2], [1], [3]]


@given(st.lists(st.text(alphabet="ab cd", max_size=40), max_size=8))
def test_groups_hold_every_article_once(texts: list[str]) -> None:
    """Grouping loses nothing and repeats nothing."""
    groups = group_same_stories([make_article(str(n), text) for n, text in enumerate(texts)])
    assert sorted(index for group in groups for index in group) == list(range(len(texts)))


def test_a_round_up_is_no_copy_of_one_of_its_stories() -> None:
    """A text that holds another whole among many is another text: it must not hide it."""
    rest = " ".join(f"Item {n} of the week concerned matter{n} and place{n}." for n in range(40))
    assert containment(make_article("a", WIRE), make_article("b", f"{WIRE} {rest}")) == 1
    assert not same_story(make_article("a", WIRE), make_article("b", f"{WIRE} {rest}"))


def test_a_chain_of_small_edits_is_one_story() -> None:
    """The last of a chain joins although it has drifted from the first."""
    words = WIRE.split()
    chain = []
    for step in range(6):
        words[step * 4 : step * 4 + 2] = [f"other{step}", f"more{step}"]
        chain.append(make_article(str(step), " ".join(words)))
    assert not same_story(chain[0], chain[-1])
    assert group_same_stories(chain) == [[0, 1, 2, 3, 4, 5]]


def test_only_the_head_of_a_book_is_work() -> None:
    """A million characters are compared by their head: two books that begin alike are copies."""
    head = " ".join(f"word{n}" for n in range(3_000))
    one, other = (
        make_article(name, f"{head} {' '.join(f'{name}{n}' for n in range(150_000))}")
        for name in ("a", "b")
    )
    with within(0.5):
        assert same_story(one, other)


def test_furniture_makes_no_copies() -> None:
    """Only what is kept of an article is compared."""
    menu = " ".join(f"entry{n}" for n in range(200)) + " "
    one, other = (
        Article(id=n, text=menu + text, kept=(Span(len(menu), len(menu + text)),))
        for n, text in (("a", WIRE), ("b", OWN))
    )
    assert not same_story(one, other)
