"""What everyday commands cost in a catalog that has lived for years, and in one a tenth as large.

``long_life_build.py`` builds both. Every command is a process of its own: CPU seconds of user and
system, and the most memory that was resident. ``exponent`` is the logarithm of the ratio of CPU
seconds to the base of the ratio of sizes: 1 is linear, 0 independent of the size. ``--bucket``
counts requests instead, in buckets of moto on loopback, without and with a local cache: use small
sizes. ``--only`` takes commands that contain one of some words.
"""

import argparse
import collections
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True)
class Case:
    """A command, and what its cost may follow.

    Attributes:
        words: The command; ``{n}`` is the number of the run, so that each writes something else.
        follows: What it lists, or goes through; empty if it touches one thing.
        completes: Whether it is the completion of these words, instead.
        fails: Whether it is to fail.
    """

    words: str
    follows: str = ""
    completes: bool = False
    fails: bool = False


CASES = (
    Case("log -n 10"),
    Case("show"),
    Case("show v00003"),
    Case("show main@{{5}}"),
    Case("tables", "tables"),
    Case("schema events"),
    Case("status small={sources}/small --key small=id"),
    Case("diff --stat main~1"),
    Case("sql SELECT+count(*)+FROM+small"),
    Case("sql SELECT+count(*)+FROM+events+WHERE+day=0+AND+id<1000"),
    Case("branch create new{n}"),
    Case("branch delete new{n}"),
    Case("tag create tag{n}"),
    Case("tag delete tag{n}"),
    Case("snapshot small={sources}/more{n} --append"),
    Case("snapshot small={sources}/key{n} --append --idempotency-key new{n}"),
    Case("snapshot events={sources}/day{n} --partitions"),
    Case("snapshot new{n}={sources}/small"),
    Case("sql --branch main -m x UPDATE+small+SET+x={n}+WHERE+id=9"),
    Case("merge near --dry-run"),
    Case("show release-00001x", "names", fails=True),
    Case("schema t000", "tables", completes=True),
    Case("show v0000", "names that begin so", completes=True),
    Case("branch list", "branches"),
    Case("tag list", "tags"),
    Case("reflog", "moves"),
    Case("log", "commits"),
    Case("log -t t0001", "commits"),
    Case("show main~{half}", "commits in between"),
    Case("diff --stat far", "changed files"),
    Case("blame small --key id=7", "commits"),
    Case("history small --key id=7", "commits"),
    Case("partitions events", "partitions"),
)


@dataclass(frozen=True)
class Cost:
    """What a process took."""

    cpu_s: float
    peak_mb: float


@dataclass
class Machine:
    """Runs commands on a catalog whose sources are in a folder."""

    folder: Path
    commits: int
    place: str = ""
    more: dict[str, str] = field(default_factory=dict)

    def run(self, case: Case, number: int) -> Cost:
        text = case.words.format(n=number, half=self.commits // 2, sources=self.folder / "sources")
        settings = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'cli/install'}",
            "PARQUETRY_CATALOG": self.place or str(self.folder / "lake"),
            **self.more,
        }
        words = [word.replace("+", " ") for word in text.split()]
        if case.completes:
            settings |= {
                "_PARQUETRY_COMPLETE": "complete_bash",
                "COMP_WORDS": f"parquetry {text}",
                "COMP_CWORD": str(len(words)),
            }
            words = []
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "parquetry", *words],
                cwd=self.folder,
                env=settings,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = code = os.waitstatus_to_exitcode(status)
            said.seek(0)
            if (code != 0) is not case.fails:
                raise SystemExit(f"{text} ended with {code}: {said.read().decode()}")
        return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def build(folder: Path, size: tuple[int, ...]) -> Machine:
    """Builds a catalog, in another process: what that takes must not count for others."""
    command = [sys.executable, str(Path(__file__).with_name("long_life_build.py"))]
    settings = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    subprocess.run([*command, str(folder), *map(str, size)], check=True, env=settings)
    return Machine(folder, size[0])


def told(size: tuple[int, ...]) -> str:
    commits, refs, tables, files = size
    return (
        f"{commits:,} commits, {refs:,} branches and {refs:,} tags, {tables:,} tables, "
        f"{files:,} files"
    )


