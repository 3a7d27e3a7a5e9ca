"""What every framework is told of a passage beside its text."""

from __future__ import annotations

from typing import Any

from qa.searching import FoundPassage


def id_of(passage: FoundPassage) -> str:
    """Return a name of the passage: the article's id with the offsets."""
    return f"{passage.article_id}#{passage.start}-{passage.end}"


def metadata_of(passage: FoundPassage) -> dict[str, Any]:
    """Return all fields of a passage but its text, as plain JSON types."""
    fields = passage.to_dict()
    del fields["text"]
    return fields
