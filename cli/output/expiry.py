"""What expired, or would, as lines and as JSON."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from catalog.report.figures import count, counted, exact_moment, moment, plain, short, size
from catalog.report.layout import aligned

if TYPE_CHECKING:
    from catalog.operations.care.expire import ExpiryReport


def expiry_lines(report: "ExpiryReport") -> Iterator[str]:
    """Yields what expired, what it would free, and what keeps the other commits."""
    from catalog.care.expire import REASONS

    total = len(report.commits) + report.expired_before + report.kept
    would = "would expire" if report.dry_run else "expired"
    if report.commits:
        yield f"{would}: the data of {count(len(report.commits))} of {_commits(total)}"
    else:
        yield f"nothing {would}, of {_commits(total)}"
    if report.expired_before:
        yield f"expired before: {count(report.expired_before)}"
    if report.tags:
        yield f"tags among them: {', '.join(map(plain, report.tags))}"
    if report.oldest_kept is not None:
        commit_id, time = report.oldest_kept
        yield f"kept: {count(report.kept)}; the oldest is {short(commit_id)} of {moment(time)}"
    if report.commits and report.dry_run:
        yield f"the next gc could free {size(report.size_bytes)}"
        rows = [
            (
                plain(one.table),
                count(one.commits),
                count(one.files + one.contents),
                size(one.size_bytes),
            )
            for one in report.tables
        ]
        if rows:
            yield ""
            yield from aligned(
                [("table", "commits", "files", "size"), *rows], right=(False, True, True, True)
            )
    if report.keeping:
        yield ""
        yield "kept, for the first reason that holds:"
    for kept in report.keeping:
        ref = f"{plain(kept.ref)}: " if kept.ref else ""
        yield f"  {ref}{count(kept.commits)}, {REASONS[kept.why]}; from {short(kept.oldest)} on"


def _commits(number: int) -> str:
    return counted(number, "commit")


def expiry_json(report: "ExpiryReport") -> Mapping[str, object]:
    """Returns the JSON form."""
    oldest = report.oldest_kept
    return {
        "dry_run": report.dry_run,
        "commits": list(report.commits),
        "expired_before": report.expired_before,
        "kept": report.kept,
        "oldest_kept": None if oldest is None else oldest[0],
        "oldest_kept_time": None if oldest is None else exact_moment(oldest[1]),
        "tags": list(report.tags),
        "record": report.record or None,
        "size_bytes": report.size_bytes if report.dry_run else None,
        "tables": [
            {
                "table": one.table,
                "commits": one.commits,
                "files": one.files,
                "contents": one.contents,
                "size_bytes": one.size_bytes,
            }
            for one in report.tables
        ]
        if report.dry_run
        else None,
        "keeping": [
            {"ref": one.ref or None, "why": one.why, "commits": one.commits, "oldest": one.oldest}
            for one in report.keeping
        ],
    }