def measure(machines: list[Machine], cases: Iterable[Case], *, runs: int, ratio: float) -> None:
    """Prints what commands cost in a small and in a large catalog."""
    print("| command | follows | CPU s | ten times | exponent | MB | ten times |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for case in cases:
        small, large = (
            min((machine.run(case, n) for n in range(runs)), key=lambda cost: cost.cpu_s)
            for machine in machines
        )
        exponent = math.log(large.cpu_s / small.cpu_s, ratio)
        print(
            f"| `{shown(case)}` | {case.follows} | {small.cpu_s:.2f} | {large.cpu_s:.2f} "
            f"| {exponent:.1f} | {small.peak_mb:.0f} | {large.peak_mb:.0f} |",
            flush=True,
        )


def shown(case: Case) -> str:
    names = {"n": "N", "half": "N", "sources": "…"}
    text = case.words.format(**names).replace("+", " ")
    return f"{text}⇥" if case.completes else text


Counts = collections.Counter[str]


@contextmanager
def counting_server() -> Iterator[tuple[str, Counts]]:
    """Runs moto on loopback; yields its address, and how often each method was asked for."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    counts: Counts = collections.Counter()
    lock = threading.Lock()
    inner = DomainDispatcherApplication(create_backend_app)

    def answer(environ: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:
        with lock:  # moto compares a condition and writes in two steps
            counts[environ["REQUEST_METHOD"]] += 1
            return inner(environ, start_response)

    class Quiet(WSGIRequestHandler):
        def log_request(self, *given: object) -> None:
            """Says nothing of each request."""

    server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", counts
    finally:
        server.shutdown()


def upload(lake: Path, endpoint: str, bucket: str) -> None:
    import boto3

    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    client.create_bucket(Bucket=bucket)
    for path in sorted(lake.rglob("*")):
        key = path.relative_to(lake).as_posix()
        if path.is_file() and not key.startswith(("tmp/", "locks/", "cache/stat/")):
            client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())


def count(machines: list[Machine], cases: Iterable[Case], root: Path) -> None:
    """Prints how many requests commands take in a small and in a large catalog in buckets."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    os.environ |= {"AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
    with counting_server() as (endpoint, counts):
        for number, machine in enumerate(machines):
            upload(machine.folder / "lake", endpoint, f"lake{number}")
            machine.place = f"s3://lake{number}"
            machine.more = {"AWS_ENDPOINT_URL": endpoint}
        print("| command | follows | requests | ten times | warm | ten times |")
        print("|---|---|---:|---:|---:|---:|")
        for case in cases:
            found = []
            for n, warm in ((0, False), (1, True)):
                for machine in machines:
                    cache = root / f"cache-{machine.folder.name}"
                    if not warm:
                        shutil.rmtree(cache, ignore_errors=True)
                    machine.more["XDG_CACHE_HOME"] = str(cache)
                    counts.clear()
                    machine.run(case, n)
                    found.append(sum(counts.values()))
            cells = " | ".join(f"{one:,}" for one in found)
            print(f"| `{shown(case)}` | {case.follows} | {cells} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=20_000)
    parser.add_argument("--refs", type=int, default=10_000, help="branches, and as many tags")
    parser.add_argument("--tables", type=int, default=5_000)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--ratio", type=int, default=10, help="of the sizes of both catalogs")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="", help="commands that contain one of these, with ,")
    parser.add_argument("--dir", help="where the catalogs are put")
    parser.add_argument("--bucket", action="store_true", help="count requests to buckets")
    given = parser.parse_args()
    size = (given.commits, given.refs, given.tables, given.files)
    smaller = tuple(number // given.ratio for number in size)
    cases = [one for one in CASES if any(word in one.words for word in given.only.split(","))]
    with tempfile.TemporaryDirectory(dir=given.dir) as folder:
        root = Path(folder)
        machines = [build(root / "small", smaller), build(root / "large", size)]
        print(f"{told(smaller)}; {told(size)}.\n")
        if given.bucket:
            count(machines, cases, root)
        else:
            measure(machines, cases, runs=given.runs, ratio=given.ratio)


if __name__ == "__main__":
    main()
