"""Tables to which both sides of a merge gave names of their own: one table would be there twice."""

from collections.abc import Iterable, Iterator

from catalog.repository.commits import Commits
from catalog.write.merge.ends import Ends


def named_otherwise(
    commits: Commits, ends: Ends, *, coming: Iterable[str], gone: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Yields tables of theirs that ours has, too, under another name, and that name.

    Args:
        commits: The commits.
        ends: What is merged.
        coming: The names of tables that are new in ours.
        gone: The names of tables that go.
    """
    ids = {_table_id(commits, name, ends.theirs): name for name in coming}
    if not ids:
        return
    left = set(gone)
    for name, (was, now) in commits.changed_entries(ends.base, ends.ours).items():
        if was is None and now is not None and name not in left:
            theirs = ids.get(commits.table(now).snapshot.table_id)
            if theirs is not None:
                yield theirs, name


def _table_id(commits: Commits, name: str, commit_id: str) -> str | None:
    entry = commits.entry(commit_id, name)
    return None if entry is None else commits.table(entry).snapshot.table_id
