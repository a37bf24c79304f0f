"""Diffs of many tables: each is looked up once, whatever the case of its name."""

from pathlib import Path

import pyarrow as pa

import catalog

NAMES = [f"Table{n}" for n in range(40)]


def test_tables_are_found_by_name_in_any_case(tmp_path: Path) -> None:
    cat = catalog.create(tmp_path / "lake")
    with cat.transaction("main") as tx:
        tx.write("Kept", pa.table({"id": [1]}), mode="append")
    with cat.transaction("main") as tx:
        for name in NAMES:
            tx.write(name, pa.table({"id": [1]}), mode="append")
            tx.write(name.upper(), pa.table({"id": [2]}), mode="append")
    with cat.diff("main~1", "main", level="stat") as result:
        assert [one.table for one in result] == sorted(NAMES)
        assert [result[name.lower()].rows.after for name in NAMES] == [2] * len(NAMES)
        assert result["KEPT"].status == "unchanged"
