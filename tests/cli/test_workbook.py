"""Diffs and results as workbooks, read back by another library; and CSV for spreadsheets."""

import csv
import datetime
import io
import json
from decimal import Decimal
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pytest

import catalog
from cli.output.csv_style import CsvStyle
from cli.output.text_rows import csv_form, write_rows
from cli.output.workbook import MOST_UNITS, excel_value, workbook
from cli.usage import UsageError
from tests.cli.conftest import Runner

OLD = """SELECT i AS id, 'c' || (i % 3) AS channel, i * 1.5::DOUBLE AS amount,
  DATE '2024-01-01' + i::INT AS day, if(i = 3, NULL, 'note ' || i) AS note FROM range(6) r(i)"""
EAST = datetime.timezone(datetime.timedelta(hours=2))
NEW = """SELECT i AS id, 'c' || (i % 3) AS channel, if(i = 2, 9.25, i * 1.5)::DOUBLE AS amount,
  DATE '2024-01-01' + i::INT AS day,
  CASE i WHEN 3 THEN '=cmd()' ELSE 'note ' || i END AS note FROM range(1, 7) r(i)"""


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, query in (("old", OLD), ("new", NEW)):
        duckdb.sql(f"COPY ({query}) TO '{name}.parquet'")
    return tmp_path


def compared(parquetry: Runner, *words: str) -> str:
    done = parquetry("compare", "old.parquet", "new.parquet", "--key", "id", *words)
    assert done.code == 0, done.err
    return done.err


def test_a_workbook_has_an_overview_and_a_sheet_of_each_table(
    places: Path, parquetry: Runner
) -> None:
    assert "wrote 4 rows of 1 table to o.xlsx" in compared(
        parquetry, "--format", "xlsx", "-o", "o.xlsx"
    )
    book = openpyxl.load_workbook("o.xlsx")
    assert book.sheetnames == ["Overview", "Columns", "data"]
    overview = list(book["Overview"].iter_rows(values_only=True))
    assert overview[1][:8] == ("data", "modified", 6, 6, 1, 1, 2, 0)
    sheet = book["data"]
    assert sheet.freeze_panes == "A2" and sheet.auto_filter.ref == "A1:H5"
    head, *found = sheet.iter_rows(values_only=True)
    assert head == (
        *("change", "id", "from.amount", "to.amount", "from.note", "to.note"),
        *("channel", "day"),
    )
    day = datetime.datetime(2024, 1, 1)
    assert sorted(found, key=lambda row: row[1]) == [
        ("deleted", 0, 0, None, "note 0", None, "c0", day),
        ("updated", 2, 3, 9.25, "note 2", "note 2", "c2", day + datetime.timedelta(2)),
        ("updated", 3, 4.5, 4.5, None, "=cmd()", "c0", day + datetime.timedelta(3)),
        ("inserted", 6, None, 9, None, "note 6", "c0", day + datetime.timedelta(6)),
    ]
    marked = {
        sheet.cell(1, cell.column).value
        for row in sheet.iter_rows(min_row=2)
        for cell in row
        if row[0].value == "updated" and cell.font.bold
    }
    assert marked == {"from.amount", "to.amount", "from.note", "to.note"}
    kinds = {cell.data_type for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds


def test_a_result_of_sql_is_a_sheet(lake: Path, parquetry: Runner) -> None:
    query = "SELECT 1 AS n, 'a' AS n, NULL AS x, 'NaN'::DOUBLE AS f, 12345678901234567 AS big"
    assert parquetry("sql", query, "--format", "xlsx", "-o", "o.xlsx").code == 0
    (sheet,) = openpyxl.load_workbook("o.xlsx")
    assert list(sheet.iter_rows(values_only=True)) == [
        ("n", "n_1", "x", "f", "big"),
        (1, "a", None, "nan", "12345678901234567"),
    ]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, None),
        (True, True),
        (10**15 - 1, 10**15 - 1),
        (10**15, "1000000000000000"),
        (float("inf"), "inf"),
        (-0.5, -0.5),
        (Decimal("1.50"), 1.5),
        (Decimal("1234567890123456.5"), "1234567890123456.5"),
        (Decimal("0.00"), 0),
        (datetime.date(1900, 2, 28), "1900-02-28"),
        (datetime.date(1900, 3, 1), datetime.date(1900, 3, 1)),
        (datetime.datetime(2024, 1, 1, 10, 0, 0, 1), "2024-01-01 10:00:00.000001"),
        (
            datetime.datetime(
                2024, 1, 1, 10, tzinfo=datetime.timezone(datetime.timedelta(hours=2))
            ),
            datetime.datetime(2024, 1, 1, 8),
        ),
        ("x" * MOST_UNITS, "x" * MOST_UNITS),
        ([1, None], "[1, NULL]"),
        (b"\x00a", "\\x00a"),
    ],
)
def test_values_that_excel_would_change_are_text(value: object, cell: object) -> None:
    assert excel_value(value)[0] == cell


def test_a_text_that_is_too_long_says_so() -> None:
    shown = excel_value("\N{GRINNING FACE}" * 40_000)[0]
    assert isinstance(shown, str) and shown.endswith("… (40,000 characters)")
    assert len(shown.encode("utf-16-le")) // 2 <= MOST_UNITS


