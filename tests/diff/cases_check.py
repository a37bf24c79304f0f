"""What the product says about a pair, and where its counts differ from the oracle's."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

import catalog
from catalog.engine.executor import Executor
from tests.diff.cases_pair import Pair, Side, expected, oracle_tables, write
from tests.oracle import Diff, Table

Json = dict[str, Any]
TABLE = "t"


@dataclass(frozen=True, slots=True)
class Answer:
    """What both answer: the product's counts and rows, the oracle's diff and tables.

    Attributes:
        pair: What was asked.
        json: The JSON form of the diff that counts only.
        json_with_rows: The JSON form of the diff that lists rows, too.
        rows: The changed rows.
        oracle: What the oracle says.
        from_: The earlier version, as the oracle takes it.
        to: The later version, as the oracle takes it.
    """

    pair: Pair
    json: Json
    json_with_rows: Json
    rows: pa.Table
    oracle: Diff
    from_: Table
    to: Table


def ask(pair: Pair, folder: Path, executor: Executor | None = None) -> Answer:
    """Writes and snapshots both versions, then diffs them in the product and the oracle."""
    before, after = write(pair.before, folder / "before"), write(pair.after, folder / "after")
    lake = catalog.create(str(folder / "lake"))
    first = snapshot(lake, pair.before, before)
    assert first is not None, "the first snapshot made no commit"
    second = snapshot(lake, pair.after, after) or first
    options: dict[str, Any] = {"tolerance": dict(pair.tolerance)} if pair.tolerance else {}
    if pair.key is not None:
        options["key"] = list(pair.key)
    if pair.columns is not None:
        options["columns"] = list(pair.columns)
    lake.context = replace(lake.context, executor=executor)
    counted = lake.diff(first, second, tables=[TABLE], **options)
    from_, to = oracle_tables(pair, before, after)
    with lake.diff(first, second, tables=[TABLE], level="rows", **options) as listed:
        rows, json = listed[TABLE].changes().read_all(), json_of(listed)
    return Answer(pair, json_of(counted), json, rows, expected(pair, from_, to), from_, to)


def json_of(result: Any) -> Json:
    """Picks the table from the JSON form of a diff."""
    return next(entry for entry in result.to_dict()["tables"] if entry["table"] == TABLE)


def snapshot(lake: Any, side: Side, folder: Path) -> str | None:
    """Snapshots one version and gives the commit id, or None if nothing changed."""
    contents = [c[0] if isinstance(c, tuple) else c for c in side.files.values()]
    empty = {} if any(table.num_rows for table in contents) else {"allow_empty": True}
    key = {"key": list(side.key)} if side.key else {}
    with lake.transaction("main", message=f"version in {folder.name}") as tx:
        tx.snapshot(TABLE, str(folder), **key, **empty)
    return None if tx.commit is None else cast(str, tx.commit.id)


def count_differences(answer: Answer) -> list[str]:
    """Lists every count of the product that is not the oracle's."""
    json, oracle, found = answer.json, answer.oracle, list[str]()

    def expect(what: str, got: object, wanted: object) -> None:
        if got != wanted:
            found.append(f"{what}: product {got!r}, oracle {wanted!r}")

    rows = asdict(oracle.rows)
    for count in ("inserted", "deleted", "updated", "moved"):
        expect(f"rows.{count}", json["rows"][count], rows[count])
    expect("rows.from", json["rows"]["from"], oracle.rows.from_)
    expect("rows.to", json["rows"]["to"], oracle.rows.to)
    expect("key", tuple(json["key"] or ()), oracle.key)
    if oracle.key:
        problems = json["key_problems"]
        expect("null keys", _sides(problems["null"]), _pick(oracle, "null"))
        expect("duplicate keys", _sides(problems["duplicate"]), _pick(oracle, "duplicate"))
    found += _cell_differences(answer)
    if not answer.pair.any_partition:
        found += _partition_differences(answer)
    if answer.pair.columns is None:
        expect("schema changes", _schema_of(answer), _schema_of_oracle(answer))
    changed = any(json["rows"][c] for c in ("inserted", "deleted", "updated"))
    if changed:
        expect("status", json["status"], "modified")
    for part in ("rows", "columns", "partitions", "key_problems"):
        expect(f"{part} of the diff with rows", answer.json_with_rows[part], json[part])
    return found


def _sides(counts: Mapping[str, int]) -> tuple[int, int]:
    return counts["from"], counts["to"]


def _pick(oracle: Diff, what: str) -> tuple[int, int]:
    problems = asdict(oracle.key_problems)
    return problems[f"{what}_from"], problems[f"{what}_to"]


def _cell_differences(answer: Answer) -> list[str]:
    kinds = ("changed", "filled", "cleared", "corrected", "within_tolerance")
    wanted = {name: asdict(cells) for name, cells in answer.oracle.columns.items()}
    for name, filled in answer.oracle.added.items():
        if answer.pair.columns is None:
            wanted[name] = {"filled": filled}
    said = {entry["column"]: entry for entry in answer.json["columns"]}
    if answer.pair.columns is not None:
        said = {name: entry for name, entry in said.items() if name not in answer.oracle.added}
    found = []
    for name in sorted(wanted.keys() | said.keys()):
        for kind in kinds:
            got = said.get(name, {}).get(kind) or 0
            should = wanted.get(name, {}).get(kind, 0)
            if got != should:
                found.append(f"columns[{name!r}].{kind}: product {got}, oracle {should}")
    return found


def _partition_differences(answer: Answer) -> list[str]:
    kinds = ("inserted", "deleted", "updated", "filled", "cleared", "corrected")
    wanted = {
        frozenset(partition): tuple(asdict(counts)[kind] for kind in kinds)
        for partition, counts in answer.oracle.partitions.items()
    }
    said = {
        frozenset((name, _json_text(value)) for name, value in entry["partition"].items()): tuple(
            entry[kind] for kind in kinds
        )
        for entry in answer.json["partitions"]
        if any(entry[kind] for kind in kinds)
    }
    if not answer.from_.partition_by and not answer.to.partition_by and not said:
        return []
    return [
        f"partition {dict(name)}: product {said.get(name)}, oracle {wanted.get(name)}"
        for name in wanted.keys() | said.keys()
        if said.get(name) != wanted.get(name)
    ]


def _json_text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


Change = tuple[str, str | None, bool | None, object, object]


def _schema_of(answer: Answer) -> Counter[Change]:
    return Counter(
        _schema_change(entry["change"], entry.get("column"), entry.get("compared"), entry)
        for entry in answer.json["schema_changes"]
        if entry.get("column") not in answer.pair.loose_types
    )


def _schema_of_oracle(answer: Answer) -> Counter[Change]:
    return Counter(
        _schema_change(c.change, c.column, c.compared, {"from": c.from_, "to": c.to})
        for c in answer.oracle.schema_changes
        if c.column not in answer.pair.loose_types
    )


def _schema_change(
    change: str, column: str | None, compared: bool | None, types: Mapping[str, object]
) -> Change:
    if change == "type_changed":
        return change, column, compared, types["from"], types["to"]
    if change in ("key_changed", "partitioning_changed"):
        return change, None, None, None, None
    return change, column, None, None, None
