"""SQL that writes on a branch: all statements in one commit, and what they changed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.dataclasses import dataclass, replace
from catalog.report.figures import plain, short
from cli.output import stderr, stdout
from cli.output.csv_style import PLAIN, CsvStyle
from cli.output.listing import FORMAT_VERSION, picked
from cli.output.results import ResultFormat
from cli.output.values import json_text, unique_names
from cli.sql.run import rows_of, running, write_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog.operations.transaction import CatalogTransaction
    from catalog.query.pending_write import WriteResult


@dataclass(frozen=True, slots=True)
class TableOutcome:
    """What the statements together did to a table."""

    table: str
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    done: tuple[str, ...] = ()


def run_on_branch(
    tx: "CatalogTransaction",
    query: str,
    *,
    how: ResultFormat,
    target: Path | None,
    style: CsvStyle = PLAIN,
) -> None:
    """Runs statements in a transaction, commits it, and prints what changed.

    Rows of the last statement, if it has any, go where rows of queries go; what changed then
    goes to stderr, or into the same JSON.

    Raises:
        CatalogError: A statement is not valid, or failed; nothing is committed.
    """
    from catalog.query.pending_write import WriteResult

    with running(query, tx.interrupt), stderr.Progress("sql:") as progress, tx:
        progress(what=f"running, to commit on {plain(tx.branch)}")
        results = [] if tx.is_repeated else tx.run(query)
        reader = rows_of(results[-1], how) if results else None
        answer = None if reader is None else reader.read_all()
    written = [one for one in results if isinstance(one, WriteResult)]
    for text in dict.fromkeys(text for one in written for text in one.warnings):
        stderr.warning(text)
    changes = _by_table(written)
    if how is ResultFormat.JSON and target is None:
        _write_json(tx, changes, answer=answer)
        return
    if answer is not None:
        write_rows(answer.to_reader(), how, target, style=style)
    say = stdout.line if answer is None else stderr.note
    for line in _lines(tx, changes):
        say(line)


def _by_table(written: "Sequence[WriteResult]") -> list[TableOutcome]:
    changes: dict[str, TableOutcome] = {}
    for one in written:
        known = changes.get(one.table, TableOutcome(one.table))
        changes[one.table] = replace(
            known,
            inserted=known.inserted + one.inserted,
            updated=known.updated + one.updated,
            deleted=known.deleted + one.deleted,
            done=(*known.done, one.statement),
        )
    return list(changes.values())


def _lines(tx: "CatalogTransaction", changes: Sequence[TableOutcome]) -> Sequence[str]:
    branch, commit = tx.branch, tx.commit
    if tx.is_repeated and commit is not None:
        return [f"committed before as {short(commit.id)}: {plain(commit.message)}"]
    wide = max((len(change.table) for change in changes), default=0)
    lines = [f"{plain(change.table):<{wide}}  {_said(change)}" for change in changes]
    if commit is None:
        return [*lines, "nothing changed, no commit"]
    return [*lines, f"{branch} is now {short(commit.id)}: {plain(commit.message)}"]


def _said(change: TableOutcome) -> str:
    numbers = picked(change, "inserted", "updated", "deleted")
    counts = [f"{number:,} {word}" for word, number in numbers.items() if number]
    shapes = [word for word in dict.fromkeys(change.done) if word in _SHAPED]
    shaped = ", ".join(_SHAPED[word] for word in shapes)
    rows_said = f"rows: {', '.join(counts)}" if counts else ""
    return "; ".join(part for part in (shaped, rows_said) if part) or "0 rows changed"


_SHAPED = {"create": "created", "alter": "altered", "drop": "dropped"}
"""What statements that are not about rows alone do to a table."""


def _write_json(
    tx: "CatalogTransaction", changes: Sequence[TableOutcome], *, answer: "pa.Table | None"
) -> None:
    tables = [
        {
            "table": change.table,
            "statements": list(change.done),
            **picked(change, "inserted", "updated", "deleted"),
        }
        for change in changes
    ]
    names = None if answer is None else unique_names(answer.column_names)
    whole = {
        "format_version": FORMAT_VERSION,
        "branch": tx.branch,
        "commit": None if tx.commit is None else tx.commit.id,
        "repeated": tx.is_repeated,
        "tables": tables,
        "columns": names,
    }
    parts = (f"{json_text(key)}: {json_text(value)}" for key, value in whole.items())
    stdout.write("{" + ",\n ".join(parts) + ',\n "rows": ')
    if answer is None or names is None:
        stdout.line("null}")
        return
    from cli.output.text_rows import json_form, write_rows

    stdout.write("[")
    write_rows(answer.to_batches(), json_form(names, between=", "), stdout.data_bytes)
    stdout.line("]}")
