"""A catalog that somebody else wrote is data: it runs no SQL, and leads nowhere else."""

import copy
import functools
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Outcome, Runner, write_parquet
from tests.effort import effort
from tests.repository.forge import Files, Forgery, forge

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


def only(files: Files, **values: Any) -> None:
    """Leaves one entry, and changes it."""
    for column in files.values():
        del column[1:]
    for name, value in values.items():
        files[name] = [value]


@pytest.fixture
def no_hash(lake: Path) -> Path:
    """A Parquet file of the user's, outside of the catalog."""
    path = lake.parent / "private.parquet"
    write_parquet(path, {"order_id": [7], "amount": [1.0], "note": ["top secret"]})
    return path


@pytest.mark.invariant("A catalog that somebody else wrote leads to no other file")
@pytest.mark.parametrize("kind", ["text", "device", "parquet", "relative", "dots", "uri", "http"])
def test_paths_that_lead_elsewhere_are_refused(
    parquetry: Runner,
    lake: Path,
    tmp_path: Path,
    strange: tuple[Path, Path],
    no_hash: Path,
    kind: str,
) -> None:
    secret, written = strange
    path = {
        "text": str(secret),
        "device": "/dev/zero",
        "parquet": str(no_hash),
        "relative": "../private.parquet",
        "dots": "data/orders/../../../private.parquet",
        "uri": f"file://{no_hash}",
        "http": "http://127.0.0.1:9/private.parquet",
    }[kind]
    for token in (b"etag:x++3", None):
        branch = (lake / "refs/branches/main.json").read_bytes()
        values = {"path": path.encode(), **({"token": token} if token else {})}
        forge(lake, Forgery(files=functools.partial(only, **values)), name="orders")
        out = tmp_path / f"out{token is None}"
        out.mkdir()
        outcomes = list(reading(parquetry, out))
        check(outcomes, secret, written)
        assert outcomes[1].code == 3
        assert not any(file.is_file() for file in out.rglob("*.parquet"))
        (lake / "refs/branches/main.json").write_bytes(branch)


@pytest.mark.parametrize("guard", ["stat", "guessed"])
def test_a_reference_is_read_only_as_its_guard_says(
    parquetry: Runner, lake: Path, no_hash: Path, guard: str
) -> None:
    found = no_hash.stat()
    right = f"{found.st_size}+{found.st_mtime_ns}+{found.st_ino}"
    values = {
        "path": str(no_hash).encode(),
        "token": b"stat:x",
        "guard": (right if guard == "stat" else f"{found.st_size}+1+1").encode(),
        "size": found.st_size,
        "rows": 1,
    }
    forge(lake, Forgery(files=functools.partial(only, **values)), name="orders")
    for words in (("sql", "FROM orders"), ("export", "orders", "out")):
        assert parquetry("-C", "lake", *words).code == (0 if guard == "stat" else 3)
    assert Path("out").exists() == (guard == "stat")


@pytest.mark.parametrize("kind", ["pipe", "device", "text", "larger", "private"])
def test_an_export_copies_what_was_committed(
    parquetry: Runner, lake: Path, strange: tuple[Path, Path], no_hash: Path, kind: str
) -> None:
    """A file below ``data/`` may be anything in a catalog that came in an archive."""
    secret, _ = strange
    sizes = {"text": secret.stat().st_size, "private": no_hash.stat().st_size}
    place = lake / "data/orders/x.parquet"
    match kind:
        case "pipe":
            os.mkfifo(place)
        case "device":
            place.symlink_to("/dev/zero")
        case "text":
            place.symlink_to(secret)
        case "larger":
            shutil.copy(no_hash, place)
        case "private":
            place.symlink_to(no_hash)
    for token in (b"etag:x++3", b"sha256:" + b"0" * 64):
        for size in (sizes.get(kind, 0), 100):
            values = {"path": b"data/orders/x.parquet", "token": token, "size": size, "rows": 1}
            forge(lake, Forgery(files=functools.partial(only, **values)), name="orders")
            found = parquetry("-C", "lake", "export", "orders", "out")
            assert (found.code, Path("out").exists()) == (3, False)
            assert "internal error" not in found.err


def test_a_damaged_branch_is_mended_as_its_hint_says(parquetry: Runner, lake: Path) -> None:
    newest = json.loads(parquetry("-C", "lake", "log", "--json").out)["commits"][0]["commit"]
    (lake / "refs/branches/main.json").write_bytes(b"")
    for words in (("log",), ("sql", "FROM orders"), ("snapshot", "orders=v1/orders", "-m", "x")):
        found = parquetry("-C", "lake", *words)
        assert found.code == 3
        assert "branch main is not readable" in found.err
        assert "parquetry reset main --to COMMIT" in found.err
    assert "refs/branches/main.json is passed over" in parquetry("-C", "lake", "branch", "list").err
    assert parquetry("-C", "lake", "log", newest).code == 0
    found = parquetry("-C", "lake", "reset", "main", "--to", newest[:10], "--dry-run")
    assert (found.code, "would be" in found.out) == (0, True)
    found = parquetry("-C", "lake", "reset", "main", "--to", newest[:10])
    assert (found.code, found.out.splitlines()[0]) == (
        0,
        f"main was damaged, and is at {newest[:8]} now",
    )
    assert parquetry("-C", "lake", "log").code == 0


def test_stray_files_in_refs_are_reported_and_break_nothing(parquetry: Runner, lake: Path) -> None:
    main = (lake / "refs/branches/main.json").read_bytes()
    for folder in ("branches", "tags"):
        (lake / f"refs/{folder}/folder.json").mkdir(parents=True)
        for name in ("main.sync-conflict.json", ".DS_Store", "folder.json/x", "b\u00f6se.json"):
            (lake / f"refs/{folder}/{name}").write_bytes(main)
    before = parquetry("-C", "lake", "log", "main").out
    for words in (("branch", "list"), ("tag", "list"), ("log", "--all"), ("show", "unknown")):
        found = parquetry("-C", "lake", *words)
        assert found.code == (3 if words[0] == "show" else 0)
        assert "no branch, tag or commit" in found.err or found.code == 0
    found = parquetry("-C", "lake", "branch", "list")
    for name in ("main.sync-conflict.json", ".DS_Store", "folder.json/x"):
        assert f"refs/branches/{name}" in found.err
    assert [line.split()[0] for line in found.out.splitlines()] == ["branch", "main"]
    assert parquetry("-C", "lake", "log", "--all").out.splitlines()[0] == before.splitlines()[0]
