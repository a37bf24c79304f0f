"""What commands leave behind, and where catalogs may be: nothing, and not in each other."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from catalog.errors import AlreadyExists, CatalogError, InvalidInput
from catalog.storage.local import LocalStore
from tests.cli.conftest import REPOSITORY, Runner, write_parquet

STOPPED_WHILE_IT_WRITES = """
import os, signal, sys
import catalog.operations.export as export
from cli.main import main

def stopped(self, target):
    os.mkdir(target)
    os.kill(os.getpid(), signal.{number})
    while True:
        pass

export._Export.copy_to = stopped
main()
"""


@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_command_that_is_stopped_leaves_nothing_behind(lake: Path, number: str) -> None:
    outside = lake.parent / "outside"
    outside.mkdir()
    program = STOPPED_WHILE_IT_WRITES.format(number=number)
    done = subprocess.run(
        [sys.executable, "-c", program, "export", "orders", str(outside / "out")],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PARQUETRY_CATALOG": str(lake)},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
    assert list(outside.iterdir()) == []


def test_temporary_files_of_others_stay(tmp_path: Path) -> None:
    cat = catalog.create(tmp_path / "lake")
    path = tmp_path / "lake/tmp" / ("a" * 32)
    path.write_bytes(b"x")
    os.utime(path, (0, 0))  # as a copy keeps it: the time of the change counts
    with catalog.open(cat.uri).transaction(allow_empty=True):
        pass
    assert path.exists()


def test_what_has_rested_for_a_week_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cat = catalog.create(tmp_path / "lake")
    for name in ("a" * 32, "notes.txt"):
        (tmp_path / "lake/tmp" / name).write_bytes(b"x")
    monkeypatch.setattr("catalog.storage.local.LEFT_AFTER_S", -1)
    again = catalog.open(cat.uri)
    with again.transaction(message="x") as transaction:
        transaction.write("t", pa.table({"id": [1, 2]}), mode="append")
    assert [path.name for path in (tmp_path / "lake/tmp").iterdir()] == ["notes.txt"]
    assert again.tables()[0].rows == 2


@pytest.mark.parametrize("place", ["inner", "data/t/inner", "data", "objects/x", "refs"])
def test_no_catalog_is_made_inside_another(parquetry: Runner, tmp_path: Path, place: str) -> None:
    catalog.create(tmp_path / "lake")
    before = sorted(str(path) for path in (tmp_path / "lake").rglob("*"))
    outcome = parquetry("init", f"lake/{place}")
    assert outcome.code == 3
    assert f"is inside the catalog {tmp_path}/lake" in outcome.err
    with pytest.raises(AlreadyExists) as refused:
        catalog.create(tmp_path / "lake" / place)
    assert refused.value.kind == "catalog-exists"
    assert sorted(str(path) for path in (tmp_path / "lake").rglob("*")) == before


def test_links_into_a_catalog_are_followed(parquetry: Runner, tmp_path: Path) -> None:
    catalog.create(tmp_path / "lake")
    (tmp_path / "link").symlink_to(tmp_path / "lake/data")
    assert parquetry("init", "link/inner").code == 3


def test_a_catalog_of_another_program_above_is_no_reason(parquetry: Runner, tmp_path: Path) -> None:
    (tmp_path / "catalog.json").write_text('{"type": "Catalog", "stac_version": "1.0.0"}')
    assert parquetry("init", "lake").code == 0
    assert parquetry("init", "beside").code == 0


@pytest.mark.parametrize("step", ["^0", "~", "~1", "^", "@{1}"])
def test_long_ref_expressions_are_refused_quickly_and_not_repeated(
    tmp_path: Path, step: str
) -> None:
    cat = catalog.create(tmp_path / "lake")
    started = time.process_time()
    with pytest.raises(InvalidInput) as refused:
        cat.resolve("main" + step * 100_000)
    assert time.process_time() - started < 0.5
    assert refused.value.kind == "invalid-ref"
    assert len(refused.value.message) < 3_000


def test_long_inputs_are_not_repeated_by_any_error(parquetry: Runner, tmp_path: Path) -> None:
    catalog.create(tmp_path / "lake")
    text = "x" * 100_000
    for words in (
        ("sql", f"SELECT {text}"),
        ("sql", f"SELECT 1 FROM {text}"),
        ("sql", f"SELECT 1 FROM t@{text}"),
        ("log", text),
        ("show", f"main~{text}"),
        ("diff", f"{text}..main"),
        ("schema", text),
        ("branch", "create", text),
        ("tag", "create", f"a b{text}"),
        ("snapshot", f"t={text}"),
        ("snapshot", f"{text}=x"),
        (text,),
        ("log", f"--{text}"),
    ):
        outcome = parquetry("-C", "lake", *words)
        assert outcome.code in (2, 3)
        assert len(outcome.err) < 6_000, words[0]


@pytest.mark.invariant("A cache that cannot be read or written stops nothing")
@pytest.mark.parametrize("how", ["file", "directories", "garbage", "dangling", "nested"])
def test_a_cache_that_is_no_cache_stops_nothing(tmp_path: Path, how: str) -> None:
    write_parquet(tmp_path / "src/x.parquet", {"id": [1, 2], "v": [1, 2]})
    cat = catalog.create(tmp_path / "lake")
    _snapshot(cat, tmp_path)
    cache = tmp_path / "lake/cache"
    kept = [path for path in cache.rglob("*") if path.is_file()]
    if how == "garbage":
        for path in kept:
            path.write_bytes(os.urandom(99))
    elif how == "directories":
        for path in kept:
            path.unlink()
            path.mkdir()
    else:
        os.rename(cache, tmp_path / "away")
        if how == "file":
            cache.write_bytes(b"")
        elif how == "dangling":
            cache.symlink_to("nowhere/at/all")
        else:
            cache.mkdir()
            for name in ("stat", "fingerprints"):
                (cache / name).write_bytes(b"")
    write_parquet(tmp_path / "src/x.parquet", {"id": [1, 2, 3], "v": [1, 7, 3]})
    _snapshot(cat, tmp_path)
    with cat.transaction(message="x") as transaction:
        transaction.sql("UPDATE t SET v = 0 WHERE id = 1")
    (table,) = cat.diff("main~2", "main").tables
    assert (table.rows.updated, table.rows.inserted) == (2, 1)
    assert cat.sql("SELECT sum(v) FROM t").fetchall() == [(10,)]


def _snapshot(cat: catalog.Catalog, tmp_path: Path) -> None:
    with cat.transaction(message="x") as transaction:
        transaction.snapshot("t", str(tmp_path / "src"), key=["id"])


def test_errors_of_the_machine_are_no_mistake_of_ours(
    parquetry: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error, text in (
        (MemoryError(), "out of memory"),
        (RuntimeError("can't start new thread"), "no thread can be started"),
        (OSError(24, "Too many open files", "/x"), "/x: Too many open files"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError(5, "Input/output error", "/x"), "/x: Input/output error"),
        (ImportError("x.so: failed to map segment from shared object"), "out of memory"),
    ):

        def fail(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(catalog, "open", fail)
        outcome = parquetry("-C", "lake", "log")
        assert outcome.code == 3
        assert text in outcome.err
        assert "bug" not in outcome.err
        assert "\nhint: " in outcome.err


def test_errors_that_are_not_the_catalogs_never_come_out_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cat = catalog.create(tmp_path / "lake")
    for error in (MemoryError(), RuntimeError("can't start new thread"), OSError(24, "x", "/x")):

        def fail(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(LocalStore, "read", fail)
        for call in (cat.log, cat.tables, cat.branches.list, cat.reflog):
            with pytest.raises(CatalogError):
                call()  # type: ignore[operator]


@pytest.mark.parametrize("words", ["sql|SELECT sum(id) FROM t", "diff|main~1|main|--rows"])
def test_too_few_open_files_are_told_as_such(tmp_path: Path, words: str) -> None:
    for number in range(20):
        write_parquet(tmp_path / f"src/{number}.parquet", {"id": [number], "v": [1]})
    _snapshot(catalog.create(tmp_path / "lake"), tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *words.split("|")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PARQUETRY_CATALOG": "lake"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (6, 6)),
    )
    assert done.returncode == 3
    assert "Too many open files" in done.stderr
    assert "ulimit -n" in done.stderr
    assert "bug" not in done.stderr
