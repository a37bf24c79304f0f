"""Which columns of a result a query groups by, where that is certain."""

import pytest

from catalog.query.grouping import grouping_places

CERTAIN = {
    "SELECT region, sum(a) FROM o GROUP BY region": (0,),
    "SELECT sum(a), region AS r FROM o GROUP BY REGION": (1,),
    "SELECT region, month, sum(a) FROM o GROUP BY 1, 2": (0, 1),
    "SELECT date_trunc('month', day) m, count(*) FROM o GROUP BY m": (0,),
    "SELECT year(d) y, sum(x) FROM o GROUP BY year(d)": (0,),
    "SELECT region, channel, sum(a) FROM o GROUP BY ALL": (0, 1),
    "FROM o SELECT region, sum(a) GROUP BY region": (0,),
    "SELECT region, list(a) FROM o GROUP BY ALL": (0,),
    "WITH x AS (FROM o) SELECT x.region, max(a) FROM x GROUP BY region HAVING max(a) > 1": (0,),
    "SELECT region, sum(a) FROM o GROUP BY region ORDER BY 2 LIMIT 3": (0,),
}

DOUBTFUL = [
    "FROM o",
    "SELECT sum(a) FROM o",
    "SELECT region, sum(a) FROM o GROUP BY region, channel",
    "SELECT lower(region) AS region, sum(a) FROM o GROUP BY region",
    "SELECT max(a) AS region FROM o GROUP BY region",
    "SELECT 1 AS k, sum(a) FROM o GROUP BY k",
    "SELECT region, unnest(list(a)) FROM o GROUP BY region",
    "SELECT region, sum(a) FROM o GROUP BY ROLLUP (region)",
    "SELECT region, sum(a) FROM o GROUP BY CUBE (region)",
    "SELECT region, sum(a) FROM o GROUP BY GROUPING SETS ((region), ())",
    "SELECT region, sum(a) FROM o GROUP BY 1 UNION ALL SELECT 'x', 1",
    "SELECT *, count(*) FROM o GROUP BY ALL",
    "SELECT region, mine(a) FROM o GROUP BY ALL",
    "SELECT region FROM o GROUP BY 3",
    "SELECT (",
    "SELECT 1; SELECT region FROM o GROUP BY 1",
]


@pytest.mark.parametrize("query", CERTAIN)
def test_columns_aliases_and_numbers_are_understood(query: str) -> None:
    assert grouping_places(query) == CERTAIN[query]


@pytest.mark.parametrize("query", DOUBTFUL)
def test_what_is_not_certain_is_no_key(query: str) -> None:
    assert grouping_places(query) == ()