def test_names_of_sheets_are_made_fit() -> None:
    stream = io.BytesIO()
    with workbook(stream) as book:
        for name in ("a/b", "A_B", "history", "x" * 40, "x" * 41, "'quoted'", ""):
            book.sheet(name, ["c"]).finish()
    assert openpyxl.load_workbook(stream).sheetnames == [
        *("a_b", "A_B (2)", "history (2)", "x" * 31, "x" * 27 + " (2)", "quoted", "table"),
    ]


def test_an_error_leaves_no_workbook(places: Path, parquetry: Runner) -> None:
    words = ("--format", "xlsx", "-o", "o.xlsx", "--where", "1 / 0 = 'x'")
    done = parquetry("compare", "old.parquet", "new.parquet", "--key", "id", *words)
    assert done.code != 0 and not Path("o.xlsx").exists()
    same = ("compare", "old.parquet", "old.parquet", "--format", "xlsx", "-o", "same.xlsx")
    assert parquetry(*same).code == 0


def test_csv_for_spreadsheets(places: Path, parquetry: Runner) -> None:
    words = ("--null", "", "--bom", "--escape-formulas")
    compared(parquetry, "--format", "csv", *words, "-o", "o.csv")
    content = Path("o.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfid,_change,")
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig")))}
    assert rows["3"]["from.note"] == "" and rows["3"]["to.note"] == "'=cmd()"
    assert rows["6"]["from.amount"] == ""
    done = parquetry("compare", "old.parquet", "new.parquet", "--key", "id", "--null", "")
    assert (done.code, "add --format csv" in done.err) == (2, True)


def test_a_directory_gets_a_file_for_each_table(lake: Path, parquetry: Runner) -> None:
    done = parquetry("diff", "main~1", "--format", "csv", "-o", "out/")
    assert done.code == 0 and Path("out/orders.csv").read_text().startswith("order_id,_change,")
    assert [one.name for one in Path("out").iterdir()] == ["orders.csv"]
    done = parquetry("diff", "main~1", "-t", "customers", "--format", "parquet", "-o", "out")
    assert done.code == 0 and Path("out/customers.parquet").exists()
    done = parquetry("diff", "main~1", "--json", "-o", "out")
    assert (done.code, "name the file" in done.err) == (2, True)
    Path("file").touch()
    assert parquetry("diff", "main~1", "--format", "csv", "-o", "file/out/").code == 3


def test_rows_of_tables_of_any_name_and_without_key(tmp_path: Path, parquetry: Runner) -> None:
    root = str(tmp_path / "odd")
    names = ("a/b", "a%2Fb", "</style>", "a:b|c", "plain")
    lake = catalog.create(root)
    for start in (0, 1):
        with lake.transaction(message="load") as changes:
            for name in names:
                changes.write(name, pa.table({"v": [start, start + 1, 7]}), mode="overwrite")
    done = parquetry("-C", root, "diff", "main~1", "--format", "csv", "-o", f"{root}/out/")
    assert done.code == 0, done.err
    written = {one.name for one in Path(root, "out").iterdir()}
    assert written == {
        "a%2Fb.csv",
        "a%252Fb.csv",
        "%3C%2Fstyle%3E.csv",
        "a%3Ab%7Cc.csv",
        "plain.csv",
    }
    done = parquetry("-C", root, "diff", "main~1", "--rows", "--json", "-t", "a/b")
    changed = json.loads(done.out)["changes"]
    values = [(one["change"], *(one["to"] or one["from"]).values()) for one in changed]
    assert sorted(values) == [("deleted", 0), ("inserted", 2)]
    assert all(one["key"] == {} for one in changed)


HOSTILE = [
    "=1+1",
    "+a",
    "-a",
    "@a",
    "\t=1",
    "\r=1",
    "\uff1d1",
    "a=1",
    "",
    "NULL",
    "nil",
    ' "q"',
    "'",
]


@pytest.mark.parametrize("null", ["NULL", "", "nil", "\\N", "0"])
def test_what_stands_for_null_is_no_value(null: str) -> None:
    style = CsvStyle(null, escape_formulas=True)
    columns = {"t": [*HOSTILE, None, "0"], "n": [*range(len(HOSTILE)), None, 0]}
    for part in (1 << 20, 1):
        written = io.BytesIO()
        for batch in pa.table(columns).to_batches(max_chunksize=part):
            write_rows([batch], csv_form(style), written.write)
            written.write(b"\n")
        quoted = [
            [cell if cell == null else cell.strip('"') for cell in row]
            for row in csv.reader(io.StringIO(written.getvalue().decode(), newline=""))
        ]
        texts = [row[0] for row in quoted]
        assert texts[:7] == [f"'{text}" for text in HOSTILE[:7]]
        lines = written.getvalue().decode().splitlines()
        assert lines[-2] == f"{null},{null}"
        assert lines[-1] == ('"0","0"' if null == "0" else "0,0")


@pytest.mark.parametrize("null", [",", '"', " x", "\n"])
def test_what_cannot_stand_for_null_is_refused(null: str) -> None:
    with pytest.raises(UsageError):
        CsvStyle(null)
