"""Decided rows put into the files of one side: found where they are, replaced or taken out."""

from collections.abc import Sequence

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData, ErrorKind
from catalog.hints import Call, hint
from catalog.model.datafile import DataFile
from catalog.write.conditions import all_same, any_cell_differs, any_differs
from catalog.write.files.rewrite import FileEdit, rewrite_files
from catalog.write.files.writer import DataWriter
from catalog.write.merge.merged_schema import Side
from catalog.write.merge.space import MergeSpace


def apply_rows(
    space: MergeSpace,
    writer: DataWriter,
    *,
    side: Side,
    where: str,
    files: Sequence[DataFile],
) -> FileEdit:
    """Rewrites the files of one side so that they hold what was decided.

    The condition ``where`` holds if the row which the side has of a decision is in these files.
    Rows that come into a partition in which the side has none of their key are not written here;
    see ``new_rows``.

    Raises:
        CorruptData: A row that a side must have is in none of its files.
    """
    before = ", ".join(f"{side}_c{i} AS old_c{i}" for i in space.ids)
    after = ", ".join(f"merged_c{i} AS new_c{i}" for i in space.ids)
    differs = any_cell_differs(f"{side}_c", "merged_c", space.shape.schema.fields)
    # id  gone   old_c1  old_c2  new_c1  new_c2
    # 1   false  1       a       1       z         updated where it is
    # 2   true   2       b       2       b         deleted, or moved to another partition
    wanted = space.create(
        "wanted",
        "SELECT row_number() OVER () AS id, "
        f"NOT merged_here OR {_moves(space, side)} AS gone, {before}, {after} "
        f"FROM {space.decisions} "
        f"WHERE {side}_here AND ({where}) AND (NOT merged_here OR {differs})",
    )
    columns = ", ".join(f"new_c{i} AS c{i}" for i in space.ids)
    hits = space.create(
        "hits",
        f"SELECT 0 AS file, 0::BIGINT AS place, gone, id, {columns} FROM {wanted} WHERE false",
    )
    if space.count(wanted):
        _Search(space, files, wanted, hits).run()
    change = rewrite_files(writer, files, hits)
    space.drop("wanted", "hits")
    return change


def new_rows(space: MergeSpace, starts: str) -> str:
    """Makes a table of the rows that no file of the side they go to has yet, columns ``c<id>``.

    The condition ``starts``, on ``merged_…``, holds where a row's partition starts from theirs'
    files.
    """
    ours, theirs = (f"{side}_here AND NOT ({_moves(space, side)})" for side in ("ours", "theirs"))
    columns = ", ".join(f"merged_c{i} AS c{i}" for i in space.ids)
    return space.create(
        "new_rows",
        f"SELECT {columns} FROM {space.decisions} "
        f"WHERE merged_here AND NOT CASE WHEN {starts} THEN {theirs} ELSE {ours} END",
    )


def _moves(space: MergeSpace, side: str) -> str:
    """Returns the condition that the merged row is in another partition than the side's."""
    return any_differs(f"{side}_c", "merged_c", space.shape.partition_by)


@dataclass(frozen=True, slots=True)
class _Search:
    """Finds in which file, and where in it, each wanted row is.

    A key finds its row if the files have it once. Rows whose key the files have several times,
    and those without a key, are recognised by all of their columns, copy by copy. If wanted row
    7 is the fourth row of the second file, ``hits`` gets

        file  place  gone   id  c1  c2
        1     3      false  7   1   z

    Attributes:
        wanted: The table of wanted rows: ``id``, ``gone``, ``old_c…``, ``new_c…``.
        hits: The table that ``rewrite_files`` takes.
    """

    space: MergeSpace
    files: Sequence[DataFile]
    wanted: str
    hits: str

    def run(self) -> None:
        """Fills ``hits``.

        Raises:
            CorruptData: A wanted row is in none of the files.
        """
        space = self.space
        if space.shape.key:
            self._by_key()
        else:
            self._by_content(f"(FROM {self.wanted})")
        missing = space.count(self.wanted) - space.count(f"(SELECT DISTINCT id FROM {self.hits})")
        if missing:
            raise CorruptData(
                f"{missing} rows of table {space.table} are not in the files that must hold them",
                kind=ErrorKind.ROWS_MISSING,
                hint=hint(
                    "the table's files differ from what its commits recorded; see {}", Call("log")
                ),
            )

    def _by_key(self) -> None:
        space, key = self.space, self.space.shape.key
        asked, found = self._asked(key, self.wanted), space.named("found")
        space.con.execute(f"CREATE TABLE {found} (id BIGINT, file INTEGER, place BIGINT)")
        for number, file in enumerate(self.files):
            rows = space.rows([file], key, numbered=True)
            space.con.execute(
                f"INSERT INTO {found} SELECT w.id, {number}, f.place "
                f"FROM (SELECT place, {space.comparing(key)} FROM {rows}) f "
                f"JOIN {asked} w ON {all_same('f.v', 'w.v', key)}"
            )
        several = space.create(
            "several",
            "SELECT DISTINCT id FROM (SELECT id, "
            "count(*) OVER (PARTITION BY id) AS places, "
            f"count(*) OVER (PARTITION BY file, place) AS ids FROM {found}) "
            "WHERE places > 1 OR ids > 1",
        )
        self._hit(f"(SELECT id, file, place FROM {found} WHERE id NOT IN (FROM {several}))")
        if space.count(several):
            self._by_content(f"(FROM {self.wanted} WHERE id IN (FROM {several}))")
        space.drop("found", "several")

    def _by_content(self, some: str) -> None:
        """Finds some wanted rows by all of their columns, as many copies of each as are wanted."""
        if not self.files:
            return
        space, ids = self.space, self.space.ids
        values, asked = space.comparing(ids), self._asked(ids, some)
        places = space.create(
            "places",
            f"SELECT 0 AS file, 0::BIGINT AS place, {values} "
            f"FROM {space.rows(self.files[:1], ids, numbered=True)} WHERE false",
        )
        for number, file in enumerate(self.files):
            rows = space.rows([file], ids, numbered=True)
            space.con.execute(
                f"INSERT INTO {places} SELECT f.* "
                f"FROM (SELECT {number} AS file, place, {values} FROM {rows}) f "
                f"SEMI JOIN {asked} w ON {all_same('f.v', 'w.v', ids)}"
            )
        listed = ", ".join(f"v{i}" for i in ids)
        copies = f"row_number() OVER (PARTITION BY {listed} ORDER BY"
        self._hit(
            f"(SELECT a.id, f.file, f.place FROM "
            f"(SELECT *, {copies} file, place) AS copy FROM {places}) f "
            f"JOIN (SELECT *, {copies} id) AS copy FROM {asked}) a "
            f"ON {all_same('f.v', 'a.v', ids)} AND f.copy = a.copy)"
        )
        space.drop("places")

    def _asked(self, ids: Sequence[int], some: str) -> str:
        """Returns SQL of wanted rows' old values, in the form in which they compare."""
        old = ", ".join(f"old_c{i} AS c{i}" for i in ids)
        return f"(SELECT id, {self.space.comparing(ids)} FROM (SELECT id, {old} FROM {some}))"

    def _hit(self, found: str) -> None:
        """Notes places of wanted rows, with what the rows become."""
        new = ", ".join(f"w.new_c{i} AS c{i}" for i in self.space.ids)
        self.space.con.execute(
            f"INSERT INTO {self.hits} SELECT f.file, f.place, w.gone, w.id, {new} "
            f"FROM {found} f JOIN {self.wanted} w ON w.id = f.id"
        )
