"""A program that runs operations while the machine fails under them, and prints what is wrong.

It is run with the library of ``machine_faults.c`` loaded before all others. Whatever fails, an
operation succeeds or raises an error of the catalog, and the state is the old or the new one.
"""

import contextlib
import ctypes
import errno
import io
import itertools
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import catalog
from catalog.catalog import Catalog
from catalog.errors import CatalogError, CorruptData
from cli.main import run

ERRORS = {
    "open": (errno.EIO, errno.EMFILE, errno.EACCES, errno.ESTALE),
    "create": (errno.ENOSPC, errno.EMFILE, errno.EROFS, errno.EDQUOT),
    "read": (errno.EIO, errno.ESTALE),
    "write": (errno.ENOSPC, errno.EIO, errno.EDQUOT),
    "fsync": (errno.EIO, errno.ENOSPC),
    "rename": (errno.EIO, errno.ENOSPC, errno.EACCES),
    "unlink": (errno.EIO, errno.EROFS),
    "mkdir": (errno.ENOSPC, errno.EACCES),
    "stat": (errno.EIO, errno.EACCES),
    "list": (errno.EIO, errno.EACCES),
}
PLACES = ("/src/", "/lake/data", "/lake/objects", "/lake/refs", "/lake/tmp", "/lake/cache", "/out")


def snapshot(cat: Catalog, root: Path) -> None:
    with cat.transaction(message="m") as transaction:
        transaction.snapshot("t", str(root / "src"), key=["id"])


def reference(cat: Catalog, root: Path) -> None:
    with cat.transaction(message="m") as transaction:
        transaction.snapshot("r", str(root / "src"), key=["id"], mode="reference")


def update(cat: Catalog, root: Path) -> None:
    with cat.transaction(message="m") as transaction:
        transaction.sql("UPDATE t SET v = v + 1 WHERE id = 4")


def upsert(cat: Catalog, root: Path) -> None:
    with cat.transaction(message="m") as transaction:
        rows = pa.table({"id": [1, 9], "v": [5, 9], "day": [1, 9]})
        transaction.write("t", rows, mode="upsert")


def diff(cat: Catalog, root: Path) -> None:
    with cat.diff("main~1", "main", level="rows") as found:
        for table in found.tables:
            table.changes().read_all()


def merge(cat: Catalog, root: Path) -> None:
    cat.merge("dev", into="main")


def export(cat: Catalog, root: Path) -> None:
    cat.export("t", str(root / "out"))


def log(cat: Catalog, root: Path) -> None:
    catalog.open(root / "lake").log()
    cat.tables()
    cat.reflog()


def select(cat: Catalog, root: Path) -> None:
    """Runs a query as the command does, which reads all rows itself."""
    said = io.StringIO()
    words = ["-C", str(root / "lake"), "sql", "SELECT * FROM t ORDER BY id", "--format", "csv"]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        code = run(words)
    if code and "internal error" not in said.getvalue():
        raise CatalogError(said.getvalue())
    assert code == 0, said.getvalue()


def take_files(cat: Catalog, root: Path) -> None:
    with cat.transaction(message="m") as transaction:
        transaction.snapshot("f", str(root / "pics"), format="files")


def merge_files(cat: Catalog, root: Path) -> None:
    cat.merge("files", into="main")


def restore(cat: Catalog, root: Path) -> None:
    assert cat.export("f", str(root / "out"), format="files") == 4
    with cat.open_file("f", "a") as file:
        assert file.read() == b"first"


OPERATIONS = (snapshot, reference, update, upsert, diff, merge, export, log, select)
FILE_OPERATIONS = (take_files, merge_files, restore)
FILE_PLACES = ("/pics", "/lake/blobs", "/lake/lists", "/lake/data", "/lake/tmp", "/out")


