"""Measures what explanations add to the counts of a diff, in CPU seconds.

Builds the tables of the diff benchmark, and some of which all changed rows have a value in common;
counts what changed with explanations and without, in turn, each time in a process of its own;
prints a Markdown table of medians.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diff_measure import Job, Measured
from diff_runs import Bench, measure, note
from diff_scenarios import EXPLAINED, HARD, SCENARIOS, Scenario

ROWS = 1_000_000

AIM = 1.3
"""CPU seconds with explanations over those without are to be at most this."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Holds the medians of a scenario, in CPU seconds."""

    scenario: Scenario
    plain_s: float
    explained_s: float

    @property
    def times(self) -> float:
        """Returns how many times the CPU seconds without explanations those with them are."""
        return self.explained_s / self.plain_s


def main() -> int:
    """Runs the benchmark; 1 means that counts disagreed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows (default: {ROWS:,})")
    parser.add_argument("--runs", type=int, default=5, help="runs of each side (default: 5)")
    parser.add_argument("--threads", type=int, default=2, help="threads (default: 2)")
    parser.add_argument("--only", metavar="S1,S2", help="just these scenarios")
    parser.add_argument("--hard", action="store_true", help="also H1 and others like it")
    parser.add_argument("--data", type=Path, help="where data are made (default: temporary)")
    parser.add_argument("--here", action="store_true", help="measure in this process, for profiles")
    chosen = parser.parse_args()
    listed = [*SCENARIOS, *EXPLAINED, *(HARD if chosen.hard or chosen.only else ())]
    known = [one.name for one in listed]
    wanted = chosen.only.split(",") if chosen.only else known
    if set(wanted) - set(known):
        parser.error(f"--only knows {', '.join(known)}")
    if chosen.data:
        chosen.data.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="explain-", dir=chosen.data) as folder:
        bench = Bench(
            Path(folder),
            rows=chosen.rows,
            runs=chosen.runs,
            threads=chosen.threads,
            here=chosen.here,
        )
        found = [
            measured(bench, one, runs=chosen.runs, threads=chosen.threads, here=chosen.here)
            for one in listed
            if one.name in wanted
        ]
    print("\n".join(table(found, rows=chosen.rows, runs=chosen.runs)))
    return 0


def measured(bench: Bench, one: Scenario, *, runs: int, threads: int, here: bool) -> Ratio:
    """Builds a scenario's data, and counts what changed with explanations and without."""
    taken: dict[bool, list[Measured]] = {False: [], True: []}
    with bench.built(one) as states:
        plain = Job(kind="diff", lake=str(states.lake), level="cells", threads=threads)
        for number in range(runs):
            for explain in (False, True) if number % 2 == 0 else (True, False):
                taken[explain].append(measure(replace(plain, explain=explain), here=here))
    counts = [one.counts for several in taken.values() for one in several]
    assert all(one == counts[0] for one in counts), "explanations change no count"
    medians = {explain: statistics.median(m.cpu_s for m in m_s) for explain, m_s in taken.items()}
    found = Ratio(one, medians[False], medians[True])
    note(f"{one.name}: {found.plain_s:.2f} s, {found.explained_s:.2f} s, x{found.times:.2f}")
    return found


def table(found: Sequence[Ratio], *, rows: int, runs: int) -> Iterator[str]:
    """Yields the lines of the table of results, as Markdown."""
    yield f"{rows:,} rows, medians of {runs}."
    yield ""
    yield "| | what changed | counts, CPU s | with explanations | times | |"
    yield "|---|---|---:|---:|---:|---|"
    for one in found:
        short = f"above {AIM}" if round(one.times, 2) > AIM else ""
        yield (
            f"| {one.scenario.name} | {one.scenario.what} | {one.plain_s:.2f} | "
            f"{one.explained_s:.2f} | {one.times:.2f} | {short} |"
        )


if __name__ == "__main__":
    sys.exit(main())
