"""Every text that the chat shows, in one place; the scripts of the page get theirs from SCRIPT."""

from __future__ import annotations

TITLE = "News Archive"
INVITATION = "Ask the articles a question"
FOLLOW_UP = "Ask a follow-up question"
EMPTY_HINT = "Type a question first, then press Enter."
QUESTION_LABEL = "Your question"
ASK = "Ask"
NEW = "New conversation"
HISTORY = "Conversations"
ARCHIVE = "Archive"
EMPTY = "This archive is empty. Drop articles on "
ARCHIVE_PAGE = "the archive’s page"
OR_RUN = ", or run "
TRY = "Try one of these"
OPENING = "Opening the archive"
STOPPED = "The chat has stopped. Start it again and reload this page."
PENDING = "Searching the articles"

CONFIDENCE_WORDS = (
    (0.90, "Very likely the answer", "high"),
    (0.75, "Likely the answer", "good"),
    (0.50, "Possibly the answer", "fair"),
    (0.00, "An uncertain answer", "low"),
)
"""Least probability, the words for it, and its level for the style sheet."""

CONFIDENCE_TOLD = "How probable it is that this sentence answers the question"
ALSO_REPORTED = "Also reported by "
FIGURES_DIFFER = "Figures differ"
NOT_FOUND = "Not in these articles"
NO_REASON = "No sentence in the articles answers this."
NEAREST = "The nearest articles"
ABOUT_ANSWER = "About this answer"
UNTITLED = "Untitled article"
ANSWER = "Answer"
ALSO_IN = "Also in: "
FIRST = " (first)"
READ_ORIGINAL = "Read the original at "
INVENTED_NOTE = " (invented: leads nowhere)"

ONLY = "Only "
REMOVE_LIMIT = "Ask again without: {limit}"
CHANGE = "Change"
CHANGE_TOLD = "Change what was understood, and ask again"

READ = "Read in context"
RIGHT = "This is the right sentence"
RETRY = "Ask again"
EDIT = "Edit"
COPY = "Copy"
SHARE = "Link"
GOOD = "Right"
BAD = "Wrong"
ACTIONS = "What to do with this answer"

SAMPLES = "Invented sample collection"
YOUR_OWN = " · your own: "
ASK_THE_ARTICLES = "Ask the articles."
PROMISE = (
    "Answers are sentences from the articles, word for word, with outlet, date and a link. "
    "Where the articles do not say it, you are told so."
)
IN_THIS_ARCHIVE = "In this archive: {what}."
INVENTED = (
    "{what}: all invented, for trying things out. Neither the town nor its people exist. To ask"
    " your own articles, run "
)
AND_START = " and start "
AGAIN = " again."
FROM_TO = "{since} to {until}"
SINCE = "Since {day}"
UNTIL = "Until {day}"
FAULT = "Something went wrong while searching. The archive is unharmed; please ask again."

SOURCE = ("source", "sources")
ARTICLE = ("article", "articles")


def counted(count: int, words: tuple[str, str]) -> str:
    """Return a number with its word, one or many."""
    return f"{count:,} {words[count != 1]}"


SCRIPT = {
    "copy": "Copy the answer with its source as",
    "markdown": "Markdown",
    "plain": "Plain text",
    "bibtex": "BibTeX",
    "csl": "CSL JSON",
    "copied": "Copied",
    "notCopied": "The browser did not allow copying",
    "thanks": "Noted: it waits to be reviewed as a gold question",
    "notNoted": "This could not be noted",
    "close": "Close",
    "previous": "Previous hit",
    "next": "Next hit",
    "hit": "Hit {n} of {of}",
    "loading": "Fetching the article",
    "notLoaded": "The article could not be fetched",
    "history": "Conversations in this browser",
    "noHistory": "None yet. They are kept in this browser and nowhere else.",
    "open": "Open",
    "remove": "Delete",
    "removeAll": "Delete all",
    "export": "Save this conversation as",
    "understood": "What was understood",
    "outlets": "Outlets",
    "anyOutlet": "None chosen: all outlets",
    "since": "From",
    "until": "To",
    "topic": "Asking about",
    "askAgain": "Ask again",
    "cancel": "Cancel",
    "editing": "Editing an earlier question: the answer there will be replaced",
    "notFound": "Not in these articles",
    "question": "Question",
    "sources": "Sources",
    "saved": "Saved",
}

BACK = "Back to the chat"
EMPTY_ARCHIVE = "There are no articles yet. Drop files below, or run qa index FOLDER."
SAMPLES_NOTE = "All invented, for trying things out: neither the town nor its people exist."
SAMPLES_STAY = "The samples stay as they are. To ask articles of your own, run qa index FOLDER."
READ_ONLY = "This archive can be read here, and is changed on the machine that serves it."
NO_OUTLET = "(no outlet given)"
OUTLETS = "Outlets"
OVER_TIME = "Articles over time"
PLOT_TOLD = "Articles over time, from {first} to {last}; at most {most} at once"
NUMBERS = "Numbers"
ADD = "Add articles"
DROP = "Drop files here, or choose them"
DROP_TOLD = (
    "Text, Markdown, HTML, PDF, DOCX, ODT, RTF, EPUB, e-mail, JSON, CSV, feeds, WARC, and ZIP or"
    " tar of these."
)
ADDING = "Adding articles"
ARTICLES = "Articles"
FILTER = "Find by headline, outlet or day"

SCRIPT |= {
    "listed": "{shown} of {count} articles",
    "takeOut": "Remove",
    "takeOutSure": "Take “{title}” out of the archive?",
    "takenOut": "“{title}” was taken out.",
    "notTakenOut": "“{title}” could not be taken out.",
    "added": "{name}: {added} added, {updated} updated, {unchanged} unchanged",
    "notAdded": "{name}: {reason}",
    "seeAgain": "Show the archive as it is now",
}

LOG_IN = "Log in"
NAME = "Name"
PASSWORD = "Password"  # noqa: S105 - a label
WRONG_PASSWORD = "This name and password do not go together."  # noqa: S105 - a message
TOO_SOON = "After several wrong passwords the next try has to wait: {seconds} s."

WRITTEN = "Written by a language model, from the passages below"
NOT_WRITTEN = "The language model gave no usable answer; the quote above stands on its own."
STRUCK_ONE = "One sentence that no passage supports was struck."
STRUCK = "{n} sentences that no passage supports were struck."
