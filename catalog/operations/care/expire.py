"""Expiring: the data of old commits is given up, and a record says so."""

import datetime
from collections.abc import Sequence

from catalog.care.expire import REFLOG_KEPT, Keeping, KeepPolicy, plan_expiry
from catalog.care.expired_data import TableExpiry, data_to_go
from catalog.dataclasses import dataclass
from catalog.errors import InvalidInput
from catalog.model.ages import age_text, given_age
from catalog.model.texts import listed
from catalog.operations.context import OperationContext
from catalog.operations.tables import unknown_table
from catalog.repository.expired import (
    LEAST_KEEP,
    ExpiryRecord,
    Policy,
    read_records,
    record,
    union,
)
from catalog.repository.roots import find_roots, unkept


@dataclass(frozen=True, slots=True)
class ExpiryReport:
    """What was expired, or would be.

    Attributes:
        dry_run: Whether nothing was recorded.
        commits: Ids of the commits whose data was given up now.
        expired_before: How many commits had expired already.
        kept: How many keep their data.
        oldest_kept: The id of the oldest of these, and its time; None if there is none.
        keeping: What keeps them.
        tags: Names of tags at expired commits, which were passed over.
        tables: In a dry run, what the next gc could free, by table.
        record: The path of the record; empty if there is none.
    """

    dry_run: bool
    commits: tuple[str, ...]
    expired_before: int
    kept: int
    oldest_kept: tuple[str, datetime.datetime] | None
    keeping: tuple[Keeping, ...]
    tags: tuple[str, ...] = ()
    tables: tuple[TableExpiry, ...] = ()
    record: str = ""

    @property
    def size_bytes(self) -> int:
        """Returns how many bytes the next gc could free, as far as ``tables`` says."""
        return sum(one.size_bytes for one in self.tables)


def expire(
    context: OperationContext,
    keep: "str | datetime.timedelta",
    *,
    keep_last: int = 1,
    keep_tags: bool = True,
    tables: Sequence[str] | None = None,
    dry_run: bool = False,
) -> ExpiryReport:
    """Gives up the data of old commits; see ``Catalog.expire``."""
    repository, now = context.repository, context.clock()
    policy = KeepPolicy(
        keep=_checked(given_age(keep, "keep")),
        keep_last=_positive(keep_last),
        keep_tags=keep_tags,
        tables=None if tables is None else _tables(context, listed(tables, "tables")),
    )
    known = read_records(repository.store)
    roots = find_roots(repository, since=now - REFLOG_KEPT)
    before = unkept(union(known.values()), roots)
    plan = plan_expiry(repository, policy, roots=roots, before=before, now=now)
    said = Policy(int(policy.keep.total_seconds()), policy.keep_last, policy.keep_tags)
    found = ExpiryRecord(now, context.author, said, plan.commits, plan.tags, policy.tables)
    figures: tuple[TableExpiry, ...] = ()
    path = ""
    if dry_run and plan.commits:
        after = unkept(union([*known.values(), found]), roots)
        figures = data_to_go(repository, plan, before=before, after=after)
    elif plan.commits:
        path = record(repository.store, found)
    oldest = plan.oldest_kept
    time = None if oldest is None else repository.commits.read(oldest).time
    return ExpiryReport(
        dry_run,
        plan.commits,
        len(plan.expired_before),
        len(plan.kept),
        None if oldest is None or time is None else (oldest, time),
        plan.reasons,
        plan.tags,
        figures,
        path,
    )


def _checked(keep: datetime.timedelta) -> datetime.timedelta:
    if keep < LEAST_KEEP:
        raise InvalidInput(
            f"keep is {age_text(keep)}, and data is kept for {age_text(LEAST_KEEP)} at least",
            hint="whoever writes or reads a commit today may go on with it",
        )
    return keep


def _positive(keep_last: int) -> int:
    if keep_last < 1:
        raise InvalidInput(
            f"keep_last is {keep_last}, and the newest commit of a branch always keeps its data",
            hint="give a number from 1 on",
        )
    return keep_last


def _tables(context: OperationContext, names: Sequence[str]) -> tuple[str, ...]:
    """Returns names of tables as branches spell them.

    Raises:
        NotFound: No branch has a table of that name.
    """
    commits = context.repository.commits
    heads = [one.commit_id for one in context.repository.branches.list() if one.commit_id]
    found = []
    for name in dict.fromkeys(names):
        entries = (commits.entry(head, name) for head in heads)
        entry = next((one for one in entries if one is not None), None)
        if entry is None:
            known = {one for head in heads for one in commits.entries(head)}
            raise unknown_table(name, "any branch", known)
        found.append(entry.name)
    return tuple(sorted(found))
