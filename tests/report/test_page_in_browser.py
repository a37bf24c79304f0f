"""The page of a diff in a real headless browser: nothing fetched, nothing amiss, usable by keys.

It needs node, and a directory with the npm packages playwright-core, axe-core and
@sparticuz/chromium, which the variable PARQUETRY_BROWSER names; a browser of one's own is named by
PARQUETRY_CHROMIUM.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest

import catalog
from tests.report.test_page import HOSTILE, rows

LOOK = Path(__file__).with_name("look.mjs")

BROWSER = os.environ.get("PARQUETRY_BROWSER", "")

pytestmark = pytest.mark.skipif(
    not BROWSER or shutil.which("node") is None,
    reason="no browser: PARQUETRY_BROWSER names no directory with its npm packages, or no node",
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("browser")
    cat = catalog.create(str(folder / "lake"))
    for change in (False, True):
        with cat.transaction("main") as tx:
            tx.write(
                "orders",
                duckdb.sql(rows(change)),
                mode="overwrite",
                key=["id"],
                partition_by=["day"],
            )
            tx.write("small", duckdb.sql(f"SELECT {int(change)} AS a"), mode="overwrite")
    texts = [f"{one}{'<img src=x onerror=alert(1)>' * 3}" for one in HOSTILE]
    for change in (False, True):
        odd = ", ".join(f'? AS "{n}<i>"' for n in range(len(texts)))
        wide = ", ".join(f"i + {n} * {int(change)} AS c{n}" for n in range(120))
        with cat.transaction("main") as tx:
            changed = [f"{one}{'x' * 5000 if change else ''}" for one in texts]
            tx.write(
                "<script>alert(1)</script>",
                duckdb.sql(f"SELECT 1 AS id, {odd}", params=changed),
                mode="overwrite",
                key=["id"],
            )
            tx.write(
                "wide",
                duckdb.sql(f"SELECT i, {wide} FROM range(3) r(i)"),
                mode="overwrite",
                key=["i"],
            )
            if change:
                tx.write("w" * 120, duckdb.sql("SELECT 1 AS a"), mode="overwrite")
    written = []
    for name, ends in (("plain", ("main~3", "main~2")), ("odd", ("main~1", "main"))):
        with cat.diff(*ends, level="rows", distributions=True) as diff:
            written.append(folder / f"{name}.html")
            written[-1].write_text(diff.to_html(), encoding="utf-8")
    return written


@pytest.fixture(scope="module")
def seen(pages: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    command = ["node", str(LOOK), BROWSER, *map(str, pages)]
    env = {**os.environ, "TMPDIR": str(tmp_path_factory.mktemp("browser"))}  # it unpacks there
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", check=False, timeout=240, env=env
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.invariant(
    "The page of a diff fetches nothing, and a browser finds nothing wrong in it"
)
def test_nothing_is_fetched_and_nothing_is_wrong(seen: dict[str, Any], pages: list[Path]) -> None:
    for page in pages:
        met = seen["pages"][str(page)]
        assert met["console"] == []
        assert {url.removeprefix("file://") for url in met["requests"]} <= {str(page), "data:,"}
        assert met["overflow"] == []


def test_axe_finds_nothing_in_light_and_dark(seen: dict[str, Any]) -> None:
    assert [found for met in seen["pages"].values() for found in met["axe"]] == []


def test_rows_are_searched(seen: dict[str, Any]) -> None:
    used = seen["used"]
    assert 0 < len(used["shown"]) < used["rows"]
    assert all(used["wanted"] in row for row in used["shown"])
    assert used["said"] == f"{len(used['shown'])} of {used['rows']} rows"


def test_tables_are_sorted_by_the_keyboard(seen: dict[str, Any]) -> None:
    used = seen["used"]
    for name, reverse in (("descending", True), ("ascending", False)):
        sort, numbers = used[name]
        assert sort == name
        amounts = [int(text.replace(",", "")) for text in numbers]
        assert amounts == sorted(amounts, reverse=reverse)
    assert used["outline"] != "none"


def test_it_is_printed_unfolded_and_read_without_script(seen: dict[str, Any]) -> None:
    used = seen["used"]
    assert (used["closed"], used["searches"]) == (0, 0) and used["pages"] >= 1
    controls, bare_rows = used["bare"]
    assert controls == 0 and bare_rows > used["rows"]
    assert used["console"] == []
