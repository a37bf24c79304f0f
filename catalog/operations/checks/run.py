"""Running checks on a commit."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from catalog.model.checks import TableCheck
from catalog.model.judgement import CheckResult
from catalog.operations.context import OperationContext

if TYPE_CHECKING:
    import pyarrow as pa

EXAMPLES = 5
"""Rows that are shown of a check that fails, unless another number is asked for."""


class PythonChecks(Protocol):
    """Runs checks of the kind ``python``."""

    def run(
        self, context: OperationContext, commit_id: str, one: TableCheck, *, examples: int
    ) -> CheckResult:
        """Runs a check on a commit; what cannot be run is a result with the status ``broken``."""

    def failing_rows(
        self, context: OperationContext, commit_id: str, one: TableCheck, *, limit: int | None
    ) -> "pa.Table":
        """Returns the rows that fail a check."""


@dataclass(frozen=True, slots=True)
class KnownResult:
    """What a check found before, on a commit that is still there."""

    commit_id: str
    result: CheckResult


def run_checks(
    context: OperationContext,
    commit_id: str,
    wanted: Sequence[TableCheck],
    *,
    now: datetime.datetime,
    examples: int = EXAMPLES,
    known: Sequence[KnownResult] = (),
    python: PythonChecks | None = None,
) -> list[CheckResult]:
    """Runs checks on the tables of a commit, which no branch need point at.

    Tables that checks name are those of the same commit. A check that cannot be run, since its
    column or its table is gone or its SQL fails, is a result with the status ``broken``.

    Args:
        context: The open catalog.
        commit_id: The commit.
        wanted: The checks.
        now: The moment that ``freshness`` is relative to.
        examples: How many rows to show of a check that fails.
        known: Results that were found before. One of the same check on the same table snapshots
            is taken over; after one without failures, only files that are new since are read
            where that is proved to find the same.
        python: What runs Python checks; without, they are broken.

    Returns:
        A result for each check, in order.

    Raises:
        CorruptData: A data file is damaged or missing.
        StorageFailure: The storage failed.
    """
    raise NotImplementedError


def tables_read(context: OperationContext, commit_id: str, one: TableCheck) -> Mapping[str, str]:
    """Returns the ids of the table snapshots of a commit that a check reads, by table.

    A table that is not there is left out. No data file is opened.
    """
    raise NotImplementedError
