"""Which commits of a history are wanted: by table, time, author and message."""

import datetime
import re
from collections.abc import Sequence
from typing import TypeAlias

from catalog.dataclasses import dataclass
from catalog.errors import InvalidInput
from catalog.model.commit import Commit
from catalog.model.names import canonical_name
from catalog.model.relative_times import last_moment_of, moment_of, stated_time
from catalog.model.texts import check_text, listed

When: TypeAlias = str | datetime.date
"""A day, a time (which Python counts among the days), or a text that means one."""


@dataclass(frozen=True, slots=True)
class CommitFilter:
    """Which commits are wanted; what is None or empty wants all.

    Attributes:
        tables: They changed one of these tables, whatever the case of its letters.
        since: They are of this time or later.
        until: They are of this time or earlier.
        author: It is found in their author.
        grep: It is found in their message.
    """

    tables: tuple[str, ...] = ()
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None
    author: re.Pattern[str] | None = None
    grep: re.Pattern[str] | None = None

    def takes(self, commit: Commit) -> bool:
        """Returns whether a commit is wanted."""
        if self.since is not None and commit.time < self.since:
            return False
        if self.until is not None and commit.time > self.until:
            return False
        if self.author is not None and not self.author.search(commit.author):
            return False
        if self.grep is not None and not self.grep.search(commit.message):
            return False
        if not self.tables:
            return True
        wanted = {table.casefold() for table in self.tables}
        return any(name.casefold() in wanted for name in commit.changes)


EVERY = CommitFilter()
"""Wants every commit."""


def commit_filter(
    now: datetime.datetime,
    *,
    tables: Sequence[str] | None = None,
    since: When | None = None,
    until: When | None = None,
    author: str | None = None,
    grep: str | None = None,
) -> CommitFilter:
    """Returns a filter made of what a user says; see ``Catalog.log``.

    Args:
        now: What relative times count from.
        tables: Names of tables.
        since: A time; of a day, its start.
        until: A time; of a day, its end.
        author: A regular expression.
        grep: A regular expression.

    Raises:
        InvalidInput: One of them is not valid.
    """
    names = () if tables is None else tuple(map(canonical_name, listed(tables, "tables")))
    return CommitFilter(
        names,
        None if since is None else _moment(since, now, "since", last=False),
        None if until is None else _moment(until, now, "until", last=True),
        None if author is None else _pattern(author, "author"),
        None if grep is None else _pattern(grep, "grep"),
    )


def _moment(when: When, now: datetime.datetime, what: str, *, last: bool) -> datetime.datetime:
    if isinstance(when, datetime.datetime):
        return when if when.tzinfo else when.replace(tzinfo=datetime.UTC)
    text = when.isoformat() if isinstance(when, datetime.date) else when
    check_text(text, what)
    time = stated_time(text)
    moment = None if time is None else moment_of(time, now)
    if last:
        moment = last_moment_of(text, now)
    if moment is None:
        raise InvalidInput(
            f"{what}: {text!r} is not a time",
            hint="write it like 2024-05-01, 2024-05-01T12:00, yesterday or 2 days ago",
        )
    return moment


def _pattern(text: str, what: str) -> re.Pattern[str]:
    check_text(text, what)
    try:
        return re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise InvalidInput(
            f"{what}: {text!r} is not a regular expression: {error}",
            hint="put a backslash before characters that stand for themselves",
        ) from error
