"""Shows, from its SQL alone, that a query can be recomputed partition by partition.

The analysis works from the tables upwards. Of each part of the query it knows whether it is *split*
by the partition value or does not depend on it, and which of its columns *carry* that value.
Every construct has a rule that keeps this, or the query is refused with the construct as the
reason; what has no rule is refused, too.
"""

from catalog.flow.partitionwise.analysis import analyse
from catalog.flow.partitionwise.verdict import (
    Carrier,
    InputTable,
    NotPartitionWise,
    PartitionWise,
)

__all__ = ["Carrier", "InputTable", "NotPartitionWise", "PartitionWise", "analyse"]
