"""Runs of the diff benchmark: data built, every measurement repeated, medians taken."""

import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from diff_measure import Job, Measured
from diff_scenarios import TINY, Scenario

HERE = Path(__file__).parent

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE.parent)}
"""What processes are started in: they measure the code beside the benchmark."""


@dataclass(frozen=True, slots=True)
class Result:
    """Holds the medians of a scenario's measurements by name.

    Attributes:
        scenario: The scenario.
        medians: The medians.
        problems: Where counts disagree.
    """

    scenario: Scenario
    medians: dict[str, Measured]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class States:
    """Says where the two states of a table lie, and the catalog that has both."""

    base: Path
    newer: Path
    lake: Path


class Bench:
    """Builds and measures scenarios under a directory."""

    def __init__(
        self, root: Path, *, rows: int, runs: int, threads: int, enough_s: float = math.inf
    ) -> None:
        self._root = root
        self._rows = rows
        self._runs = runs
        self._threads = threads
        self._enough_s = enough_s
        self._base: tuple[object, Path] = (None, root)

    def run(self, one: Scenario) -> Result:
        """Builds a scenario's data and takes its measurements, all of them in turn."""
        with self.built(one) as states:
            return self._measured(one, states)

    @contextmanager
    def built(self, one: Scenario) -> Iterator[States]:
        """Builds a scenario's data and catalog, which go at the end; the base stays."""
        states = States(self._base_of(one), self._root / "newer", self._root / "lake")
        build("newer", one, base=states.base, newer=states.newer)
        build("lake", one, base=states.base, newer=states.newer, lake=states.lake)
        yield states
        for path in (states.newer, states.lake):
            shutil.rmtree(path)

    def compared(self, one: Scenario, states: States) -> dict[str, Measured]:
        """Takes the measurements that other tools are compared with."""
        jobs = dict(self._jobs(one, states))
        return {
            name: median([measure(jobs[name]) for _ in range(self._runs)])
            for name in ("hand", "rows", "cells")
        }

    def _measured(self, one: Scenario, states: States) -> Result:
        jobs = dict(self._jobs(one, states))
        found: dict[str, list[Measured]] = {}
        for number in range(self._runs):
            for name, job in jobs.items():
                before = found.setdefault(name, [])
                if sum(m.cpu_s for m in before) > self._enough_s:
                    continue
                taken = self._take(one, name, job, states)
                before.append(taken)
                note(f"{one.name} {number + 1}/{self._runs} {name}: {taken.cpu_s:.2f} CPU s")
        return Result(one, {n: median(m) for n, m in found.items()}, tuple(disagreements(found)))

    def _take(self, one: Scenario, name: str, job: Job, states: States) -> Measured:
        if name == "process":
            return measure_process(states.lake)
        if job.kind != "snapshot":
            return measure(job)
        build("lake", one, base=states.base, lake=Path(job.lake), flags=["--only-base"])
        try:
            return measure(job)
        finally:
            shutil.rmtree(job.lake)

    def run_tiny(self, files: int) -> Result:
        """Compares two commits of many tiny files."""
        base, newer, lake = (self._root / f"tiny-{name}" for name in ("base", "newer", "lake"))
        build("tiny", TINY, base=base, newer=newer, rows=files)
        build("lake", TINY, base=base, newer=newer, lake=lake)
        step = files // 100
        parts = [f"p={n}" for n in range(0, step * 10, step)]
        own = Job(kind="diff", lake=str(lake), output=self._output, threads=self._threads)
        by_hand = Job(
            kind="join",
            before=_files(base / part for part in parts),
            after=_files(newer / part for part in parts),
            columns=("id", "value", "text", "p"),
            shown=("id", "value", "text", "p"),
            key=("id",),
            output=self._output,
            threads=self._threads,
        )
        found: dict[str, list[Measured]] = {}
        for _ in range(self._runs):
            for name, job in {"rows": own, "part": by_hand}.items():
                found.setdefault(name, []).append(measure(job))
                note(f"S11 {files:,} {name}: {found[name][-1].cpu_s:.2f} CPU s")
        for path in (base, newer, lake):
            shutil.rmtree(path)
        what = replace(TINY, what=f"{files:,} tiny files by reference, 10 changed")
        return Result(what, {n: median(m) for n, m in found.items()}, tuple(disagreements(found)))

    @property
    def _output(self) -> str:
        return str(self._root / "changed.parquet")

    def _base_of(self, one: Scenario) -> Path:
        """Returns the base of a scenario: that of the one before if it has the same columns."""
        shape = one.shape
        wanted = (tuple(shape.columns), shape.partition, shape.rewritten, one.rows)
        if self._base[0] != wanted:
            if self._base[0] is not None:
                shutil.rmtree(self._base[1])
            self._base = (wanted, self._root / "base")
            build("base", one, base=self._base[1], rows=int(self._rows * one.rows))
        return self._base[1]

    def _jobs(self, one: Scenario, states: States) -> Iterator[tuple[str, Job]]:
        """Yields what is measured of a scenario, by name."""
        shape, output = one.shape, self._output
        base, newer, lake = states.base, states.newer, states.lake
        changed = [shape.folder(newer, n).name for n in one.changed_partitions]
        own = Job(
            kind="diff",
            lake=str(lake),
            output=output,
            threads=self._threads,
            memory_bytes=one.memory_bytes,
        )
        by_hand = replace(
            own,
            kind="join" if shape.key else "except",
            lake="",
            before=_files(base.iterdir()),
            after=_files(newer.iterdir()),
            columns=shape.names,
            shown=shape.names,
            key=shape.key,
            partition=(shape.partition, shape.partition_type),
        )
        part = replace(
            by_hand,
            before=_files(base / name for name in changed),
            after=_files(newer / name for name in changed),
        )
        yield "rows", own
        if shape.key:
            yield "narrow", replace(own, narrow=True)
        yield "cells", replace(own, level="cells")
        yield "hand", by_hand
        yield "scan", replace(part, kind="scan", columns=one.read)
        if "part" in one.extra:
            yield "part", part
        if "narrow" in one.extra:
            yield "hand narrow", replace(by_hand, shown=one.read)
        if "process" in one.extra:
            yield "process", replace(own, kind="process")
        if "snapshot" in one.extra:
            once = str(self._root / "once")
            source = replace(own, kind="snapshot", lake=once, source=str(newer), output="")
            yield "snapshot now", source
            yield "snapshot later", replace(source, fingerprints="later")
            yield "scan all", replace(part, kind="scan", before=())
        if "charged" in one.extra:
            yield "charged", replace(own, narrow=True, drop=f"{lake}.new")
        if "first" in one.extra:
            yield "first", replace(own, narrow=True, drop=f"{lake}.all")


