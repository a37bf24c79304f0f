"""A catalog that somebody else wrote is data: it runs no SQL, and leads nowhere else."""

import copy
import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Outcome, Runner
from tests.effort import effort
from tests.repository.forge import Forgery, forge

INJECTED = [
    "VARCHAR) || (SELECT content FROM read_text('{secret}')",
    "INTEGER) AS v FROM (VALUES (1,1)) qfile(q0,q1)); COPY (SELECT 'x' AS x) TO '{written}'; "
    "SELECT 1 AS id, * FROM (SELECT CAST(1 AS INTEGER",
    "VARCHAR); COPY (SELECT 'x' AS x) TO '{written}'; --",
    "GEOMETRY('') || (SELECT content FROM read_text('{secret}')) || ('')",
    "DECIMAL(5,2)) || (SELECT content FROM read_text('{secret}')",
]
SHELLS = ("{}", "{}[]", "list", "struct", "map")


@pytest.fixture
def strange(tmp_path: Path) -> tuple[Path, Path]:
    """A secret beside the catalog, and a place where nothing may be written."""
    secret, written = tmp_path / "secret.txt", tmp_path / "written.csv"
    secret.write_text("top secret")
    return secret, written


def check(outcomes: list[Outcome], secret: Path, written: Path) -> None:
    """Checks that nothing was run or shown, and that commands ended as they should."""
    assert not written.exists()
    for outcome in outcomes:
        assert "internal error" not in outcome.err
        assert "top secret" not in outcome.out + outcome.err
        assert outcome.code in (0, 1, 2, 3, 4)


HOSTILE = "'); COPY (SELECT 1) TO '{written}'; --\x1b[2J\x9b\u202e\" /../../x"
NUMBERS = (-1, 1 << 62)
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]")


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yields where the texts and numbers of JSON, or of columns of nodes, are."""
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    else:
        yield place
    for at, one in inner:
        yield from leaves(one, (*place, at))


def forged(value: Any, place: tuple[Any, ...], new: Any) -> None:
    """Puts something else in a place."""
    for at in place[:-1]:
        value = value[at]
    value[place[-1]] = new


def reading(parquetry: Runner, out: Path) -> Iterator[Outcome]:
    """Runs commands that read the newest commit; few if its table is refused."""
    words = [("schema", "orders"), ("sql", "FROM orders", "--format", "json")]
    found = [parquetry("-C", "lake", *one) for one in words]
    yield from found
    words = [("log",), ("show", "main", "--json"), ("diff", "main~1", "main", "--rows")]
    if any(one.code == 0 for one in found):
        words += [
            ("files", "orders", "--json"),
            ("diff", "main~1", "main", "--format", "markdown"),
            ("sql", "SELECT count(*) FROM orders WHERE note = 'a' OR day = '2024-01-01'"),
            ("views", str(out / "views.duckdb")),
            ("export", "orders", str(out / "exported")),
            ("snapshot", "orders=v1/orders", "--dry-run"),
        ]
    for one in words:
        yield parquetry("-C", "lake", *one)


@pytest.mark.parametrize("part", ["commit", "table", "files"])
def test_no_text_or_number_of_a_commit_is_more_than_data(
    parquetry: Runner, lake: Path, tmp_path: Path, strange: tuple[Path, Path], part: str
) -> None:
    """Every eighth is forged, or all of them with ``--thorough``."""
    secret, written = strange
    branch = (lake / "refs/branches/main.json").read_bytes()
    seen: list[Any] = []
    forge(lake, Forgery(**{part: lambda value: seen.append(copy.deepcopy(value))}), name="orders")
    hostile = HOSTILE.format(written=written)
    refused = 0
    for number, place in enumerate(leaves(seen[0])):
        old = functools.reduce(lambda value, at: value[at], place, seen[0])
        texts = [hostile.encode() if isinstance(old, bytes) else hostile, str(secret), ""]
        for turn, new in enumerate(NUMBERS if isinstance(old, int) else texts[:-1]):
            if (number + turn) % effort(8, 1):
                continue
            (lake / "refs/branches/main.json").write_bytes(branch)
            if isinstance(old, bytes) and isinstance(new, str):
                new = new.encode()
            change = functools.partial(forged, place=place, new=new)
            forge(lake, Forgery(**{part: change}), name="orders")
            out = tmp_path / f"out-{number}-{turn}"
            out.mkdir()
            outcomes = list(reading(parquetry, out))
            check(outcomes, secret, written)
            refused += any(outcome.code == 3 for outcome in outcomes)
            for outcome in outcomes:
                assert not STEERING.search(outcome.out + outcome.err), (place, new)
            copied = [file for file in out.rglob("*") if file.is_file()]
            assert not any(b"top secret" in file.read_bytes() for file in copied)
    assert refused


def in_shell(shell: str, name: str) -> Any:
    """Returns a stored type that has another one inside."""
    match shell:
        case "list":
            return {"list": name}
        case "struct":
            return {"struct": [["a", name]]}
        case "map":
            return {"map": ["VARCHAR", name]}
    return shell.format(name)


@pytest.mark.invariant("A catalog that somebody else wrote runs no SQL")
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("where", ["field", "file"])
def test_a_stored_type_is_never_run(
    parquetry: Runner,
    lake: Path,
    tmp_path: Path,
    strange: tuple[Path, Path],
    where: str,
    shell: str,
) -> None:
    secret, written = strange
    pristine = (lake / "refs/branches/main.json").read_bytes()
    for injected in INJECTED if shell == "{}" else INJECTED[:2]:
        name = in_shell(shell, injected.format(secret=secret, written=written))

        def change(table: dict[str, Any], name: Any = name) -> None:
            if where == "field":
                table["schema"][1][2] = name
            else:
                for columns in table["file_schemas"].values():
                    columns[1][1] = name

        forge(lake, Forgery(table=change), name="orders")
        outcomes = [
            parquetry("-C", "lake", *words)
            for words in (
                ("schema", "orders"),
                ("sql", "FROM orders"),
                ("diff", "main~1", "main", "--rows"),
                ("views", "views.duckdb"),
                ("export", "orders", "exported"),
                ("export", "orders", "exported.csv"),
            )
        ]
        check(outcomes, secret, written)
        assert {outcome.code for outcome in outcomes} == {3}
        assert all("unknown column type" in outcome.err for outcome in outcomes)
        (lake / "refs/branches/main.json").write_bytes(pristine)
