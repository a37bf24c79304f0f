"""What the checks of tables found: ``cat.check(…)``."""

import datetime
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from catalog.dataclasses import dataclass, field
from catalog.errors import ErrorKind, InvalidInput, NotFound
from catalog.model.checks import TableCheck
from catalog.model.judgement import CheckResult
from catalog.operations.checks.listing import checks_at
from catalog.operations.checks.run import EXAMPLES, failing_rows, run_checks
from catalog.operations.context import OperationContext

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from catalog.flow.checks.reading import Scan


@dataclass(frozen=True, slots=True)
class CheckReport(Sequence[CheckResult]):
    """The results of the checks of tables, by table and name.

    Attributes:
        ref: The ref, as it was given.
        commit: The commit that it meant.
        now: The moment that ``freshness`` is relative to.
        results: A result for each check.
        scans: Which data files were read.
    """

    ref: str
    commit: str
    now: datetime.datetime
    results: tuple[CheckResult, ...]
    scans: "tuple[Scan, ...]"
    _checks: tuple[TableCheck, ...] = field(repr=False)
    _context: OperationContext = field(repr=False, compare=False)

    @property
    def passed(self) -> bool:
        """Returns whether no check failed or could not be run; warnings are no failures."""
        return not any(one.refuses for one in self.results)

    @property
    def counts(self) -> dict[str, int]:
        """Returns how many checks passed, warned, failed, and could not be run."""
        found = Counter(one.status for one in self.results)
        return {status: found[status] for status in ("passed", "warned", "failed", "broken")}

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[CheckResult]:
        return iter(self.results)

    def __getitem__(self, name: object) -> CheckResult:  # type: ignore[override]
        """Returns a result by its place, or by ``table.check``.

        Raises:
            NotFound: No check of that name was run.
        """
        if isinstance(name, int):
            return self.results[name]
        return self.results[self._place(str(name))]

    def failing_rows(self, name: str, *, limit: int | None = None) -> "pa.Table":
        """Returns the rows that fail a check, in the order of the table's key.

        They have the key of the table and the columns of the check, or all columns where there is
        no key, or the key itself is not unique; those of an sql check are what its SELECT gives.
        Of ``row_count`` and ``freshness`` no single row is wrong.

        Args:
            name: The check, as ``table.check``.
            limit: Most rows; None for all.

        Raises:
            NotFound: No check of that name was run.
            InvalidInput: The check cannot be run.
        """
        if limit is not None and (isinstance(limit, bool) or limit < 0):
            raise InvalidInput(f"limit must be a number of rows or None, not {limit!r}")
        one = self._checks[self._place(name)]
        with failing_rows(self._context, self.commit, one, limit=limit) as reader:
            return reader.read_all()

    def to_dict(self) -> dict[str, object]:
        """Returns the JSON form, as ``check --json`` prints it."""
        return {
            "ref": self.ref,
            "commit": self.commit,
            "now": self.now.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z"),
            "passed": self.passed,
            "counts": self.counts,
            "checks": [
                {**result.to_json(), **_definition(one)}
                for result, one in zip(self.results, self._checks, strict=True)
            ],
            "scans": [
                {
                    "table": scan.table,
                    "columns": list(scan.columns),
                    "files": scan.files,
                    "size_bytes": scan.size_bytes,
                }
                for scan in self.scans
            ],
        }

    def _place(self, name: str) -> int:
        for at, one in enumerate(self._checks):
            if one.full_name == name:
                return at
        named = ", ".join(one.full_name for one in self._checks[:20])
        raise NotFound(
            f"no check {name!r} was run",
            kind=ErrorKind.CHECK_NOT_FOUND,
            hint=f"those that were are {named}" if named else "",
        )


def _definition(one: TableCheck) -> dict[str, object]:
    if one.check is None:
        return {"severity": None, "where": None, "error_if": None, "warn_if": None}
    check = one.check
    return {
        "severity": str(check.severity),
        "where": check.where or None,
        "error_if": check.error_if,
        "warn_if": check.warn_if,
    }


def check_tables(
    context: OperationContext,
    ref: str,
    *,
    tables: Sequence[str] | None = None,
    now: datetime.datetime | None = None,
    examples: int = EXAMPLES,
    progress: "Callable[[int, int, str], None] | None" = None,
) -> CheckReport:
    """Runs the checks of tables at a ref; see ``CatalogChecker.check``.

    Args:
        context: The open catalog.
        ref: The ref.
        tables: The tables; None means all that have checks.
        now: The moment that ``freshness`` is relative to; None is now.
        examples: How many rows to show of a check that fails.
        progress: Called after each check with how many are done, how many there are, and its name.

    Raises:
        NotFound: There is no such table or ref.
        InvalidInput: ``now`` has no time zone.
    """
    moment = context.clock() if now is None else now
    if not isinstance(moment, datetime.datetime) or moment.tzinfo is None:
        raise InvalidInput(f"now must be a moment with a time zone, not {now!r}")
    if isinstance(examples, bool) or not isinstance(examples, int) or examples < 0:
        raise InvalidInput(f"examples must be a number of rows, not {examples!r}")
    at = context.resolve(ref)
    wanted = checks_at(context.repository, at, tables=tables)
    scans: list[Scan] = []

    def told(done: int, name: str) -> None:
        if progress is not None:
            progress(done, len(wanted), name)

    results = run_checks(
        context,
        at.commit_id,
        wanted,
        now=moment,
        examples=examples,
        progress=told,
        scans=scans,
    )
    return CheckReport(
        ref, at.commit_id, moment, tuple(results), tuple(scans), tuple(wanted), context
    )
