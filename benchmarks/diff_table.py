"""Markdown tables of what the diff benchmark measured."""

from collections.abc import Iterator, Sequence

from diff_measure import Measured
from diff_runs import Result

MEMORY_AIM_BYTES = 1_000_000_000
"""Memory that a diff is to stay below."""


def scenarios_table(results: Sequence[Result]) -> Iterator[str]:
    """Yields the lines of the main table."""
    yield (
        "| | what changed | rows, CPU s | narrow, CPU s | counts, CPU s | by hand, CPU s "
        "| times less: rows | narrow | counts | aim | scan, CPU s | narrow, of the scan "
        "| memory, MB | by hand, MB | |"
    )
    yield "|---|---|" + "---:|" * 12 + "---|"
    for result in results:
        one, took = result.scenario, result.medians
        rows, hand, scan = took["rows"], took["hand"], took["scan"]
        narrow, cells = took.get("narrow"), took["cells"]
        yield (
            f"| {one.name} | {one.what} | {seconds(rows.cpu_s)} "
            f"| {seconds(narrow.cpu_s) if narrow else ''} | {seconds(cells.cpu_s)} "
            f"| {seconds(hand.cpu_s)} | {ratio(hand, rows)} "
            f"| {ratio(hand, narrow) if narrow else ''} | {ratio(hand, cells)} "
            f"| {aim(result)} | {seconds(scan.cpu_s)} | {ratio(narrow or rows, scan)} "
            f"| {megabytes(rows)} | {megabytes(hand)} | {'; '.join(shortfalls(result))} |"
        )
        yield from warning(result, columns=15)


def extras_table(results: Sequence[Result]) -> Iterator[str]:
    """Yields the lines about fingerprints that are not there, and about whole processes."""
    yield "| | measured | CPU s | elapsed s | memory, MB | compared with | times less | aim |"
    yield "|---|---|---:|---:|---:|---|---:|---:|"
    for result in results:
        name, took = result.scenario.name, result.medians
        hand = took["hand"]
        for key, what, aimed in (
            ("charged", "narrow, and the newer files' fingerprints", "2.5"),
            ("first", "narrow, and the fingerprints of both sides: the first diff", "1.5"),
            ("process", "`parquetry diff main~1 --json`, the whole process", ""),
        ):
            if key in took:
                one = took[key]
                missed = " (short)" if aimed and hand.cpu_s < float(aimed) * one.cpu_s else ""
                yield (
                    f"| {name} | {what} | {seconds(one.cpu_s)} | {one.elapsed_s:.2f} "
                    f"| {megabytes(one)} | by hand, {seconds(hand.cpu_s)} CPU s, "
                    f"{hand.elapsed_s:.2f} s | {ratio(hand, one)} | {aimed}{missed} |"
                )
        for own, other, what, against in (
            ("rows", "part", "rows", "by hand over the changed partition alone"),
            (
                "narrow",
                "hand narrow",
                "narrow",
                "by hand, the same columns written",
            ),
        ):
            if other in took:
                one, hand = took[own], took[other]
                yield (
                    f"| {name} | {what} | {seconds(one.cpu_s)} | {one.elapsed_s:.2f} "
                    f"| {megabytes(one)} | {against}, {seconds(hand.cpu_s)} CPU s, "
                    f"{hand.elapsed_s:.2f} s | {ratio(hand, one)} | |"
                )


def snapshot_lines(result: Result) -> Iterator[str]:
    """Yields what fingerprints cost a snapshot."""
    took = result.medians
    now, later, scan = (took[name] for name in ("snapshot now", "snapshot later", "scan all"))
    more = now.cpu_s - later.cpu_s
    yield "| `snapshot` of the newer files, linked | CPU s | full scans | memory, MB |"
    yield "|---|---:|---:|---:|"
    for what, one in (("with fingerprints", now), ("without", later)):
        yield f"| {what} | {seconds(one.cpu_s)} | {ratio(one, scan)} | {megabytes(one)} |"
    yield f"| difference | {more:.2f} | {more / scan.cpu_s:.2f} | |"
    yield f"| full scan: `bit_xor(hash(c))` of all columns | {seconds(scan.cpu_s)} | 1 | |"


def tiny_table(small: Result, large: Result) -> Iterator[str]:
    """Yields how the diff of many tiny files compares with that of few."""
    yield (
        "| | what changed | rows, CPU s | elapsed s | memory, MB "
        "| by hand over the changed partitions, CPU s |"
    )
    yield "|---|---|---:|---:|---:|---:|"
    for result in (small, large):
        rows = result.medians["rows"]
        yield (
            f"| S11 | {result.scenario.what} | {seconds(rows.cpu_s)} | {rows.elapsed_s:.3f} "
            f"| {megabytes(rows)} | {seconds(result.medians['part'].cpu_s)} |"
        )
        yield from warning(result, columns=6)
    times = large.medians["rows"].cpu_s / small.medians["rows"].cpu_s
    verdict = "" if times <= 1.5 else " **short of the aim**"
    yield f"| | the many over the few: {times:.2f} times; the aim is 1.5{verdict} | | | | |"


def warning(result: Result, *, columns: int) -> Iterator[str]:
    """Yields a row that says where counts disagree, if they do."""
    if result.problems:
        shown = "; ".join(dict.fromkeys(result.problems))
        yield f"| {result.scenario.name} | **WRONG COUNTS: {shown}** " + "| " * (columns - 2) + "|"


def shortfalls(result: Result) -> Iterator[str]:
    """Yields the aims that were missed."""
    target, took = result.scenario.target, result.medians
    rows, hand = took["rows"], took["hand"]
    short = [
        name
        for name in ("rows", "narrow", "cells")
        if name in took and hand.cpu_s < target.times * took[name].cpu_s
    ]
    if target.times and short:
        what = ", ".join(short).replace("cells", "counts")
        yield f"short of {target.times:g}x: {what}"
    if target.memory_share and rows.memory_bytes > target.memory_share * hand.memory_bytes:
        yield f"more than {target.memory_share:g} of the memory"
    if target.opens_nothing and rows.bytes_read:
        yield f"opened {rows.bytes_read:,} bytes of data files"
    allowed = result.scenario.memory_bytes or MEMORY_AIM_BYTES
    if rows.memory_bytes > allowed:
        yield f"more than {allowed / 1e9:g} GB"


def aim(result: Result) -> str:
    """Returns what is aimed at."""
    target = result.scenario.target
    share = f", 1/{1 / target.memory_share:.0f} of the memory" if target.memory_share else ""
    return "opens no data file" if target.opens_nothing else f"{target.times:g}{share}"


def ratio(over: Measured, under: Measured) -> str:
    """Returns how many times the CPU seconds of one the other took."""
    times = over.cpu_s / max(under.cpu_s, 0.001)
    return f"{times:.0f}" if times >= 20 else f"{times:.1f}"


def seconds(value: float) -> str:
    """Returns seconds with as many digits as mean something."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def megabytes(one: Measured) -> str:
    """Returns the peak of memory in MB."""
    return f"{one.memory_bytes / 1e6:,.0f}"
