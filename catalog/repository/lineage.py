"""Lineage as stored: entries of commits, and the nodes that hold what is long in them."""

from collections.abc import Mapping

from catalog.model.ids import is_id, parse_json
from catalog.model.lineage import LineageEntry, StoredLineage
from catalog.model.lineage_reading import lineage_entry
from catalog.repository.commits import Commits


def stored_lineage(commits: Commits, commit_id: str) -> dict[str, StoredLineage]:
    """Returns the lineage of a commit as stored, with what it has in nodes.

    Raises:
        CorruptData: A node is damaged.
    """
    lineage = commits.read(commit_id).lineage
    return {
        table: StoredLineage(entry, _detail(commits, commit_id, entry))
        for table, entry in lineage.items()
        if isinstance(entry, Mapping)
    }


def lineage_detail(commits: Commits, commit_id: str, table: str) -> LineageEntry | None:
    """Returns all that a commit recorded about where a table comes from; None if nothing.

    Raises:
        CorruptData: It is damaged.
    """
    entry = commits.read(commit_id).lineage.get(table)
    if entry is None:
        return None
    detail = _detail(commits, commit_id, entry)
    what = f"the lineage of table {table} in commit {commit_id[:8]}"
    return lineage_entry(entry, detail, what=what)


def _detail(commits: Commits, commit_id: str, entry: object) -> Mapping[str, object] | None:
    """Returns the content of the node that an entry points to.

    None if it points to none, or if an older release copied the entry into another commit and
    left the node behind: then its place is not known.
    """
    node = entry.get("detail") if isinstance(entry, Mapping) else None
    if not is_id(node):
        return None
    place = commits.nodes.places(commit_id).get(node)
    if place is None:
        return None
    return parse_json(commits.nodes.json(node, place).content, f"lineage in commit {commit_id[:8]}")
