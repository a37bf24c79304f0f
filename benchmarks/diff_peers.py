"""Other tools asked the same question, each in an environment of its own."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from diff_measure import Measured
from diff_runs import Bench, median, note
from diff_scenarios import Scenario, scenario

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Peer:
    """Is a tool.

    Attributes:
        name: Its name in ``diff_peer_run``.
        what: How it is asked.
        packages: What is installed.
    """

    name: str
    what: str
    packages: tuple[str, ...]


PEERS = (
    Peer("datacompy", "datacompy, Polars", ("datacompy", "polars", "pyarrow")),
    Peer("reladiff", "reladiff, joindiff on DuckDB", ("reladiff", "duckdb")),
    Peer("delta", "Delta, change feed", ("deltalake", "pyarrow")),
    Peer("ducklake", "DuckLake, `table_changes`", ("duckdb==1.5.5", "duckdb-extension-ducklake")),
)

OWN = {
    "cells": "`parquetry`, counts",
    "rows": "`parquetry`, changed rows written",
    "hand": "SQL by hand, changed rows written",
}
"""What other tools are compared with, by measurement."""


def peers_table(root: Path, *, cache: Path | None, rows: int, runs: int) -> Iterator[str]:
    """Yields the lines of the table of peers; those that do not install are left out."""
    with ExitStack() as stack:
        folder = cache or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peers-")))
        pythons = {peer: environment(folder, peer) for peer in PEERS}
        bench = Bench(root, rows=rows, runs=runs, threads=2)
        yield f"{rows:,} rows:"
        yield ""
        yield "| | tool | CPU s | elapsed s | memory, MB | inserted | deleted | updated | right |"
        yield "|---|---|---:|---:|---:|---:|---:|---:|---|"
        for one in (scenario("S2"), scenario("S4")):
            with bench.built(one) as states:
                own = bench.compared(one, states)
                truth = own["hand"].counts
                for name, what in OWN.items():
                    yield line(one, what, own[name], truth)
                for peer, python in pythons.items():
                    if python is None:
                        yield f"| {one.name} | {peer.what} | not installed | | | | | | |"
                        continue
                    work = root / peer.name
                    taken = run_peer(peer, python, states.base, states.newer, work, runs)
                    if isinstance(taken, str):
                        yield f"| {one.name} | {peer.what} | failed: {taken} | | | | | | |"
                    else:
                        yield line(one, peer.what, taken, truth)


def line(one: Scenario, what: str, taken: Measured, truth: dict[str, int]) -> str:
    """Returns the line of one tool."""
    counts = {name: taken.counts[name] for name in ("inserted", "deleted", "updated")}
    right = all(counts[name] == truth[name] for name in counts)
    shown = " | ".join(f"{count:,}" for count in counts.values())
    return (
        f"| {one.name} | {what} | {taken.cpu_s:.2f} | {taken.elapsed_s:.2f} "
        f"| {taken.memory_bytes / 1e6:,.0f} | {shown} | {'yes' if right else 'no'} |"
    )


def environment(cache: Path, peer: Peer) -> Path | None:
    """Returns the Python of a peer's environment, made if it is not there; None: it fails."""
    folder = cache / peer.name
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    note(f"{peer.name}: installing")
    shutil.rmtree(folder, ignore_errors=True)
    commands = (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", *peer.packages],
    )
    for command in commands:
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
    (folder / "complete").touch()
    return python


def run_peer(
    peer: Peer, python: Path, before: Path, after: Path, work: Path, runs: int
) -> Measured | str:
    """Measures a peer; returns the last line of its error if it fails."""
    work.mkdir()
    taken = []
    for step in ("prepare", *["measure"] * runs):
        script = str(HERE / "diff_peer_run.py")
        done = subprocess.run(
            [str(python), script, peer.name, step, str(before), str(after), str(work)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            shutil.rmtree(work)
            return (done.stderr.strip().splitlines() or ["?"])[-1][:100]
        if step == "measure":
            taken.append(Measured(**json.loads(done.stdout)))
            note(f"{peer.name}: {taken[-1].cpu_s:.2f} CPU s")
    shutil.rmtree(work)
    return median(taken)
