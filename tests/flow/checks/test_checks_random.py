"""Random checks of random tables against plain Python, in full and after a change."""

import datetime
import itertools
import random
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog.catalog import Catalog
from catalog.model.checks import Check, CheckKind, Severity, TableCheck, is_met, table_check
from catalog.model.judgement import CheckResult
from catalog.operations.checks.known import KnownResult
from catalog.operations.checks.run import failing_rows, run_checks
from tests.effort import effort
from tests.flow.checks.oracle import WHERE, failing_ids, failures

NOW = datetime.datetime(2024, 1, 5, tzinfo=datetime.UTC)

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("k", pa.int64()),
        ("f", pa.float64()),
        ("t", pa.string()),
        ("d", pa.date32()),
        ("n", pa.decimal128(6, 2)),
        ("p", pa.int32()),
    ]
)

FLOATS = [None, float("nan"), -0.0, 0.0, 0.5, 1.0, float("inf"), float("-inf")]

BOUNDS = {
    "k": [0, 1, "2.5", -(10**30), 10**30, 3],
    "f": [0, "0.5", 1, "-1e300"],
    "n": ["0.005", "1.5", 0, "1e9", "-3.14"],
    "d": ["2024-01-02", "2024-01-04"],
    "t": ["a", "b"],
}

ACCEPTED = {
    "k": [0, 1, 2, "3"],
    "f": [0, "0.5", 1],
    "n": ["1.50", 0, 2],
    "d": ["2024-01-01", "2024-01-02"],
    "t": ["a", "b", "it's"],
}


def rows_of(rng: random.Random, ids: "itertools.count[int]", number: int) -> list[dict[str, Any]]:
    return [
        {
            "id": next(ids),
            "k": rng.choice([None, 0, 1, 2, 3, 4, 5]),
            "f": rng.choice(FLOATS),
            "t": rng.choice([None, "a", "b", "", "it's"]),
            "d": rng.choice([None, *(datetime.date(2024, 1, day) for day in range(1, 6))]),
            "n": rng.choice([None, *map(Decimal, ("0.00", "1.50", "-3.14", "9999.99"))]),
            "p": rng.choice([None, 0, 1, 2]),
        }
        for _ in range(number)
    ]


def spec_of(rng: random.Random) -> dict[str, Any]:
    """Returns a random check, with parameters as the oracle reads them."""
    kind = rng.choice(
        ["not_null", "unique", "unique", "accepted_values", "relationships", "range", "row_count"]
    )
    spec: dict[str, Any] = {"kind": kind, "where": rng.choice([*WHERE, "", ""]), "columns": []}
    column = rng.choice("kfndt")
    match kind:
        case "not_null" | "unique":
            names = ["id", "k", "f", "t", "d", "n", "p"]
            spec["columns"] = rng.sample(names, rng.choice([1, 1, 2, 3]))
        case "accepted_values":
            spec["columns"] = [column]
            spec["values"] = rng.sample(ACCEPTED[column], 2)
        case "relationships":
            spec["columns"] = rng.sample("kfndt", rng.choice([1, 1, 2]))
            spec["fields"] = spec["columns"]
            spec["to"] = rng.choice(["parents", "parents", "rows"])
            if spec["to"] == "rows":
                spec["fields"] = rng.sample("kfndt", len(spec["columns"]))
                spec["fields"] = [f if _alike(f, c) else c for f, c in _pairs(spec)]
        case "range":
            spec["columns"] = [column]
            pair = sorted(rng.sample(BOUNDS[column], 2), key=lambda b: _order(column, b))
            spec |= rng.choice(
                [{"min": pair[0]}, {"max": pair[1]}, {"min": pair[0], "max": pair[1]}]
            )
            spec["inclusive"] = rng.choice([True, False])
        case "row_count":
            spec |= rng.choice([{"min": rng.randint(0, 30)}, {"max": rng.randint(0, 30)}])
    return spec


def _pairs(spec: dict[str, Any]) -> list[tuple[str, str]]:
    return list(zip(spec["fields"], spec["columns"], strict=True))


def _alike(left: str, right: str) -> bool:
    """Returns whether columns of these names compare."""
    return left in "kn" and right in "kn"


def _order(column: str, bound: object) -> object:
    return Decimal(str(bound)) if column in "kfn" else bound


