"""How much data only some commits need: what the next gc can free once they have expired."""

import hashlib
from collections import Counter

from catalog.care.expire import ExpiryPlan
from catalog.dataclasses import dataclass
from catalog.repository.expired import Expired
from catalog.repository.reachability import Leaf, Walk
from catalog.repository.repository import Repository


@dataclass(frozen=True, slots=True)
class TableExpiry:
    """What would go of a table.

    Attributes:
        table: The table, as the newest commit calls it that needs what would go.
        commits: How many of the commits that expire changed it.
        files: Data files that nothing else needs.
        contents: Contents of a file set that nothing else needs.
        size_bytes: How long they all are.
    """

    table: str
    commits: int
    files: int
    contents: int
    size_bytes: int


def data_to_go(
    repository: Repository, plan: ExpiryPlan, *, before: Expired, after: Expired
) -> tuple[TableExpiry, ...]:
    """Returns what only the commits need that are to expire, by table.

    It reads each node of their trees once, and keeps 8 bytes of each file's name.

    Args:
        repository: The stored objects.
        plan: What is to expire.
        before: What was expired already, without what roots keep.
        after: What will be expired then, without that.
    """
    stays, going = Walk(repository, expired=after), Walk(repository, expired=before)
    known: set[bytes] = set()
    for commit_id in (*plan.kept, *plan.expired_before, *plan.commits):
        for part in stays.parts(commit_id):
            if isinstance(part, Leaf):
                known.update(_name(path) for path in part.paths())
                known.update(_name(one.path) for one in stays.contents(part))
    files, contents, sizes = Counter[str](), Counter[str](), Counter[str]()
    for commit_id in plan.commits:
        for part in going.parts(commit_id):
            if not isinstance(part, Leaf):
                continue
            table = part.table.name
            for file in part.files():
                name = _name(file.path)
                if name not in known and file.guard is None:
                    known.add(name)
                    files[table] += 1
                    sizes[table] += file.size_bytes
            for one in going.contents(part):
                name = _name(one.path)
                if name not in known and one.kind == "blob":
                    known.add(name)
                    contents[table] += 1
                    sizes[table] += one.size_bytes or 0
    changed = Counter[str]()
    for commit_id in plan.commits:
        changed.update(list(repository.commits.read(commit_id).changes))
    return tuple(
        TableExpiry(table, changed[table], files[table], contents[table], sizes[table])
        for table in sorted(files.keys() | contents.keys())
    )


def _name(path: str) -> bytes:
    return hashlib.blake2b(path.encode(errors="surrogatepass"), digest_size=8).digest()
