"""``diff`` over a real catalog."""

import csv
import io
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Runner
from tests.report.page_reading import Page


def test_the_picture_of_a_backfill(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry("diff", "main~1")
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0].startswith("main~1 (")
    assert [line.split()[0] for line in lines[1:3]] == ["from", "to"]
    assert lines[2].endswith(": backfill") and lines[3] == ""
    assert lines[4:6] == ["1 table changed, 1 table unchanged", ""]
    lines = lines[4:]
    assert lines[2] == "orders  modified  key order_id"
    assert lines[3] == ("  rows        5: 1 inserted, 1 deleted (20.0 %), 2 updated (40.0 %)")
    amount = next(line.split() for line in lines if line.startswith("  amount"))
    note = next(line.split() for line in lines if line.startswith("  note"))
    assert amount[1:4] == ["2", "0", "0"]
    assert note[1:4] == ["0", "0", "1"]
    assert "customers" not in outcome.out


def test_a_table_asked_for_is_shown_though_unchanged(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry("diff", "main~1", "-t", "customers")
    assert outcome.out.splitlines()[-1] == "customers  unchanged  2 rows"


def test_json_is_the_contract(lake: Path, parquetry: Runner) -> None:
    found = json.loads(parquetry("diff", "main~1", "--json").out)
    assert found["format_version"] == 2
    assert found["from"]["ref"] == "main~1" and found["to"]["time"].endswith("Z")
    (orders,) = found["tables"]
    rows = orders["rows"]
    assert (rows["inserted"], rows["deleted"], rows["updated"]) == (1, 1, 2)
    assert {one["column"]: one["changed"] for one in orders["columns"]} == {"amount": 2, "note": 1}
    assert orders["columns_unchanged"] == 2
    assert found["totals"] == {
        "tables": 1,
        "tables_added": 0,
        "tables_removed": 0,
        "tables_unchanged": 1,
        "inserted": 1,
        "deleted": 1,
        "updated": 2,
    }


def test_json_of_version_1_is_that_of_earlier_releases(lake: Path, parquetry: Runner) -> None:
    found = json.loads(parquetry("diff", "main~1", "--json", "--format-version", "1").out)
    assert found.keys() == {"format_version", "from", "to", "tables"}
    assert found["format_version"] == 1 and found["from"].keys() == {"ref", "commit"}
    (orders,) = found["tables"]
    assert orders.keys() == {
        *("table", "status", "key", "key_problems", "schema_changes", "rows", "columns"),
        *("partitions", "partitions_compared", "partitions_skipped", "files"),
    }
    assert orders["columns"][0].keys() == {
        *("column", "changed", "filled", "cleared", "corrected", "within_tolerance"),
        *("from", "to", "rows_covered"),
    }
    again = parquetry("diff", "main~1", "--json", "--format-version", "3")
    assert again.code == 2


def test_stat_reads_metadata_only(lake: Path, parquetry: Runner) -> None:
    found = json.loads(parquetry("diff", "main~1", "--stat", "--json").out)
    (orders,) = found["tables"]
    assert orders["rows"]["updated"] is None
    assert orders["files"]["added"] == 1
    assert "rows not compared" in parquetry("diff", "main~1", "--stat").out


def test_rows_are_listed_as_lines(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry("diff", "main~1", "--rows")
    assert "order_id 2  amount: NULL → 12.5" in outcome.out
    assert "order_id 3  amount: NULL → 12.5  note: c → C" in outcome.out
    assert outcome.out.endswith("  (4 changed rows)\n")


def test_rows_are_chosen_by_change_where_and_limit(lake: Path, parquetry: Runner) -> None:
    updated = parquetry("diff", "main~1", "--rows", "--change", "updated", "--limit", "1").out
    assert updated.count("updated   order_id") == 1
    assert "--limit -1 lists all" in updated
    where = parquetry("diff", "main~1", "--rows", "--where", "_to.note = 'C'").out
    assert where.count("order_id") == 1 + 1
    assert "(1 of 4 changed rows)" in where


def test_rows_as_json_are_one_object(lake: Path, parquetry: Runner) -> None:
    found = json.loads(parquetry("diff", "main~1", "--rows", "--json").out)
    changes = {(c["change"], c["key"]["order_id"]) for c in found["changes"]}
    assert changes == {("inserted", 6), ("deleted", 4), ("updated", 2), ("updated", 3)}
    second = next(c for c in found["changes"] if c["key"] == {"order_id": 2})
    assert second["changed_columns"] == ["amount"]
    assert (second["from"]["amount"], second["to"]["amount"]) == (None, 12.5)


def test_rows_as_csv_are_flat(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry("diff", "main~1", "--format", "csv")
    rows = {row["order_id"]: row for row in csv.DictReader(io.StringIO(outcome.out))}
    assert rows["3"]["_changed_columns"] == "amount;note"
    assert (rows["3"]["from.amount"], rows["3"]["to.amount"]) == ("NULL", "12.5")
    assert rows["6"]["_change"] == "inserted"
    assert rows["6"]["from.note"] == "NULL"


def test_rows_as_parquet_keep_their_form(lake: Path, tmp_path: Path, parquetry: Runner) -> None:
    outcome = parquetry("diff", "main~1", "--format", "parquet", "-o", "rows.parquet")
    assert outcome.err == "wrote 4 rows to rows.parquet\n"
    table = pq.read_table(tmp_path / "rows.parquet")
    assert table.column_names == ["order_id", "_change", "_changed_columns", "_from", "_to"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ((), "the diff of 1 table"),
        (("--json",), "the diff of 1 table"),
        (("--stat", "--json"), "the diff of 1 table"),
        (("--format", "markdown"), "the diff of 1 table"),
        (("--partitions",), "the changed partitions"),
        (("--explain",), "the plan"),
        (("--rows",), "4 rows of 1 table"),
        (("--rows", "--limit", "1"), "1 row of 1 table"),
        (("--rows", "--json"), "4 rows of 1 table"),
        (("--query", "from customers"), "the diff of the query"),
    ],
)
def test_what_went_to_a_file_is_noted(
    words: tuple[str, ...], what: str, lake: Path, parquetry: Runner
) -> None:
    outcome = parquetry("diff", "main~1", *words, "-o", "written")
    assert (outcome.out, outcome.err) == ("", f"wrote {what} to written\n")


def test_text_and_table_are_two_words_for_one_format(lake: Path, parquetry: Runner) -> None:
    for words, one, other in (
        (("diff", "main~1"), "text", "table"),
        (("sql", "FROM orders"), "table", "text"),
    ):
        outcome = parquetry(*words, "--format", other)
        assert outcome.code == 0
        assert outcome.out == parquetry(*words, "--format", one).out == parquetry(*words).out


def test_schema_and_files_are_listed(lake: Path, parquetry: Runner) -> None:
    assert parquetry("diff", "main~1", "--schema").out.endswith("no schema differs\n")
    files = json.loads(parquetry("diff", "main~1", "--files", "--json").out)["tables"][0]
    assert (len(files["added"]), len(files["removed"])) == (1, 1)
    text = parquetry("diff", "main~1", "--files").out
    assert "  + data/orders/day=2024-01-01/" in text
    assert "  1 file kept" in text


def test_markdown_has_changed_rows(lake: Path, parquetry: Runner) -> None:
    words = ("diff", "main~1", "--format", "markdown", "--rows")
    found = parquetry(*words).out
    assert "<details><summary>4 changed rows</summary>" in found
    assert "| updated | 3 | NULL → 12.5 | c → C |" in found
    few = parquetry(*words, "--change", "updated", "--where", "_to.note = 'C'").out
    assert "<details><summary>1 of 4 changed rows</summary>" in few and "| deleted | 4" not in few


def test_markdown_goes_to_a_file(lake: Path, tmp_path: Path, parquetry: Runner) -> None:
    assert parquetry("diff", "main~1", "--format", "markdown", "-o", "c.md").code == 0
    assert "| orders | modified | 5 | 1 | 1 | 2 | 0 |" in (tmp_path / "c.md").read_text()


def test_exit_code_says_whether_there_are_differences(lake: Path, parquetry: Runner) -> None:
    assert parquetry("diff", "main~1", "--exit-code").code == 1
    assert parquetry("diff", "main", "--exit-code").code == 0
    assert parquetry("diff", "main~1", "-t", "customers", "--exit-code").code == 0
    assert parquetry("diff", "main~1", "--stat", "--exit-code").code == 1


def test_ranges_name_both_ends(lake: Path, parquetry: Runner) -> None:
    assert parquetry("branch", "create", "old", "--at", "main~1").code == 0
    two = json.loads(parquetry("diff", "main~1..main", "--json").out)
    three = json.loads(parquetry("diff", "old...main", "--json").out)
    assert two["tables"] == three["tables"]
    assert json.loads(parquetry("diff", "main...old", "--json").out)["tables"] == []
    assert parquetry("diff", "main~1..main", "main").code == 2


def test_tolerance_key_and_columns_are_passed_on(lake: Path, parquetry: Runner) -> None:
    only = json.loads(parquetry("diff", "main~1", "--column", "note", "--json").out)
    assert only["tables"][0]["rows"]["updated"] == 1
    by_note = json.loads(parquetry("diff", "main~1", "--key", "note", "--json").out)
    assert by_note["tables"][0]["key"] == ["note"]
    assert parquetry("diff", "main~1", "--tolerance", "amount=100").code == 0


def test_a_query_is_compared(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry(
        *("diff", "main~1", "--json", "--key", "day"),
        *("--query", "SELECT day, count(amount) AS n FROM orders GROUP BY day"),
    )
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["tables"][0]["rows"]["updated"] == 1


@pytest.mark.parametrize(
    ("options", "updated"),
    [
        ((), 2),
        (("--column", "note"), 1),
        (("--tolerance", "amount=1"), 1),
        (("--threads", "1", "--memory-limit", "1GB", "--check-keys", "--full-stats"), 2),
    ],
)
def test_a_query_takes_the_options_of_a_table(
    lake: Path, parquetry: Runner, options: tuple[str, ...], updated: int
) -> None:
    query = "SELECT order_id, note, coalesce(amount, 12) AS amount FROM orders"
    words = ("diff", "main~1", "--query", query, "--key", "order_id", "--json", *options)
    (table,) = json.loads(parquetry(*words).out)["tables"]
    assert table["rows"]["updated"] == updated
    refused = parquetry(*words, "--column", "nothing")
    assert refused.code == 3 and "nothing" in refused.err


@pytest.mark.parametrize(
    "words",
    [
        ("--stat", "--rows"),
        ("--limit", "3"),
        ("--where", "true"),
        ("--change", "updated"),
        ("--format", "csv", "--stat"),
        ("--format", "markdown", "--schema"),
        ("--format", "yaml"),
        ("--tolerance", "amount"),
        ("--memory-limit", "much"),
        ("--query", "FROM orders", "-t", "orders"),
    ],
)
def test_wrong_usage_exits_with_2(lake: Path, parquetry: Runner, words: tuple[str, ...]) -> None:
    assert parquetry("diff", "main~1", *words).code == 2


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("main~1", "-t", "ordrs"), "did you mean orders?"),
        (("mian",), "did you mean main?"),
        (("main~1", "-t", "orders", "--column", "amuont"), "did you mean amount?"),
        (("main~1", "-t", "orders", "--key", "ordr_id"), "did you mean order_id?"),
    ],
)
def test_unknown_names_hint_at_the_nearest(
    lake: Path, parquetry: Runner, words: tuple[str, ...], hint: str
) -> None:
    outcome = parquetry("diff", *words)
    assert outcome.code == 3
    assert hint in outcome.err


