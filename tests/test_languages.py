"""The language of a text is guessed from its script and its commonest words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.languages import language_of

TEXTS = {
    "english": "The council voted on Monday evening to close the old bridge for a whole year.",
    "german": "Der Rat stimmte am Montagabend dafür, die alte Brücke für ein Jahr zu schließen.",
    "french": "Le conseil a voté lundi soir la fermeture du vieux pont pour une année entière.",
    "spanish": "El consejo votó el lunes por la noche cerrar el viejo puente durante un año.",
    "italian": "Il consiglio ha votato lunedì sera per chiudere il vecchio ponte per un anno.",
    "portuguese": "O conselho votou na segunda-feira à noite para fechar a velha ponte por um ano.",
    "dutch": "De raad stemde maandagavond om de oude brug een heel jaar te sluiten.",
    "swedish": "Rådet röstade på måndagskvällen för att stänga den gamla bron i ett helt år.",
    "danish": "Rådet stemte mandag for at lukke broen i et år, og det blev ikke sagt hvorfor.",
    "norwegian": "Rådet stemte mandag for å stenge broen i et år, og det ble ikke sagt hvorfor.",
    "finnish": "Neuvosto sanoi, että vanha silta suljetaan vuodeksi ja se ei ole auki.",
    "hungarian": "A tanács hétfő este megszavazta, hogy egy egész évre lezárják a régi hidat.",
    "romanian": "Consiliul a votat ca podul să fie închis un an și nu a spus de ce este așa.",
    "turkish": "Meclis eski köprünün bir yıl için kapatılmasına karar verdi ve bu eleştirildi.",
    "polish": "Rada zagłosowała w poniedziałek, że stary most będzie zamknięty na cały rok.",
    "czech": "Rada v pondělí večer hlasovala, že se starý most na celý rok uzavře.",
    "russian": "Совет проголосовал в понедельник за то, чтобы закрыть старый мост на целый год.",
    "greek": "Το συμβούλιο ψήφισε τη Δευτέρα το βράδυ να κλείσει η παλιά γέφυρα.",
    "arabic": "صوت المجلس مساء الاثنين على إغلاق الجسر القديم لمدة عام كامل.",
    "tamil": "பழைய பாலத்தை ஒரு வருடம் முழுவதும் மூட சபை வாக்களித்தது.",
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_sentence_of_each_language(language: str) -> None:
    """One sentence of news is enough."""
    assert language_of(TEXTS[language]) == language
    assert language_of(TEXTS[language].upper() * 40) == language


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Wann wurde die Brücke geschlossen?", "german"),
        ("Où est le musée ?", "french"),
        ("¿Dónde está el museo?", "spanish"),
        ("Who stars in Die Hard?", "english"),
        ("When did the La Liga season start?", "english"),
        ("Where is El Paso?", "english"),
    ],
)
def test_questions(question: str, language: str) -> None:
    """Questions tell their language too; foreign names in an English one do not."""
    assert language_of(question) in (language, None if language == "english" else language)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,234",
        "Angela Merkel, Emmanuel Macron",
        "市议会周一投票",
        "شورا رأی داد که پل بسته شود و گفت",
    ],
)
def test_what_is_not_certain(text: str) -> None:
    """Names, numbers, and languages without a stemmer are not guessed."""
    assert language_of(text) is None


@given(st.text())
def test_any_text(text: str) -> None:
    """Any text has a language or none."""
    assert language_of(text) is None or language_of(text) in TEXTS
