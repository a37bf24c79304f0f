"""What checks found before: on which tables, and whether it still holds.

A result is that of a check as it was defined and of table snapshots, by their ids. It holds for
every commit with the same; where nothing failed, it also tells of the files that stayed.
"""

import datetime
from collections.abc import Iterable, Sequence

from catalog.dataclasses import dataclass, replace
from catalog.model.checks import CheckKind, TableCheck
from catalog.model.judgement import CheckResult
from catalog.operations.checks.listing import entry_of
from catalog.repository.commits import Commits, StoredTable


@dataclass(frozen=True, slots=True)
class KnownResult:
    """What a check found before.

    Attributes:
        commit_id: The commit on whose tables it ran, or which has the same.
        result: What it found.
        now: The moment it was judged at; None if that is not known.
        own: Whether this same operation found it, by functions that are still the same.
    """

    commit_id: str
    result: CheckResult
    now: datetime.datetime | None = None
    own: bool = False


class Earlier:
    """What was found before, for checks that are to run on a commit."""

    def __init__(
        self,
        commits: Commits,
        commit_id: str,
        known: Iterable[KnownResult],
        *,
        now: datetime.datetime,
    ) -> None:
        self._commits = commits
        self._commit_id = commit_id
        self._now = now
        self._known: dict[tuple[str, str], list[KnownResult]] = {}
        for one in known:
            key = one.result.table.casefold(), one.result.digest
            self._known.setdefault(key, []).append(one)

    def _of(self, one: TableCheck) -> Sequence[KnownResult]:
        return self._known.get((one.table.casefold(), one.digest), ())

    def reused(self, one: TableCheck) -> CheckResult | None:
        """Returns what a check found on the same tables, None if nobody knows.

        What depends on the clock or on chance is taken over from the same moment only.
        """
        for known in self._of(one) if one.check is not None else ():
            result = known.result
            if result.status == "broken" or not result.reads:
                continue
            if known.now != self._now and self._is_changing(one):
                continue
            if not known.own and result.kind == CheckKind.PYTHON:
                continue
            if all(self._snapshot(name) == is_there for name, is_there in result.reads.items()):
                return replace(result, table=one.table, check=one.name, allowed="", elapsed_ms=0)
        return None

    def table(self, one: TableCheck) -> StoredTable | None:
        """Returns the table of a check as it was when no failure was found in it.

        Other tables that the check reads are those that it read then. None if nobody knows.
        """
        if one.check is None or not self._of(one) or self._is_changing(one):
            return None
        for known in self._of(one):
            result = known.result
            if result.failures != 0 or result.status != "passed":
                continue
            reads = {name.casefold(): found for name, found in result.reads.items()}
            own = reads.pop(one.table.casefold(), None)
            entry = entry_of(self._commits, known.commit_id, one.table)
            same = all(self._snapshot(name) == found for name, found in reads.items())
            if same and own is not None and entry is not None and entry.entry.snapshot == own:
                return self._commits.table(entry)
        return None

    def _snapshot(self, name: str) -> str | None:
        entry = entry_of(self._commits, self._commit_id, name)
        return None if entry is None else entry.entry.snapshot

    def _is_changing(self, one: TableCheck) -> bool:
        from catalog.flow.checks.binding import changing_words

        return one.check is None or bool(changing_words(one.check))
