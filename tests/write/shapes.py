"""Snapshots of a table's shape, by hand and at random: no store, no files."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from catalog.model.schema import Field, FileSchema, PhysicalColumn, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import DataType, Scalar

BIGINT, DOUBLE, TEXT = Scalar("BIGINT"), Scalar("DOUBLE"), Scalar("VARCHAR")


def written(table: TableSnapshot) -> TableSnapshot:
    """Adds the file schema of a file that holds today's columns, partition columns apart."""
    columns = tuple(
        PhysicalColumn(f.name, f.type, f.id)
        for f in table.schema.fields
        if f.id not in table.partition_by
    )
    schema = FileSchema(columns)
    return replace(table, file_schemas={**table.file_schemas, schema.id: schema})


def table(
    columns: Mapping[str, str | DataType],
    *,
    key: tuple[str, ...] = (),
    by: tuple[str, ...] = (),
    properties: Mapping[str, str] | None = None,
    table_id: str = "t",
) -> TableSnapshot:
    """Makes a table with ids from 1, and a file that holds its columns."""
    fields = tuple(
        Field(n, name, Scalar(kind) if isinstance(kind, str) else kind)
        for n, (name, kind) in enumerate(columns.items(), 1)
    )
    ids = {f.name: f.id for f in fields}
    return written(
        TableSnapshot(
            Schema(fields),
            len(fields),
            key=tuple(ids[n] for n in key),
            partition_by=tuple(ids[n] for n in by),
            properties=properties or {},
            table_id=table_id,
        )
    )


def add(old: TableSnapshot, name: str, kind: str, *, at: int | None = None) -> TableSnapshot:
    last = old.last_field_id + 1
    fields = list(old.schema.fields)
    fields.insert(len(fields) if at is None else at, Field(last, name, Scalar(kind)))
    return written(replace(old, schema=Schema(tuple(fields)), last_field_id=last))


def drop(old: TableSnapshot, name: str) -> TableSnapshot:
    gone = old.schema.named(name).id
    return replace(
        old,
        schema=Schema(tuple(f for f in old.schema.fields if f.id != gone)),
        key=tuple(i for i in old.key if i != gone),
        partition_by=tuple(i for i in old.partition_by if i != gone),
    )


def rename(old: TableSnapshot, **names: str) -> TableSnapshot:
    """Renames columns all at once, so that names can be exchanged."""
    fields = tuple(replace(f, name=names.get(f.name, f.name)) for f in old.schema.fields)
    return replace(old, schema=Schema(fields))


def retype(old: TableSnapshot, name: str, kind: str) -> TableSnapshot:
    fields = tuple(
        replace(f, type=Scalar(kind)) if f.name == name else f for f in old.schema.fields
    )
    return written(replace(old, schema=Schema(fields)))


def reorder(old: TableSnapshot, *names: str) -> TableSnapshot:
    return replace(old, schema=Schema(tuple(old.schema.named(n) for n in names)))


def keyed(old: TableSnapshot, *names: str) -> TableSnapshot:
    return replace(old, key=tuple(old.schema.named(n).id for n in names))


def partitioned(old: TableSnapshot, *names: str) -> TableSnapshot:
    return replace(old, partition_by=tuple(old.schema.named(n).id for n in names))


def shown(snapshot: TableSnapshot) -> tuple[str, ...]:
    """Gives the columns as ``name TYPE``, in order."""
    return tuple(f"{f.name} {f.type}" for f in snapshot.schema.fields)


KINDS = ("INTEGER", "BIGINT", "DOUBLE", "VARCHAR", "UTINYINT", "DECIMAL(9,2)", "NULL")
NAMES = ("a", "b", "c", "d", "A", "x", "y")


@dataclass(frozen=True, slots=True)
class Three:
    """A base and two sides that come from it, or were made apart from it."""

    base: TableSnapshot | None
    ours: TableSnapshot
    theirs: TableSnapshot


@st.composite
def tables(draw: st.DrawFn, table_id: str) -> TableSnapshot:
    names = draw(st.lists(st.sampled_from(NAMES[:5]), min_size=1, max_size=4, unique=True))
    made = table({name: draw(st.sampled_from(KINDS[:-1])) for name in names}, table_id=table_id)
    some = st.lists(st.sampled_from(names), max_size=2, unique=True)
    made = partitioned(keyed(made, *draw(some)), *names[: draw(st.integers(0, 1))])
    return replace(made, properties=draw(properties()))


def properties() -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(st.sampled_from(("p", "q")), st.sampled_from(("1", "2")))


@st.composite
def edited(draw: st.DrawFn, old: TableSnapshot, *, most: int = 5) -> TableSnapshot:
    """Changes a table step by step, as commits of a branch would."""
    for _ in range(draw(st.integers(0, most))):
        old = draw(_step(old))
    return old


@st.composite
def _step(draw: st.DrawFn, old: TableSnapshot) -> TableSnapshot:
    names = old.schema.names
    free = [name for name in NAMES if name not in names]
    words = ["key", "spec", "properties", "write"]
    words += ["drop", "rename", "reorder"] * 3 if len(names) > 1 else []
    words += ["add"] * 4 if free else []
    words += ["retype"] * 3
    one = draw(st.sampled_from(names))
    some = st.lists(st.sampled_from(names), max_size=2, unique=True)
    match draw(st.sampled_from(words)):
        case "add":
            kind = draw(st.sampled_from(KINDS))
            at = draw(st.integers(0, len(names)))
            added = add(old, draw(st.sampled_from(free)), kind, at=at)
            fields = tuple(
                replace(f, type=Scalar("INTEGER")) if f.type == Scalar("NULL") else f
                for f in added.schema.fields
            )
            return replace(added, schema=Schema(fields))
        case "drop":
            return drop(old, one)
        case "rename":
            new = draw(st.sampled_from(NAMES))
            return rename(old, **{new: one, one: new})
        case "retype":
            return retype(old, one, draw(st.sampled_from(KINDS[:-1])))
        case "reorder":
            return reorder(old, *draw(st.permutations(names)))
        case "key":
            return keyed(old, *draw(some))
        case "spec":
            return partitioned(old, *draw(some))
        case "properties":
            return replace(old, properties=draw(properties()))
    return written(old)


@st.composite
def threes(draw: st.DrawFn) -> Three:
    base = draw(tables("t"))
    sides = []
    for other in ("u", "v"):
        apart = draw(st.integers(0, 7)) == 0
        sides.append(draw(edited(draw(tables(other)) if apart else base)))
    return Three(base if draw(st.integers(0, 7)) else None, sides[0], sides[1])
