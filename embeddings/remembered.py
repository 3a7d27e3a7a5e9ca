"""Answers of a look-up, remembered: what a run needs of an archive costs what the run touches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar, overload

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """Looks each name up when it is first asked for; what was put or found stays.

    A name that is not to be found stays so until it is put: what is written meanwhile is not seen.
    """

    def __init__(self, look_up: Callable[[str], Value | None]) -> None:
        self._look_up = look_up
        self._known: dict[str, Value | None] = {}

    @overload
    def get(self, name: str) -> Value | None: ...

    @overload
    def get(self, name: str, default: Value) -> Value: ...

    def get(self, name: str, default: Value | None = None) -> Value | None:
        """Return what belongs to a name, or the default."""
        if name not in self._known:
            self._known[name] = self._look_up(name)
        found = self._known[name]
        return default if found is None else found

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __getitem__(self, name: str) -> Value:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def __setitem__(self, name: str, value: Value) -> None:
        self._known[name] = value
