"""Guess the language of a text from its script and its commonest words; a matter of microseconds.

It serves the search: the right stemmer finds "Häuser" by "Haus". A wrong guess costs little, as
English stems are always there too.
"""

from __future__ import annotations

import re
from collections import Counter

LOOKED_AT = 1_500
"""Characters from the start that are looked at: some 250 words, of which half are common ones."""

SURE = 9
"""Different common words of English from which on no other language is looked for: Dutch, the
nearest, shares eight of them."""

SHORT = 300
"""Characters of a text, a sentence or a question, that is English where it has a "the"."""

SURE_AMONG_FEW, SURE_SHARE = 4, 3
"""Common words of English that are enough where every third word of a short text is one."""

MIN_WORDS = 2
"""Different common words of a language that a text must have: one may be a name."""

MIN_SHARE = 0.06
"""Share of a text's different words that must be common ones: prose has .15 to .40 in its own
language and below .05 in others, lists of names have none."""

LEAD = 1.5
"""Times as many common words as English must be left behind by: neighbours share some."""

_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = (
    (re.compile("[\u0370-\u03ff\u1f00-\u1fff]"), "greek"),
    (re.compile("[\u0b80-\u0bff]"), "tamil"),
    (re.compile("[\u0621-\u064a]"), "arabic"),
)
"""Scripts that one language with a stemmer is written in. Persian and Urdu have letters of their
own."""
_ANY_SCRIPT = re.compile("[\u0370-\u03ff\u1f00-\u1fff\u0b80-\u0bff\u0621-\u064a]")
_NOT_ARABIC = re.compile("[\u067e\u0686\u0698\u06a9\u06af\u06cc\u0679\u0688\u0691\u06d2]")
MIN_LETTERS = 0.3
"""Share of a text's characters that must be of a script for it to be the text's own."""

_COMMON = {
    name: frozenset(words.split())
    for name, words in {
        "english": """the of and to in a is that for it as was with on by be at from this which or
            had his are not but have he they were an has their its who what when where how said
            will would been more about after did does""",
        "german": """der die das und den von zu mit sich des auf für ist im dem nicht ein eine als
            auch es an werden aus er hat dass sie nach wird bei einer um am sind noch wie einem
            über einen so zum war haben nur oder aber vor zur bis mehr durch man sein wurde wer wo
            wann warum welche hatte ihre ihr uns""",
        "french": """le la les de des du et un une est que qui dans pour pas sur plus par ne se ce
            il au avec sont été ont cette mais comme elle aux ou nous leur ses sa son être fait
            était deux même ces après où quand comment pourquoi quel quelle lors ainsi""",
        "spanish": """el la los las de del y que en un una por con para es se no su al lo como más
            pero sus le ha me sin sobre este ya entre cuando todo esta ser son dos también fue
            había era muy años hasta desde está qué quién dónde cuándo cómo según""",
        "italian": """il lo la i gli le di del della dei delle e che è un una in per con non si da
            sono al alla come più ma anche nel nella ha dal dalla su ci se questo questa essere
            stato loro due dopo anni chi dove quando perché cosa hanno era""",
        "portuguese": """o a os as de do da dos das e que em um uma para com não por mais se na no
            é ao como mas foi ele das tem à seu sua ou ser quando muito há nos já está eu também
            só pelo pela até isso ela entre depois sem mesmo onde quem são""",
        "dutch": """de het een van en in is dat op te zijn met voor niet aan er om ook als maar dan
            door nog bij naar uit tot over heeft hij ze wordt wel die deze werd geen meer was zich
            hebben of kan wie waar wanneer hoe waarom volgens""",
        "swedish": """och i att det som en på är av för med till den har inte om ett han var jag men
            från vi så kan när år under också efter eller nu sin där vid mot ska skulle hade alla
            vad vem hur varför enligt de""",
        "danish": """og i at det er en til på af for med den der de som ikke har et om han var men
            jeg vi fra så blev skal kan ved også efter eller hvad hvem hvor hvordan hvorfor nu sig
            ud mere havde ifølge""",
        "norwegian": """og i det er en til på av for med den som de ikke har et om han var men jeg
            vi fra så ble skal kan ved også etter eller hva hvem hvor hvordan hvorfor nå seg ut mer
            hadde ifølge""",
        "finnish": """ja on ei että se oli hän mutta ovat joka myös kun niin kuin sen tai ole vain
            jo nyt olla mukaan sekä jotka mitä kuka missä milloin miksi miten ovat hänen jos vielä
            ollut""",
        "hungarian": """a az és hogy nem is egy van meg csak de ez már ha el mint vagy még volt
            azt kell ezt lesz után szerint ki mi hol mikor miért amely aki minden lehet""",
        "romanian": """și de la în a cu pe care nu este un o din se mai că sau fi au pentru prin
            după dar fost ce ca sunt către până între cine unde când cum în să am său""",
        "turkish": """ve bir bu da de için ile olarak çok daha gibi olan sonra kadar ama en ne
            her o göre olduğu değil var yok ise kim nerede nasıl neden dedi eden ancak""",
        "polish": """i w na z do że się nie jest to o po jak przez za ale od dla przy są był
            była być oraz tego który która które może już tylko kto co gdzie kiedy jego""",
        "czech": """a v na je se z do že to s o pro za jako by ve ale po od podle byl byla při
            jeho které který která jsou až nebo také kdo co kde kdy jak už""",
        "russian": """и в не на что с по как он это из за к но у от его для был были то же о об
            так также после до или при она они мы их со быть был году лет кто где когда почему
            сказал который""",
    }.items()
}
"""The commonest words of news in each language, as frequency lists have them; English as well, so
that what it shares with a language does not count for that one."""


ENGLISH = _COMMON["english"]
"""Words of which SURE different ones, in small letters, make a text of Latin letters English."""

_COMMON_TO: dict[str, tuple[str, ...]] = {
    word: tuple(name for name, words in _COMMON.items() if word in words)
    for word in frozenset().union(*_COMMON.values())
}
"""Word -> the languages that it is common in."""


def language_of(text: str) -> str | None:
    """Return a text's language by its English name in lower case, or None where it is not certain.

    Known are the languages of `_COMMON`, and Greek, Tamil and Arabic by their scripts.
    """
    sample = text[:LOOKED_AT]
    if not sample.isascii() and (by_script := _by_script(sample)):
        return by_script
    if len(sample) < SHORT and " the " in sample:
        return "english"
    words = {*_WORD.findall(sample.lower())}
    known = words & _COMMON_TO.keys()
    if len(known) < MIN_WORDS:
        return None
    english = len(known & _COMMON["english"])
    if english >= SURE or (english >= SURE_AMONG_FEW and SURE_SHARE * english >= len(words)):
        return "english"
    name, common = _likeliest(known)
    if common < MIN_WORDS or common < MIN_SHARE * len(words) or common <= LEAD * english:
        return "english" if english >= MIN_WORDS and english >= common else None
    return name


def _likeliest(known: set[str]) -> tuple[str, int]:
    """Return the language beside English with most of its common words in a text, and how many."""
    counts = Counter(name for word in known for name in _COMMON_TO[word] if name != "english")
    return max(counts.items(), key=lambda item: (item[1], item[0]), default=("", 0))


def _by_script(sample: str) -> str | None:
    """Return the language that a text's script tells, if it does."""
    if not _ANY_SCRIPT.search(sample):
        return None
    for script, name in _SCRIPTS:
        if len(script.findall(sample)) > MIN_LETTERS * len(sample):
            return None if name == "arabic" and _NOT_ARABIC.search(sample) else name
    return None
