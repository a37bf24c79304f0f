"""``snapshot``, ``status`` and the commands that look at tables."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from tests.cli.conftest import Runner, write_parquet


def test_all_tables_land_in_one_commit(lake: Path, parquetry: Runner) -> None:
    first = json.loads(parquetry("show", "main~1", "--json").out)
    assert first["tables"] == {
        "customers": {"files_added": 1, "files_removed": 0},
        "orders": {"files_added": 2, "files_removed": 0},
    }


def test_partitions_replace_just_those_in_the_source(lake: Path, parquetry: Runner) -> None:
    listed = json.loads(parquetry("partitions", "orders", "--json").out)
    assert [(p["partition"], p["rows"]) for p in listed["partitions"]] == [
        ({"day": "2024-01-01"}, 4),
        ({"day": "2024-01-02"}, 1),
    ]


def test_an_equal_state_makes_no_commit(lake: Path, parquetry: Runner) -> None:
    again = parquetry("snapshot", "orders=v2/orders", "--partitions")
    assert (again.code, again.err) == (0, "")
    assert again.out.splitlines()[-1] == "nothing changed, no commit"
    assert len(json.loads(parquetry("log", "--json").out)["commits"]) == 3


def test_an_idempotency_key_commits_once(lake: Path, parquetry: Runner) -> None:
    take = ("snapshot", "orders=v1/orders", "--idempotency-key", "load 7")
    first = json.loads(parquetry(*take, "--json").out)
    assert (first["repeated"], first["commit"] is None) == (False, False)
    parquetry("snapshot", "orders=v2/orders")
    again = json.loads(parquetry(*take, "--json").out)
    assert (again["repeated"], again["commit"], again["tables"]) == (True, first["commit"], [])
    assert parquetry(*take).out.startswith(f"committed before as {first['commit'][:8]}: ")


def test_dry_run_writes_nothing(lake: Path, parquetry: Runner) -> None:
    before = parquetry("log").out
    dry = parquetry("snapshot", "orders=v1/orders", "--dry-run")
    assert dry.out.endswith("dry run: 1 table would change, nothing was written\n")
    assert parquetry("log").out == before


def test_the_report_as_json_has_stable_keys(lake: Path, parquetry: Runner) -> None:
    report = json.loads(parquetry("snapshot", "orders=v1/orders", "--json").out)
    assert report["format_version"] == 1
    assert report["tables"][0]["files_added"] == 1
    assert len(report["commit"]) == 64


def test_a_message_is_made_up_from_the_tables(lake: Path, parquetry: Runner) -> None:
    assert parquetry("snapshot", "orders=v1/orders", "--meta", "job=nightly").code == 0
    commit = json.loads(parquetry("show", "--json").out)
    assert commit["message"] == "snapshot of orders"
    assert commit["metadata"] == {"job": "nightly"}


def test_without_arguments_the_configuration_is_taken(
    lake: Path, tmp_path: Path, parquetry: Runner
) -> None:
    (tmp_path / "parquetry.toml").write_text(
        'catalog = "lake"\n[tables.orders]\nsource = "v1/orders"\n'
        '[tables.customers]\nsource = "v1/customers"\n'
    )
    taken = json.loads(parquetry("snapshot", "--json").out)
    assert {t["table"]: t["changed"] for t in taken["tables"]} == {
        "orders": True,
        "customers": False,
    }
    assert json.loads(parquetry("snapshot", "orders", "--json").out)["commit"] is None


def test_status_tells_what_a_snapshot_would_change(lake: Path, parquetry: Runner) -> None:
    listed = json.loads(
        parquetry("status", "orders=v1/orders", "new=v1/customers", "gone=nowhere", "--json").out
    )
    states = {table["table"]: table["state"] for table in listed["tables"]}
    assert states == {"orders": "changed", "new": "new", "gone": "missing"}


def test_nothing_to_take_says_how_to_name_it(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry("snapshot")
    assert outcome.code == 3
    assert "nothing to take" in outcome.err
    assert "hint: e.g. parquetry snapshot orders=exports/orders" in outcome.err


def test_wrong_forms_are_usage_errors(lake: Path, parquetry: Runner) -> None:
    for words in (
        ("snapshot", "orders=v1/orders", "--partitions", "--append"),
        ("snapshot", "orders="),
        ("snapshot", "orders=v1/orders", "--key", "ordrs=order_id"),
        ("snapshot", "orders=v1/orders", "--meta", "job"),
        ("snapshot", "a=v1/orders", "a=v1/orders"),
        ("snapshot", "orders"),
    ):
        assert parquetry(*words).code == 2, words
    hinted = parquetry("snapshot", "orders=v1/orders", "--key", "ordrs=order_id")
    assert hinted.err.endswith("hint: did you mean orders?\n")


def test_a_key_of_the_only_table_needs_no_table_name(
    tmp_path: Path, lake: Path, parquetry: Runner
) -> None:
    assert parquetry("snapshot", "more=v1/customers", "--key", "customer_id").code == 0
    columns = json.loads(parquetry("schema", "more", "--json").out)["columns"]
    assert [c["column"] for c in columns if c["key"]] == ["customer_id"]


def test_a_conflicting_protected_branch_is_not_touched(lake: Path, parquetry: Runner) -> None:
    assert parquetry("snapshot", "orders=v1/orders", "--branch", "nope").code == 3


def test_tables_lists_totals_for_people(lake: Path, parquetry: Runner) -> None:
    header, customers, orders = parquetry("tables").out.splitlines()
    assert header.split() == ["table", "rows", "size", "files"]
    assert customers.split()[:2] == ["customers", "2"]
    assert orders.split()[:2] == ["orders", "5"]


def test_tables_as_csv_and_markdown(lake: Path, parquetry: Runner) -> None:
    assert parquetry("tables", "--format", "csv").out.startswith("table,rows,size_bytes,files\n")
    assert parquetry("tables", "--format", "markdown").out.startswith("| table | rows | size")


def test_files_name_where_engines_read_them(lake: Path, parquetry: Runner) -> None:
    files = json.loads(parquetry("files", "orders@main~1", "--json").out)["files"]
    assert [f["partition"] for f in files] == [{"day": "2024-01-01"}, {"day": "2024-01-02"}]
    assert all(Path(f["uri"]).is_file() for f in files)


def test_an_unknown_table_names_the_nearest(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry("schema", "ordrs@main~1")
    assert (outcome.code, outcome.err) == (
        3,
        "error: no table 'ordrs' at main~1\nhint: did you mean orders?\n",
    )


def test_odd_names_stay_on_their_line(tmp_path: Path, lake: Path, parquetry: Runner) -> None:
    write_parquet(tmp_path / "odd/a.parquet", {"a\nb\x1b[31m": [1], "größe 表": [2]})
    assert parquetry("snapshot", 'order items "x"=odd').code == 0
    text = parquetry("schema", 'order items "x"').out
    assert len(text.splitlines()) == 3
    assert "\x1b" not in text
    assert 'order items "x"' in parquetry("tables").out


def test_a_null_partition_prints_as_null(tmp_path: Path, lake: Path, parquetry: Runner) -> None:
    write_parquet(tmp_path / "p/day=__HIVE_DEFAULT_PARTITION__/a.parquet", {"a": [1]})
    write_parquet(tmp_path / "p/day=2024-01-01/a.parquet", {"a": [1]})
    assert parquetry("snapshot", "p=p").code == 0
    assert "day=NULL" in parquetry("partitions", "p").out
    partitions = json.loads(parquetry("partitions", "p", "--json").out)["partitions"]
    assert {"day": None} in [p["partition"] for p in partitions]


@pytest.mark.parametrize("written", ['"sales x".orders', '"sales x"."orders"', "sales x.orders"])
def test_a_table_may_be_named_as_in_sql(lake: Path, parquetry: Runner, written: str) -> None:
    taken = parquetry("snapshot", "sales x.orders=v1/orders", "-m", "odd")
    assert taken.code == 0, taken.err
    assert parquetry("partitions", f"{written}@main").code == 0


def test_a_format_that_cannot_be_taken_is_refused_by_name(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry("snapshot", "orders=v1/orders", "--format", "hudi")
    assert outcome.code == 2
    assert outcome.err == (
        "error: --format hudi is not supported by this version\n"
        "hint: use auto, parquet, delta, iceberg or files\n"
    )


def test_a_version_of_a_table_of_delta_is_taken(lake: Path, parquetry: Runner) -> None:
    for n in range(2):
        write_deltalake("events", pa.table({"id": [n]}), mode="append")
    older = parquetry("snapshot", "events=events", "--at", "0", "--mode", "reference", "-m", "0")
    assert older.code == 0 and "1 row in" in older.out
    Path("parquetry.toml").write_text(
        'catalog = "lake"\n[tables.events]\nsource = "events"\nformat = "delta"\nat = "1"\n'
    )
    status = parquetry("status", "--json")
    (found,) = json.loads(status.out)["tables"]
    assert (found["state"], found["files_added"]) == ("changed", 2)
    assert parquetry("snapshot", "-m", "1").code == 0
    assert parquetry("sql", "SELECT count(*) FROM events").out.splitlines()[2].strip() == "2"
    again = parquetry("snapshot", "events=events", "--append")
    assert (again.code, "taken whole" in again.err) == (3, True)
