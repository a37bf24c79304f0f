"""The page of a diff: one HTML file, put together from its view."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.dataclasses import dataclass, replace
from catalog.diff.view import DiffView, End
from catalog.report.figures import moment, plain, short
from catalog.report.html.checks import CheckSection, check_section
from catalog.report.html.grids import Grid, brief, first_rows
from catalog.report.html.headline import headline
from catalog.report.html.origins import MetricSection, metric_sections, origin_grid
from catalog.report.html.overview import Overview, in_order, overview
from catalog.report.html.sections import Section, leaner, sections
from catalog.report.words import left_out_lines

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_BYTES = 2_900_000
"""Bytes of a page, at most."""

MOST_SECTION_BYTES = 1_800_000
"""Bytes of a section, at most: the largest table leaves room for others."""

LEAST_BYTES = 1_000_000
"""Bytes that sections have at least: all else is told in brief if it takes more."""

FEW_METRICS = 10
"""Metrics, and rows that break a rule, that a page without room for all tells of."""

MOST_LINES = 50
"""Tables that were not compared, of which is told why."""


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What a page says beside its diff.

    Attributes:
        what: What the page is: ``What changed``.
        verdict: Whether the change may be made, in a sentence; empty if none is proposed.
        conflicts: What is in the way of a merge.
        reproduce: How to get the same again: commands, or calls.
    """

    what: str = "What changed"
    verdict: str = ""
    conflicts: Grid | None = None
    reproduce: tuple[str, ...] = ()


NO_FACTS = PageFacts()

SAMPLE_ROWS, LEAST_ROWS, ALL_ROWS = 100, 8, 1_500
"""Changed rows that a page shows of a table, at most and where there are many; and of all."""

FRAGMENT_TABLES = 3
"""Tables whose columns a fragment shows."""


@dataclass(frozen=True, slots=True)
class _EndText:
    """One end of a diff in words."""

    ref: str
    commit: str = ""
    about: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a page says besides its sections."""

    overview: Overview
    checks: CheckSection | None
    origins: Grid | None
    metrics: tuple[MetricSection, ...]


def render_page(diff: DiffView, facts: PageFacts = NO_FACTS) -> str:
    """Returns a diff as one HTML file that needs no other, of at most 3 MB."""
    found = sections(diff)
    names = [one.name for one in found]
    for level in range(3):
        room = MOST_BYTES - len(_framed(diff, facts, [], _frame(diff, names, level)).encode())
        if room >= LEAST_BYTES:
            break
    drawn = _within(found, room)
    return _framed(diff, facts, drawn, _frame(diff, names[: len(drawn)], level))


def _frame(diff: DiffView, names: list[str], level: int) -> _Frame:
    """Returns what a page says besides its sections; of each less, the higher the level.

    ``names`` are the tables that have a section.
    """
    whole = overview(diff, names)
    checks, origins = check_section(diff.gate), origin_grid(diff)
    metrics = tuple(metric_sections(diff))
    if level:
        metrics = tuple(replace(one, grid=brief(one.grid)) for one in metrics[:FEW_METRICS])
        origins = brief(origins)
    if level > 1:
        metrics = ()
        whole = replace(whole, grid=brief(whole.grid))
        if checks is not None:
            few = tuple(grid for one in checks.grids if (grid := brief(one)) is not None)
            checks = replace(checks, grids=few, rows=checks.rows[:FEW_METRICS])
    return _Frame(whole, checks, origins, metrics)


def _framed(diff: DiffView, facts: PageFacts, drawn: list[str], frame: _Frame) -> str:
    style, script = _asset("style.css"), _asset("script.js")
    page = (
        _environment()
        .get_template("page.html")
        .render(
            facts=facts,
            headline=headline(diff),
            ends=(_end(diff.before), _end(diff.after)),
            commits=diff.commits,
            frame=frame,
            sections=drawn,
            left_out=len(in_order(diff)) - len(drawn),
            not_compared=left_out_lines(diff)[:MOST_LINES],
            style=style,
            script=script,
            policy=_policy(style, script),
        )
    )
    return f"{page}\n"


def render_fragment(diff: DiffView) -> str:
    """Returns the most important of a diff as HTML that stands in another page: a notebook."""
    shown = replace(diff, tables=tuple(in_order(diff)[:FRAGMENT_TABLES]))
    found = [replace(one, columns=first_rows(one.columns)) for one in sections(shown)]
    whole = overview(diff, [])
    return (
        _environment()
        .get_template("fragment.html")
        .render(
            headline=headline(diff),
            ends=(_end(diff.before), _end(diff.after)),
            overview=replace(whole, grid=first_rows(whole.grid)),
            sections=found,
            not_compared=left_out_lines(diff),
            style=_asset("fragment.css"),
        )
    )


def sample_size(diff: DiffView) -> int:
    """Returns how many changed rows of each table a page has room for."""
    tables = sum(table.rows_changed > 0 for table in diff.tables)
    return max(min(SAMPLE_ROWS, ALL_ROWS // max(tables, 1)), LEAST_ROWS)


def _within(found: list[Section], room: int) -> list[str]:
    """Returns sections as HTML as far as there is room, in bytes; a large one with less in it."""
    template = _environment().get_template("section.html")
    drawn: list[str] = []
    for section in found:
        for shown in (section, *leaner(section)):
            text = template.render(section=shown)
            size = len(text.encode())
            if size <= min(room, MOST_SECTION_BYTES):
                break
        else:
            break
        room -= size
        drawn.append(text)
    return drawn


def _end(end: End) -> _EndText:
    if not end.commit_id:
        return _EndText(plain(end.ref))
    time = "" if end.time is None else moment(end.time)
    about = " · ".join(part for part in (time, plain(end.author)) if part)
    message = plain(end.message.partition("\n")[0])
    named = "" if end.commit_id.startswith(end.ref) else plain(end.ref)
    return _EndText(named, short(end.commit_id), about, message)


def _policy(style: str, script: str) -> str:
    """Returns the policy under which a browser shows the page: nothing from elsewhere."""
    hashes = (
        base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in (style, script)
    )
    style_hash, script_hash = hashes
    return (
        f"default-src 'none'; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


@cache
def _asset(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