def test_added_and_removed_tables_are_whole(lake: Path, tmp_path: Path, parquetry: Runner) -> None:
    assert parquetry("snapshot", "more=v1/customers").code == 0
    added = json.loads(parquetry("diff", "main~1", "--json").out)["tables"][0]
    assert (added["table"], added["status"], added["rows"]["inserted"]) == ("more", "added", 2)
    removed = json.loads(parquetry("diff", "main", "main~1", "--json").out)["tables"][0]
    assert (removed["status"], removed["rows"]["deleted"]) == ("removed", 2)


def test_the_plan_of_a_diff_is_told(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry("diff", "main~1", "--explain")
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0].startswith("orders  reads ")
    assert lines[2].split()[:2] == ["day=2024-01-01", "join"]
    (table,) = json.loads(parquetry("diff", "main~1", "--explain", "--json").out)["tables"]
    assert table["table"] == "orders"
    assert table["steps"][0]["bytes_to_read"] == table["steps"][0]["bytes_total"] > 0
    assert parquetry("diff", "main", "--explain").out == "no table differs\n"


def test_both_methods_give_one_answer(lake: Path, parquetry: Runner) -> None:
    fast = parquetry("diff", "main~1", "--rows", "--json").out
    assert parquetry("diff", "main~1", "--rows", "--json", "--method", "join").out == fast


