"""Say what a single line of a copied news page is: prose, or which kind of furniture."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

from corpus.phrases import FURNITURE, LIST_MARKS

MAX_FURNITURE_CHARS = 300
"""Characters: longer lines are paragraphs; the longest furniture seen is a newsletter prompt."""

MAX_STAMP_CHARS = 100
"""Characters: "First published on Thursday, 2 March 2023 at 14:05 GMT | Updated 16:10" has 74."""

MAX_ROLE_CHARS = 60
"""Characters: "Diplomatic correspondent, BBC News, in Delhi" has 43."""


class Kind(Enum):
    """What a line is."""

    PROSE = "a part of the article, or nothing that is known"
    FURNITURE = "a share bar, prompt, credit or notice"
    STAMP = "when the page was published or updated"
    BYLINE = "who wrote it"
    CAPTION_MARK = "announces the caption that stands in the next line"
    STAMP_MARK = "announces the stamp that may stand in the next line"
    LIST_MARK = "announces topics or links to other stories"


_BULLETS = " \t•·*–—-»›>|▶►✉#_="
_CAPTION_MARKS = frozenset({"image caption", "media caption", "video caption"})

_DASH = r"[\-\u2013\u2014]"
_APOSTROPHE = r"'\u2019"
_DAYS = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?"
_MONTHS = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]{0,6}\.?"
_ZONE = r"\(?(?:gmt|bst|utc|e[sd]?t|c[sde]?t|p[sd]?t|cest|hkt|ist|aest|aedt)(?:[+-][0-9]{1,2})?\)?"
_TIME = (
    r"[0-9]{1,2}[:.][0-9]{2}(?::[0-9]{2})?(?: ?[ap]\.?m\b\.?)?|[0-9]{1,2} ?[ap]\.?m\b\.?"
    rf"|[0-9]{{4}}(?= {_ZONE})"
)
_DATE = (
    rf"(?:{_DAYS} )?(?:[0-9]{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTHS},? [12][0-9]{{3}}"
    rf"|{_MONTHS} [0-9]{{1,2}}(?:st|nd|rd|th)?,? [12][0-9]{{3}}"
    r"|[12][0-9]{3}[-/][0-9]{2}[-/][0-9]{2}(?:t[0-9:.]{5,15}z?)?"
    r"|[0-9]{1,2}[/.][0-9]{1,2}[/.][12][0-9]{3})"
)
_AGO = (
    r"(?:(?:an?|[0-9]{1,2}) ?"
    r"(?:second|sec|minute|min|hour|hr|day|week|month|year|[hmd])s? ){1,2}ago"
)
_CLOCK_AND_DAY = (
    rf"(?:{_TIME}),? (?:on )?[0-9]{{1,2}} {_MONTHS}"
    rf"|[0-9]{{1,2}} {_MONTHS},? (?:at )?(?:{_TIME})"
)
"""A day of this year, as live pages have it; only with a clock: by itself it may be a heading."""
_WHEN = (
    rf"(?:(?:{_DATE}|{_CLOCK_AND_DAY}|{_TIME}|{_ZONE}|{_AGO}"
    rf"|on|at|today|yesterday|first published|updated"
    rf"|[,|/•·:]|{_DASH}) ?){{1,12}}"
)
_VERB = (
    r"(?:first |originally |last |date )?"
    r"(?:published|posted|updated|modified|created|released|publication date|date|last update)"
)
_STAMP = re.compile(rf"(?:{_VERB}(?: on| at)?[:,]? )?{_WHEN}", re.IGNORECASE)
_STAMP_MARK = re.compile(rf"{_VERB}:?", re.IGNORECASE)
_STATED = re.compile(_VERB + r"\b(?<!\bdate)", re.IGNORECASE)
_CLOCK = re.compile(rf"(?:{_TIME}|{_AGO})\b", re.IGNORECASE)

_NAME = rf"[A-Z][\w{_APOSTROPHE}.\-]{{0,30}}"
_NAMES = rf"{_NAME}(?: (?:(?:de|da|van|von|der|al|el|bin|la|le) )?{_NAME}){{1,3}}"
_BYLINE = re.compile(
    rf"(?:[Bb]y|BY|Written by|Reported by|Words by|Story by)[: ] ?(?P<names>{_NAMES}"
    rf"(?:(?:, | and | & |, and ){_NAMES}){{0,5}})"
    rf"(?:(?:,| \||,? for| {_DASH}) [A-Z@][^.!?]{{1,80}})?"
)
_STAFF = re.compile(
    r"By (?:BBC News|Reuters|CNN|AFP|The Associated Press|Staff [Ww]riters?"
    r"|[A-Z][\w ]{1,30} [Ss]taff(?: [Ww]riters?)?)"
)
_ROLE = re.compile(
    r"\b(?:news|correspondents?|editor|reporters?|writer|producer|bureau)\b", re.IGNORECASE
)

_LINK_WORDS = (
    "also read|read also|see also|see more|don't miss|must read|related|related story|"
    "related article|related content|related video|more on this|recommended|"
    "watch|watch live|watch now|"
    "listen|listen now|in pictures|in video"
)
_LETTERS = (
    "newsletters?|inbox|alerts?|briefings?|podcasts?|youtube channel|"
    "e-?mail (?:here|alerts|updates)|digital subscri"
)
_NETWORKS = "twitter|facebook|instagram|x|telegram|whatsapp|youtube|linkedin|tiktok|google"
_AGENCIES = "afp|ap|reuters|epa|pa|shutterstock|alamy|istock|getty|anadolu"
_STARTS = re.compile(
    "|".join(
        (
            r"image (?:source|caption|copyright|credit)\b",
            r"(?:media|video|photo|picture) caption\b",
            r"(?:file )?(?:photo|photograph|picture|image|illustration|graphic|video)(?: credit|s)?"
            r" ?[:/] .{0,120}\Z",
            r"(?:photo|photograph|picture|image|illustration)s? (?:by|courtesy of) \w",
            r"(?:©|\(c\) |copyright\b.{0,5}(?:[12][0-9]{3}|©))|all rights reserved\b|credit: ",
            r"(?:read|see|learn|find out) more ?(?:[:|>»]|here\b|(?:about|on|at|from)\b.{0,40}:)",
            r"(?:read|see|learn|find out) more (?:about|on|at|from)\b.{0,60}\Z",
            rf"(?:{_LINK_WORDS}|more from \w+) ?[:|»>] ?",
            rf"(?:follow|like|join|find) (?:us|me|the bbc|bbc|cnn|@\w+)\b.{{0,80}}"
            rf"\b(?:on|via) (?:{_NETWORKS})\b",
            rf"follow\b.{{0,60}} on (?:{_NETWORKS})\b",
            rf"(?:sign up|subscribe)\b.{{0,60}}\b(?:for|to|and)\b.{{0,120}}\b(?:{_LETTERS})",
            r"(?:sign up|subscribe|register) (?:here|now|today|for free|to our|for our)\b",
            r"get (?:our|the|your|all the|breaking|daily) .{0,80}"
            r"\b(?:newsletters?|inbox|app|alerts?)\b",
            r"get .{0,80}\b(?:newsletter sign up|in your inbox)\b",
            r"\(?you can (?:also )?get .{0,80}\b(?:to|in) your inbox\b",
            r"(?:download|get|install) (?:our|the) .{0,40}\bapps?\b",
            r"by (?:signing up|subscribing|clicking|entering your|submitting|providing your)\b",
            r"enter your e-?mail\b|e-?mail (?:this|to a friend)\b",
            r"(?:we|this (?:web)?site|our (?:web)?sites?) uses? cookies\b",
            r"we and our (?:[0-9]+ )?partners\b",
            r"(?:click|tap) (?:here|on) (?:to|for)\b",
            r"to (?:view|watch|play) this (?:video|content|page)\b",
            r"(?:this (?:video|content|media)|your browser) "
            r"(?:can ?not|does not|is not|isn't|doesn't)"
            r" (?:be played|support|available|playable)\b",
            r"(?:have you been affected|are you affected|have you got|do you have)\b.{0,120}"
            r"\b(?:e-?mail|haveyoursay|get in touch|contact us)\b",
            r"(?:share|tweet) this (?:on|with|via)\b",
            r"(?:reporting|writing|editing|additional reporting|compiled) by [A-Z]|contributing: ",
            r"[0-9]{1,3} ?(?:min(?:ute)?s?[ -](?:read|listen)|comments?|shares?|views?|photos)\Z",
            r"(?:estimated )?reading time:? ",
            r"this (?:material|content|article) may not be (?:published|reproduced)",
            r"the bbc is not responsible for the content",
            r"support (?:our|quality|independent|local) .{0,40}journalism\b",
        )
    ),
    re.IGNORECASE,
)
"""Starts of lines that are furniture whatever follows, within `MAX_FURNITURE_CHARS`."""

_VIDEO_PROMPT = re.compile(
    r"(?:watch|see|read|listen|learn|explore|hear|find|check|view|look|take|share|i-?report|send|"
    r"more|click|get|photos?|video|gallery|interactive|timeline|full|follow|vote|tell|browse|go)"
    r"\b[^»]{0,200}(?<![.!?])(?<![.!?] )(?:»|>>)",
    re.IGNORECASE,
)
"""CNN's prompts: "Watch the video »". One that is punctuated as a sentence stays."""

