"""Fingerprints of the files that an update adds, and what they say of their keys."""

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from catalog.dataclasses import dataclass
from catalog.diff.fingerprints.claims import unproved
from catalog.diff.fingerprints.completing import Replaced, TakenFrom, computed_whole
from catalog.diff.fingerprints.gathering import Gathering
from catalog.diff.fingerprints.key_repeats import no_key_repeats
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.diff.fingerprints.row_completing import complete_row_digests
from catalog.diff.fingerprints.row_rule import Prints, has_row_digests
from catalog.diff.route import known_keys
from catalog.engine.connection import borrowed, single_row
from catalog.engine.relation import prepare, relation_sql
from catalog.model.datafile import DataFile, Identity
from catalog.model.fingerprint import Fingerprint
from catalog.model.scan_plan import scan_plan
from catalog.model.table import TableSnapshot
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.datafiles import local_path, nearby, place
from catalog.repository.fingerprints import Fingerprints
from catalog.repository.repository import Repository
from catalog.storage.external_files import is_remote
from catalog.storage.store import KeepsCopies, ObjectStore
from catalog.threads import Threads
from catalog.write.context import FreshKeys, FreshPrints


@dataclass(frozen=True, slots=True)
class KeptPrints:
    """The fingerprints of the files that an update adds.

    Attributes:
        warnings: About keys that are NULL, or that several of the rows that come have.
        bad_keys: How many of these rows have NULL in their key, and how many share one; None if
            nobody looked.
    """

    prints: Mapping[Identity, Fingerprint]
    warnings: tuple[str, ...]
    bad_keys: tuple[int, int] | None = None


def keep_prints(
    repository: Repository,
    update: TableUpdate,
    fresh: FreshPrints,
    *,
    keys: FreshKeys | None = None,
    warn: bool = True,
    prints: Prints = "now",
    sources: Mapping[str, TakenFrom] = MappingProxyType({}),
) -> KeptPrints:
    """Stores fingerprints for the files an update adds, computing those that are not ``fresh``.

    Args:
        repository: Where they are stored.
        update: The update.
        fresh: Fingerprints of files that were just written.
        keys: What stands for the keys of some of them.
        warn: Whether to look at keys.
        prints: Which files get digests of their rows.
        sources: Where files are read that are not in the catalog yet, by their paths there.

    Raises:
        CorruptData: A file cannot be read.
    """
    table, store = update.snapshot, repository.store
    if table is None or not update.added:
        return KeptPrints({}, ())
    kept, gathering = Fingerprints(store), Gathering(store, table, update.added, sources=sources)
    replaced = Replaced(kept, update.removed, table.key)

    def one(file: DataFile) -> tuple[Identity, Fingerprint]:
        source, made = sources.get(file.path), fresh.get((file.identity, table.key))
        if made is not None:
            kept.keep(file, table.key, made)
            return file.identity, made
        found = None if _is_new(store, file, source) else kept.read(file, table.key)
        with_rows = has_row_digests(table, file, prints)
        if found is None or found.unread or (source and unproved(found, source.claims)):
            found = computed_whole(
                repository,
                table,
                file,
                replaced=replaced,
                partial=found,
                with_rows=with_rows,
                taken_from=source,
                gathered=gathering.name(file),
            )
        elif source is None and with_rows:
            complete_row_digests(store, table, file)
        gathering.add(file, found)
        return file.identity, found

    with Threads(os.cpu_count() or 1) as pool:
        found = dict(pool.map(one, update.added))
    gathering.keep()
    if not table.key or not warn:
        return KeptPrints(found, ())
    counts = _bad_keys(store, update.added, table, sources=sources, prints=found, keys=keys)
    return KeptPrints(found, key_warnings(update.name, table, counts), counts)


def _is_new(store: ObjectStore, file: DataFile, source: TakenFrom | None) -> bool:
    """Returns whether a file goes into a bucket just now, so that it was never read."""
    copied = source is not None and source.is_copy and isinstance(store, KeepsCopies)
    return copied or nearby(store, file) is not None


def _bad_keys(
    store: ObjectStore,
    files: Sequence[DataFile],
    table: TableSnapshot,
    *,
    sources: Mapping[str, TakenFrom],
    prints: Mapping[Identity, Fingerprint],
    keys: FreshKeys | None,
) -> tuple[int, int]:
    """Counts the rows of files with NULL in their key, and those with duplicate keys."""
    known = known_keys(files, prints)
    if known is not None:
        return known
    nulls, local = 0, []
    for file in files:
        record = prints[file.identity].key
        source = sources.get(file.path)
        path = local_path(store, file) if source is None else source.uri
        if record is None or record.duplicates or path is None or is_remote(path):
            break
        nulls += record.nulls
        local.append((path, KeyedFile(table, file, table.key)))
    if len(local) == len(files) and no_key_repeats(local, keys or {}):
        return nulls, 0
    return _count_bad_keys(store, files, table, sources=sources)


def _count_bad_keys(
    store: ObjectStore,
    files: Sequence[DataFile],
    table: TableSnapshot,
    *,
    sources: Mapping[str, TakenFrom],
) -> tuple[int, int]:
    """Counts the same by reading all keys."""

    def located(file: DataFile) -> str:
        if file.path in sources:
            return sources[file.path].uri
        return nearby(store, file) or place(store, file)

    plan = scan_plan(
        table,
        files,
        locate=located,
        columns=table.key,
        naming="id",
    )
    columns = [f"c{field_id}" for field_id in table.key]
    missing = " OR ".join(f"{column} IS NULL" for column in columns)
    with borrowed(store=store) as con:
        nulls, duplicates = single_row(
            con,
            f"SELECT coalesce(sum(n) FILTER (WHERE {missing}), 0), "
            "coalesce(sum(n) FILTER (WHERE n > 1), 0) FROM (SELECT "
            f"{', '.join(columns)}, count(*) AS n FROM {prepare(con, relation_sql(plan))} "
            "GROUP BY ALL)",
        )
    return int(nulls), int(duplicates)


def key_warnings(name: str, table: TableSnapshot, counts: tuple[int, int]) -> tuple[str, ...]:
    """Returns warnings about rows with NULL in their key, and with duplicate keys."""
    nulls, duplicates = counts
    key = ", ".join(table.key_names)
    warnings = []
    if nulls:
        rows = "1 row" if nulls == 1 else f"{nulls:,} rows"
        verb = "has" if nulls == 1 else "have"
        warnings.append(f"{rows} of {name} {verb} NULL in the key ({key})")
    if duplicates:
        warnings.append(f"{duplicates:,} rows of {name} share their key ({key})")
    return tuple(warnings)
