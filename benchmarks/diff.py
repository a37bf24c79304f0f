"""Measures diffs against SQL written by hand for DuckDB, in CPU seconds and peak memory.

Builds a table of 10 million rows and 20 columns in 16 partitions, and newer states of it; takes
every measurement in a process of its own, the sides in turn; prints Markdown tables of
medians. ``--small`` takes a tenth of the rows.
"""

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from diff_measure import Measured
from diff_runs import MAIN, Bench, Result
from diff_scenarios import HARD, LARGE, SCENARIOS, TINY, scenario
from diff_table import (
    extras_table,
    scenarios_table,
    sizes_table,
    snapshot_table,
    tiny_table,
    tolerance_table,
)

ROWS = 10_000_000

SMALL_ROWS = 1_000_000

TINY_FILES = (1_000, 100_000)


def main() -> int:
    """Runs the benchmark; 1 means that counts disagreed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help=f"{SMALL_ROWS:,} rows")
    parser.add_argument("--rows", type=int, help=f"rows (default: {ROWS:,})")
    parser.add_argument("--runs", type=int, default=5, help="runs of each side (default: 5)")
    parser.add_argument(
        "--enough",
        type=float,
        default=math.inf,
        metavar="SECONDS",
        help="measure no more once one side took so many CPU seconds in all (default: never)",
    )
    parser.add_argument("--threads", type=int, default=2, help="threads (default: 2)")
    parser.add_argument("--only", metavar="S1,S2", help="just these scenarios")
    parser.add_argument("--hard", action="store_true", help="also H1 and others like it")
    parser.add_argument("--large", action="store_true", help="also S10, of five times the rows")
    parser.add_argument("--plain", action="store_true", help="only what the main table needs")
    parser.add_argument("--peers", action="store_true", help="also other tools, at 1 M rows")
    parser.add_argument("--cache", type=Path, help="where --peers keeps environments")
    parser.add_argument("--data", type=Path, help="where data are made (default: temporary)")
    parser.add_argument(
        "--here",
        action="store_true",
        help="measure in this process, for profiles: memory and first runs mean nothing",
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the tables")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write what was measured")
    parser.add_argument(
        "--show", type=Path, nargs="+", metavar="FILE", help="measure nothing, print such files"
    )
    chosen = parser.parse_args()
    if chosen.show:
        stored = [one for file in chosen.show for one in json.loads(file.read_text())]
        show(tables(sorted((restored(one) for one in stored), key=order)), chosen.markdown)
        return 0
    rows = chosen.rows or (SMALL_ROWS if chosen.small else ROWS)
    listed = (
        *SCENARIOS,
        *(HARD if chosen.hard or chosen.only else ()),
        *(LARGE if chosen.large or chosen.only else ()),
    )
    known = [one.name for one in (*listed, TINY)]
    wanted = chosen.only.split(",") if chosen.only else known
    if set(wanted) - set(known):
        parser.error(f"--only knows {', '.join(known)}")
    if chosen.data:
        chosen.data.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="diff-", dir=chosen.data) as folder:
        bench = Bench(
            Path(folder),
            rows=rows,
            runs=chosen.runs,
            threads=chosen.threads,
            enough_s=chosen.enough,
            here=chosen.here,
            extras=not chosen.plain,
        )
        results = [bench.run(one) for one in listed if one.name in wanted]
        if TINY.name in wanted:
            counts = [max(n * min(rows, ROWS) // ROWS, 100) for n in TINY_FILES]
            results += [bench.run_tiny(-(-n // 100) * 100) for n in counts]
    settings = f"{rows:,} rows, medians of {chosen.runs}, {chosen.threads} threads."
    show((settings, *tables(results)), chosen.markdown)
    if chosen.json:
        chosen.json.write_text(json.dumps([measured(one) for one in results], indent=1))
    if chosen.peers:
        from diff_peers import peers_table

        with tempfile.TemporaryDirectory(prefix="diff-", dir=chosen.data) as folder:
            for line in peers_table(
                Path(folder), cache=chosen.cache, rows=min(rows, SMALL_ROWS), runs=chosen.runs
            ):
                print(line)
    return 1 if any(one.problems for one in results) else 0


def show(lines: Iterable[str], file: Path | None) -> None:
    """Prints lines, and writes them to a file."""
    text = "\n".join(lines)
    print(text)
    if file:
        file.write_text(text + "\n")


def tables(listed: Sequence[Result]) -> Iterator[str]:
    """Yields the lines of all tables, as Markdown."""
    results = [one for one in listed if one.scenario.name != TINY.name]
    tiny = [one for one in listed if one.scenario.name == TINY.name]
    if results:
        yield from ("", *scenarios_table(results))
    if any(set(one.medians) - set(MAIN) for one in results):
        yield from ("", *extras_table(results))
    if any("tolerance nothing" in one.medians for one in results):
        yield from ("", *tolerance_table(results))
    if any("snapshot now" in one.medians for one in results):
        yield from ("", *snapshot_table(results))
    if any(one.sizes for one in results):
        yield from ("", *sizes_table(results))
    if tiny:
        yield from ("", *tiny_table(tiny[0], tiny[1]))


def measured(result: Result) -> dict[str, object]:
    """Returns what was measured of a scenario, as JSON."""
    return {
        "scenario": result.scenario.name,
        "what": result.scenario.what,
        "problems": list(dict.fromkeys(result.problems)),
        "medians": {name: asdict(one) for name, one in result.medians.items()},
        "sizes": result.sizes,
    }


def restored(stored: dict[str, Any]) -> Result:
    """Returns what ``measured`` made JSON of."""
    medians = {name: Measured(**one) for name, one in stored["medians"].items()}
    one = replace(scenario(stored["scenario"]), what=stored["what"])
    return Result(one, medians, tuple(stored["problems"]), stored.get("sizes", {}))


def order(result: Result) -> tuple[bool, int, str]:
    """Returns where a scenario stands in the tables."""
    name = result.scenario.name
    return name[0] != "S", int("".join(c for c in name if c.isdigit())), name


if __name__ == "__main__":
    sys.exit(main())
