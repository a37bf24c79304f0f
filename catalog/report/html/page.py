"""The page of a diff: one HTML file, put together from its view."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.dataclasses import dataclass, replace
from catalog.diff.view import DiffView, End
from catalog.report.figures import count, moment, plain, short
from catalog.report.html.checks import check_section
from catalog.report.html.grids import Grid
from catalog.report.html.headline import headline
from catalog.report.html.origins import metric_grids, origin_grid
from catalog.report.html.overview import in_order, overview
from catalog.report.html.sections import Section, sections
from catalog.report.words import left_out_lines

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_CHARACTERS = 2_400_000
"""Characters of the sections of a page: with all else it stays below 3 MB, mostly ASCII."""


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

FRAGMENT_TABLES, FRAGMENT_ROWS = 3, 20
"""Tables whose columns a fragment shows, and rows that its tables have."""


@dataclass(frozen=True, slots=True)
class _EndText:
    """One end of a diff in words."""

    ref: str
    commit: str = ""
    about: str = ""
    message: str = ""


def render_page(diff: DiffView, facts: PageFacts = NO_FACTS) -> str:
    """Returns a diff as one HTML file that needs no other."""
    environment = _environment()
    found = sections(diff)
    drawn, left_out = _within(environment, found)
    style, script = _asset("style.css"), _asset("script.js")
    page = environment.get_template("page.html").render(
        facts=facts,
        headline=headline(diff),
        ends=(_end(diff.before), _end(diff.after)),
        commits=diff.commits,
        overview=overview(diff, [one.name for one in found[: len(drawn)]]),
        sections=drawn,
        left_out=left_out,
        not_compared=left_out_lines(diff),
        checks=check_section(diff.gate),
        origins=origin_grid(diff),
        metrics=metric_grids(diff),
        style=style,
        script=script,
        policy=_policy(style, script),
    )
    return f"{page}\n"


def render_fragment(diff: DiffView) -> str:
    """Returns the most important of a diff as HTML that stands in another page: a notebook."""
    shown = replace(diff, tables=tuple(in_order(diff)[:FRAGMENT_TABLES]))
    found = [replace(one, columns=_first_rows(one.columns)) for one in sections(shown)]
    whole = overview(diff, [])
    return (
        _environment()
        .get_template("fragment.html")
        .render(
            headline=headline(diff),
            ends=(_end(diff.before), _end(diff.after)),
            overview=replace(whole, grid=_first_rows(whole.grid)),
            sections=found,
            not_compared=left_out_lines(diff),
            style=_asset("fragment.css"),
        )
    )


def _first_rows(grid: Grid | None) -> Grid | None:
    """Returns a table with its first rows, and how many more there are."""
    if grid is None or len(grid.rows) <= FRAGMENT_ROWS:
        return grid
    more = f"… and {count(len(grid.rows) - FRAGMENT_ROWS)} more"
    return replace(grid, rows=grid.rows[:FRAGMENT_ROWS], note=more)


def sample_size(diff: DiffView) -> int:
    """Returns how many changed rows of each table a page has room for."""
    tables = sum(table.rows_changed > 0 for table in diff.tables)
    return max(min(SAMPLE_ROWS, ALL_ROWS // max(tables, 1)), LEAST_ROWS)


def _within(environment: "Environment", found: list[Section]) -> tuple[list[str], int]:
    """Returns sections as HTML as far as there is room, and how many there is none for."""
    template = environment.get_template("section.html")
    drawn: list[str] = []
    room = MOST_CHARACTERS
    for section in found:
        text = template.render(section=section)
        room -= len(text.encode())
        if room < 0:
            break
        drawn.append(text)
    return drawn, len(found) - len(drawn)


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
