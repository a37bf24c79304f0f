"""Leaves edited in their columns hold what leaves written from rows do."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.model.commit import TableEntry
from catalog.model.datafile import ColumnStats, DataFile
from catalog.model.ids import content_id
from catalog.repository import columnar
from catalog.repository.manifest import DataFileRows
from catalog.repository.pack import Place
from catalog.repository.table_entries import PlacedEntry, TableRows
from catalog.repository.tree_edit import LeafRow, hashed_columns, kept_rows, place_columns

FILES = DataFileRows(1)
TABLES = TableRows()


def made_up(number: int, seed: int) -> DataFile:
    """Returns a file with some statistics, others than its neighbours have."""
    chance = random.Random(seed * 1000 + number)
    stats = {
        field: ColumnStats(
            chance.choice([None, 0, 3]),
            chance.choice([None, 0, 1]),
            chance.choice([None, b"", b"a"]),
            chance.choice([None, b"z"]),
            chance.random() < 0.5,
        )
        for field in chance.sample(range(1, 5), chance.randrange(4))
    }
    stats = {field: one for field, one in stats.items() if one != ColumnStats(exact=one.exact)}
    return DataFile(
        path=f"data/t/{number:05}.parquet",
        token=f"sha256:{seed}-{number}",
        size_bytes=number,
        rows=seed,
        partition=(chance.choice([None, b"", b"\x00p"]),),
        file_schema=content_id(b"%d" % chance.randrange(2)),
        guard=chance.choice([None, "1+2+3"]),
        stats=stats,
    )


SETS = st.sets(st.integers(0, 40), max_size=40)


class TestDataFiles:
    @pytest.mark.invariant(
        "The same content has the same root, whether edited or rebuilt, in any order"
    )
    @given(SETS, SETS, SETS, st.integers(0, 50))
    def test_edited_columns_are_those_of_the_rows(
        self, old: set[int], gone: set[int], come: set[int], seed: int
    ) -> None:
        before = {FILES.key(f): f for f in (made_up(n, seed) for n in old)}
        leaf = FILES.to_columns([f for _, f in sorted(before.items())]) if before else {}
        kept = {row.key: row for row in kept_rows(FILES, leaf)} if before else {}
        assert list(kept) == sorted(before)
        for file in (made_up(n, seed) for n in gone):
            kept.pop(FILES.key(file), None)
            before.pop(FILES.key(file), None)
        for file in (made_up(n, seed + 1) for n in come):
            kept[FILES.key(file)] = LeafRow(FILES.key(file), row=file)
            before[FILES.key(file)] = file
        if not before:
            return
        rows = [file for _, file in sorted(before.items())]
        expected = FILES.to_columns(rows)
        columns = hashed_columns(FILES, [row for _, row in sorted(kept.items())])
        assert columnar.node_id("files", columns) == columnar.node_id("files", expected)
        again = columnar.decode(columnar.encode(columns), "a leaf")
        assert columnar.node_id("files", again) == columnar.node_id("files", expected)
        assert FILES.from_columns(again) == rows == FILES.from_columns(columns)
        assert FILES.keys(again) == [FILES.key(row) for row in rows]
        assert FILES.summarise(again) == FILES.summarise(expected)
        assert FILES.summarise(again).rows == sum(row.rows for row in rows)


class TestTables:
    def entry(self, name: str, place: Place | None) -> PlacedEntry:
        return PlacedEntry(name, TableEntry(content_id(name.encode()), 3, 30, 1), place)

    def test_kept_entries_keep_their_places_and_new_ones_get_theirs(self) -> None:
        pack = content_id(b"pack")
        old = [self.entry(f"t{n}", Place(pack, n, 7)) for n in range(5)]
        leaf = {**TABLES.to_columns(old), **TABLES.places(old, {})}
        new = self.entry("t2a", None)
        rows = kept_rows(TABLES, leaf)
        edited = [*rows[:3], LeafRow(TABLES.key(new), row=new), rows[4]]
        placed = {new.entry.snapshot: Place(pack, 99, 8)}
        columns = {
            **hashed_columns(TABLES, edited),
            **place_columns(TABLES, edited, placed),
        }
        found = TABLES.from_columns(columns)
        assert [row.name for row in found] == ["t0", "t1", "t2", "t2a", "t4"]
        assert [row.place and row.place.offset for row in found] == [0, 1, 2, 99, 4]
