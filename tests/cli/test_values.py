"""Values as text, also within others."""

import pyarrow as pa

from catalog.report.values import rows, text

INTERVAL = pa.month_day_nano_interval()
KIND = pa.struct(
    [
        ("n", pa.timestamp("ns", "UTC")),
        ("i", INTERVAL),
        ("m", pa.map_(pa.string(), pa.int64())),
        ("l", pa.list_(pa.time64("ns"))),
        ("z", pa.large_list(pa.list_(pa.struct([("q", pa.timestamp("ns"))])))),
        ("e", pa.struct([])),
    ]
)
SOME = {
    "n": 1,
    "i": (1, 0, 0),
    "m": [("a", 1)],
    "l": [5, None],
    "z": [[{"q": 1}, None], None, []],
    "e": {},
}


def test_values_within_others_are_written_as_by_themselves() -> None:
    column = pa.array([None, SOME, dict.fromkeys(SOME)], KIND)
    table = pa.table({"s": column})
    first = (
        "{'n': '1970-01-01 00:00:00.000000001', 'i': '1 month', 'm': {'a': 1}, "
        "'l': ['00:00:00.000000005', NULL], "
        "'z': [[{'q': '1970-01-01 00:00:00.000000001'}, NULL], NULL, []], 'e': {}}"
    )
    nothing = "{'n': NULL, 'i': NULL, 'm': NULL, 'l': NULL, 'z': NULL, 'e': NULL}"
    shown = [text(row[0]) for row in rows(table.to_batches())]
    assert shown == [None, first, nothing]
    assert [text(row[0]) for row in rows(table.slice(1).to_batches())] == shown[1:]
    assert [text(row[0]) for row in rows(table.slice(1, 1).to_batches())] == shown[1:2]
