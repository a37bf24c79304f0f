"""What a catalog and its commits show of themselves in Python and in notebooks."""

import html
import re
from pathlib import Path

import pyarrow as pa
import pytest

import catalog


@pytest.fixture
def lake(tmp_path: Path) -> catalog.Catalog:
    cat = catalog.create(tmp_path / "lake")
    with cat.transaction("main", message="first\nand more", author="<ann>") as tx:
        for n in range(22):
            tx.write(f"t{n:02}", pa.table({"id": range(n)}), mode="overwrite", key=["id"])
    return cat


def test_a_catalog_shows_its_tables(lake: catalog.Catalog) -> None:
    assert repr(lake) == f"<Catalog {lake.uri}>"
    lines = str(lake).splitlines()
    assert lines[0] == f"catalog {lake.uri}, 1 branch"
    assert re.fullmatch(r"main at [0-9a-f]{8}, [\d-]+ [\d:]+ UTC, <ann>: first", lines[1])
    assert lines[5].split()[:2] == ["t01", "1"]
    assert lines[-1] == "… and 2 more tables"
    page = lake._repr_html_()
    assert "&lt;ann&gt;" in page and "<ann>" not in page and page.count("<tr>") == 21


def test_a_new_catalog_has_no_tables(tmp_path: Path) -> None:
    cat = catalog.create(tmp_path / "new")
    assert str(cat).endswith("\nno tables") and "no tables" in cat._repr_html_()


def test_a_catalog_that_is_gone_says_so(lake: catalog.Catalog, tmp_path: Path) -> None:
    (tmp_path / "lake").rename(tmp_path / "elsewhere")
    assert "it cannot be read: " in str(lake)
    assert repr(lake) == f"<Catalog {lake.uri}>"


def test_a_commit_shows_what_tells_it_from_others(lake: catalog.Catalog) -> None:
    (commit, *_) = lake.log()
    time = commit.time.strftime("%Y-%m-%d %H:%M:%S UTC")
    named = "t00, t01, t02, t03, t04 and 17 more"
    assert repr(commit) == f"<Commit {commit.id[:8]}, {time}, <ann>, first, {named}>"
    assert str(commit) == f"{commit.id[:8]}  {time}  <ann>  first  {named}"
    assert html.unescape(commit._repr_html_()).count("<ann>") == 1
    assert "<ann>" not in commit._repr_html_()


def test_a_diff_and_its_tables_draw_themselves(tmp_path: Path) -> None:
    cat = catalog.create(tmp_path / "lake")
    for values in ([1, 2, 3], [1, 20, 3, 4]):
        with cat.transaction("main", message="state") as tx:
            rows = pa.table({"id": range(len(values)), "<v>": values})
            tx.write("t", rows, mode="overwrite", key=["id"])
            tx.write("other", rows, mode="overwrite", key=["id"])
            tx.write("same", pa.table({"x": [1]}), mode="overwrite")
    with cat.diff("main~1") as diff:
        told = "2 of 2 tables differ, 2 rows updated, 2 rows inserted"
        assert repr(diff) == f"<Diff main~1 → main: {told}>"
        assert repr(diff["t"]) == "<TableDiff t: modified, 3 → 4 rows, 1 inserted, 1 updated>"
        frame = diff.to_arrow().select(["table", "rows_after", "inserted", "updated", "columns"])
        assert frame.to_pylist() == [
            {"table": one, "rows_after": 4, "inserted": 1, "updated": 1, "columns": ["<v>"]}
            for one in ("other", "t")
        ]
        assert len(diff.to_pandas()) == 2 and diff.to_polars().shape == (2, 9)
        assert repr(diff["same"]) == "<TableDiff same: unchanged, 1 row>"
        for one, others in ((diff, True), (diff["t"], False)):
            for text in (str(one), one.to_text(width=60), one.to_markdown()):
                assert "2 → 20" in text and ("other" in text) is others
            assert 'id="table-1"' in one.to_html() or ">t</h2>" in one.to_html()
            assert "&lt;v&gt;" in one._repr_html_() and "<v>" not in one._repr_html_()
            assert "<v>" not in one.to_html()
        assert max(map(len, diff["t"].to_text(width=60).splitlines())) <= 60
        assert "same" in diff["same"].to_markdown()


def test_hostile_messages_steer_no_terminal(tmp_path: Path) -> None:
    cat = catalog.create(tmp_path / "lake")
    with cat.transaction("main", message="\x1b[31m\u202e<script>") as tx:
        tx.write("t", pa.table({"id": [1]}), mode="overwrite")
    for text in (repr(cat.log()[0]), str(cat.log()[0]), str(cat), cat._repr_html_()):
        assert "\x1b" not in text and "\u202e" not in text
    assert "<script>" not in cat._repr_html_() + cat.log()[0]._repr_html_()
