"""The catalog's own data files by DuckDB's ``httpfs``, with a DuckDB for which there is a package.

The cases stand in ``httpfs_cases.py`` and run in a process of their own, which finds that DuckDB
first and the extension in a home of its own. With ``-s`` the figures are printed;
``PARQUETRY_S3_MB`` says how large the table is that is read for them.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

VERSION = "1.5.5"
"""The newest DuckDB whose ``httpfs`` comes in a package; ours is later."""

PACKAGES = (f"duckdb=={VERSION}", f"duckdb-extension-httpfs=={VERSION}")

ROOT = Path(__file__).parents[2]
RUN_S = 900


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Is a directory with that DuckDB, and the extension's package."""
    target = tmp_path_factory.mktemp("duckdb-with-httpfs")
    words = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--only-binary=:all:"]
    words += ["--disable-pip-version-check", "--target", str(target), *PACKAGES]
    done = subprocess.run(words, capture_output=True, text=True, timeout=RUN_S)
    if done.returncode:
        pytest.skip(f"pip has no {' or '.join(PACKAGES)}: {done.stderr.strip()[-200:]}")
    return target


@pytest.fixture(scope="session")
def home(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Is a home in which the extension is installed, as ``INSTALL httpfs`` does it."""
    (extension,) = packages.rglob("httpfs.duckdb_extension")
    home = tmp_path_factory.mktemp("home")
    system = {"Linux": "linux", "Darwin": "osx"}.get(platform.system(), "windows")
    machine = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}
    kind = f"{system}_{machine.get(platform.machine(), platform.machine())}"
    place = home / ".duckdb" / "extensions" / f"v{VERSION}" / kind
    place.mkdir(parents=True)
    (place / extension.name).symlink_to(extension)
    return home


def test_own_data_files_are_read_by_httpfs(packages: Path, home: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "HOME": str(home),
        "USERPROFILE": str(home),
        "PYTHONPATH": os.pathsep.join([str(packages), str(ROOT)]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    words = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider"]
    words += ["--basetemp", str(tmp_path / "cases"), "tests/s3/httpfs_cases.py"]
    done = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=RUN_S
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
