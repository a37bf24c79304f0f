"""Branches published as a DuckDB database of views: one file, which is replaced whole.

Who opens it sees the views of one commit, and goes on seeing them until the file is opened again.
The file says whose it is in a view, ``parquetry.publication``. It is found by its text, without
DuckDB: a tool that has the file open may not let others open it.
"""

import mmap
import os
from collections.abc import Sequence

from catalog.engine.views import are_views_only
from catalog.errors import AlreadyExists, ErrorKind, InvalidInput, StorageFailure
from catalog.model.commit import time_text
from catalog.model.ids import canonical_json, content_id
from catalog.model.texts import path_text
from catalog.operations.context import OperationContext
from catalog.operations.publication.line import branch_head
from catalog.operations.publication.report import PublishedTable, PublishReport
from catalog.operations.views import write_views_at
from catalog.repository.resolve import ResolvedRef
from catalog.storage.external_files import is_remote

MAX_MOVES = 20
"""How often the branch may move while its views are written, before that is given up."""


def publish_views(
    context: OperationContext,
    branch: str,
    target: str,
    *,
    tables: Sequence[str] | None,
    again: bool,
) -> PublishReport:
    """Has a database show the tables of a branch as they are now; see ``Catalog.publish``."""
    path = os.path.abspath(path_text(target, "the target"))
    if is_remote(target):
        raise InvalidInput(
            f"{target} is not a local file, which a database of views must be",
            hint="publish to a file, and copy it",
        )
    origin = _origin(context, branch)
    _check_ours(context, path, origin)
    for _ in range(MAX_MOVES):
        head = branch_head(context, branch)
        names = sorted(context.repository.commits.entries(head)) if tables is None else tables
        stamp = f"{origin}:{head}:{content_id(canonical_json(list(names)))}"
        is_new = again or not _has_text(path, stamp)
        if is_new:
            _write(context, path, head, names=names, stamp=stamp)
        again = False
        if branch_head(context, branch) == head:
            return _report(context, branch, path, head=head, names=names, is_new=is_new)
    raise StorageFailure(
        f"gave up after {MAX_MOVES} attempts: branch {branch!r} was moved each time",
        kind=ErrorKind.TOO_MANY_RACES,
        hint="run it again",
    )


def _origin(context: OperationContext, branch: str) -> str:
    return f"parquetry publication:{context.repository.info.catalog_id}:{branch}"


def _write(
    context: OperationContext, path: str, head: str, *, names: Sequence[str], stamp: str
) -> None:
    commit = context.repository.commits.read(head)
    about = {
        "commit": head,
        "time": time_text(commit.time),
        "message": commit.message,
        # twice, so that one is in one piece: DuckDB cuts what it writes every 4 kB
        "stamp": stamp,
        "stamp_again": stamp,
    }
    write_views_at(context, path, ResolvedRef(head, head), tables=names, about=about)


def _check_ours(context: OperationContext, path: str, origin: str) -> None:
    """Checks that a file may be replaced: it is not there, ours, or of views over our files.

    Raises:
        AlreadyExists: It is something else.
    """
    if not os.path.lexists(path) or _has_text(path, f"{origin}:"):
        return
    others = _has_text(path, "parquetry publication:")
    location = context.repository.store.location
    if not others and os.path.isfile(path) and are_views_only(path, over=location):
        return
    what = "the publication of another branch or catalog" if others else "not a database of views"
    raise AlreadyExists(
        f"{path} is {what}",
        kind=ErrorKind.FOREIGN_TARGET,
        hint="publish to another file, or remove this one",
    )


def _has_text(path: str, text: str) -> bool:
    """Returns whether a file has a text in it."""
    if not os.path.isfile(path):  # a pipe would never end
        return False
    try:
        with (
            open(path, "rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            return content.find(text.encode()) >= 0
    except (FileNotFoundError, ValueError):  # the last if it is empty
        return False


def _report(
    context: OperationContext,
    branch: str,
    path: str,
    *,
    head: str,
    names: Sequence[str],
    is_new: bool,
) -> PublishReport:
    entries = context.repository.commits.entries(head)
    shown = tuple(
        PublishedTable(
            name,
            path,
            versions=int(is_new),
            version=0,
            commit=head,
            rows=entries[name].entry.rows,
            files_shared=entries[name].entry.files if is_new else 0,
            files_rewritten=0,
        )
        for name in names
    )
    return PublishReport(branch, head, "duckdb", path, shown)
