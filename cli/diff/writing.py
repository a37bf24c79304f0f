"""Writes a diff in the form and format that were asked for."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from cli.diff.request import DiffFormat, Form, Request

if TYPE_CHECKING:
    from catalog.diff.result import Diff
    from catalog.diff.view import DiffView

Writer: TypeAlias = "Callable[[Diff, DiffView, Request], None]"


SAMPLE = 500
"""Changed rows of a table that a page shows, unless another number is asked for."""


def write_diff(result: "Diff", request: Request) -> bool:
    """Writes a diff; returns whether there are differences."""
    view = _view(result, request)
    _writer(request)(result, view, request)
    return view.differs


def _view(result: "Diff", request: Request) -> "DiffView":
    if not request.shows_sample and not request.illustrated:
        return result.view
    from catalog.operations.diff_samples import with_samples

    if request.illustrated and not request.shows_sample:
        from catalog.report.html.page import sample_size

        return with_samples(result, most=sample_size(result.view))
    most = SAMPLE if request.limit is None or request.limit < 0 else request.limit
    return with_samples(result, most=most, change=request.change, where=request.where)


def _writer(request: Request) -> Writer:
    """Returns what writes a diff in the form and format asked for."""
    from cli.diff import comparison, row_listing

    if request.form is Form.ROWS and not request.shows_sample:
        by_format: dict[DiffFormat, Writer] = {
            DiffFormat.CSV: row_listing.write_rows_csv,
            DiffFormat.XLSX: row_listing.write_rows_xlsx,
            DiffFormat.PARQUET: row_listing.write_rows_parquet,
            DiffFormat.JSON: row_listing.write_rows_json,
        }
        return by_format.get(request.how, row_listing.write_rows_text)
    if request.form is Form.FILES:
        return comparison.write_files
    if request.as_json:
        return comparison.write_json
    if request.form is Form.PARTITIONS:
        from cli.diff.partition_listing import write_partitions

        return write_partitions
    if request.how is DiffFormat.MARKDOWN:
        return comparison.write_markdown
    if request.how is DiffFormat.HTML:
        from cli.diff.page import write_page

        return write_page
    return comparison.write_schema if request.form is Form.SCHEMA else comparison.write_picture
