"""Arguments of a diff that are not valid are refused, with an error of the catalog."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import catalog
from catalog.errors import ErrorKind, InvalidInput
from tests.diff.cases_build import rows, side
from tests.diff.cases_check import snapshot
from tests.diff.cases_pair import write


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("arguments")
    lake = catalog.create(str(folder / "lake"))
    columns = {"id": pa.int64(), "v": pa.int64(), "s": pa.string()}
    for number, row in enumerate([(1, 1, "a"), (1, 2, "a")]):
        version = side(rows(columns, row), "id")
        assert snapshot(lake, version, write(version, folder / f"v{number}")) is not None
    return lake


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threads": 0}, "threads must be an integer of at least 1, not 0"),
        ({"threads": -2}, "threads must be an integer of at least 1, not -2"),
        ({"memory_limit_bytes": -1}, "memory_limit_bytes must be an integer of at least 1, not -1"),
        ({"level": "zzz"}, "unknown level 'zzz'"),
        ({"method": "zzz"}, "unknown method 'zzz'"),
        ({"key": "id"}, "key must be a list of names, not the text 'id'"),
        ({"key": [1]}, "a name in key must be text, not 1"),
        ({"key": 7}, "key must be a list of names, not 7"),
        ({"key": ["id", "id"]}, "the key id, id names a column twice"),
        ({"columns": "v"}, "columns must be a list of names"),
        ({"columns": [None]}, "a name in columns must be text"),
        ({"columns": ["zzz"]}, "no column 'zzz'"),
        ({"tolerance": "v=1"}, "tolerance must be a dictionary, not 'v=1'"),
        ({"tolerance": {"v": "much"}}, "tolerance 'much' of column 'v' is not a number"),
        ({"tolerance": {"v": "-1"}}, "tolerance '-1' of column 'v' is not a number"),
        ({"tolerance": {"s": "1"}}, "column 's' of t cannot have a tolerance"),
        ({"tolerance": {"id": "1"}}, "column 'id' of t cannot have a tolerance"),
        ({"tolerance": {"zzz": "1"}}, "no column 'zzz'"),
    ],
)
def test_arguments_of_a_diff_are_checked(lake: Any, arguments: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        lake.diff("main~1", "main", tables=["t"], **arguments)
    assert message in error.value.message


def test_a_bad_tolerance_has_its_kind(lake: Any) -> None:
    for tolerance in ("v=1", {"v": "much"}, {"s": "1"}):
        with pytest.raises(InvalidInput) as error:
            lake.diff("main~1", "main", tolerance=tolerance)
        assert error.value.kind is ErrorKind.BAD_TOLERANCE


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"columns": "zzz"}, "unknown columns 'zzz'"),
        ({"change": "zzz"}, "unknown change 'zzz'"),
        ({"limit": -5}, "limit must be an integer of at least 0, not -5"),
        ({"limit": "5"}, "limit must be an integer of at least 0, not '5'"),
        ({"where": 1}, "a condition must be text, not 1"),
        ({"where": "zzz > 1"}, "the condition 'zzz > 1' is not valid on changed rows"),
        ({"where": "unnest([true, true])"}, "is not valid on"),
    ],
)
def test_arguments_of_changed_rows_are_checked(lake: Any, arguments: Any, message: str) -> None:
    with lake.diff("main~1", "main", level="rows") as diff, pytest.raises(InvalidInput) as error:
        diff["t"].changes(**arguments).read_all()
    assert message in error.value.message


def test_columns_may_come_from_an_iterator(lake: Any) -> None:
    diff = lake.diff("main~1", "main", columns=iter(["v"]), key=iter(["id"]))
    assert list(diff["t"].columns) == ["id", "v"]


def test_a_limit_of_zero_gives_no_rows(lake: Any) -> None:
    with lake.diff("main~1", "main", level="rows") as diff:
        assert diff["t"].changes(limit=0).read_all().num_rows == 0
