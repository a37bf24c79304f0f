"""What ``diff`` is asked for, and how the answer is written where it lists no rows."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cli.diff.markdown import render_markdown
from cli.diff.text import header, render_diff, title
from cli.diff.view import DiffView, Example, TableView, read_diff
from cli.diff.words import schema_line
from cli.output import stdout
from cli.output.figures import counted, grouped, plain
from cli.output.listing import FORMAT_VERSION
from cli.output.paint import Paint
from cli.output.results import text_target
from cli.output.values import text
from cli.specs import pair
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.diff.result import Diff
    from catalog.model.listings import FileInfo

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
BINARY_UNITS = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """Holds what a diff is asked for.

    Attributes:
        tables: The tables; none means all that changed.
        key: Columns to match rows by; None means the tables' own.
        columns: Columns to compare; none means all.
        tolerance: By column, an absolute number or one in percent.
        change: Which rows to list; None means all kinds.
        where: SQL that rows to list must meet.
        limit: How many rows to list; -1 means all, None what the format usually takes.
        check_keys: Whether to look for bad keys in all rows.
        full_stats: Whether statistics cover all rows.
        method: ``auto`` or ``join``.
        narrow: Whether rows show their key and the columns that changed, not all.
        threads: Threads; None means all.
        memory_limit_bytes: Memory; None means what the catalog takes.
    """

    tables: tuple[str, ...] = ()
    key: tuple[str, ...] | None = None
    columns: tuple[str, ...] = ()
    tolerance: Mapping[str, str] = field(default_factory=dict)
    change: str | None = None
    where: str | None = None
    limit: int | None = None
    check_keys: bool = False
    full_stats: bool = False
    method: str = "auto"
    narrow: bool = False
    threads: int | None = None
    memory_limit_bytes: int | None = None


def tolerances(texts: Sequence[str]) -> dict[str, str]:
    """Reads ``COL=X`` options.

    Raises:
        UsageError: One has another form.
    """
    form = "--tolerance COL=X"
    return dict(pair(one, form, "--tolerance amount=0.01 or amount=1%") for one in texts)


def memory_bytes(written: str) -> int:
    """Reads a size such as ``2GB`` or ``512MiB``.

    Raises:
        UsageError: It is none.
    """
    match = _SIZE.fullmatch(written.strip())
    if match is None:
        raise UsageError(f"{written!r} is no size", hint="e.g. --memory-limit 2GB")
    units = BINARY_UNITS if match[3] else UNITS
    return int(float(match[1]) * units.get(match[2].lower(), 1))


def view_of(result: "Diff") -> DiffView:
    """Returns a diff as the renderers take it."""
    stored = result.to_dict()
    names = [one["table"] for one in stored["tables"]]
    return read_diff(
        stored,
        examples={name: _examples(result, name) for name in names},
        warnings={name: tuple(result[name].warnings) for name in names},
    )


def _examples(result: "Diff", table: str) -> dict[str, tuple[Example, ...]]:
    found: dict[str, list[Example]] = {}
    for one in result[table].examples:
        key = tuple((name, text(value)) for name, value in one.key.items())
        example = Example(text(one.before), text(one.after), one.count, key)
        found.setdefault(one.column, []).append(example)
    return {column: tuple(examples) for column, examples in found.items()}


def write_picture(view: DiffView, target: Path | None) -> None:
    """Writes a diff as text."""
    paint = Paint(target is None and stdout.has_colour())
    _write_lines(render_diff(view, width=stdout.width(), paint=paint), target)


def write_markdown(view: DiffView, target: Path | None) -> None:
    """Writes a diff as Markdown."""
    _write_lines(render_markdown(view), target)


def write_json(result: "Diff", target: Path | None) -> None:
    """Writes a diff in its JSON form."""
    _write_lines([json.dumps(result.to_dict(), indent=2, ensure_ascii=False)], target)


def write_schema(view: DiffView, target: Path | None) -> None:
    """Writes the schema changes of a diff as text."""
    lines = [header(view)]
    for table in view.tables:
        if table.schema_changes or table.status in ("added", "removed"):
            lines += ["", title(table)]
            lines += [f"  {schema_line(change)}" for change in table.schema_changes]
    if len(lines) == 1:
        lines += ["", "no schema differs"]
    _write_lines(lines, target)


def write_files(cat: "Catalog", view: DiffView, target: Path | None, *, as_json: bool) -> None:
    """Writes the data files that a diff is about: those added, and those removed."""
    found = {table.name: _files(cat, view, table) for table in view.tables}
    if as_json:
        tables = [
            {
                "table": name,
                "added": [_file_json(file) for file in added],
                "removed": [_file_json(file) for file in removed],
            }
            for name, (added, removed) in found.items()
        ]
        whole = {
            "format_version": FORMAT_VERSION,
            "from": {"ref": view.from_ref, "commit": view.from_commit},
            "to": {"ref": view.to_ref, "commit": view.to_commit},
            "tables": tables,
        }
        _write_lines([json.dumps(whole, indent=2, ensure_ascii=False)], target)
        return
    lines = [header(view)]
    for table in view.tables:
        added, removed = found[table.name]
        kept = counted(table.files_kept, "file")
        lines += ["", title(table)]
        lines += [f"  - {_file_line(file)}" for file in removed]
        lines += [f"  + {_file_line(file)}" for file in added]
        lines.append(f"  {kept} kept")
    _write_lines(lines, target)


def _files(
    cat: "Catalog", view: DiffView, table: TableView
) -> "tuple[list[FileInfo], list[FileInfo]]":
    before = [] if table.status == "added" else cat.files(table.name, view.from_commit)
    after = [] if table.status == "removed" else cat.files(table.name, view.to_commit)
    left, right = ({_identity(file) for file in side} for side in (before, after))
    added = [file for file in after if _identity(file) not in left]
    return added, [file for file in before if _identity(file) not in right]


def _identity(file: "FileInfo") -> tuple[str, tuple[tuple[str, str | None], ...]]:
    return file.token, tuple(file.partition.items())


def _file_line(file: "FileInfo") -> str:
    return f"{plain(file.path)}  {grouped(str(file.rows))} rows"


def _file_json(file: "FileInfo") -> dict[str, object]:
    return {
        "path": file.path,
        "uri": file.uri,
        "rows": file.rows,
        "size_bytes": file.size_bytes,
        "partition": dict(file.partition),
        "token": file.token,
    }


def _write_lines(lines: Sequence[str], target: Path | None) -> None:
    with text_target(target) as write:
        for line in lines:
            write(line + "\n")
