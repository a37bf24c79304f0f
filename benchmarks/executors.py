"""What runs the tasks of a diff: nothing but this process, threads, processes, Dask, Ray.

A table lies in a bucket of a server on loopback, or in a directory. There is no proxy of requests:
every GET sleeps first, in the process that makes it, as long as one to a service
may take. All ways are measured in turn, several times, and the least counts; each diff begins
without a cache. Beside wall time stands the processor time of all processes together.

    python benchmarks/executors.py --latency-ms 30 --workers 1,2,4,8
"""

import argparse
import contextlib
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402

import catalog  # noqa: E402
from catalog.storage.options import S3Options  # noqa: E402

SLEEPS = """
import os, time
from catalog.storage.s3 import service

_get = service.S3Service.get

def get(self, *arguments, **named):
    time.sleep(float(os.environ["LATENCY_S"]))
    return _get(self, *arguments, **named)

service.S3Service.get = get
"""
"""Is imported by every process that finds it on its path, as ``sitecustomize``."""


def table(partitions: int, rows: int, *, changed: bool) -> pa.Table:
    draw = np.random.default_rng(3)
    count = partitions * rows
    columns: dict[str, Any] = {
        "day": np.repeat(np.arange(partitions), rows),
        "id": np.arange(count),
    }
    for n in range(6):
        columns[f"v{n}"] = draw.random(count)
    columns["text"] = draw.integers(0, 1 << 40, count).astype(str)
    if changed:
        for n in range(4):
            columns[f"v{n}"][n::50] += 1
    return pa.table(columns)


def made(place: str, partitions: int, rows: int, **options: Any) -> None:
    cat = catalog.create(place, cache="", **options)
    for changed in (False, True):
        with cat.transaction() as tx:
            rows_of = table(partitions, rows, changed=changed)
            key = ["id", "day"]
            tx.write("t", rows_of, mode="overwrite", key=key, partition_by=["day"])


@contextlib.contextmanager
def bucket(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Starts a server and yields the place of a catalog in it."""
    import boto3

    from tests.s3 import servers

    os.environ |= {
        "AWS_ACCESS_KEY_ID": servers.KEY,
        "AWS_SECRET_ACCESS_KEY": servers.SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with servers.seaweed(folder) as server:
        client = boto3.client("s3", endpoint_url=server.endpoint)
        client.create_bucket(Bucket="bench")
        yield "s3://bench/lake", {"s3": S3Options(endpoint_url=server.endpoint)}


def cpu_s() -> float:
    """Returns the processor time of this process and its children that have ended."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, who))


def measured(open_: Callable[[], tuple[Any, Callable[[], None]]], place: str, **options: Any):
    """Returns wall and processor seconds of one diff, workers started before, and its counts."""
    started = cpu_s()
    executor, close = open_()
    cat = catalog.open(place, cache="", executor=executor, **options)
    warm = time.monotonic()
    if executor is not None:
        cat.diff("main~1", "main")  # starts workers
    warm = time.monotonic() - warm
    begun = time.monotonic()
    counts = cat.diff("main~1", "main").to_dict()
    wall = time.monotonic() - begun
    close()
    return wall, warm, cpu_s() - started, counts["tables"]


def ways(workers: list[int], *, with_ray: bool, with_dask: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"here": lambda: (None, lambda: None)}

    def threads(n: int):
        return lambda: (catalog.ThreadExecutor(n), lambda: None)

    def processes(n: int):
        def opened():
            executor = catalog.ProcessExecutor(n, least_bytes=0)
            return executor, executor.close

        return opened

    def dask(n: int):
        def opened():
            import distributed

            cluster = distributed.LocalCluster(
                n_workers=n, threads_per_worker=1, dashboard_address=None
            )
            client = distributed.Client(cluster)

            def close() -> None:
                client.close()
                cluster.close()

            return catalog.DaskExecutor(client), close

        return opened

    def ray():
        import ray as library

        return catalog.RayExecutor(), library.shutdown

    for n in workers:
        found[f"{n} threads"] = threads(n)
        found[f"{n} processes"] = processes(n)
    if with_dask:
        found["2 workers of Dask"] = dask(2)
    if with_ray:
        found["Ray"] = ray
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency-ms", type=float, default=30)
    parser.add_argument("--workers", default="2,4,8")
    parser.add_argument("--partitions", type=int, default=48)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--local", action="store_true", help="a directory, not a bucket")
    parser.add_argument("--dask", action="store_true")
    parser.add_argument("--ray", action="store_true")
    chosen = parser.parse_args()
    workers = [int(one) for one in chosen.workers.split(",")]
    folder = Path(tempfile.mkdtemp(prefix="parquetry-benchmark-"))
    (folder / "sitecustomize.py").write_text(SLEEPS)
    os.environ["LATENCY_S"] = "0"
    os.environ["PYTHONPATH"] = f"{folder}:{ROOT}:{os.environ.get('PYTHONPATH', '')}"
    sys.path.insert(0, str(folder))
    exec(SLEEPS, {})
    try:
        with contextlib.ExitStack() as stack:
            place, options = str(folder / "lake"), {}
            if not chosen.local:
                place, options = stack.enter_context(bucket(folder))
            made(place, chosen.partitions, chosen.rows, **options)
            os.environ["LATENCY_S"] = str(chosen.latency_ms / 1000)
            report(place, options, chosen, workers)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def report(place: str, options: dict[str, Any], chosen: Any, workers: list[int]) -> None:
    found: dict[str, list[tuple[float, float, float]]] = {}
    expected = None
    for _ in range(chosen.runs):
        for name, open_ in ways(workers, with_ray=chosen.ray, with_dask=chosen.dask).items():
            wall, warm, cpu, counts = measured(open_, place, **options)
            assert expected is None or counts == expected, f"{name} counts otherwise"
            expected = counts
            found.setdefault(name, []).append((wall, warm, cpu))
    where = "a directory" if chosen.local else f"a bucket, {chosen.latency_ms:g} ms a request"
    print(
        f"{chosen.partitions} partitions of {chosen.rows:,} rows in {where}; least of {chosen.runs}"
    )
    print("| tasks run by | wall s | ratio | first diff s | CPU s of both |\n|---|--:|--:|--:|--:|")
    base = min(one[0] for one in found["here"])
    for name, taken in found.items():
        wall, warm, cpu = (min(one[n] for one in taken) for n in range(3))
        print(f"| {name} | {wall:.2f} | {base / wall:.2f} | {warm:.2f} | {cpu:.1f} |")


if __name__ == "__main__":
    main()
