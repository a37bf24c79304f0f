"""Fingerprints of the files that an update adds: stored, and computed where they are missing."""

import os
from concurrent.futures import ThreadPoolExecutor

from catalog.diff.fingerprints.completing import Replaced, computed_whole
from catalog.diff.route import known_keys
from catalog.engine.connection import connect
from catalog.model.datafile import DataFile, Identity
from catalog.model.fingerprint import Fingerprint
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.datafiles import nearby, place
from catalog.repository.fingerprints import Fingerprints
from catalog.repository.repository import Repository
from catalog.write.files.writer import FreshPrints
from catalog.write.snapshot.key_check import count_bad_keys, key_warnings


def keep_prints(
    repository: Repository, update: TableUpdate, fresh: FreshPrints, *, warn: bool = True
) -> tuple[str, ...]:
    """Stores fingerprints for the files an update adds, computing those that are not ``fresh``.

    Returns:
        Warnings about keys that are NULL, or that several of the rows that come have.

    Raises:
        CorruptData: A file cannot be read.
    """
    table = update.snapshot
    if table is None or not update.added:
        return ()
    kept = Fingerprints(repository.store)
    replaced = Replaced(kept, update.removed, table.key)

    def one(file: DataFile) -> tuple[Identity, Fingerprint]:
        made = fresh.get((file.identity, table.key))
        if made is not None:
            kept.keep(file, table.key, made)
            return file.identity, made
        new = nearby(repository.store, file) is not None  # what was just sent was never read
        found = None if new else kept.read(file, table.key)
        if found is None or found.unread:
            found = computed_whole(repository, table, file, replaced=replaced, partial=found)
        return file.identity, found

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        prints = dict(pool.map(one, update.added))
    if not table.key or not warn:
        return ()
    counts = known_keys(update.added, prints)
    if counts is None:
        with connect(store=repository.store) as con:
            counts = count_bad_keys(con, update, lambda file: _place(repository, file))
    return key_warnings(update.name, table, counts)


def _place(repository: Repository, file: DataFile) -> str:
    return nearby(repository.store, file) or place(repository.store, file)
