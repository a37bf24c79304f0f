"""Contracts that compare values are not misled by digests that lie."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.diff.view import End
from catalog.model.judgement import Violation
from catalog.operations.contracts.judge import judge_contracts
from catalog.operations.tables import stored_table
from catalog.repository.row_digests import RowDigests
from catalog.repository.tables import data_files
from tests.flow.contract_lake import contracts_of

ROWS = 5000


def rows(*, changed: bool) -> pa.Table:
    texts = [f"{n * 7919:050}" for n in range(ROWS)]
    if changed:
        texts[3] = "another"
    ids = list(range(ROWS)) + [ROWS] * changed
    return pa.table({"id": ids, "text": texts + ["new"] * changed})


def judged(cat: Catalog, rules: str) -> list[Violation]:
    before, after = (End(ref, cat.context.resolve(ref).commit_id) for ref in ("main~1", "main"))
    return judge_contracts(cat.context, contracts_of(f"[contract.c]\n{rules}"), before, after)


@pytest.mark.invariant("A contract that compares values does not depend on digests")
def test_rows_are_compared_by_values_where_a_contract_says_so(tmp_path: Path) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    for number, changed in enumerate((False, True)):
        folder = tmp_path / f"v{number}"
        folder.mkdir()
        pq.write_table(rows(changed=changed), folder / "a.parquet")
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(folder), key=["id"], fingerprints="rows")
    kept, words = RowDigests(cat.repository.store), []
    for ref in ("main~1", "main"):
        table = stored_table(cat.repository, "t", cat.resolve(ref))
        (file,) = data_files(cat.repository.commits, table)
        found = kept.read(table.snapshot, file)
        assert found is not None
        content = found.words()
        assert content is not None
        words.append(content)
    kept.keep(table.snapshot, file, words[0] + words[1][-8:], held=found.held)
    limits = "table.t.updated = 0"
    assert judged(cat, limits) == [], "the digests of no row differ"
    (violation,) = judged(cat, f"compare = 'values'\n{limits}")
    assert (violation.rule, violation.count) == ("table.t.updated", 1)
