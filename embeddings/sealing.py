"""Small JSON files that carry their own digest: not a byte of them changes without notice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

SEAL = "seal"


def write_sealed(path: Path, fields: Mapping[str, Any]) -> None:
    """Write fields as JSON with their digest; the caller makes the file durable."""
    path.write_text(_text(fields), "utf-8")


def read_sealed(path: Path, *, unsealed: Collection[str] = ()) -> dict[str, Any]:
    """Return the fields of a file; ValueError where it is not what was written.

    A file of just the `unsealed` fields is taken as it is: it was written before there were seals.
    """
    text = path.read_text("utf-8")
    fields = json.loads(text)
    if not isinstance(fields, dict):
        raise ValueError(f"{path} is damaged")
    if fields.keys() == {*unsealed}:
        return fields
    fields.pop(SEAL, None)
    if _text(fields) != text:
        raise ValueError(f"{path} is damaged")
    return fields


def _text(fields: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
    return json.dumps({**fields, SEAL: digest}, indent=1)
