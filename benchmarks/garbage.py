"""What garbage collection costs in a catalog of many data files, one in a hundred of them garbage.

The files are made up: only the listing of the store tells of them, and their deletion is counted.
CPU seconds of user and system, and the most memory resident. ``mark`` walks all that is needed,
``mark on`` what has come since, here nothing; ``dry run`` marks on, and looks at all objects;
``listing`` stores the list as well, ``sweep`` removes what is on it. Requests are those of a
bucket: a listing has 1,000 objects a page, and a deletion takes 1,000.
"""

import argparse
import datetime
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY))

from catalog import Catalog  # noqa: E402
from catalog.care.gc.live import Live, find_live  # noqa: E402
from catalog.dataclasses import replace  # noqa: E402
from catalog.model.datafile import DataFile  # noqa: E402
from catalog.model.ids import content_id  # noqa: E402
from catalog.model.refs import Branch  # noqa: E402
from catalog.model.schema import Field, FileSchema, PhysicalColumn, Schema  # noqa: E402
from catalog.model.table import TableSnapshot  # noqa: E402
from catalog.model.types import Scalar  # noqa: E402
from catalog.repository.branches import Stamp  # noqa: E402
from catalog.repository.commit_writer import Description, TableUpdate  # noqa: E402
from catalog.repository.repository import open_existing  # noqa: E402
from catalog.storage.local import LocalStore  # noqa: E402
from catalog.storage.store import ObjectInfo  # noqa: E402

PAGE = 1000
GARBAGE = 100
"""One file in so many is needed by nothing."""

FILE = FileSchema((PhysicalColumn("id", Scalar("BIGINT"), 1),))
SHAPE = TableSnapshot(Schema((Field(1, "id", Scalar("BIGINT")),)), 1, file_schemas={FILE.id: FILE})
OLD = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


def token(number: int) -> str:
    return content_id(b"%d" % number)


class MadeUp:
    """A directory in which there seem to be data files; counts requests as a bucket's."""

    def __init__(self, folder: Path, files: int) -> None:
        self._inner = LocalStore(str(folder))
        self._files = files
        self._gone: set[str] = set()
        self.requests = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if not callable(method) or name in ("uri", "scratch"):
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            self.requests += 1
            return method(*args, **kwargs)

        return call

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        for number, info in enumerate(self._listed(prefix)):
            if number % PAGE == 0:
                self.requests += 1
            yield info

    def _listed(self, prefix: str) -> Iterator[ObjectInfo]:
        if prefix != "data/":
            yield from self._inner.list(prefix)
            return
        for number in range(self._files):
            path = f"data/t/{token(number)}.parquet"
            if path not in self._gone:
                yield ObjectInfo(path, 1000, OLD, "made up")

    def delete_listed(self, found: Sequence[ObjectInfo]) -> Sequence[bool]:
        self.requests += -(-len(found) // PAGE)
        self._gone.update(info.path for info in found)
        return [True] * len(found)


def build(folder: Path, files: int) -> None:
    """Makes a catalog with one table, all of whose files are made up."""
    cat = Catalog.create(str(folder))
    repository = cat.context.repository
    held = repository.branches.held("main")
    assert held is not None
    branch: Branch = held.branch
    assert branch.commit_id is not None
    needed = (number for number in range(files) if number % GARBAGE)
    added = [
        DataFile(f"data/t/{token(n)}.parquet", f"sha256:{token(n)}", 1000, 10, (), FILE.id)
        for n in needed
    ]
    update = TableUpdate("t", None, SHAPE, (), added)
    about = Description("builder", cat.context.clock(), "everything")
    made = repository.writer().write([branch.commit_id], [update], about)
    repository.branches.move(held, made, Stamp("builder", cat.context.clock(), "commit"))


def measured(name: str, store: MadeUp, work: Callable[[], object]) -> None:
    begun, requests = time.process_time(), store.requests
    report = work()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    seconds = time.process_time() - begun
    told = f"{name:8} {seconds:7.1f} CPU s {memory:6} MB {store.requests - requests:7} requests"
    print(told, {one: getattr(report, one).total for one in ("there", "listed", "removed")})


def marked(name: str, store: MadeUp, work: Callable[[], Live]) -> None:
    begun, requests = time.process_time(), store.requests
    live = work()
    seconds = time.process_time() - begun
    told = f"{name:8} {seconds:7.1f} CPU s {store.requests - requests:18} requests"
    print(told, {"needed": len(live.names)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="parquetry-gc-") as scratch:
        folder = Path(scratch) / "lake"
        builder = multiprocessing.get_context("spawn").Process(
            target=build, args=(folder, options.files)
        )
        builder.start()
        builder.join()
        store = MadeUp(folder, options.files)
        repository = open_existing(store)
        cat = Catalog("lake", repository, author="benchmark")
        begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(f"{options.files} data files; {begun} MB before")
        since = cat.context.clock()
        for name in ("mark", "mark on"):  # the second goes on with what the first kept
            fresh = open_existing(store)
            marked(name, store, lambda: find_live(fresh, since=since))  # noqa: B023 - at once
        measured("dry run", store, lambda: cat.gc(dry_run=True))
        measured("listing", store, cat.gc)
        now = cat.context.clock() + datetime.timedelta(hours=1)
        cat.context = replace(cat.context, clock=lambda: now)
        measured("sweep", store, lambda: cat.gc(alone=True))


if __name__ == "__main__":
    main()