_CREDIT = re.compile(
    rf"(?:{_AGENCIES})(?: photo| images| media)?(?: ?/ ?(?:{_AGENCIES}|[\w ]{{1,30}})){{1,3}}",
    re.IGNORECASE,
)
_LIVE_BYLINE = re.compile(
    rf"(?:From (?:CNN|BBC|ABC|NBC|CBS|AFP|AP|Reuters|The [A-Z]\w+)[{_APOSTROPHE}]s"
    rf"|Edited by|Reporting from [A-Z]\w+:?) {_NAMES}(?:(?:, | and |, and ){_NAMES}){{0,5}}"
    rf"(?: in [A-Z][\w ]{{1,30}})?"
)
"""Who wrote an entry of a live page: wherever it stands it is no part of the story."""
_DATELINE = re.compile(
    r"(?:[A-Z][\w.,() ]{0,50} )?\(?(?:CNN(?: Business)?|Reuters|REUTERS|AP|AFP|UPI)\)? "
    r"?(?:--|\u2013|\u2014)"
)


def bare(line: str) -> str:
    """Return a line in lower case, without bullets before it and marks at its end."""
    return line.strip(_BULLETS).rstrip(".:,…").lower().replace("\u2019", "'")


@lru_cache(maxsize=4096)  # pages of one outlet repeat their furniture
def kind_of(line: str) -> Kind:
    """Return what a line is, judged by its own words; takes at most a constant time."""
    if len(line) > MAX_FURNITURE_CHARS:
        return Kind.PROSE
    plain = line.strip(_BULLETS)
    if not plain:
        return Kind.FURNITURE
    return _phrase_kind(bare(line)) or _stamp_kind(plain) or _pattern_kind(line, plain)


