"""A configuration decides which servers are asked only if the user can stand by it."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

import catalog
from cli.trust import distrust
from tests.cli.conftest import Outcome, Runner, write_parquet
from tests.s3.recorder import Recorder, recording

NOBODY = pwd.getpwnam("nobody").pw_uid
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
TOKEN = "FwoGZXIvYXdzEXAMPLETOKEN"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Recorder]:
    """Is whom requests must not reach; credentials for S3 are in the environment."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "PARQUETRY_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("catalog.storage.bucket.requests.PAUSE_S", 0.0)
    with recording() as recorder, recording() as instead:
        monkeypatch.setenv("AWS_ENDPOINT_URL", instead.endpoint)
        yield recorder


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Recorder) -> Path:
    """Is a configuration in the directory above, with an endpoint."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    path = tmp_path / "parquetry.toml"
    path.write_text(f'catalog = "s3://prod/lake"\n[s3]\nendpoint_url = "{server.endpoint}"\n')
    return path


def reaches(outcome: Outcome, server: Recorder) -> bool:
    assert outcome.code == 3
    assert TOKEN not in outcome.out + outcome.err
    return bool(server.requests)


@pytest.mark.parametrize("words", [(), ("-C", "s3://prod/lake"), ("-C", "s3://prod/lake/")])
def test_the_users_own_file_is_used_and_its_endpoint_is_named(
    parquetry: Runner, server: Recorder, config: Path, words: tuple[str, ...]
) -> None:
    outcome = parquetry(*words, "log")
    assert reaches(outcome, server)
    assert outcome.err.startswith(f"S3: {server.endpoint}, as {config} says\n")
    assert outcome.err.count(server.endpoint) == 1


@AS_ROOT
@pytest.mark.invariant("A configuration that somebody else can write chooses no server")
@pytest.mark.parametrize(
    "words", [("log",), ("-C", "s3://prod/lake", "log"), ("init", "s3://prod/lake")]
)
def test_a_file_of_somebody_else_chooses_no_server(
    parquetry: Runner, server: Recorder, config: Path, words: tuple[str, ...]
) -> None:
    os.chown(config, NOBODY, -1)
    outcome = parquetry(*words)
    assert not reaches(outcome, server)
    assert f"{config}" in outcome.err
    assert "belongs to the user nobody" in outcome.err
    assert f"PARQUETRY_CONFIG={config}" in outcome.err


@AS_ROOT
def test_what_it_says_of_local_places_still_counts(
    parquetry: Runner, server: Recorder, config: Path, tmp_path: Path
) -> None:
    catalog.create(tmp_path / "lake")
    write_parquet(tmp_path / "orders/x.parquet", {"id": [1]})
    text = config.read_text().replace("s3://prod/lake", "lake")
    config.write_text(f'{text}[tables.orders]\nsource = "orders"\n')
    os.chown(config, NOBODY, -1)
    outcome = parquetry("snapshot")
    assert outcome.code == 0
    assert f"[s3] of {config} is not used: it belongs to the user nobody" in outcome.err
    assert not reaches(parquetry("snapshot", "more=s3://bucket/more"), server)


@AS_ROOT
def test_an_invalid_file_of_somebody_else_stops_nothing(
    parquetry: Runner, server: Recorder, config: Path, tmp_path: Path
) -> None:
    catalog.create(tmp_path / "lake")
    config.write_text("[s3\n")
    os.chown(config, NOBODY, -1)
    assert parquetry("-C", str(tmp_path / "lake"), "log").code == 0


@AS_ROOT
def test_the_user_may_name_it(
    parquetry: Runner, server: Recorder, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(config, NOBODY, -1)
    monkeypatch.setenv("PARQUETRY_CONFIG", str(config))
    assert reaches(parquetry("log"), server)
    server.requests.clear()
    assert reaches(parquetry("-C", "s3://prod/other", "log"), server)


@AS_ROOT
def test_whoever_became_root_by_sudo_is_trusted(
    parquetry: Runner, server: Recorder, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(config, NOBODY, -1)
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    assert reaches(parquetry("log"), server)


@pytest.mark.parametrize("mode", ["file", "directory"])
def test_what_everybody_can_write_chooses_no_server(
    parquetry: Runner, server: Recorder, config: Path, mode: str
) -> None:
    (config if mode == "file" else config.parent).chmod(0o777)
    outcome = parquetry("log")
    assert not reaches(outcome, server)
    assert f"everybody can {'write' if mode == 'file' else 'replace'} it" in outcome.err


@AS_ROOT
def test_links_are_followed_to_whoever_owns_them(config: Path, tmp_path: Path) -> None:
    other = tmp_path / "work/other.toml"
    config.rename(other)
    config.symlink_to("work/other.toml")
    assert distrust(config) == ""
    os.chown(other, NOBODY, -1)
    assert distrust(config) == f"{other} belongs to the user nobody"
    os.chown(other, 0, -1)
    os.lchown(config, NOBODY, -1)
    assert distrust(config) == "it belongs to the user nobody"
    os.lchown(config, 0, -1)
    other.unlink()
    other.symlink_to(config)
    assert distrust(config) != ""


def test_a_directory_like_tmp_is_no_reason(config: Path) -> None:
    config.parent.chmod(0o1777)
    assert distrust(config) == ""


@pytest.mark.parametrize("named", ["", 'catalog = "s3://prod/other"\n', 'catalog = "s3://prod"\n'])
@pytest.mark.parametrize("by", ["option", "environment", "init"])
def test_a_catalog_that_the_file_does_not_name_is_not_reached_by_it(
    parquetry: Runner,
    server: Recorder,
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
    named: str,
    by: str,
) -> None:
    text = config.read_text()
    config.write_text(named + text[text.index("[s3]") :])
    if by == "environment":
        monkeypatch.setenv("PARQUETRY_CATALOG", "s3://prod/lake")
    words = {"option": ("-C", "s3://prod/lake", "log"), "environment": ("log",)}
    outcome = parquetry(*words.get(by, ("init", "s3://prod/lake")))
    assert not reaches(outcome, server)
    assert f"[s3] of {config} is not used: it does not name the catalog s3://prod/lake" in (
        outcome.err
    )


def test_a_local_catalog_takes_sources_as_its_own_file_says(
    parquetry: Runner, server: Recorder, config: Path, tmp_path: Path
) -> None:
    catalog.create(tmp_path / "lake")
    config.write_text(config.read_text().replace("s3://prod/lake", "lake"))
    assert parquetry("log").err == ""  # no server is asked
    for words in ((), ("-C", "../lake")):
        server.requests.clear()
        outcome = parquetry(*words, "snapshot", "t=s3://bucket/t")
        assert reaches(outcome, server)
        assert outcome.err.startswith(f"S3: {server.endpoint}, as {config} says\n")
    server.requests.clear()
    catalog.create(tmp_path / "other")
    outcome = parquetry("-C", "../other", "snapshot", "t=s3://bucket/t")
    assert not reaches(outcome, server)
    assert "is not used: it does not name the catalog ../other" in outcome.err


def test_a_directory_that_is_gone_is_told(
    parquetry: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.create(tmp_path / "lake")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert parquetry("-C", str(tmp_path / "lake"), "log").code == 0
    assert "a directory that is gone" in parquetry("log").err