def check_of(name: str, spec: dict[str, Any], rng: random.Random) -> Check:
    parameters = {key: spec[key] for key in ("values", "min", "max", "inclusive") if key in spec}
    if spec["kind"] == "relationships":
        fields = spec["fields"]
        parameters = {"to": spec["to"], "field": fields[0] if len(fields) == 1 else fields}
    return Check(
        name,
        CheckKind(spec["kind"]),
        tuple(spec["columns"]),
        where=spec["where"],
        severity=rng.choice(list(Severity)),
        error_if=rng.choice(["!= 0", "> 2", ">=1"]),
        warn_if=rng.choice(["!= 0", "> 1"]),
        parameters=parameters,
    )


def typed(spec: dict[str, Any]) -> dict[str, Any]:
    """Returns a check with its accepted values in the column's type."""
    if spec["kind"] != "accepted_values":
        return spec
    make: Any = {
        "k": int,
        "f": float,
        "n": lambda v: Decimal(str(v)),
        "d": datetime.date.fromisoformat,
        "t": str,
    }[spec["columns"][0]]
    return {**spec, "values": [make(value) for value in spec["values"]]}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checks") / "lake"
    Catalog.create(str(path))
    return path


def write(cat: Catalog, table: str, rows: list[dict[str, Any]], mode: Any, **options: Any) -> None:
    with cat.transaction() as tx:
        tx.write(table, pa.Table.from_pylist(rows, SCHEMA), mode=mode, **options)


@pytest.mark.invariant("A check finds what plain Python finds in the same rows")
@pytest.mark.invariant("What is read of a table after a change finds what reading all of it finds")
@pytest.mark.parametrize("seed", range(effort(6, 300)))
def test_checks_find_what_plain_python_finds(seed: int, template: Path, tmp_path: Path) -> None:
    rng, ids = random.Random(seed), itertools.count()
    shutil.copytree(template, tmp_path / "lake")
    cat = Catalog.open(str(tmp_path / "lake"))
    rows = rows_of(rng, ids, rng.choice([0, 3, 12, 40]))
    parents = rows_of(rng, ids, 4)
    by = rng.choice([["p"], ["p", "t"], []])
    with cat.transaction() as tx:
        rows_now = pa.Table.from_pylist(rows, SCHEMA)
        tx.write("rows", rows_now, mode="overwrite", partition_by=by, key=["id"])
        tx.write("parents", pa.Table.from_pylist(parents, SCHEMA), mode="overwrite")
    specs = [spec_of(rng) for _ in range(12)]
    wanted = [table_check("rows", check_of(f"c{n}", spec, rng)) for n, spec in enumerate(specs)]
    before = cat.resolve("main").commit_id
    found = run_checks(cat.context, before, wanted, now=NOW)
    assert_right(found, specs, wanted, rows, parents)

    come = rows_of(rng, ids, rng.choice([1, 5, 15]))
    write(cat, "rows", come, "append")
    rows = [*rows, *come]
    if rng.random() < 0.3:
        rows = [row for row in rows if row["k"] != 3]
        with cat.transaction() as tx:
            tx.sql("DELETE FROM rows WHERE k = 3")
    if rng.random() < 0.3:
        more = rows_of(rng, ids, 1)
        write(cat, "parents", more, "append")
        parents = [*parents, *more]
    known = [KnownResult(before, one) for one in found]
    after = cat.resolve("main").commit_id
    again = run_checks(cat.context, after, wanted, now=NOW, known=known)
    assert_right(again, specs, wanted, rows, parents)
    for spec, one in rng.sample(list(zip(specs, wanted, strict=True)), 3):
        with failing_rows(cat.context, after, one) as reader:
            listed = reader.read_all()
        ids_found = listed["id"].to_pylist() if listed.num_rows else []
        others = rows if spec.get("to") == "rows" else parents
        assert sorted(ids_found) == failing_ids(typed(spec), rows, others), spec


def assert_right(
    found: list[CheckResult],
    specs: list[dict[str, Any]],
    wanted: list[TableCheck],
    rows: list[dict[str, Any]],
    parents: list[dict[str, Any]],
) -> None:
    for result, spec, one in zip(found, specs, wanted, strict=True):
        others = rows if spec.get("to") == "rows" else parents
        expected = failures(typed(spec), rows, others)
        assert result.failures == expected, (spec, result)
        keys = (
            () if spec["kind"] == "unique" else [example.key["id"] for example in result.examples]
        )
        shown = {int(key or "-1") for key in keys}
        assert shown <= set(failing_ids(typed(spec), rows, others)), (spec, result)
        check = one.check
        assert check is not None
        is_error = check.severity is Severity.ERROR and is_met(check.error_if, expected)
        warned = "warned" if is_met(check.warn_if, expected) else "passed"
        assert result.status == ("failed" if is_error else warned), (spec, result)
