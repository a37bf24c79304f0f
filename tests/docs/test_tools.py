"""The how-tos on other people's tools are run, where the tools are installed."""

import contextlib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import catalog
from catalog import Catalog
from tests.docs.pages import REPOSITORY
from tests.second_reader import SecondReader

HOW_TO = REPOSITORY / "docs/how-to"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"<!-- file: (\S+) -->\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)

CELLS = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

shell = InteractiveShell.instance()
for cell in json.load(sys.stdin):
    with capture_output() as shown:
        shell.run_cell(cell).raise_error()
    print(json.dumps(shown.stdout.removeprefix("Out[0]: ").strip("\\n")))
"""
"""Runs cells as a notebook does, and prints what each of them answers."""


COMMITTING = [
    "writer = dbapi.connect('lake', branch='main', message='by a cell')",
    "%sql writer",
    "%sql DELETE FROM flights WHERE month > 2",
    "%sql DELETE FROM flights WHERE month > 1",
    "%sql SELECT count(*) AS n FROM flights",
]
"""Cells of which jupysql commits each."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a directory with the catalog of the pages: flights, before and after late data."""
    place = tmp_path_factory.mktemp("tools")
    cat = Catalog.create(place / "lake", author="tester")
    for scope, load in (("full", "1-first-load"), ("partitions", "2-late-arrivals")):
        source = str(REPOSITORY / f"sample_data/{load}/flights")
        with cat.transaction("main") as tx:
            tx.snapshot(
                *("flights", source),
                key=["flight_id"],
                scope=scope,  # type: ignore[arg-type]
                fingerprints="later",
            )
    return place


@pytest.fixture
def place(loaded: Path, tmp_path: Path) -> Path:
    """Returns the directory for a test that may write."""
    return Path(shutil.copytree(loaded, tmp_path / "place"))


def page(name: str) -> str:
    return (HOW_TO / name).read_text(encoding="utf-8")


def answers(text: str, *languages: str) -> list[tuple[str, str | None]]:
    """Returns the cells of a page, each with the answer that the page shows, if it shows one."""
    blocks = FENCE.findall(text)
    return [
        (code, after[1].rstrip("\n") if after[0] == "text" else None)
        for (language, code), after in zip(blocks, [*blocks[1:], ("", "")], strict=True)
        if language in languages
    ]


def run(place: Path, *command: str, stdin: str = "", **more: str) -> str:
    """Returns what a command prints; tools get a home of their own, and are told not to call."""
    done = subprocess.run(
        command,
        cwd=place,
        input=stdin,
        env={
            **os.environ,
            "HOME": str(place),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PLOOMBER_STATS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            **more,
        },
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def needs(*modules: str) -> pytest.MarkDecorator:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


@pytest.mark.invariant("The docs show what the program prints")
@needs("IPython", "sql", "pandas", "polars")
def test_cells_of_a_notebook_answer_what_the_page_shows(place: Path) -> None:
    cells = answers(page("jupyter.md"), "python", "ipython")
    codes = [*(code for code, _ in cells), *COMMITTING]
    printed = run(place, sys.executable, "-c", CELLS, stdin=json.dumps(codes))
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith('"')]
    assert len(lines) == len(codes)
    for line, (code, shown) in zip(lines, cells, strict=False):
        if shown is not None:
            assert line == shown, code
    cat = catalog.open(place / "lake")
    assert cat.show("fix").message == "times of day"
    assert [one.message for one in cat.log(limit=2)] == ["by a cell", "by a cell"]
    assert "27004" in lines[-1]


@needs("marimo", "polars")
def test_a_notebook_of_marimo_prints_what_the_page_shows(place: Path) -> None:
    ((name, code),) = FILE.findall(page("marimo.md"))
    (place / name).write_text(code)
    shown = [text for language, text in FENCE.findall(page("marimo.md")) if language == "text"]
    assert run(place, sys.executable, name, POLARS_FMT_MAX_COLS="20") == shown[0]


@pytest.mark.skipif(shutil.which("dbt") is None, reason="no dbt on the PATH")
def test_dbt_builds_what_the_page_describes(place: Path) -> None:
    for name, text in FILE.findall(page("dbt.md")):
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(text)
    cat = catalog.open(place / "lake")
    cat.branches.create("fix", at="main~1")
    commands = [code for code, _ in answers(page("dbt.md"), "sh") if not code.startswith("pip")]
    assert len(commands) == 3
    for code in commands:
        run(place, "sh", "-ec", code, LAKE="main.duckdb")
    # the second build, of the branch, wrote the file that the last command took
    count = "SELECT sum(flights), count(*) FROM delays"
    assert cat.sql(count).fetchall() == [(166088, 16)]


def test_sqlalchemy_prints_what_the_page_shows(
    loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sa = pytest.importorskip("sqlalchemy")
    pytest.importorskip("pandas")
    sa.dialects.registry.register("parquetry", "parquetry.sqlalchemy_dialect", "ParquetryDialect")
    monkeypatch.chdir(loaded)
    printed = io.StringIO()
    ((code, shown),) = answers(page("superset.md"), "python")
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    assert printed.getvalue().rstrip("\n") == shown
    ((query, _),) = answers(page("superset.md"), "sql")
    with sa.create_engine(f"parquetry:///{loaded}/lake?ref=main").connect() as con:
        assert len(con.execute(sa.text(query)).fetchall()) == 6


@needs("duckdb_engine")
def test_views_are_read_through_duckdbs_dialect(place: Path) -> None:
    sa = pytest.importorskip("sqlalchemy")
    catalog.open(place / "lake").write_views(str(place / "flights.duckdb"))
    engine = sa.create_engine(f"duckdb:///{place}/flights.duckdb", connect_args={"read_only": True})
    with engine.connect() as con:
        assert con.execute(sa.text("SELECT count(*) FROM flights")).scalar() == 166192
    if sa.__version__ < "2.1":
        assert sa.inspect(engine).get_view_names() == ["flights"]


ICEBERG_PAGE = "query-from-iceberg-clients.md"


@pytest.fixture(scope="module")
def address(loaded: Path) -> Iterator[str]:
    """Serves the catalog of the pages."""
    pytest.importorskip("pyiceberg")
    pytest.importorskip("uvicorn")
    from cli.serve.service import catalog_application
    from tests.serving.running import serving

    cat = catalog.open(loaded / "lake")
    cat.tags.create("v1", at="main~1")
    with serving(catalog_application(cat, token=None)) as at:
        yield at


SERVED_AT = "http://127.0.0.1:8181"


@pytest.mark.filterwarnings("ignore:Iceberg scan planning:polars.exceptions.PerformanceWarning")
def test_pyiceberg_and_polars_print_what_the_page_shows(address: str) -> None:
    pytest.importorskip("polars")
    cells = answers(page(ICEBERG_PAGE), "python")
    assert len(cells) == 2
    for code, shown in cells:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code.replace(SERVED_AT, address), {})
        assert printed.getvalue().rstrip("\n") == shown


def test_duckdb_answers_what_the_page_shows(address: str) -> None:
    code, shown = next(answer for answer in answers(page(ICEBERG_PAGE), "sql") if answer[1])
    attach, *queries = code.replace(SERVED_AT, address).strip().rstrip(";").split(";")
    with SecondReader() as reader:
        reader.execute(attach)
        printed = [str(reader.table(query).to_pylist()) for query in queries]
    assert printed == (shown or "").splitlines()
