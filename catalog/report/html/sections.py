"""The sections of a page: one table each, with all that is known of it."""

from collections.abc import Iterable, Iterator

from catalog.dataclasses import dataclass, replace
from catalog.diff.plan import SchemaChange
from catalog.diff.view import DiffView, TableView
from catalog.report.figures import count, counted, plain
from catalog.report.file_words import HEADER, every_file
from catalog.report.html.columns import NOTE_WIDTH, ColumnSection, column_grid, column_sections
from catalog.report.html.grids import Cell, Column, Grid, first_rows, limited, named, value
from catalog.report.html.overview import in_order, status_word
from catalog.report.html.partitions import PartitionSection, partition_section
from catalog.report.html.rows import sample_grid
from catalog.report.picture.segments import segment_text
from catalog.report.words import facts, partitions_line, problems

MOST_FILES = 500
"""Files that are listed of a file set."""

MOST_SCHEMA_CHANGES = 400
"""Schema changes that are listed of a table."""


@dataclass(frozen=True, slots=True)
class Section:
    """What a page says of one table.

    Attributes:
        name: The table's name as it is.
        title: Its name as it is shown.
        place: Its id on the page.
        status: What happened to it, in a word.
        facts: What happened to rows, columns and files, each with its name.
        problems: What to know before trusting the counts.
        common: What changed rows have in common, and columns that look renamed.
        schema: The schema changes.
        columns: What happened to the cells of each column.
        details: More of the columns that changed most.
        partitions: Which partitions changed.
        sample: Some of the changed rows.
        files: What happened to files, if it is a file set.
    """

    name: str
    title: str
    place: str
    status: str
    facts: tuple[tuple[str, str], ...]
    problems: tuple[str, ...] = ()
    common: tuple[str, ...] = ()
    schema: Grid | None = None
    columns: Grid | None = None
    details: tuple[ColumnSection, ...] = ()
    partitions: PartitionSection | None = None
    sample: Grid | None = None
    files: Grid | None = None


def sections(diff: DiffView) -> list[Section]:
    """Returns the sections of a page, those of tables that changed most first."""
    return [_section(table, n) for n, table in enumerate(in_order(diff), 1)]


def leaner(section: Section) -> Iterator[Section]:
    """Yields a section with less and less in it, for pages without room for all."""
    section = replace(section, sample=first_rows(section.sample), files=first_rows(section.files))
    if section.partitions is not None:
        fewer = replace(section.partitions, grid=first_rows(section.partitions.grid))
        section = replace(section, partitions=fewer)
    yield section
    columns, schema = first_rows(section.columns), first_rows(section.schema)
    section = replace(section, columns=columns, schema=schema, details=section.details[:3])
    yield section
    yield replace(section, sample=None, partitions=None, details=())


def _section(table: TableView, place: int) -> Section:
    return Section(
        name=table.name,
        title=plain(table.name),
        place=f"table-{place}",
        status=status_word(table),
        facts=tuple(_facts(table)),
        problems=tuple(problems(table)),
        common=tuple(_common(table)),
        schema=_schema(table),
        columns=None if table.files is not None else column_grid(table),
        details=() if table.files is not None else column_sections(table, f"table-{place}"),
        partitions=partition_section(table),
        sample=sample_grid(table),
        files=_files(table),
    )


def _facts(table: TableView) -> Iterable[tuple[str, str]]:
    """Yields what happened to a table, but for its schema, which has a table of its own."""
    yield "key", ", ".join(map(plain, table.key)) or "none: rows are compared whole"
    yield from (fact for fact in facts(table) if fact[0] != "schema")
    if table.compared and table.status == "modified" and table.partitions and table.files is None:
        yield "partitions", partitions_line(table)


def _common(table: TableView) -> Iterable[str]:
    """Yields what changed rows have in common, and which columns look renamed."""
    for one in table.segments:
        yield f"{one.change} rows: {segment_text(one, NOTE_WIDTH)}"
    for renaming in table.renamings:
        equal, every = count(renaming.equal), counted(renaming.out_of, "row")
        names = f"{plain(renaming.before)} → {plain(renaming.after)}"
        yield f"{names} looks like a column renamed: equal in {equal} of {every}"


def _schema(table: TableView) -> Grid | None:
    if not table.schema_changes:
        return None
    every = [_schema_row(change) for change in table.schema_changes]
    rows, note = limited(every, MOST_SCHEMA_CHANGES, "changes")
    head = (Column("change"), Column("column"), Column("before"), Column("after"), Column("cells"))
    return Grid("Schema changes", head, rows, note)


def _schema_row(change: SchemaChange) -> tuple[Cell, ...]:
    return (
        Cell(change.change.replace("_", " ")),
        named(change.column or ""),
        Cell(value=value(change.before)) if change.before is not None else Cell(),
        Cell(value=value(change.after)) if change.after is not None else Cell(),
        Cell("compared" if change.compared else "not compared"),
    )


def _files(table: TableView) -> Grid | None:
    if table.files is None:
        return None
    every = [tuple(Cell(text) for text in row) for row in every_file(table.files)]
    if not every:
        return None
    rows, note = limited(every, MOST_FILES, "files")
    head = tuple(Column(name, right=n > 1) for n, name in enumerate(HEADER))
    return Grid("Files that changed", head, rows, note, searched="files")
