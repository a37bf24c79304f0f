"""``parquetry.toml``: what it may say, and what is refused."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.errors import InvalidInput
from cli.config import read_config
from cli.location import configured_workers

from .conftest import Runner


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "parquetry.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = read_config(
        written(tmp_path, 'catalog = "lake"\n[tables.orders]\nsource = "exports/orders"\n')
    )
    assert config.catalog == str(tmp_path / "lake")
    assert config.tables[0].source == str(tmp_path / "exports/orders")
    config = read_config(written(tmp_path, '[tables.o]\nsource = "delta:lake/orders"\n'))
    assert config.tables[0].source == f"delta:{tmp_path}/lake/orders"


def test_a_table_says_key_partitions_and_mode(tmp_path: Path) -> None:
    config = read_config(
        written(
            tmp_path,
            '[tables.orders]\nsource = "s3://b/o"\nkey = ["a", "b"]\nmode = "link"\n'
            'partition_by = { day = "DATE", region = "VARCHAR" }\n',
        )
    )
    (table,) = config.tables
    assert (table.source, table.key, table.mode) == ("s3://b/o", ("a", "b"), "link")
    assert table.partition_by == (("day", "DATE"), ("region", "VARCHAR"))


def test_partition_columns_may_come_without_types(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, '[tables.o]\nsource = "o"\npartition_by = ["day"]\n'))
    assert config.tables[0].partition_by == (("day", None),)


def test_each_service_has_its_options(tmp_path: Path) -> None:
    text = '[s3]\nregion = "r"\n[gcs]\nendpoint_url = "g"\n[azure]\naccount = "a"\n'
    config = read_config(written(tmp_path, text))
    assert (config.s3.region, config.s3.path_style) == ("r", None)
    assert config.gcs.endpoint_url == "g"
    assert (config.azure.account, config.azure.endpoint_url) == ("a", None)


def test_tables_may_have_namespaces(tmp_path: Path) -> None:
    text = '[tables.sales.orders]\nsource = "a"\n[tables."sales.returns"]\nsource = "b"\n'
    config = read_config(written(tmp_path, text))
    assert [table.table for table in config.tables] == ["sales.orders", "sales.returns"]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('catalgo = "x"\n', "unknown key catalgo", "did you mean catalog?"),
        (
            '[tables.o]\nsource = "o"\nkeys = ["a"]\n',
            "unknown key tables.o.keys",
            "did you mean key?",
        ),
        ("[tables.o]\nkey = []\n", "tables.o has no source", "source ="),
        ('[tables.o]\nsource = "o"\nmode = "move"\n', "tables.o.mode must be one of copy", ""),
        (
            '[tables.o]\nsource = "o"\nformat = "hudi"\n',
            "tables.o.format must be one of auto, parquet, delta, iceberg, files, not 'hudi'",
            "",
        ),
        ('[tables.o]\nsource = "o"\nkey = "a"\n', "tables.o.key must be a list of columns", ""),
        ('[gcs]\nendpoint = "x"\n', "unknown key gcs.endpoint", "did you mean endpoint_url?"),
        ("[azure]\naccount = 3\n", "azure.account must be a text", ""),
        ('azure = "a"\n', "azure must be a table like [azure]", ""),
        ("[s3]\npath_style = 1\n", "s3.path_style must be true or false", ""),
        ('[s3]\nhttpfs = "never"\n', "unknown key s3.httpfs", ""),
        ("catalog = 3\n", "catalog must be a text", ""),
        ("catalog = \n", "is not valid TOML", ""),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_config(written(tmp_path, text))
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("way", ["option", "configuration"])
def test_a_changed_byte_is_found_by_the_option_or_the_configuration(
    parquetry: Runner, tmp_path: Path, way: str
) -> None:
    pq.write_table(pa.table({"id": range(500)}), tmp_path / "a.parquet", compression="none")
    parquetry("init", "lake")
    parquetry("-C", "lake", "snapshot", "t=a.parquet")
    (path,) = (tmp_path / "lake/data").rglob("*.parquet")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    options = ["--verify", "hash"] if way == "option" else []
    if way == "configuration":
        (tmp_path / "parquetry.toml").write_text('catalog = "lake"\nverify = "hash"\n')
    found = parquetry("-C", "lake", *options, "sql", "SELECT sum(id) FROM t")
    assert (found.code, found.out) == (3, "")
    assert "is damaged: its bytes are not those that were committed" in found.err


def test_what_is_verified_is_checked(parquetry: Runner, tmp_path: Path) -> None:
    (tmp_path / "parquetry.toml").write_text('catalog = "lake"\nverify = "all"\n')
    parquetry("init", "lake")
    found = parquetry("log")
    assert "verify must be one of size, pages, hash, not 'all'" in found.err


@pytest.mark.parametrize("trusted", [True, False])
def test_a_trusted_configuration_says_when_stored_sql_is_stopped(
    parquetry: Runner, lake: Path, trusted: bool
) -> None:
    path = lake.parent / "parquetry.toml"
    path.write_text(f'catalog = "lake"\ntime_limit_s = {"0.3" if trusted else "1e-9"}\n')
    path.chmod(0o644 if trusted else 0o666)
    rows = 100_000_000 if trusted else 10
    done = parquetry(
        *("derive", "n", "--sql"),
        f"SELECT count(*) AS n, 1 AS k FROM range({rows}) a, range({rows}) b, orders",
    )
    assert done.code == (3 if trusted else 0), done.err
    assert ("stopped after 0.3 seconds" in done.err) is trusted


def test_time_limits_are_numbers_of_seconds(tmp_path: Path) -> None:
    assert read_config(written(tmp_path, "time_limit_s = inf\n")).time_limit_s == float("inf")
    assert read_config(written(tmp_path, "")).time_limit_s is None
    for text in ('"1h"', "0", "-1", "true"):
        with pytest.raises(InvalidInput, match="time_limit_s must be a number of seconds"):
            read_config(written(tmp_path, f"time_limit_s = {text}\n"))


def test_a_projects_configuration_counts_wherever_the_project_is_named(
    parquetry: Runner, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    pq.write_table(pa.table({"id": [1], "v": ["a"]}), project / "o.parquet")
    (project / "parquetry.toml").write_text(
        'catalog = "lake"\n[metrics]\nhowmany = "SELECT count(*) AS n FROM orders"\n'
        '[tables.orders]\nsource = "o.parquet"\nkey = ["id"]\n'
    )
    assert parquetry("init", str(project / "lake")).code == 0
    done = parquetry("-C", "project", "snapshot", "-m", "one")
    assert (done.code, done.out.count("orders  1 row")) == (0, 1), done.err
    assert "unchanged" in parquetry("-C", "project", "status").out
    assert "howmany" in parquetry("-C", "project", "diff", "main~1").out


def test_a_configuration_says_how_many_processes_run_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert configured_workers() == 0
    (tmp_path / "parquetry.toml").write_text("workers = 3\n")
    assert configured_workers() == 3
    (tmp_path / "parquetry.toml").write_text("workers = -1\n")
    with pytest.raises(InvalidInput, match="workers must be a whole number from 0"):
        read_config(tmp_path / "parquetry.toml")
