"""``check sync``, and Python checks at the command line."""

import json
import os
import shutil
import sys
from pathlib import Path

import pyarrow as pa
import pytest

import catalog

from .conftest import Runner

DBT = "models:\n  - name: orders\n    columns:\n      - {name: id, tests: [unique, not_null]}\n"

CHECKS = '[checks.orders.amounts]\nkind = "range"\ncolumn = "amount"\nmin = 0\n'

PLUGIN = """
def negative(rows, config):
    print("looking")
    return [row for row in rows.read_all().to_pylist() if row["amount"] < config.get("low", 0)]
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template") / "lake"
    with catalog.create(root).transaction("main", message="orders") as tx:
        rows = pa.table({"id": [1, 2, 3], "amount": [1.5, 2.0, -3.0]})
        tx.write("orders", rows, mode="append", key=["id"])
    return root


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path / "lake")
    (tmp_path / "schema.yml").write_text(DBT)
    (tmp_path / "parquetry.toml").write_text(f'catalog = "lake"\n{CHECKS}')
    return tmp_path


def configure(project: Path, line: str) -> None:
    (project / "parquetry.toml").write_text(f'catalog = "lake"\n{line}\n{CHECKS}')


def test_without_files_those_of_the_configuration_are_taken(
    parquetry: Runner, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(project, 'check_files = ["*.y*ml"]')
    monkeypatch.chdir(project / "lake")
    found = parquetry("check", "sync", "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)
    assert [(one["table"], one["name"], one["source"]) for one in told["added"]] == [
        ("orders", "amounts", "toml:parquetry.toml"),
        ("orders", "unique_id", "dbt:schema.yml"),
        ("orders", "not_null_id", "dbt:schema.yml"),
    ]
    again = json.loads(parquetry("check", "sync", "--json").out)
    assert (again["commit"], again["added"], again["unchanged"]) == (None, [], 3)
    assert parquetry("check").code == 1  # an amount is negative


def test_files_that_are_named_are_taken_alone(parquetry: Runner, project: Path) -> None:
    found = parquetry("check", "sync", "schema.yml", "--dry-run")
    assert found.out.splitlines() == [
        "orders.unique_id  would be added",
        "orders.not_null_id  would be added",
        "dry run: 2 checks would change, nothing was written",
    ]
    found = parquetry("check", "sync", "schema.yml", "-m", "take over")
    assert found.out.splitlines()[-1].endswith(": take over")


def test_tables_that_files_call_otherwise(parquetry: Runner, project: Path) -> None:
    (project / "schema.yml").write_text(DBT.replace("name: orders", "name: stg_orders"))
    found = parquetry("check", "sync", "schema.yml")
    assert found.code == 3
    assert "schema.yml, line 2: model stg_orders: there is no table 'stg_orders'" in found.err
    assert parquetry("check", "sync", "schema.yml", "--table", "stg_orders=orders").code == 0
    found = parquetry("check", "sync", "schema.yml", "--table", "stg_orders")
    assert found.code == 2


def test_what_is_refused_is_told_on_stderr(parquetry: Runner, project: Path) -> None:
    text = DBT.replace("not_null]", "not_null, dbt_utils.at_least_one]")
    (project / "schema.yml").write_text(text)
    found = parquetry("check", "sync", "schema.yml")
    assert (found.code, found.out) == (3, "")
    assert "test dbt_utils.at_least_one of column id of model orders" in found.err
    assert "--allow-partial" in found.err
    found = parquetry("check", "sync", "schema.yml", "--allow-partial", "--json")
    assert found.code == 0
    assert len(json.loads(found.out)["left_out"]) == 1
    assert found.err.startswith("not taken over: schema.yml, line 4")


def test_a_name_that_is_taken_says_what_helps(parquetry: Runner, project: Path) -> None:
    assert parquetry("check", "add", "orders", "unique", "id").code == 0
    found = parquetry("check", "sync", "schema.yml")
    assert found.code == 3
    assert "--replace" in found.err
    assert parquetry("check", "sync", "schema.yml", "--replace").code == 0


def test_without_any_checks_it_says_what_to_write(parquetry: Runner, project: Path) -> None:
    (project / "parquetry.toml").write_text('catalog = "lake"\n')
    found = parquetry("check", "sync")
    assert found.code == 2
    (project / "parquetry.toml").write_text('catalog = "lake"\ncheck_files = ["nix/*.yml"]\n')
    assert "nix/*.yml" in parquetry("check", "sync").err
    assert "[checks.TABLE.NAME]" in found.err


def test_a_configuration_of_somebody_else_is_not_taken_over(
    parquetry: Runner, project: Path
) -> None:
    os.chmod(project / "parquetry.toml", 0o666)
    found = parquetry("check", "sync")
    assert found.code == 3
    assert "everybody can write it" in found.err
    assert parquetry("check", "sync", "parquetry.toml").code == 0


@pytest.fixture
def installed(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installs a package with a Python check, as pip would, and stores a check that names it."""
    site = tmp_path_factory.mktemp("site")
    (site / "parquetry_plugin_of_tests.py").write_text(PLUGIN)
    info = site / "parquetry_plugin_of_tests-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin-of-tests\nVersion: 1.0\n")
    points = "[parquetry.checks]\nnegative = parquetry_plugin_of_tests:negative\n"
    (info / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "parquetry_plugin_of_tests", raising=False)
    catalog.open(project / "lake").add_check("orders", "python", "id", "amount", name="negative")


@pytest.mark.usefixtures("installed")
def test_an_installed_check_runs_only_if_the_user_says_so(parquetry: Runner, project: Path) -> None:
    found = parquetry("check", "--json")
    assert found.code == 1
    assert json.loads(found.out)["checks"][0]["status"] == "broken"
    found = parquetry("check", "--json", "--allow-commands")
    assert (found.code, "looking" in found.err) == (1, True)
    assert json.loads(found.out)["checks"][0]["failures"] == 1
    configure(project, 'python_checks = ["negative"]')
    found = parquetry("check", "--json")
    assert json.loads(found.out)["checks"][0]["failures"] == 1
    os.chmod(project / "parquetry.toml", 0o666)
    found = parquetry("check")
    assert "python_checks of" in found.out
    assert "is not used: everybody can write it" in found.out


@pytest.mark.usefixtures("installed")
def test_its_rows_are_listed(parquetry: Runner, project: Path) -> None:
    configure(project, 'python_checks = ["negative"]')
    found = parquetry("check", "--show-failures", "--json")
    assert found.code == 1, found.err
    assert "-3.0" in found.out
