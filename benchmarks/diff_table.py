"""Markdown tables of what the diff benchmark measured."""

from collections.abc import Iterator, Sequence

from diff_measure import Measured
from diff_runs import Result
from diff_scenarios import Target

MEMORY_AIM_BYTES = 1_000_000_000
"""Memory that a diff is to stay below."""

ROW_BYTES = 9
"""Bytes that the digest of a row may take on disk."""

SNAPSHOT_AIM_SCANS = 1.5
"""Full scans that fingerprints are to cost a snapshot."""

TOLERANCE_TIMES = 1.3
"""What a diff with a tolerance may take, over one without."""


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
            ("charged", "narrow, and the newer files' fingerprints", CHARGED),
            (
                "first",
                "narrow, and the fingerprints of both sides: the first diff",
                Target(result.scenario.target.first),
            ),
            ("process", "`parquetry diff main~1 --json`, the whole process", Target()),
        ):
            if key in took:
                yield _against(name, what, took[key], hand, "by hand", target=aimed)
        times, least = result.scenario.target.narrow
        for own, other, against, aimed in (
            ("rows", "part", "by hand over the changed partition alone", Target()),
            ("narrow", "hand narrow", "by hand, the same columns written", Target(times, least)),
        ):
            if other in took:
                yield _against(name, own, took[own], took[other], against, target=aimed)


CHARGED = Target(2.5)
"""What is aimed at where the newer files' fingerprints are computed, too."""


def _against(
    name: str, what: str, one: Measured, hand: Measured, against: str, *, target: Target
) -> str:
    missed = ""
    if hand.cpu_s < target.least * one.cpu_s:
        missed = " (**below**)"
    elif hand.cpu_s < target.times * one.cpu_s:
        missed = " (short)"
    return (
        f"| {name} | {what} | {seconds(one.cpu_s)} | {one.elapsed_s:.2f} "
        f"| {megabytes(one)} | {against}, {seconds(hand.cpu_s)} CPU s, "
        f"{hand.elapsed_s:.2f} s | {ratio(hand, one)} | {bounds(target)}{missed} |"
    )


def tolerance_table(results: Sequence[Result]) -> Iterator[str]:
    """Yields how long diffs with a tolerance take, compared with those without."""
    yield (
        "| | tolerance covers | narrow, CPU s | without | times | counts, CPU s | without | times |"
    )
    yield "|---|---|---:|---:|---:|---:|---:|---:|"
    for result in results:
        took = result.medians
        for covered in ("nothing", "most", "all"):
            if f"tolerance {covered}" not in took:
                continue
            cells = []
            for own, other in (("", "narrow"), (" cells", "cells")):
                one, without = took[f"tolerance {covered}{own}"], took[other]
                slow = one.cpu_s > TOLERANCE_TIMES * without.cpu_s
                cells += [seconds(one.cpu_s), seconds(without.cpu_s)]
                cells += [times(one, without) + (" (**above**)" if slow else "")]
            yield f"| {result.scenario.name} | {covered} | {' | '.join(cells)} |"
    yield f"| | aim: at most {TOLERANCE_TIMES} times | | | | | | |"


def snapshot_table(results: Sequence[Result]) -> Iterator[str]:
    """Yields what fingerprints cost a snapshot, in full scans of the same files."""
    yield (
        "| | `snapshot` of the newer files, linked, CPU s | memory, MB "
        "| without fingerprints, CPU s | full scan, CPU s | difference, scans | at most / aim |"
    )
    yield "|---|---:|---:|---:|---:|---:|---|"
    for result in results:
        took, most = result.medians, result.scenario.target.snapshot_scans
        if "snapshot now" not in took:
            continue
        now, later, scan = (took[name] for name in ("snapshot now", "snapshot later", "scan all"))
        scans = (now.cpu_s - later.cpu_s) / scan.cpu_s
        missed = " (**above**)" if scans > most else ""
        missed = missed or (" (short)" if scans > SNAPSHOT_AIM_SCANS else "")
        yield (
            f"| {result.scenario.name} | {seconds(now.cpu_s)} | {megabytes(now)} "
            f"| {seconds(later.cpu_s)} | {seconds(scan.cpu_s)} | {scans:.2f} "
            f"| {most:g} / {SNAPSHOT_AIM_SCANS}{missed} |"
        )


def sizes_table(results: Sequence[Result]) -> Iterator[str]:
    """Yields what fingerprints and digests of rows take on disk."""
    yield "| | files | rows | fingerprints, bytes a file | a row | row digests, bytes a row |"
    yield "|---|---:|---:|---:|---:|---:|"
    for result in results:
        if not result.sizes:
            continue
        held = result.sizes
        rows, files = max(held["rows"], 1), max(held["files"], 1)
        digest = held["digests"] / rows
        yield (
            f"| {result.scenario.name} | {held['files']:,} | {held['rows']:,} "
            f"| {held['fingerprints'] / files:,.0f} | {held['fingerprints'] / rows:.3f} "
            f"| {digest:.3f}{f' (**above {ROW_BYTES}**)' if digest > ROW_BYTES else ''} |"
        )


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
    """Yields the aims that were missed, and the bounds."""
    target, took = result.scenario.target, result.medians
    rows, hand = took["rows"], took["hand"]
    judged = ("narrow", "cells") if target.least else ("rows", "narrow", "cells")
    known = [name for name in judged if name in took]
    below = [name for name in known if hand.cpu_s < target.least * took[name].cpu_s]
    short = [name for name in known if hand.cpu_s < target.times * took[name].cpu_s]
    if below:
        yield f"**below {target.least:g}x: {', '.join(below).replace('cells', 'counts')}**"
    if short and short != below:
        left = [name for name in short if name not in below]
        yield f"short of {target.times:g}x: {', '.join(left).replace('cells', 'counts')}"
    if target.memory_share and rows.memory_bytes > target.memory_share * hand.memory_bytes:
        yield f"more than {target.memory_share:g} of the memory"
    if target.opens_nothing and rows.bytes_read:
        yield f"opened {rows.bytes_read:,} bytes of data files"
    allowed = result.scenario.memory_bytes or MEMORY_AIM_BYTES
    ours = {
        name: one for name, one in took.items() if not name.startswith(("hand", "part", "scan"))
    }
    most = max(ours, key=lambda name: ours[name].memory_bytes)
    if ours[most].memory_bytes > allowed:
        yield f"{most.replace('cells', 'counts')} in more than {allowed / 1e9:g} GB"


def aim(result: Result) -> str:
    """Returns what is aimed at."""
    target = result.scenario.target
    share = f", 1/{1 / target.memory_share:.0f} of the memory" if target.memory_share else ""
    return "opens no data file" if target.opens_nothing else f"{bounds(target)}{share}"


def bounds(target: Target) -> str:
    """Returns how many times less a target asks for: at least, and as an aim."""
    if not target.times:
        return ""
    return f"{target.least:g} / {target.times:g}" if target.least else f"{target.times:g}"


def times(one: Measured, other: Measured) -> str:
    """Returns how many times the CPU seconds of the other one took."""
    return f"{one.cpu_s / max(other.cpu_s, 0.001):.2f}"


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