def test_narrow_rows_have_only_columns_that_changed(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry("diff", "main~1", "--format", "csv", "--narrow")
    header = outcome.out.splitlines()[0]
    assert header == (
        "order_id,_change,_changed_columns,"
        "from.order_id,from.amount,from.note,to.order_id,to.amount,to.note"
    )


def test_a_report_is_one_file_of_html(lake: Path, tmp_path: Path, parquetry: Runner) -> None:
    target = tmp_path / "report.html"
    outcome = parquetry("diff", "main~1", "--format", "html", "-o", str(target))
    assert outcome.code == 0 and outcome.out == ""
    assert f"wrote the report to {target}" in outcome.err
    text = target.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n")
    page = Page(text)
    assert "1 of 2 tables changed" in page.text
    assert re.search(r"parquetry diff [0-9a-f]{40,} [0-9a-f]{40,} --format html", page.text)
    assert parquetry("diff", "main~1", "--format", "html", "--schema").code == 2
    assert parquetry("diff", "main~1", "--format", "html").out == text


def test_all_partitions_are_listed(lake: Path, parquetry: Runner) -> None:
    text = parquetry("diff", "main~1", "--partitions")
    assert (text.code, text.err) == (0, "")
    assert [line.split()[0] for line in text.out.splitlines() if "day=" in line] == [
        "day=2024-01-01"
    ]
    rows = parquetry("diff", "main~1", "--partitions", "--format", "csv").out.splitlines()
    head = (
        "table,partition,rows_before,rows_after,inserted,deleted,updated,filled,cleared,corrected"
    )
    assert rows[0] == head and len(rows) == 2
    found = json.loads(parquetry("diff", "main~1", "--json").out)["tables"][0]["partitions"]
    kinds = head.split(",")[4:]
    assert [[int(n) for n in row.split(",")[2:]] for row in rows[1:]] == [
        [one["rows"]["from"], one["rows"]["to"], *(one[kind] for kind in kinds)] for one in found
    ]
    refused = parquetry("diff", "main~1", "--partitions", "--stat")
    assert refused.code == 2 and "exclude each other" in refused.err