def measure(job: Job) -> Measured:
    """Takes a measurement in a fresh process.

    Raises:
        RuntimeError: It failed.
    """
    done = subprocess.run(
        [sys.executable, str(HERE / "diff_measure.py")],
        input=json.dumps(asdict(job)),
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )
    if done.returncode:
        raise RuntimeError(f"{job.kind} failed:\n{done.stderr}")
    return Measured(**json.loads(done.stdout))


def measure_process(lake: Path) -> Measured:
    """Runs ``parquetry diff main~1 --json`` and measures all of its process."""
    command = [sys.executable, "-m", "cli.main", "-C", str(lake), "diff", "main~1", "--json"]
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=HERE.parent, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT
    ) as process:
        assert process.stdout is not None
        answer = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"parquetry diff failed with {process.returncode}")
    table = json.loads(answer)["tables"][0]
    counts = {name: table["rows"][name] for name in ("inserted", "deleted", "updated")}
    counts |= {f"changed.{one['column']}": one["changed"] for one in table["columns"]}
    peak = used.ru_maxrss if sys.platform == "darwin" else used.ru_maxrss * 1024
    return Measured(used.ru_utime + used.ru_stime, time.perf_counter() - began, peak, counts)


def build(
    what: str,
    one: Scenario,
    *,
    base: Path,
    newer: Path | None = None,
    lake: Path | None = None,
    rows: int = 0,
    flags: Sequence[str] = (),
) -> None:
    """Builds data or a catalog."""
    command = [sys.executable, str(HERE / "diff_build.py"), what, "--scenario", one.name]
    command += ["--base", str(base), "--rows", str(rows), *flags]
    command += ["--newer", str(newer)] if newer else []
    command += ["--lake", str(lake)] if lake else []
    note(f"{one.name}: {what}")
    subprocess.run(command, check=True, env=ENVIRONMENT)


def median(taken: Sequence[Measured]) -> Measured:
    """Returns the medians of several measurements."""
    return replace(
        taken[0],
        cpu_s=statistics.median(one.cpu_s for one in taken),
        elapsed_s=statistics.median(one.elapsed_s for one in taken),
        write_s=statistics.median(one.write_s for one in taken),
        memory_bytes=int(statistics.median(one.memory_bytes for one in taken)),
    )


def disagreements(found: dict[str, list[Measured]]) -> Iterator[str]:
    """Yields where counts differ from those found by hand, in any run."""
    reference = (found.get("hand") or found["part"])[0].counts
    for name, taken in found.items():
        for counts in (one.counts for one in taken if one.counts):
            for what in counts.keys() & reference.keys():
                if counts[what] != reference[what]:
                    yield f"{name}: {what} is {counts[what]:,}, by hand {reference[what]:,}"


def note(text: str) -> None:
    """Tells what goes on."""
    print(text, file=sys.stderr, flush=True)


def _files(folders: Iterable[Path]) -> tuple[str, ...]:
    found = [path for folder in folders for path in folder.glob("*.parquet")]
    return tuple(sorted(str(path) for path in found))
