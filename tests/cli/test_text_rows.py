"""Answers as CSV and JSON: the same bytes as value by value, and read back as what they were."""

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from catalog.report.values import rows, text
from cli.output.text_rows import RowForm, csv_form, json_form, write_rows
from cli.output.values import csv_line, json_text
from tests.cli.conftest import Runner
from tests.effort import effort
from tests.report.random_columns import column

ANSWERS = Path(__file__).parent / "answers"

ENDINGS = {"csv": "csv", "json": "json", "markdown": "md", "table": "txt"}


def written(batch: pa.RecordBatch, form: RowForm) -> str:
    parts: list[bytes] = []
    count = write_rows([batch], form, lambda part: parts.append(bytes(memoryview(part))))
    assert count == batch.num_rows
    return b"".join(parts).decode()


@pytest.mark.parametrize("how", ENDINGS)
def test_answers_of_all_types_are_written_as_ever(
    parquetry: Runner, lake: Path, how: str, tmp_path: Path
) -> None:
    query = str(ANSWERS / "values.sql")
    expected = (ANSWERS / f"values.{ENDINGS[how]}").read_bytes()
    assert parquetry("sql", "-f", query, "--format", how).out.encode() == expected
    parquetry("sql", "-f", query, "--format", how, "-o", "answer")
    written = (tmp_path / "answer").read_bytes()
    if how != "table":
        assert written == expected
        return
    assert "…" in expected.decode() and "…" not in written.decode()  # a file cuts nothing
    for line, whole in zip(
        expected.decode().splitlines(), written.decode().splitlines(), strict=True
    ):
        cells = [cell.removesuffix("…") for cell in line.split("  ") if cell.strip(" ─")]
        assert all(cell.strip() in whole for cell in cells)


def test_rows_are_written_as_their_values_one_by_one() -> None:
    random = Random(23)
    for _ in range(effort(300, 10_000)):
        columns = [column(random) for _ in range(random.randrange(1, 4))]
        size = min(map(len, columns))
        names = [str(n) for n in range(len(columns))]
        batch = pa.RecordBatch.from_arrays([one.slice(0, size) for one in columns], names)
        found = list(rows([batch]))
        lines = [csv_line([text(value) for value in row]) for row in found]
        assert written(batch, csv_form()) == "".join(lines).removesuffix("\n")
        objects = [json_text(dict(zip(names, row, strict=True))) for row in found]
        assert written(batch, json_form(names)) == ",\n".join(objects)


SPACES = [chr(n) for n in range(0x3001) if not chr(n).strip()]
TEXTS = [
    None,
    "",
    "NULL",
    "N",
    *["a,b", '"c"', "\r", "\n", "\r\n", "\\"],
    *SPACES,
    "\x00\x1b\x7f\x85",
    "ü🦆",
]


def test_text_in_csv_is_read_back_as_it_was() -> None:
    cells = [*TEXTS, *(f"{one}x" for one in TEXTS), *(f"x{one}" for one in TEXTS)]
    batch = pa.RecordBatch.from_pydict({"a": cells, "b": cells[::-1]})
    shown = written(batch, csv_form())
    found = list(csv.reader(io.StringIO(shown, newline="")))
    assert found == [
        ["NULL" if cell is None else cell for cell in pair]
        for pair in zip(cells, cells[::-1], strict=True)
    ]
    assert shown.startswith("NULL,")
    assert '\n"","' in shown and '\n"NULL",' in shown


def test_json_is_read_back_as_it_was() -> None:
    values = {
        "text": TEXTS,
        "list": [[one, "x"] for one in TEXTS],
        "struct": [{'q"': one, "": [1.5, None]} for one in TEXTS],
        "float": [1e300 * n for n in range(len(TEXTS))],
        "whole": [n * 10**17 for n in range(len(TEXTS))],
    }
    names = ['na"me', "ta\tb", "ü\x7f", "", "\\"]
    batch = pa.RecordBatch.from_arrays([pa.array(one) for one in values.values()], names)
    shown = written(batch, json_form(names))
    found = [list(json.loads(line.removesuffix(",")).items()) for line in shown.split("\n")]
    expected = zip(*values.values(), strict=True)
    assert found == [list(zip(names, row, strict=True)) for row in expected]
    assert not any(c in shown for c in "\x1b\x7f\x85\u2028")


def test_numbers_json_does_not_have_are_texts() -> None:
    values = pa.array([math.nan, math.inf, -math.inf, -0.0, None])
    batch = pa.RecordBatch.from_arrays([values], ["f"])
    assert written(batch, json_form(["f"])).replace('"f": ', "") == (
        '{"nan"},\n{"inf"},\n{"-inf"},\n{-0.0},\n{null}'
    )


def test_rows_too_long_for_arrow_are_written_in_parts_or_by_python() -> None:
    def lines(columns: Sequence[pa.Array]) -> pa.Array:
        if len(columns[0]) > 3 or "long" in columns[0].to_pylist():
            raise pa.ArrowCapacityError("array cannot contain more than 2147483646 bytes")
        return csv_form().lines(columns)

    cells = [*"abcdefgh", "long", "i"]
    batch = pa.RecordBatch.from_pydict({"t": cells})
    assert written(batch, RowForm(lines, csv_form().line, csv_form().between)) == "\n".join(cells)


def test_no_rows_and_no_columns_are_written_as_nothing() -> None:
    batch = pa.RecordBatch.from_pydict({"a": pa.array([], pa.string())})
    assert written(batch, csv_form()) == ""
    assert write_rows([pa.RecordBatch.from_pydict({})], csv_form(), print) == 0


def test_values_that_arrow_would_alter_keep_what_they_say(parquetry: Runner, lake: Path) -> None:
    query = (
        "SELECT 340282366920938463463374607431768211455::UHUGEINT AS u, '10101'::BIT AS b, "
        "'12:00:00+02'::TIMETZ AS z, [170141183460469231731687303715884105727000::BIGNUM] AS l, "
        "'infinity'::DATE AS d, TIME '24:00:00' AS t, array_value(NULL, NULL) AS a"
    )
    shown = {
        "u": "340282366920938463463374607431768211455",
        "b": "10101",
        "z": "12:00:00+02",
        "l": "['170141183460469231731687303715884105727000']",
        "d": "infinity",
        "t": "24:00:00",
        "a": "[NULL, NULL]",
    }
    found = parquetry("sql", query, "--format", "csv").out
    assert list(csv.DictReader(io.StringIO(found))) == [shown]
    (row,) = json.loads(parquetry("sql", query, "--json").out)["rows"]
    assert row["l"] == ["170141183460469231731687303715884105727000"]
    assert [row[name] for name in "ubzdt"] == [shown[name] for name in "ubzdt"]
