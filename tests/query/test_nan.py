"""NaN is found wherever it is, though Parquet's statistics leave it out."""

import math
from collections.abc import Iterator

import pyarrow as pa
import pytest

from catalog.query.session import Session
from tests.query.conftest import Lake

NAN = math.nan


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Commits ``m``: in each column the third of three rows has NaN."""
    lake = Lake(tmp_path_factory.mktemp("nan"))
    values = [1.0, 2.0, NAN]
    table = pa.table(
        {
            "id": [1, 2, 3],
            "x": values,
            "y": pa.array(values, pa.float32()),
            "s": [{"x": v} for v in values],
            "l": [[v] for v in values],
            "mp": pa.array([[("k", v)] for v in values], pa.map_(pa.string(), pa.float64())),
            "d": [[{"x": [v]}] for v in values],
        }
    )
    lake.commit(m={"a.parquet": table})
    return lake


@pytest.fixture
def session(lake: Lake) -> Iterator[Session]:
    with lake.catalog.connect() as opened:
        yield opened


@pytest.mark.invariant("NaN is found whatever Parquet's statistics say")
@pytest.mark.parametrize(
    "condition",
    [
        *("x > 5", "x = 'nan'", "isnan(x)", "NOT x <= 5", "x IN ('nan', 7)", "x >= 'nan'", "y > 5"),
        *("x + 1 > 5", "isnan(y)", "s.x > 5", "s = {'x': 'nan'::DOUBLE}", "l[1] > 5", "m.x > 5"),
        *(
            "isnan(l[1])",
            "list_contains(l, 'nan')",
            "mp['k'] > 5",
            "d[1].x[1] > 5",
            "list_max(l) > 5",
        ),
        *(
            "map_values(mp)[1] > 5",
            "x BETWEEN 3 AND 'nan'",
            "5 < x",
            "x IS DISTINCT FROM 1 AND id > 2",
        ),
    ],
)
def test_a_filter_finds_it(session: Session, condition: str) -> None:
    if condition == "m.x > 5":
        assert session.sql("SELECT m.id FROM m WHERE m.x > 5").fetchall() == [(3,)]
    else:
        assert session.sql(f"SELECT id FROM m@main t WHERE {condition}").fetchall() == [(3,)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT max(x) FROM m",
        "SELECT max(s.x) FROM m",
        "SELECT x FROM m ORDER BY x DESC LIMIT 1",
        "SELECT DISTINCT ON (id > 0) x FROM m ORDER BY id > 0, x DESC",
        "SELECT max(c) FROM (SELECT id, x FROM m) t(i, c)",
        "WITH t(i, c) AS (FROM m SELECT id, x) SELECT c FROM t WHERE c > 5",
        "WITH t(i, c) AS (FROM m) SELECT c FROM t WHERE c > 5",
        "SELECT c FROM (FROM m) t(i, c) WHERE c > 5",
        "SELECT c FROM (TABLE m) t(i, c) WHERE c > 5",
        "SELECT v FROM (SELECT 0.0::DOUBLE AS v UNION ALL SELECT x FROM m) WHERE v > 5",
        "SELECT a.x FROM m a JOIN (SELECT 'nan'::DOUBLE AS x) b USING (x)",
        "SELECT a.x FROM m a NATURAL JOIN (SELECT 'nan'::DOUBLE AS x) b",
        "SELECT x FROM m WHERE x IN (SELECT 'nan'::DOUBLE)",
        "SELECT 'nan'::DOUBLE FROM range(1) WHERE 'nan'::DOUBLE IN (SELECT x FROM m)",
        "SELECT t.r.x FROM (SELECT m AS r FROM m) t WHERE t.r.x > 5",
        "SELECT x FROM m GROUP BY x HAVING x > 5",
        "SELECT sum(x) AS x FROM m GROUP BY id HAVING sum(x) > 5",
        "SELECT x FROM m QUALIFY row_number() OVER (ORDER BY x DESC) = 1",
        "SELECT arg_max(x, x) FROM m",
        "SELECT max(COLUMNS('^x$')) FROM m",
        "FROM m SELECT greatest(x, 0) WHERE x <> 1 AND x <> 2",
        "SELECT sum(x) FROM m WHERE l[1] > 5",
        "PIVOT (SELECT id, x FROM m WHERE x > 5) ON id USING max(x)",
    ],
)
def test_a_query_meets_it(session: Session, query: str) -> None:
    ((found,),) = session.sql(query).fetchall()
    assert isinstance(found, float)
    assert math.isnan(found)


@pytest.mark.parametrize(
    "query", ["FROM m", "SELECT * FROM m", "SELECT m.* FROM m", "SELECT id, x FROM m", "TABLE m"]
)
def test_a_relation_filtered_later_meets_it(session: Session, query: str) -> None:
    relation = session.sql(query)
    assert relation.filter("x > 5").project("id").fetchall() == [(3,)]
    assert relation.filter("isnan(x)").project("id").fetchall() == [(3,)]


@pytest.mark.parametrize(
    "query", ["FROM m", "SELECT * FROM m", "SELECT m AS r, * FROM m", "SELECT id, x FROM m"]
)
def test_a_view_meets_it(session: Session, query: str) -> None:
    session.sql(f"CREATE TEMP VIEW v AS {query}; CREATE TEMP MACRO f() AS TABLE {query}")
    assert session.sql("SELECT id FROM v WHERE x > 5").fetchall() == [(3,)]
    assert session.sql("SELECT id FROM f() WHERE x > 5").fetchall() == [(3,)]


def test_a_whole_row_handed_on_meets_it(session: Session) -> None:
    session.sql("CREATE TEMP VIEW v AS SELECT t AS r, count(t.id) AS n FROM m t GROUP BY t")
    assert session.sql("SELECT r.id FROM v WHERE r.x > 5").fetchall() == [(3,)]


@pytest.mark.parametrize(
    ("query", "free"),
    [
        ("SELECT sum(x), avg(m.y), count(*) FROM m", {"x", "y"}),
        ("SELECT id, sum(x) * 2 FROM m WHERE id > 1 GROUP BY id", {"x", "y"}),
        ("SELECT sum(x) FROM m WHERE y > 1", {"x"}),
        ("SELECT max(x) FROM m", {"y"}),
        ("SELECT * FROM m", set()),
        ("SELECT id, * FROM m", set()),
        ("SELECT m FROM m", set()),
        ("FROM m", set()),
        ("SELECT sum(x) FROM m ORDER BY ALL", set()),
        ("SELECT sum(x) FROM (FROM m)", set()),
        ("SELECT sum(x) FROM m UNION SELECT id FROM m", set()),
    ],
)
def test_columns_that_are_never_compared_are_read_without_protection(
    session: Session, query: str, free: set[str]
) -> None:
    text = session.rewrite(query)
    unprotected = {name for name in ("x", "y") if f') AS "{name}"' not in text}
    assert unprotected == free
