"""Footers whose statistics contradict the values: what a table knows instead, and who is told."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from catalog.diff.fingerprints.completing import TakenFrom
from catalog.model.datafile import ColumnStats, DataFile, Identity
from catalog.model.fingerprint import Fingerprint
from catalog.model.table import TableSnapshot

NAMED_COLUMNS = 5
"""Columns of a table that are told of one by one."""


def with_right_stats(file: DataFile, known: Fingerprint) -> DataFile:
    """Returns the entry of a file with what is known of its values where its footer lies."""
    unsound = sorted(i for i, verdict in known.verdicts.items() if verdict.contradiction)
    if not unsound:
        return file
    stats = dict(file.stats)
    for field_id in stats.keys() & set(unsound):
        found = known.summaries.get(field_id)
        stats[field_id] = ColumnStats()
        if found is not None:
            is_exact = found.low is not None and found.high is not None and not found.nans
            low, high = (found.low, found.high) if is_exact else (None, None)
            stats[field_id] = ColumnStats(found.nulls, found.nans, low, high, is_exact)
    return replace(file, stats=stats, unsound=tuple(unsound))


def false_claims(
    table: TableSnapshot | None,
    files: Sequence[DataFile],
    prints: Mapping[Identity, Fingerprint],
    sources: Mapping[str, TakenFrom],
) -> list[str]:
    """Returns warnings about columns whose statistics in footers contradict the values."""
    by_column: defaultdict[int, list[DataFile]] = defaultdict(list)
    for file in files:
        for field_id in file.unsound:
            by_column[field_id].append(file)
    warnings = []
    for field_id, lying in list(by_column.items())[:NAMED_COLUMNS]:
        field = None if table is None else table.schema.by_id(field_id)
        name = f"column {field_id}" if field is None else f"column {field.name!r}"
        first = lying[0]
        why = prints[first.identity].verdicts[field_id].contradiction
        where = sources[first.path].name
        others = f" (and of {len(lying) - 1:,} more)" if len(lying) > 1 else ""
        warnings.append(
            f"{name}: the footer of {where}{others} contradicts the values, it says {why}: its "
            "statistics are not used"
        )
    if len(by_column) > NAMED_COLUMNS:
        warnings.append(f"so it is for {len(by_column) - NAMED_COLUMNS:,} more columns")
    return warnings
