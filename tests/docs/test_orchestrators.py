"""The how-to on Dagster is run: its assets, its check, and runs that are repeated."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog import Catalog
from tests.docs.pages import REPOSITORY
from tests.effort import effort

PAGE = REPOSITORY / "docs/how-to/dagster.md"
FILE = re.compile(r"<!-- file: (\S+) -->\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)

DRIVER = """
import json, os, sys
import dagster as dg
from defs import flights, flights_checks, speeds

def ran(assets, **named):
    done = dg.materialize(assets, raise_on_error=False, instance=instance, **named)
    found = {"success": done.success}
    for event in done.get_asset_materialization_events():
        metadata = event.materialization.metadata
        found |= {name: value.value for name, value in metadata.items()}
    for check in done.get_asset_check_evaluations():
        found["passed"] = check.passed
    for event in done.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data.user_failure_data
            found["failure"] = failure and [failure.description, sorted(failure.metadata)]
    return found

with dg.DagsterInstance.ephemeral() as instance:
    for name in sys.argv[1:]:
        if name == "load":
            answer = ran([flights, flights_checks], partition_key="2")
        else:
            os.environ["BACKFILL"] = name
            if name == "careless":
                with open("speeds.sql", "a") as file:
                    file.write("; UPDATE flights SET distance = 1 WHERE month = $month")
            answer = ran([flights, speeds], selection=[speeds])
        print("answer:", json.dumps(answer))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The files of the page, a small catalog of flights, and an export of a month of them."""
    for name, text in FILE.findall(PAGE.read_text(encoding="utf-8")):
        (tmp_path / name).write_text(text)
    (tmp_path / "driver.py").write_text(DRIVER)
    columns = {"distance": [300, 600], "air_time": [30, 60], "speed_mph": [10.0, 10.0]}
    cat = Catalog.create(tmp_path / "lake", author="tester")
    with cat.transaction("main", message="load") as tx:
        months = pa.table({"flight_id": range(12), "month": [1 + n // 2 for n in range(12)]})
        rows = months.to_pydict() | {name: values * 6 for name, values in columns.items()}
        tx.write(
            "flights", pa.table(rows), mode="append", key=["flight_id"], partition_by=["month"]
        )
    cat.add_check("flights", "not_null", "speed_mph")
    export = tmp_path / "exports/flights/month=2"
    export.mkdir(parents=True)
    late = {"flight_id": [2, 3, 12], **{name: [*v, v[0]] for name, v in columns.items()}}
    pq.write_table(pa.table(late), export / "late.parquet")
    return tmp_path


@pytest.mark.skipif(not importlib.util.find_spec("dagster"), reason="dagster is not installed")
def test_assets_commit_once_and_failures_say_whether_to_retry(project: Path) -> None:
    def run(*names: str) -> list[dict[str, object]]:
        environment = {
            **os.environ,
            "PARQUETRY_CATALOG": str(project / "lake"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }
        done = subprocess.run(
            [sys.executable, "driver.py", *names],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("answer: ")]
        assert len(lines) == len(names), done.stderr
        return [json.loads(line.removeprefix("answer: ")) for line in lines]

    more = effort([], ["careless"])
    loaded, first, again, *refused = run("load", "speeds", "speeds", *more)
    assert loaded["success"], loaded
    assert (loaded["success"], loaded["passed"], loaded["repeated"]) == (True, True, False)
    assert (first["success"], first["updated"]) == (True, 13)
    assert first["commit"] == again["commit"]
    for one in refused:
        assert one["success"] is False
        assert one["failure"] == ["the gate said no", ["violations"]]
    assert Catalog.open(project / "lake").resolve("main").commit_id == first["commit"]
