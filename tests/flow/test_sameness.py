"""Which values a refresh takes for changed: all that differ as stored, floats in 12 digits."""

from pathlib import Path

import duckdb
import pytest

from catalog.catalog import Catalog
from catalog.engine.data_types import data_type
from catalog.flow.refresh.sameness import is_same, rounded

from .conftest import run

CHANGED = (
    ("1::VARIANT", "'1'::VARIANT"),
    ("1::VARIANT", "1.0::VARIANT"),
    ("{'a': 1}::VARIANT", "{'a': '1'}::VARIANT"),
    ("INTERVAL '1 month'", "INTERVAL '30 days'"),
    ("{'i': INTERVAL '1 day', 't': NULL::VARCHAR}", "{'i': INTERVAL '1 day', 't': 'NULL'}"),
    ("[INTERVAL '1 month']", "[INTERVAL '30 days']"),
    ("NULL::MAP(VARCHAR, DOUBLE)", "MAP {}::MAP(VARCHAR, DOUBLE)"),
    ("[NULL]::DOUBLE[]", "[]::DOUBLE[]"),
    ("[1.5::DOUBLE]", "[1.5000001::DOUBLE]"),
    ("NULL::DOUBLE", "'nan'::DOUBLE"),
    ("'nan'::DOUBLE", "5::DOUBLE"),
    ("'inf'::DOUBLE", "5::DOUBLE"),
    ("1e-300::DOUBLE", "0::DOUBLE"),
    ("{'x': 1.5::FLOAT}", "{'x': NULL::FLOAT}"),
)

THE_SAME = (
    ("0.1::DOUBLE + 0.2::DOUBLE", "0.3::DOUBLE"),
    ("[0.1::DOUBLE + 0.2::DOUBLE]", "[0.3::DOUBLE]"),
    ("MAP {'k': 0.1::DOUBLE + 0.2::DOUBLE}", "MAP {'k': 0.3::DOUBLE}"),
    ("0.0::DOUBLE", "-0.0::DOUBLE"),
)


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    """Returns a connection."""
    return duckdb.connect()


@pytest.mark.parametrize("pair", [*CHANGED, *THE_SAME], ids=" ".join)
def test_what_differs_as_stored_is_a_change_and_noise_is_none(
    con: duckdb.DuckDBPyConnection, pair: tuple[str, str]
) -> None:
    query = f"SELECT {pair[0]} AS a, {pair[1]} AS b"
    kind = data_type(con.sql(query).types[0])
    alike = f"{rounded('a', kind)} IS NOT DISTINCT FROM {rounded('b', kind)}"
    for one in (is_same("a", "b", kind), alike):
        assert con.sql(f"SELECT {one} FROM ({query})").fetchall() == [(pair in THE_SAME,)]


def test_a_number_in_a_variant_that_becomes_a_text_is_a_change(tmp_path: Path) -> None:
    cat = Catalog.create(str(tmp_path / "lake"))
    run(cat, "CREATE TABLE t AS SELECT {'a': 1}::VARIANT AS v")
    cat.derive("of_t", "SELECT v FROM t")
    run(cat, "CREATE OR REPLACE TABLE t AS SELECT {'a': '1'}::VARIANT AS v")
    (done,) = cat.refresh().tables
    assert (done.inserted, done.deleted) == (1, 1)
