"""``file:`` URIs at the command line and in the configuration."""

from pathlib import Path

from .conftest import Runner, write_parquet


def test_file_uris_name_catalogs_sources_and_destinations(
    parquetry: Runner, tmp_path: Path
) -> None:
    write_parquet(tmp_path / "src/a.parquet", {"id": [1]})
    home = f"file:{tmp_path}/lake"
    assert parquetry("init", f"file://{tmp_path}/lake").code == 0
    assert (tmp_path / "lake/catalog.json").is_file()
    assert parquetry("-C", home, "snapshot", f"t=file://{tmp_path}/src").code == 0
    assert parquetry("-C", home, "export", "t", f"file://{tmp_path}/out").code == 0
    assert parquetry("-C", home, "views", f"file://localhost{tmp_path}/v.duckdb").code == 0
    assert (tmp_path / "out").is_dir()
    assert (tmp_path / "v.duckdb").is_file()
    refused = parquetry("-C", "file://elsewhere/lake", "log")
    assert (refused.code, "hint: " in refused.err) == (3, True)


def test_file_uris_stand_in_the_configuration(parquetry: Runner, tmp_path: Path) -> None:
    write_parquet(tmp_path / "src/a.parquet", {"id": [1]})
    (tmp_path / "parquetry.toml").write_text(
        f'catalog = "file:{tmp_path}/lake"\n[tables.t]\nsource = "file://{tmp_path}/src"\n'
    )
    assert parquetry("init", f"{tmp_path}/lake").code == 0
    outcome = parquetry("snapshot")
    assert outcome.code == 0, outcome.err
    assert parquetry("status").code == 0
