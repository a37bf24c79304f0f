"""What all tests share: how far they search, where their files are, what they could not run."""

import gc
import os
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.effort import set_effort

sys.modules["pytz"] = None  # type: ignore[assignment]
"""Dagster brings it along. Users need not have it, and DuckDB makes no times with zones without."""

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
"""Processes that tests start find modules compiled, as those of an installed package do."""

MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory; other systems have no such directory."""

ROOM_BYTES = 2 << 30
"""Memory that must be free: several times what the tests of two processes have on disk at once."""

SERVERS = frozenset({"azure", "cloud", "gcs", "moto", "seaweed", "server"})
"""The fixtures that start servers."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--thorough",
        action="store_true",
        help="search further, with other cases each time, and test the oracle too",
    )


@pytest.hookimpl(tryfirst=True)  # before pytest chooses a directory for temporary files
def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as of what a shell runs with &
        signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.disable()  # until all tests are known: they live as long as the process does
    thorough: bool = config.getoption("thorough")
    set_effort(thorough=thorough)
    chosen = config.option
    everything = config.args_source is not pytest.Config.ArgsSource.ARGS and not chosen.keyword
    if everything and not thorough and "oracle" not in chosen.markexpr:
        chosen.markexpr = f"({chosen.markexpr}) and not oracle" if chosen.markexpr else "not oracle"
    if hasattr(config, "workerinput"):
        return  # a worker of xdist is given its directory
    if getattr(chosen, "dist", None) == "load":  # what neighbours share is made by one of them
        chosen.dist = "worksteal"
    if chosen.basetemp is None and _has_room(MEMORY):
        folder = tempfile.mkdtemp(prefix="parquetry-tests-", dir=MEMORY)
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
        chosen.basetemp = os.path.join(folder, "tests")  # which pytest makes empty
        _let_tempfile_use(Path(folder) / "tmp")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Returns one worker more than there are cores: tests wait for processes, disks and servers.

    None leaves the number to xdist, which knows what the environment says of it.
    """
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    affinity = getattr(os, "sched_getaffinity", None)  # which not all systems have
    return 1 + (len(affinity(0)) if affinity else os.cpu_count() or 1)


def _has_room(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > ROOM_BYTES


def _let_tempfile_use(folder: Path) -> None:
    """Makes a directory that this process and those it starts use for temporary files."""
    folder.mkdir()
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None


@pytest.fixture
def disk_path() -> Iterator[Path]:
    """A new directory on a disk, for tests of what a file system may do at any moment."""
    disk = Path("/var/tmp")
    with tempfile.TemporaryDirectory(dir=disk if disk.is_dir() else None) as folder:
        yield Path(folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if SERVERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.servers)


def pytest_collection_finish() -> None:
    """Lets the collector of garbage pass over what lives as long as the tests do."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Reports in one line, after all else, what was skipped and why."""
    yield
    skips = (report.longrepr for report in terminalreporter.stats.get("skipped", ()))
    reasons = Counter(reason.removeprefix("Skipped: ") for _, _, reason in skips)
    if reasons:
        listed = "; ".join(f"{count} tests, {reason}" for reason, count in reasons.most_common())
        terminalreporter.write_line(f"not run: {listed}")
