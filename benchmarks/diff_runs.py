"""Runs of the diff benchmark: data built, every measurement repeated, medians taken."""

import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from diff_data import rewritten_partitions
from diff_measure import KINDS, Job, Measured
from diff_scenarios import TINY, Scenario, Tolerance

HERE = Path(__file__).parent

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(HERE.parent),
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir(), f"parquetry-bytecode-{os.getuid()}")),
}
"""What processes are started in: they measure the code beside the benchmark, as if it was
installed, so that none but the first compiles what it imports late."""


MAIN = ("rows", "narrow", "cells", "hand", "scan")
"""What the main table needs."""

BASE_FIELDS = ("columns", "partition", "rewritten", "partition_rows")
"""What of a shape makes the first state; the key does not."""

ONCE = ("hand tolerance most", "hand tolerance all")
"""What is run for its counts alone."""


@dataclass(frozen=True, slots=True)
class Result:
    """Holds the medians of a scenario's measurements by name.

    Attributes:
        scenario: The scenario.
        medians: The medians.
        problems: Where counts disagree.
        sizes: Bytes of ``fingerprints`` and ``digests``; ``files`` and ``rows`` described.
    """

    scenario: Scenario
    medians: dict[str, Measured]
    problems: tuple[str, ...]
    sizes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class States:
    """Says where the two states of a table lie, and the catalog that has both."""

    base: Path
    newer: Path
    lake: Path


class Bench:
    """Builds and measures scenarios under a directory."""

    def __init__(
        self,
        root: Path,
        *,
        rows: int,
        runs: int,
        threads: int,
        enough_s: float = math.inf,
        here: bool = False,
        extras: bool = True,
    ) -> None:
        self._root = root
        self._here = here
        self._extras = extras
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
        self._build("newer", one, base=states.base, newer=states.newer)
        self._build("lake", one, base=states.base, newer=states.newer, lake=states.lake)
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
        if not self._extras:
            jobs = {name: jobs[name] for name in MAIN if name in jobs}
        elif self._here:
            jobs.pop("process", None)
        found: dict[str, list[Measured]] = {}
        for number in range(self._runs):
            for name, job in jobs.items():
                before = found.setdefault(name, [])
                if sum(m.cpu_s for m in before) > self._enough_s or (number and name in ONCE):
                    continue
                checked = replace(job, content=not number and name in ("rows", "hand"))
                taken = self._take(one, name, checked, states)
                before.append(taken)
                note(f"{one.name} {number + 1}/{self._runs} {name}: {taken.cpu_s:.2f} CPU s")
        sizes = json.loads(Path(f"{states.lake}.sizes").read_text())
        medians = {n: median(m) for n, m in found.items()}
        return Result(one, medians, tuple(disagreements(found)), sizes)

    def _take(self, one: Scenario, name: str, job: Job, states: States) -> Measured:
        if name == "process":
            return measure_process(states.lake)
        if job.kind != "snapshot":
            return measure(job, here=self._here)
        self._build("lake", one, base=states.base, lake=Path(job.lake), flags=["--only-base"])
        try:
            return measure(job, here=self._here)
        finally:
            shutil.rmtree(job.lake)

    def _build(self, what: str, one: Scenario, **given: Any) -> None:
        build(what, one, here=self._here, **given)

    def run_tiny(self, files: int) -> Result:
        """Compares two commits of many tiny files."""
        base, newer, lake = (self._root / f"tiny-{name}" for name in ("base", "newer", "lake"))
        self._build("tiny", TINY, base=base, newer=newer, rows=files)
        self._build("lake", TINY, base=base, newer=newer, lake=lake)
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
                found.setdefault(name, []).append(measure(job, here=self._here))
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
        wanted = (*(getattr(shape, name) for name in BASE_FIELDS), one.rows)
        if self._base[0] != wanted:
            if self._base[0] is not None:
                shutil.rmtree(self._base[1])
            self._base = (wanted, self._root / "base")
            self._build("base", one, base=self._base[1], rows=int(self._rows * one.rows))
        return self._base[1]

    def _jobs(self, one: Scenario, states: States) -> Iterator[tuple[str, Job]]:
        """Yields what is measured of a scenario, by name."""
        shape, output = one.shape, self._output
        base, newer, lake = states.base, states.newer, states.lake
        changed = rewritten_partitions(newer)
        own = Job(
            kind="diff",
            lake=str(lake),
            output=output,
            threads=self._threads,
            shown=shape.names,
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
        if one.tolerance:
            yield from with_tolerance(one.tolerance, own, by_hand)
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


def with_tolerance(tolerance: Tolerance, own: Job, by_hand: Job) -> Iterator[tuple[str, Job]]:
    """Yields the same diff with a tolerance, narrow and counts, by name."""
    for name in ("nothing", "most", "all"):
        value = getattr(tolerance, name)
        given = (tolerance.column, value)
        if value:
            narrow = replace(own, narrow=True, tolerance=given)
            yield f"tolerance {name}", narrow
            yield f"tolerance {name} cells", replace(narrow, level="cells")
        if value and name != "nothing":
            yield f"hand tolerance {name}", replace(by_hand, tolerance=given)


def measure(job: Job, *, here: bool = False) -> Measured:
    """Takes a measurement in a fresh process, or ``here``.

    Raises:
        RuntimeError: It failed.
    """
    if here:
        return KINDS[job.kind](job)
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
    here: bool = False,
) -> None:
    """Builds data or a catalog, in a process of its own or ``here``."""
    arguments = [what, "--scenario", one.name, "--base", str(base), "--rows", str(rows), *flags]
    arguments += ["--newer", str(newer)] if newer else []
    arguments += ["--lake", str(lake)] if lake else []
    note(f"{one.name}: {what}")
    if here:
        import diff_build

        diff_build.main(arguments)
        return
    command = [sys.executable, str(HERE / "diff_build.py"), *arguments]
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
    """Yields where counts differ from those found by hand, in any run.

    A column that one side does not mention has no changed cell there.
    """
    for name, taken in found.items():
        if name in ONCE:
            continue
        other = f"hand {name.removesuffix(' cells')}" if name.startswith("tolerance") else "hand"
        reference = (found.get(other) or found.get("hand") or found["part"])[0].counts
        for counts in (one.counts for one in taken if one.counts):
            for what in reference.keys() | counts.keys():
                unsaid = 0 if what.startswith("changed.") and name != "hand narrow" else None
                own, by_hand = counts.get(what, unsaid), reference.get(what, unsaid)
                if own is not None and by_hand is not None and own != by_hand:
                    yield f"{name}: {what} is {own:,}, by hand {by_hand:,}"


def note(text: str) -> None:
    """Tells what goes on."""
    print(text, file=sys.stderr, flush=True)


def _files(folders: Iterable[Path]) -> tuple[str, ...]:
    found = [path for folder in folders for path in folder.glob("*.parquet")]
    return tuple(sorted(str(path) for path in found))