def says_when(stamp: str) -> bool:
    """Tell whether a stamp can be no heading: it says "Published" or "Updated", or has a clock."""
    return bool(_STATED.match(stamp.strip(_BULLETS)) or _CLOCK.search(stamp))


def byline_names(line: str) -> str:
    """Return the names in a byline as they stand there; nothing for "By Reuters"."""
    match = _BYLINE.fullmatch(line.strip(_BULLETS))
    return match["names"] if match else ""


def is_role(line: str) -> bool:
    """Tell whether a line under a byline is the author's post or outlet."""
    short = len(line) <= MAX_ROLE_CHARS and not line.endswith((".", "?", "!"))
    return short and bool(_ROLE.search(line))


def _phrase_kind(words: str) -> Kind | None:
    """Return the kind of a line that is a known phrase."""
    if words in _CAPTION_MARKS:
        return Kind.CAPTION_MARK
    if words in LIST_MARKS:
        return Kind.LIST_MARK
    return Kind.FURNITURE if words in FURNITURE else None


def _stamp_kind(plain: str) -> Kind | None:
    """Return the kind of a line that is a date, a time, a word that announces one, or a byline."""
    if len(plain) > MAX_STAMP_CHARS:
        return Kind.BYLINE if _BYLINE.fullmatch(plain) else None
    if _STAMP_MARK.fullmatch(plain):
        return Kind.STAMP_MARK
    if _STAMP.fullmatch(plain):
        return Kind.STAMP
    return Kind.BYLINE if _BYLINE.fullmatch(plain) or _STAFF.fullmatch(plain) else None


def _pattern_kind(line: str, plain: str) -> Kind:
    """Return furniture for a line of a known shape, else prose."""
    shaped = (
        _STARTS.match(plain)
        or _VIDEO_PROMPT.fullmatch(line)
        or _CREDIT.fullmatch(plain)
        or _DATELINE.fullmatch(line)
        or _LIVE_BYLINE.fullmatch(plain)
    )
    return Kind.FURNITURE if shaped else Kind.PROSE
