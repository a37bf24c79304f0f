"""What is proven of catalogs in directories, proven in buckets of two servers.

``--thorough`` kills more writers, runs more and longer histories, and gives the bank more tellers.
"""

import contextlib
from pathlib import Path

import pytest

import catalog
from catalog.storage.s3.service import S3Service
from tests.effort import effort
from tests.write.bank import run_bank
from tests.write.histories import run_histories
from tests.write.kills import Auditor, MergeAuditor, kill_mergers, kill_writers

from .conftest import new_place
from .proxy import Proxy, seeded
from .servers import Server

KILLS = effort(2, 20)
HISTORIES, STEPS = effort((2, 12), (20, 30))
TELLERS = effort(3, 8)
TRANSFERS = 3


@pytest.fixture
def lake(place: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """Is a URI where nothing is yet, which any process of this test can open."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    return f"{place}/lake"


@pytest.mark.invariant(
    "A catalog in a bucket is as safe as one in a directory: transfers, any history, kills"
)
def test_no_money_is_lost_between_processes_whose_line_fails_or_not(
    lake: str, proxy: Proxy
) -> None:
    proxy.plan = seeded(20240501, 0.15)
    ways = ({"AWS_ENDPOINT_URL": proxy.endpoint}, {})
    run_bank(lake, tellers=TELLERS, transfers=TRANSFERS, ways=ways)
    assert proxy.happened, "something failed on the way"
    puts = sum(asked.method == "PUT" for asked in proxy.asked)
    print(f"{TELLERS * TRANSFERS} transfers, {len(proxy.happened)} of {puts} PUTs went wrong")


@pytest.mark.invariant(
    "A catalog in a bucket is as safe as one in a directory: transfers, any history, kills"
)
def test_any_history_is_that_of_the_model(lake: str, access: S3Service) -> None:
    run_histories(
        lambda: contextlib.nullcontext(new_place(access)), histories=HISTORIES, steps=STEPS
    )


@pytest.mark.invariant(
    "A catalog in a bucket is as safe as one in a directory: transfers, any history, kills"
)
def test_a_writer_killed_at_any_moment_loses_nothing(lake: str, source: Path) -> None:
    auditor = Auditor(catalog.create(lake).uri)
    kill_writers(auditor, source, kills=KILLS, within_s=0.3)


@pytest.mark.invariant(
    "A catalog in a bucket is as safe as one in a directory: transfers, any history, kills"
)
def test_merges_killed_at_any_moment_leave_both_tables_alike(lake: str) -> None:
    auditor = MergeAuditor(catalog.create(lake).uri)
    kill_mergers(auditor, kills=max(KILLS // 2, 1), within_s=3)
