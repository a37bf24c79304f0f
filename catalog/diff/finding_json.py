"""The JSON form of what explains changes."""

from typing import Any

from catalog.diff.findings import (
    Common,
    Delta,
    Distribution,
    NumberDelta,
    PartitionSums,
    Renaming,
    Segment,
)

Json = dict[str, Any]


def delta_json(delta: Delta) -> Json:
    """Returns the JSON form of a delta: of ``numbers`` or of ``texts``."""
    if not isinstance(delta, NumberDelta):
        return {
            "of": "texts",
            "cells": delta.cells,
            "kinds": dict(delta.kinds),
            "affix": delta.affix,
            "looked_at": delta.looked_at,
        }
    low, median, high = delta.ratios or (None, None, None)
    return {
        "of": "numbers",
        "cells": delta.cells,
        "up": delta.up,
        "down": delta.down,
        "sum": delta.total,
        "difference": {"min": delta.low, "median": delta.median, "max": delta.high},
        "ratio": {"min": low, "median": median, "max": high},
        "common_ratio": _common(delta.common_ratio),
        "common_difference": _common(delta.common_difference),
        "looked_at": delta.looked_at,
    }


def _common(common: Common | None) -> Json | None:
    return None if common is None else {"value": common.value, "cells": common.cells}


def partition_sums_json(sums: PartitionSums) -> Json:
    """Returns the JSON form of how a sum changed by partition."""
    return {
        "partitions": sums.partitions,
        "out_of": sums.out_of,
        "percent": {"min": sums.low, "median": sums.median, "max": sums.high},
    }


def segment_json(segment: Segment) -> Json:
    """Returns the JSON form of a segment."""
    return {
        "column": segment.column,
        "values": list(segment.values),
        "change": segment.change,
        "rows": segment.rows,
        "out_of": segment.out_of,
        "unchanged_rows": segment.others,
        "unchanged_out_of": segment.others_out_of,
    }


def renaming_json(renaming: Renaming) -> Json:
    """Returns the JSON form of columns that look renamed."""
    return {
        "from": renaming.before,
        "to": renaming.after,
        "equal": renaming.equal,
        "out_of": renaming.out_of,
    }


def distribution_json(distribution: Distribution) -> Json:
    """Returns the JSON form of a distribution."""
    return {
        "kind": distribution.kind,
        "labels": list(distribution.labels),
        "from": list(distribution.before),
        "to": list(distribution.after),
        "others": _sides(distribution.others),
        "nulls": _sides(distribution.nulls),
        "rows": _sides(distribution.rows),
    }


def _sides(counts: tuple[int, int]) -> Json:
    before, after = counts
    return {"from": before, "to": after}
