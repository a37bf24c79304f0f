"""What a merge on trial would change, as a diff tells it."""

from catalog.dataclasses import replace
from catalog.diff.view import DiffView
from catalog.model.judgement import Judgement
from catalog.operations.context import OperationContext
from catalog.operations.diff import compare_refs, described_end
from catalog.operations.diff_request import DiffRequest
from catalog.operations.diff_samples import with_samples

SAMPLE_ROWS, ALL_ROWS = 100, 1_500
"""Changed rows to show of a table, and of all."""


def proposed_changes(
    context: OperationContext,
    ends: tuple[str, str],
    *,
    branch: str,
    what: str,
    gate: Judgement | None,
) -> DiffView:
    """Returns what would change on a branch, with distributions and some of the changed rows.

    Args:
        context: The trial copy of the catalog, in which the proposed commit is.
        ends: The head of the branch, and the proposed commit.
        branch: The branch.
        what: What is proposed, in words: ``the merge of fix``.
        gate: What the gate found about it.
    """
    before, after = (described_end(context, one) for one in ends)
    named = replace(before, ref=branch), replace(after, ref=what)
    request = DiffRequest(
        from_ref=ends[0], to_ref=ends[1], level="rows", explain=True, distributions=True
    )
    with compare_refs(context, request, named) as diff:
        tables = sum(table.rows_changed > 0 for table in diff.view.tables)
        most = min(SAMPLE_ROWS, max(ALL_ROWS // max(tables, 1), 1))
        return replace(with_samples(diff, most=most), gate=gate)
