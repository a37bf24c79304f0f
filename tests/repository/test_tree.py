import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import CorruptData
from catalog.model.datafile import ColumnStats, DataFile
from catalog.model.ids import canonical_json, content_id
from catalog.repository import tree as tree_module
from catalog.repository.manifest import DataFileRows
from catalog.repository.nodes import NodeReader, PackBuilder
from catalog.repository.pack import pack_path
from catalog.repository.tree import Root, TreeReader, TreeWriter
from catalog.repository.tree_diff import differences
from catalog.repository.tree_edit import edit
from tests.effort import effort
from tests.storage.memory import MemoryStore

KIND = DataFileRows(1)
SCHEMA = content_id(b"schema")


def entry(number: int, version: int = 0) -> DataFile:
    return DataFile(
        path=f"data/t/{number:05d}.parquet",
        token=f"sha256:{content_id(b'%d-%d' % (number, version))}",
        size_bytes=number,
        rows=1,
        partition=(None if number % 7 == 0 else (number // 10).to_bytes(3, "big"),),
        file_schema=SCHEMA,
        stats={1: ColumnStats(0, None, b"%d" % number, b"%d" % number, True)},
    )


class Forest:
    """Commits trees into packs of one store and reads them back."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.nodes = NodeReader(self.store)
        self.reader = TreeReader(KIND, self.nodes)
        self.packs = 0

    def save(self, root: Root | None, pack: PackBuilder) -> tuple[Root | None, int]:
        self.packs += 1
        content = canonical_json({"pack": self.packs})
        pointed = [] if root is None else [root.id]
        known = {} if root is None or root.place is None else {root.id: root.place}
        data = pack.build(content, known, pointed)
        self.store.create(pack_path(content_id(content)), data)
        if root is None:
            return None, len(data)
        place = self.nodes.head(content_id(content)).places[root.id]
        return Root(root.id, root.levels, place), len(data)

    def build(self, state: dict[int, int]) -> Root | None:
        pack = PackBuilder()
        rows = sorted((entry(n, v) for n, v in state.items()), key=KIND.key)
        return self.save(TreeWriter(KIND, pack).build(rows), pack)[0]

    def edit(self, root: Root | None, edits: dict[int, int | None]) -> Root | None:
        pack = PackBuilder()
        rows = {KIND.key(entry(n)): None if v is None else entry(n, v) for n, v in edits.items()}
        return self.save(edit(self.reader, root, rows, pack), pack)[0]

    def rows(self, root: Root | None) -> list[DataFile]:
        return [row for leaf in self.reader.leaves(root) for row in self.reader.rows(leaf)]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tree_module, "MIN_ROWS", 2)
    monkeypatch.setattr(tree_module, "MAX_ROWS", 9)
    monkeypatch.setattr(tree_module, "BOUNDARY", (1 << 32) // 3)
    yield


numbers = st.integers(0, 400)
states = st.dictionaries(numbers, st.integers(0, 2), max_size=250)
changes = st.dictionaries(numbers, st.none() | st.integers(0, 3), max_size=60)


def identity(root: Root | None) -> tuple[str, int] | None:
    return None if root is None else (root.id, root.levels)


@pytest.mark.usefixtures("small_chunks")
class TestEdits:
    @pytest.mark.invariant(
        "The same content has the same root, whether edited or rebuilt, in any order"
    )
    @settings(max_examples=effort(120, 1200))
    @given(state=states, steps=st.lists(changes, min_size=1, max_size=4))
    def test_an_edited_tree_is_the_tree_built_anew(
        self, state: dict[int, int], steps: list[dict[int, int | None]]
    ) -> None:
        forest = Forest()
        root = forest.build(state)
        for step in steps:
            before, old = dict(state), root
            root = forest.edit(root, step)
            for number, version in step.items():
                if version is None:
                    state.pop(number, None)
                else:
                    state[number] = version
            expected = sorted((entry(n, v) for n, v in state.items()), key=KIND.key)
            assert forest.rows(root) == expected
            assert identity(root) == identity(forest.build(state))
            found = differences(forest.reader, old, root)
            assert {f.token for f in found.removed} == tokens(before) - tokens(state)
            assert {f.token for f in found.added} == tokens(state) - tokens(before)

    def test_an_edit_that_changes_nothing_writes_no_node(self) -> None:
        forest = Forest()
        root = forest.build(dict.fromkeys(range(300), 0))
        pack = PackBuilder()
        same = edit(forest.reader, root, {KIND.key(entry(5)): entry(5, 0)}, pack)
        assert identity(same) == identity(root)
        assert pack.build(b"{}", {}, []) == PackBuilder().build(b"{}", {}, [])

    def test_a_tree_that_loses_all_rows_is_none(self) -> None:
        forest = Forest()
        root = forest.build(dict.fromkeys(range(300), 0))
        assert forest.edit(root, dict.fromkeys(range(300))) is None

    def test_scan_starts_at_a_key(self) -> None:
        forest = Forest()
        root = forest.build(dict.fromkeys(range(200), 0))
        rows = forest.rows(root)
        for start in (0, 1, 57, 199):
            assert list(forest.reader.scan(root, KIND.key(rows[start]))) == rows[start:]

    def test_leaves_outside_a_partition_range_are_not_visited(self) -> None:
        forest = Forest()
        root = forest.build(dict.fromkeys(range(400), 0))
        sought = (17).to_bytes(3, "big")

        def wanted(summary: object) -> bool:
            (bounds,) = summary.ranges  # type: ignore[attr-defined]
            return bounds.low is not None and bounds.low <= sought <= bounds.high

        leaves = list(forest.reader.leaves(root, wanted))
        found = [r for leaf in leaves for r in forest.reader.rows(leaf)]
        assert {n for n in range(170, 180) if n % 7} <= {f.size_bytes for f in found}
        assert len(leaves) < 8


def tokens(state: dict[int, int]) -> set[str]:
    return {entry(n, v).token for n, v in state.items()}


def test_one_changed_file_of_many_writes_few_bytes() -> None:
    forest = Forest()
    root = forest.build(dict.fromkeys(range(20000), 0))
    pack = PackBuilder()
    number = random.Random(7).randrange(20_000)
    key = KIND.key(entry(number))
    _, size = forest.save(edit(forest.reader, root, {key: entry(number, 1)}, pack), pack)
    assert root is not None
    assert root.levels >= 3
    assert size < 60_000


def test_a_node_whose_bytes_changed_is_refused() -> None:
    forest = Forest()
    root = forest.build(dict.fromkeys(range(50), 0))
    assert root is not None
    assert root.place is not None
    path = pack_path(root.place.pack)
    data = bytearray(forest.store.read(path).data)
    at = forest.nodes.head(root.place.pack).body_offset + root.place.offset + root.place.length
    data[at - 30] ^= 1
    forest.store.put(path, bytes(data))
    fresh = TreeReader(KIND, NodeReader(forest.store))
    with pytest.raises(CorruptData):
        list(fresh.rows(root.top))
