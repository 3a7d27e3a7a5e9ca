"""Whether a serving process is to be asked: not while it has no search indices, or no truth."""

from __future__ import annotations

from qa.records import Standing
from qa.web.problems import STARTING, UNREACHABLE, ProblemError, wait

PASSING = ("busy", "locked", "starting", "unreachable")
"""Names of problems that come and go by the dozen and are not logged each time: who follows a
shared archive logs when it is first out of reach."""

NOT_READY = {
    "starting": STARTING,
    "unreachable": UNREACHABLE,
}
"""Standings in which a process answers no question, and what is told."""


def check_ready(standing: Standing) -> None:
    """Raise the problem of a process that cannot answer; one that is behind can."""
    if standing.status in NOT_READY:
        raise ProblemError(wait(standing.status, NOT_READY[standing.status]))
