"""What the newer commit of a diff says of itself: how it was judged, how it wrote tables."""

from collections.abc import Iterator, Sequence

from catalog.diff.view import Origin
from catalog.errors import CorruptData
from catalog.model.commit import Commit
from catalog.model.judgement import Judgement, judgement_from_json
from catalog.model.lineage_reading import lineage_entry
from catalog.operations.context import OperationContext


def provenance(
    context: OperationContext, commit_id: str, tables: Sequence[str]
) -> tuple[Judgement | None, tuple[Origin, ...]]:
    """Returns what a gate found before a commit was published, and how the commit wrote tables.

    It is as far as the commit says, and can be read: a diff does not fail for it.
    """
    commit = context.repository.commits.read(commit_id)
    return _gate(commit), tuple(_origins(commit, tables))


def _gate(commit: Commit) -> Judgement | None:
    try:
        return None if commit.gate is None else judgement_from_json(commit.gate)
    except CorruptData:
        return None


def _origins(commit: Commit, tables: Sequence[str]) -> Iterator[Origin]:
    for table in tables:
        stored = commit.lineage.get(table)
        try:
            entry = None if stored is None else lineage_entry(stored)
        except CorruptData:
            continue
        if entry is not None:
            inputs = tuple(dict.fromkeys(map(str, entry.inputs)))
            yield Origin(table, entry.operation, inputs, entry.statement)
