"""A diff as the renderers take it: typed values read from its JSON form, format version 1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# The JSON form is a contract of its own, so this one module may walk through it untyped.
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sides:
    """Holds a number before and after; None where it was not counted."""

    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class ColumnSide:
    """Describes a column on one side: min, max and sum in DuckDB's text form."""

    nulls: int | None
    low: str | None
    high: str | None
    mean: float | None
    total: str | None


@dataclass(frozen=True, slots=True)
class Example:
    """Is a change of value that a column saw.

    Attributes:
        before: The value before, None for NULL.
        after: The value after, None for NULL.
        count: In how many rows; None if that was not counted.
        key: Key columns with their values in one such row.
    """

    before: str | None
    after: str | None
    count: int | None
    key: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class ColumnView:
    """Describes what happened to the cells of one column."""

    name: str
    changed: int
    filled: int
    cleared: int
    corrected: int
    within_tolerance: int
    before: ColumnSide
    after: ColumnSide
    covered: Sides
    examples: tuple[Example, ...] = ()

    @property
    def touched(self) -> bool:
        """Tells whether there is anything to say about the column."""
        return bool(self.changed or self.filled or self.within_tolerance)


@dataclass(frozen=True, slots=True)
class PartitionView:
    """Counts what happened in one partition; its values are None for NULL."""

    values: tuple[tuple[str, str | None], ...]
    inserted: int
    deleted: int
    updated: int
    filled: int
    cleared: int
    corrected: int

    @property
    def rows_changed(self) -> int:
        """Returns how many rows changed."""
        return self.inserted + self.deleted + self.updated

    @property
    def name(self) -> str:
        """Returns the values as they stand in paths: ``day=2024-01-01/region=eu``."""
        return "/".join(f"{k}={'NULL' if v is None else v}" for k, v in self.values)


@dataclass(frozen=True, slots=True)
class SchemaChangeView:
    """Is one difference of the schemas, its sides in text form."""

    change: str
    column: str | None
    before: str | None
    after: str | None
    compared: bool


@dataclass(frozen=True, slots=True)
class TableView:
    """Describes what happened to one table; row counts are None if no row was compared."""

    name: str
    status: str
    key: tuple[str, ...]
    null_keys: Sides
    duplicate_keys: Sides
    schema_changes: tuple[SchemaChangeView, ...]
    rows: Sides
    inserted: int | None
    deleted: int | None
    updated: int | None
    moved: int | None
    columns: tuple[ColumnView, ...]
    partitions: tuple[PartitionView, ...]
    partitions_compared: int
    partitions_skipped: int
    files_added: int
    files_removed: int
    files_kept: int
    bytes_read: int
    warnings: tuple[str, ...] = ()

    @property
    def compared(self) -> bool:
        """Tells whether rows were compared, not metadata alone."""
        return self.updated is not None

    @property
    def differs(self) -> bool:
        """Tells whether the table differs: in rows or schema, or if unread, in files."""
        if self.status in ("added", "removed") or self.schema_changes:
            return True
        if not self.compared:
            return self.status != "unchanged"
        return bool(self.inserted or self.deleted or self.updated)


@dataclass(frozen=True, slots=True)
class DiffView:
    """Describes what happened between two refs."""

    from_ref: str
    from_commit: str
    to_ref: str
    to_commit: str
    tables: tuple[TableView, ...]

    @property
    def differs(self) -> bool:
        """Tells whether any table differs."""
        return any(table.differs for table in self.tables)


def read_diff(
    stored: Json,
    *,
    examples: Mapping[str, Mapping[str, tuple[Example, ...]]] | None = None,
    warnings: Mapping[str, Sequence[str]] | None = None,
) -> DiffView:
    """Reads the JSON form of a diff.

    Args:
        stored: The JSON form.
        examples: By table and column, examples of changed values.
        warnings: By table, what the user should know.
    """
    shown, said = examples or {}, warnings or {}
    return DiffView(
        from_ref=stored["from"]["ref"],
        from_commit=stored["from"]["commit"],
        to_ref=stored["to"]["ref"],
        to_commit=stored["to"]["commit"],
        tables=tuple(
            _table(one, shown.get(one["table"], {}), said.get(one["table"], ()))
            for one in stored["tables"]
        ),
    )


def _table(
    stored: Json, examples: Mapping[str, tuple[Example, ...]], warnings: Sequence[str]
) -> TableView:
    rows, files = stored["rows"], stored["files"]
    problems = stored.get("key_problems") or {}
    return TableView(
        name=stored["table"],
        status=stored["status"],
        key=tuple(stored["key"] or ()),
        null_keys=_sides(problems.get("null")),
        duplicate_keys=_sides(problems.get("duplicate")),
        schema_changes=tuple(_schema_change(one) for one in stored["schema_changes"] or ()),
        rows=_sides(rows),
        inserted=rows["inserted"],
        deleted=rows["deleted"],
        updated=rows["updated"],
        moved=rows["moved"],
        columns=tuple(
            _column(one, examples.get(one["column"], ())) for one in stored["columns"] or ()
        ),
        partitions=tuple(_partition(one) for one in stored["partitions"] or ()),
        partitions_compared=stored["partitions_compared"] or 0,
        partitions_skipped=stored["partitions_skipped"] or 0,
        files_added=files["added"],
        files_removed=files["removed"],
        files_kept=files["kept"],
        bytes_read=files.get("bytes_read") or 0,
        warnings=tuple(warnings),
    )


def _sides(stored: Json | None) -> Sides:
    return Sides(None, None) if stored is None else Sides(stored["from"], stored["to"])


def _schema_change(stored: Json) -> SchemaChangeView:
    return SchemaChangeView(
        stored["change"],
        stored.get("column"),
        _joined(stored.get("from")),
        _joined(stored.get("to")),
        stored.get("compared", True),
    )


def _joined(value: object) -> str | None:
    """Returns a side of a schema change: a type, or the names of several columns."""
    if value is None:
        return None
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(one) for one in value)
    return str(value)


def _column(stored: Json, examples: tuple[Example, ...]) -> ColumnView:
    return ColumnView(
        name=stored["column"],
        changed=stored["changed"] or 0,
        filled=stored["filled"] or 0,
        cleared=stored["cleared"] or 0,
        corrected=stored["corrected"] or 0,
        within_tolerance=stored.get("within_tolerance") or 0,
        before=_column_side(stored.get("from")),
        after=_column_side(stored.get("to")),
        covered=_sides(stored.get("rows_covered")),
        examples=examples,
    )


def _column_side(stored: Json | None) -> ColumnSide:
    found = stored or {}
    return ColumnSide(
        found.get("nulls"), found.get("min"), found.get("max"), found.get("mean"), found.get("sum")
    )


def _partition(stored: Json) -> PartitionView:
    kinds = ("inserted", "deleted", "updated", "filled", "cleared", "corrected")
    return PartitionView(tuple(stored["partition"].items()), *(stored[kind] or 0 for kind in kinds))
