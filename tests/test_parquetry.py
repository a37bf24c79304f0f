"""``import parquetry`` and the command find their own packages, whatever else has their names."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

STRANGER = "raise RuntimeError('a stranger was imported')"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a directory laid out as the wheel lays out site-packages."""
    site = tmp_path_factory.mktemp("site")
    ignored = shutil.ignore_patterns("install", "__pycache__")
    for name in ("catalog", "cli"):
        shutil.copytree(ROOT / name, site / name, ignore=ignored)
    shutil.copytree(ROOT / "cli/install/parquetry", site / "parquetry", ignore=ignored)
    return site


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Returns a project with modules of our names, which it puts before all others."""
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli/__init__.py").write_text(STRANGER)
    (tmp_path / "catalog.py").write_text(STRANGER)
    return tmp_path


def run(project: Path, site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={"PYTHONPATH": f"{project}:{site}"},
        cwd=project,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_command_finds_its_own_packages(project: Path, site: Path) -> None:
    done = run(project, site, "-m", "parquetry", "init", "lake")
    assert (done.returncode, done.stderr) == (0, "")
    assert "created a catalog in lake" in done.stdout


def test_the_library_finds_its_own_packages(project: Path, site: Path) -> None:
    script = """
import parquetry
cat = parquetry.create("lake")
assert isinstance(cat, parquetry.Catalog)
try:
    parquetry.open("nowhere")
except parquetry.NotFound as error:
    print(error.kind, parquetry.__version__ != "")

import parquetry.dbapi
with parquetry.dbapi.connect("lake") as connection:
    print(connection.execute("SELECT 1").fetchall())
"""
    done = run(project, site, "-c", script)
    assert (done.stdout, done.stderr) == ("catalog-not-found True\n[(1,)]\n", "")


def test_another_module_of_such_a_name_that_was_imported_before_is_named(
    project: Path, site: Path
) -> None:
    (project / "catalog.py").write_text("")
    done = run(project, site, "-c", "import catalog, parquetry")
    assert "catalog.py was imported under that name; import parquetry first" in done.stderr


def test_it_gives_what_the_catalog_gives() -> None:
    import parquetry

    import catalog

    assert {name: getattr(parquetry, name) for name in catalog.__all__} == {
        name: getattr(catalog, name) for name in catalog.__all__
    }
    assert parquetry.Catalog is catalog.Catalog
