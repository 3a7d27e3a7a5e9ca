"""Irregular verb forms, which no stemmer brings together: "meet" and "met", "win" and "won"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from embeddings.sparse import analyze

_FORMS = """
arise arose arisen; awake awoke awoken; bear bore borne; beat beaten; become became; begin began begun;
bend bent; bid bade bidden; bind bound; bite bit bitten; bleed bled; blow blew blown; break broke broken;
breed bred; bring brought; build built; burn burnt; buy bought; catch caught; choose chose chosen;
cling clung; come came; creep crept; deal dealt; dig dug; draw drew drawn; dream dreamt; drink drank drunk;
drive drove driven; eat ate eaten; fall fell fallen; feed fed; feel felt; fight fought; find found;
flee fled; fling flung; fly flew flown; forbid forbade forbidden; forget forgot forgotten;
forgive forgave forgiven; freeze froze frozen; get got gotten; give gave given; go went gone;
grind ground; grow grew grown; hang hung; hear heard; hide hid hidden; hold held; keep kept;
kneel knelt; know knew known; lay laid; lead led; lean leant; leap leapt; learn learnt; leave left;
lend lent; lie lay lain; light lit; lose lost; make made; mean meant; meet met; mistake mistook mistaken;
mow mown; overcome overcame; overtake overtook overtaken; pay paid; prove proven; ride rode ridden;
ring rang rung; rise rose risen; run ran; saw sawn; say said; see saw seen; seek sought; sell sold;
send sent; sew sewn; shake shook shaken; shear shorn; shine shone; shoot shot; show shown;
shrink shrank shrunk; sing sang sung; sink sank sunk; sit sat; sleep slept; slide slid; sow sown;
speak spoke spoken; speed sped; spend spent; spill spilt; spin spun; spit spat; spoil spoilt;
spring sprang sprung; stand stood; steal stole stolen; stick stuck; sting stung; stink stank stunk;
strike struck stricken; string strung; strive strove striven; swear swore sworn; sweep swept;
swell swollen; swim swam swum; swing swung; take took taken; teach taught; tear tore torn; tell told;
think thought; throw threw thrown; tread trod trodden; undergo underwent undergone;
understand understood; undertake undertook undertaken; wake woke woken; wear wore worn; weave wove woven;
weep wept; win won; wind wound; withdraw withdrew withdrawn; withhold withheld; wring wrung;
write wrote written; die death dead; child children; man men; woman women
"""

_AMBIGUOUS = frozenset(
    {"saw", "lay", "ground", "wound", "found", "bore", "rose", "felt", "left", "light"}
)
"""Forms that are often another word; they are left apart."""


def _table() -> dict[str, str]:
    """Return stem of a form -> stem of its verb."""
    table: dict[str, str] = {}
    for line in _FORMS.split(";"):
        base, *forms = line.split()
        for form in forms:
            if form not in _AMBIGUOUS:
                table.setdefault(analyze(form)[0], analyze(base)[0])
    return table


_BASE_FORMS = _table()


def base_forms(stems: Sequence[str]) -> Iterator[str]:
    """Yield the `base_form` of each stem."""
    return map(_BASE_FORMS.get, stems, stems)


def base_form(stem: str) -> str:
    """Return the stem of the verb that a stem is an irregular form of, or the stem itself."""
    return _BASE_FORMS.get(stem, stem)
