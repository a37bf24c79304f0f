"""Columns whose names are hard to quote, or taken."""

import pyarrow as pa

from tests.diff.cases_build import pair, rows
from tests.diff.cases_pair import Pair

I64 = pa.int64()

NAMES = {
    "single_quote": "o'clock",
    "double_quote": 'say "hi"',
    "dot": "a.b",
    "dots_only": "..",
    "blank_inside": "a b",
    "blank": " ",
    "blanks_around": " a ",
    "tab": "a\tb",
    "newline": "a\nb",
    "umlaut": "Größe",
    "decomposed": "e\u0301",
    "emoji": "🦆",
    "chinese": "键",
    "percent": "100%",
    "backslash": "a\\b",
    "semicolon": "a; DROP TABLE t; --",
    "braces": "{a}",
    "dollar": "$1",
    "question_mark": "?",
    "star": "*",
    "digits": "123",
    "select": "select",
    "key": "key",
    "value": "value",
    "rowid": "rowid",
    "filename": "filename",
    "file_row_number": "file_row_number",
    "file_index": "file_index",
    "change": "_change",
    "changed_columns": "_changed_columns",
    "from": "_from",
    "to": "_to",
    "key_dot_from": "key._from",
    "null": "NULL",
    "true": "true",
    "count_star": "count(*)",
    "long": "x" * 300,
}


def as_value(name: str, column: str) -> Pair:
    """Builds a pair in which a column of this name is compared."""
    return pair(
        f"column_named_{name}",
        rows({"id": I64, column: I64}, (1, None), (2, 2), (3, 3), (4, 4)),
        rows({"id": I64, column: I64}, (1, 1), (2, None), (3, 4), (5, 4)),
        rows=(1, 1, 3, 0),
        cells={column: (1, 1, 1)},
    )


def as_key(name: str, column: str) -> Pair:
    """Builds a pair in which a column of this name is the key."""
    return pair(
        f"key_named_{name}",
        rows({column: I64, "v": I64}, (1, 1), (2, 2), (3, 3)),
        rows({column: I64, "v": I64}, (1, 1), (2, 3), (4, 4)),
        declared=column,
        rows=(1, 1, 1, 0),
    )


TOGETHER = [
    pair(
        "columns_that_differ_in_case_only",
        rows("id a A", (1, 1, 10), (2, 2, 20), (3, 3, 30)),
        rows("id a A", (1, 5, 10), (2, 2, 25), (3, 3, 30)),
        rows=(0, 0, 2, 0),
        cells={"a": (0, 0, 1), "A": (0, 0, 1)},
    ),
    pair(
        "columns_that_differ_in_case_only_in_another_order",
        rows("id a A", (1, 1, 10), (2, 2, 20)),
        rows("A id a", (10, 1, 1), (20, 2, 2)),
        rows=(0, 0, 0, 0),
    ),
    pair(
        "a_key_that_differs_from_a_column_in_case_only",
        rows("id ID", (1, 10), (2, 20)),
        rows("id ID", (1, 10), (2, 21)),
        rows=(0, 0, 1, 0),
        cells={"ID": (0, 0, 1)},
    ),
    pair(
        "key_columns_that_differ_in_case_only",
        rows("a A v", (1, 2, 1), (2, 1, 2)),
        rows("a A v", (1, 2, 1), (2, 1, 3)),
        declared=("a", "A"),
        rows=(0, 0, 1, 0),
    ),
    pair(
        "a_column_renamed_in_case_is_another_column",
        rows("id a", (1, 1), (2, 2)),
        rows("id A", (1, 1), (2, None)),
        rows=(0, 0, 0, 0),
        added={"A": 1},
    ),
    pair(
        "a_column_that_takes_the_name_duckdb_would_give",
        rows("id a A A_1", (1, 1, 2, 3), (2, 1, 2, 3)),
        rows("id a A A_1", (1, 1, 2, 4), (2, 1, 9, 3)),
        rows=(0, 0, 2, 0),
        cells={"A": (0, 0, 1), "A_1": (0, 0, 1)},
    ),
    pair(
        "all_the_names_of_the_row_form_at_once",
        rows("_change _changed_columns _from _to v", (1, 1, 1, 1, 1), (2, 2, 2, 2, 2)),
        rows("_change _changed_columns _from _to v", (1, 1, 9, 1, 1), (2, 2, 2, 2, 3)),
        declared=("_change", "_to"),
        rows=(0, 0, 2, 0),
    ),
    pair(
        "without_a_key_names_of_the_row_form",
        rows("_change _from _to", (1, 1, 1), (2, 2, 2)),
        rows("_change _from _to", (1, 1, 1), (2, 2, 3)),
        declared=(),
        rows=(1, 1, 0, 0),
    ),
    pair(
        "names_of_files_and_rows_at_once",
        rows("filename file_row_number file_index rowid", (1, 1, 1, 1), (2, 2, 2, 2)),
        rows("filename file_row_number file_index rowid", (1, 1, 1, 5), (2, 7, 2, 2)),
        declared="filename",
        rows=(0, 0, 2, 0),
    ),
    pair(
        "names_that_collide_with_a_prefix_or_suffix",
        rows("id from_v to_v v v_from v_to", (1, 1, 2, 3, 4, 5)),
        rows("id from_v to_v v v_from v_to", (1, 1, 2, 4, 4, 6)),
        rows=(0, 0, 1, 0),
        cells={"v": (0, 0, 1), "v_to": (0, 0, 1)},
    ),
]

CASES = [
    *(as_value(name, column) for name, column in NAMES.items()),
    *(as_key(name, column) for name, column in NAMES.items()),
    *TOGETHER,
]
