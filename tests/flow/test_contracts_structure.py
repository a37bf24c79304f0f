"""Contracts on what changes beside rows: which tables, their columns, keys, definitions, checks."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from catalog import Catalog
from tests.flow.contract_lake import Lake

Change = Callable[[Catalog, str], None]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake(tmp_path_factory.mktemp("contracts") / "lake")


def rules_of(lake: Lake, rules: str, branch: str) -> list[str]:
    return [one.rule for one in lake.judged(rules, branch)]


def drop(cat: Catalog, branch: str) -> None:
    with cat.transaction(branch, message="dropped") as tx:
        tx.sql("DROP TABLE other")


def test_a_table_is_dropped_only_if_the_contract_names_it(lake: Lake) -> None:
    branch = lake.changed_by("drop", drop)
    assert rules_of(lake, "", branch) == ["may_drop"]
    assert rules_of(lake, 'tables = ["weather", "other"]', branch) == ["may_drop"]
    assert rules_of(lake, 'may_drop = ["OTHER"]', branch) == []
    assert rules_of(lake, 'may_drop = ["*"]\ntable."*".deleted = 0', branch) == []
    assert rules_of(lake, 'unchanged = ["other"]', branch) == ["unchanged"]


def anew(cat: Catalog, branch: str) -> None:
    rows = cat.sql(f"SELECT * FROM other@{branch}").to_arrow_table()
    with cat.transaction(branch, message="dropped") as tx:
        tx.sql("DROP TABLE other")
    with cat.transaction(branch, message="made anew") as tx:
        tx.write("other", rows, mode="append", key=["k"])


def test_a_table_with_the_same_rows_made_anew_is_another(lake: Lake) -> None:
    branch = lake.changed_by("anew", anew)
    assert rules_of(lake, "", branch) == ["may_replace"]
    assert rules_of(lake, 'tables = ["other"]', branch) == ["may_replace"]
    assert rules_of(lake, 'may_replace = ["other"]\ntables = []', branch) == []
    assert rules_of(lake, 'may_replace = ["*"]\ntable.other.updated = 0', branch) == []


def renamed(cat: Catalog, branch: str) -> None:
    with cat.transaction(branch, message="renamed") as tx:
        tx.sql("CREATE TABLE another AS SELECT * FROM other")
        tx.sql("DROP TABLE other")


def test_a_renamed_table_is_one_dropped_and_one_created(lake: Lake) -> None:
    branch = lake.changed_by("renamed", renamed)
    assert rules_of(lake, "", branch) == ["may_drop"]
    assert rules_of(lake, "tables = []", branch) == ["may_create", "may_drop"]
    assert rules_of(lake, 'tables = []\nmay_create = ["another"]', branch) == ["may_drop"]


def test_only_the_tables_that_are_named_may_change(lake: Lake) -> None:
    branch = lake.changed("UPDATE other SET v = 'z' WHERE k = 1", "INSERT INTO log VALUES ('c')")
    assert rules_of(lake, 'tables = ["other", "log"]', branch) == []
    (found,) = lake.judged('tables = ["log"]', branch)
    assert (found.rule, found.table, found.count) == ("tables", "other", 1)
    (example,) = found.examples
    assert (example.key, example.column) == ({"k": "1"}, "v")
    assert (example.before, example.after) == ("x", "z")
    assert [one.table for one in lake.judged("tables = []", branch)] == ["log", "other"]
    assert rules_of(lake, 'unchanged = ["other"]', branch) == ["unchanged"]


def rewritten(cat: Catalog, branch: str) -> None:
    rows = cat.sql(f"SELECT * FROM weather@{branch} ORDER BY id DESC").to_arrow_table()
    with cat.transaction(branch, message="rewritten") as tx:
        tx.write("weather", rows, mode="overwrite")


def test_equal_rows_in_other_files_are_no_change(lake: Lake) -> None:
    branch = lake.changed_by("rewritten", rewritten)
    weather = "table.weather = {inserted = 0, deleted = 0, updated = 0, partitions = []}"
    assert rules_of(lake, "tables = []", branch) == []
    assert rules_of(lake, 'unchanged = ["weather"]', branch) == []
    assert rules_of(lake, weather, branch) == []


def other_key(cat: Catalog, branch: str) -> None:
    rows = pa.table({"k": [1, 2], "v": ["x", "y"]})
    with cat.transaction(branch, message="another key") as tx:
        tx.write("other", rows, mode="overwrite", key=["v"])


def test_a_key_changes_only_if_the_contract_names_the_table(lake: Lake) -> None:
    branch = lake.changed_by("other-key", other_key)
    assert rules_of(lake, "schema_changes = true", branch) == ["may_change_keys"]
    assert rules_of(lake, 'may_change_keys = ["other"]', branch) == []
    assert rules_of(lake, 'unchanged = ["other"]', branch) == ["unchanged"]


def redefined(cat: Catalog, branch: str) -> None:
    sql = "SELECT month, count(temp) AS n FROM weather GROUP BY month"
    cat.derive("daily", sql, branch=branch, replace=True)


def test_a_definition_changes_only_if_the_contract_names_the_table(lake: Lake) -> None:
    branch = lake.changed_by("redefined", redefined)
    assert rules_of(lake, "", branch) == ["may_change_definitions"]
    found = rules_of(lake, 'tables = ["weather"]', branch)
    assert found[0] == "may_change_definitions"
    assert rules_of(lake, 'may_change_definitions = ["daily"]', branch) == []


def refreshed(cat: Catalog, branch: str) -> None:
    with cat.transaction(branch, message="filled") as tx:
        tx.sql("UPDATE weather SET wind = 2.5 WHERE id = 2")
    cat.refresh(branch=branch)


def test_derived_tables_change_with_those_that_they_are_made_of(lake: Lake) -> None:
    branch = lake.changed_by("refreshed", refreshed)
    assert rules_of(lake, 'tables = ["weather"]', branch) == []
    assert rules_of(lake, 'tables = ["log"]', branch) == ["tables", "tables"]
    assert rules_of(lake, 'tables = ["weather"]\nunchanged = ["daily"]', branch) == ["unchanged"]
    limited = 'tables = ["weather", "daily"]\ntable.daily.updated = 0'
    assert rules_of(lake, limited, branch) == ["table.daily.updated"]
    assert rules_of(lake, 'tables = ["weather"]\ntable."*".updated = 0', branch) == [
        'table."*".updated',
        'table."*".updated',
    ]


def stale(cat: Catalog, branch: str) -> None:
    refreshed(cat, branch)
    with cat.transaction(branch, message="emptied") as tx:
        tx.sql("UPDATE weather SET wind = NULL")


def test_a_derived_table_changes_only_to_what_its_definition_makes(lake: Lake) -> None:
    branch = lake.changed_by("stale", stale)
    (found,) = lake.judged('tables = ["weather"]', branch)
    assert (found.rule, found.table, found.count) == ("tables", "daily", 1)


def test_a_type_is_a_change_of_the_schema_and_equal_values_are_none_of_rows(lake: Lake) -> None:
    branch = lake.changed("ALTER TABLE other ALTER COLUMN k TYPE BIGINT", "UPDATE other SET k = k")
    found = rules_of(lake, "table.other.updated = 0", branch)
    assert found in ([], ["schema_changes"])


def test_a_column_dropped_and_added_again_is_a_change_of_the_schema(lake: Lake) -> None:
    branch = lake.changed(
        "ALTER TABLE weather DROP COLUMN wind", "ALTER TABLE weather ADD COLUMN wind DOUBLE"
    )
    assert set(rules_of(lake, "", branch)) == {"schema_changes"}
    nulls = "schema_changes = true\ntable.weather.column.wind.nulls = 'may-fall'"
    assert rules_of(lake, nulls, branch) == ["table.weather.column.wind.nulls"]
    assert rules_of(lake, "schema_changes = true\ntable.weather.columns = ['temp']", branch) != []


def test_a_renamed_column_evades_no_rule(lake: Lake) -> None:
    branch = lake.changed(
        "ALTER TABLE weather RENAME COLUMN temp TO t",
        "UPDATE weather SET t = NULL WHERE id = 1",
    )
    allowed = "schema_changes = true\n"
    rule = "table.weather.column.temp.nulls = 'may-fall'"
    assert rules_of(lake, allowed + rule, branch) == ["table.weather.column.temp.nulls"]
    (found,) = lake.judged(allowed + "table.weather.columns = ['wind']", branch)
    assert (found.column, found.count) == ("temp", 1)
    assert lake.judged(allowed + "table.weather.columns = ['temp']", branch) == []


def test_names_that_are_not_there_are_not_passed_over(lake: Lake) -> None:
    branch = lake.changed("UPDATE weather SET wind = 2.5 WHERE id = 2")
    (found,) = lake.judged("table.weathr.updated = 0", branch)
    assert found.rule == "table.weathr" and "weather" in found.message
    (found,) = lake.judged("unchanged = ['weathr']", branch)
    assert found.rule == "unchanged"
    for rules in ("columns = ['wind', 'tempp']", "column.tempp.nulls = 'any'"):
        (found,) = lake.judged(f"table.weather.{rules}", branch)
        assert found.column == "tempp" and "temp" in found.message
    for rules in (
        "partitions = ['temp=1']",
        "partitions = ['month=01..00']",
        "where = 'no_such > 1'",
        "where = 'SELECT 1'",
        "where = 'true) OR (true'",
        "where = 'random() < 2'",
        "where = '(SELECT count(*) FROM other) > 0'",
        "where = 'region'",
        "column.region.sum = 1",
        "column.wind.min = 'x'",
        "column.region.tolerance = 1",
        "unique_key = ['nope']",
    ):
        found = lake.judged(f"table.weather.{rules}", branch)
        assert len(found) == 1, (rules, found)


def checked(cat: Catalog, branch: str) -> None:
    cat.add_check("other", "not_null", "v", branch=branch)


def test_a_check_is_added_only_if_the_contract_names_the_table(lake: Lake) -> None:
    branch = lake.changed_by("checked", checked)
    assert rules_of(lake, "", branch) == ["may_change_checks"]
    assert rules_of(lake, 'tables = []\nmay_change_checks = ["other"]', branch) == []


def long_names(cat: Catalog, branch: str) -> None:
    names = ["x" * 230 + end for end in "ab"]
    rows = pa.table({"k": [1, 2], "part": names, "v": [1, None]})
    with cat.transaction(branch, message="made") as tx:
        tx.write("long", rows, mode="append", key=["k"], partition_by=["part"])
    with cat.transaction(branch, message="swapped") as tx:
        tx.sql("DELETE FROM long")
        tx.sql(f"INSERT INTO long VALUES (3, '{names[0]}', NULL), (4, '{names[1]}', 1)")


def test_partitions_with_long_names_are_told_apart(lake: Lake) -> None:
    branch = lake.changed_by("long-names", long_names)
    (found,) = lake.judged("table.long.column.v.nulls = 'may-fall'", branch, before=f"{branch}~1")
    assert (found.rule, found.count) == ("table.long.column.v.nulls", 1)


def overwritten(**columns: pa.Array) -> Change:
    def change(cat: Catalog, branch: str) -> None:
        with cat.transaction(branch, message="overwritten") as tx:
            tx.write("other", pa.table(columns), mode="overwrite")

    return change


VALUES = pa.array(["x", "y"])


def test_a_type_may_become_one_that_holds_all_values_of_before(lake: Lake) -> None:
    wide, narrow = (pa.array([1, 2], kind) for kind in (pa.decimal128(20, 0), pa.int32()))
    wider = lake.changed_by("wider", overwritten(k=wide, v=VALUES))
    narrower = lake.changed_by("narrower", overwritten(k=narrow, v=VALUES))
    widened = 'schema_changes = ["type_widened"]'
    assert rules_of(lake, "", wider) == ["schema_changes"]
    assert rules_of(lake, widened, wider) == []
    assert rules_of(lake, widened, narrower) == ["schema_changes"]
    assert rules_of(lake, 'schema_changes = ["type_changed"]', narrower) == []
    own = f"table.other.{widened}"
    assert rules_of(lake, own, narrower) == ["table.other.schema_changes"]


def test_a_table_may_lose_as_many_rows_as_the_contract_says(lake: Lake) -> None:
    more = lake.changed("DELETE FROM other WHERE k = 1", "INSERT INTO other VALUES (7, 'z')")
    assert rules_of(lake, "table.other.max_loss = 0", more) == []
    less = lake.changed("DELETE FROM other WHERE k = 1")
    assert rules_of(lake, "table.other.max_loss = 1", less) == []
    assert rules_of(lake, 'table."*".max_loss = "50%"', less) == []
    assert rules_of(lake, 'table."*".max_loss = "any"', less) == []
    (found,) = lake.judged('table."*".max_loss = "49.9%"', less)
    assert (found.rule, found.table, found.count) == ('table."*".max_loss', "other", 1)
    assert found.message == "table other loses 1 of 2 rows (50.0 %)"
    assert found.allowed == "at most 49.9% of 2 rows"
    assert rules_of(lake, 'may_drop = ["other"]\ntable.other.max_loss = 0', dropped(lake)) == []


def dropped(lake: Lake) -> str:
    return lake.changed_by("drop", drop)
