"""Garbage collection of an open catalog."""

import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from catalog.care.gc.record import GcRecord, records, removed_paths
from catalog.model.ages import given_age
from catalog.operations.context import OperationContext

if TYPE_CHECKING:
    from catalog.care.gc.run import GcReport

GcProgress: TypeAlias = Callable[[str, int], None]
"""Takes what is being done, and how many of it."""


def collect_garbage(
    context: OperationContext,
    *,
    grace: str | datetime.timedelta,
    reflog: str | datetime.timedelta,
    dry_run: bool,
    alone: bool,
    progress: GcProgress | None = None,
) -> "GcReport":
    """Collects garbage; see ``Catalog.gc``."""
    from catalog.care.gc.run import GarbageCollection, GcRequest

    request = GcRequest(
        given_age(grace, "grace"), given_age(reflog, "reflog"), dry_run=dry_run, alone=alone
    )
    collection = GarbageCollection(
        context.repository,
        request,
        who=context.author,
        now=context.clock(),
        progress=progress or (lambda what, count: None),
    )
    return collection.run()


def garbage_log(context: OperationContext) -> list[GcRecord]:
    """Returns what garbage collections did, the latest first."""
    return records(context.repository.store)


def garbage_removed(context: OperationContext, record_id: str) -> list[str]:
    """Returns the paths of what a garbage collection removed, or was about to."""
    return list(removed_paths(context.repository.store, record_id))


def withdraw_lists(context: OperationContext) -> int:
    """Withdraws what is listed and not yet being removed; returns how many lists."""
    from catalog.care.gc.run import withdraw

    return withdraw(context.repository)