def make(root: Path) -> None:
    write(root / "src/day=1/a.parquet", {"id": [1, 2, 3], "v": [10, 20, 30]})
    write(root / "src/day=2/b.parquet", {"id": [4, 5, 6], "v": [40, 50, 60]})
    cat = catalog.create(root / "lake")
    snapshot(cat, root)
    cat.branches.create("dev", at="main")
    for branch, statement in (
        ("dev", "UPDATE t SET v = 11 WHERE id = 1"),
        ("main", "UPDATE t SET v = 61 WHERE id = 6"),
    ):
        with cat.transaction(branch, message="m") as transaction:
            transaction.sql(statement)
    write(root / "src/day=1/a.parquet", {"id": [1, 2, 3], "v": [10, 21, 30]})
    (root / "pics/d").mkdir(parents=True)
    for path, content in (("a", b"first"), ("d/b", b"b" * 100), ("d/c", b"first")):
        (root / "pics" / path).write_bytes(content)
    take_files(cat, root)
    cat.branches.create("files", at="main")
    with cat.transaction("files", message="m") as transaction:
        transaction.sql("DELETE FROM f WHERE path = 'd/c'")
    (root / "more").mkdir()
    (root / "more/e").write_bytes(b"e")
    with cat.transaction("main", message="m") as transaction:
        transaction.snapshot("f", str(root / "more"), format="files", scope="append")
    shutil.rmtree(root / "more")
    (root / "pics/a").write_bytes(b"second")


def write(path: Path, columns: dict[str, list[int]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


def state(root: Path) -> object:
    cat = catalog.open(root / "lake")
    rows = {one.name: sorted(cat.sql(f"FROM {one.name}").fetchall()) for one in cat.tables()}
    restored = {
        str(path.relative_to(root)): path.read_bytes()
        for path in (root / "out").rglob("*")
        if path.is_file() and path.suffix != ".parquet"
    }
    return rows, len(cat.log()), sorted(path.name for path in root.iterdir()), restored


def main() -> None:
    root = Path(sys.argv[1])
    every = int(sys.argv[2])
    faults = ctypes.CDLL(os.environ["LD_PRELOAD"])
    make(root / "template")
    copy, met = root / "x", 0

    def begin() -> Catalog:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(root / "template", copy)
        return catalog.open(copy / "lake")

    begin()
    old = state(copy)
    news: dict[Callable[..., None], object] = {}
    for operation in (*OPERATIONS, *FILE_OPERATIONS):
        operation(begin(), copy)
        news[operation] = state(copy)
    how = (0, 1, 3), (1, -1)
    cases = itertools.chain(
        itertools.product(OPERATIONS, ERRORS, PLACES, *how),
        itertools.product(FILE_OPERATIONS, ERRORS, FILE_PLACES, *how),
    )
    for number, (operation, name, place, skipped, times) in enumerate(cases):
        if number % every:
            continue
        code = ERRORS[name][number // every % len(ERRORS[name])]
        cat, problem = begin(), ""
        faults.fault_set(name.encode(), f"/x{place}".encode(), code, skipped, times)
        done = False
        try:
            operation(cat, copy)
            done = True
        except CatalogError as error:
            problem = judged(error)
        except BaseException as error:  # noqa: BLE001 - it is what is looked for
            problem = f"raised {type(error).__name__}: {error}"
        hits: Any = faults.fault_hits()
        faults.fault_set(b"", b"", 0, 0, 0)
        if not hits:
            continue
        met += 1
        now = state(copy)
        if now not in (old, news[operation]) or (done and now != news[operation]):
            problem += f" left the state {now}"
        if problem:
            where = f"{operation.__name__} {name} {errno.errorcode[code]} {place} {skipped} {times}"
            print(f"{where}: {problem}")
    print("met", met)


def judged(error: CatalogError) -> str:
    """Returns what is wrong with an error: none of the machine's says that data are damaged."""
    if isinstance(error, CorruptData):
        return f"told as damage: {error.message}"
    return "" if error.message else "told without a word"


if __name__ == "__main__":
    main()
