"""The bank in a directory."""

import threading
from pathlib import Path

import pytest

import catalog
from catalog.catalog import Catalog
from catalog.repository.repository import open_existing
from catalog.storage.local import LocalStore
from tests.effort import effort
from tests.storage.faulty import PlannedStore, seeded

from .bank import audit, messages_of, open_bank, run_bank, transfer


def test_no_money_is_lost_between_processes(tmp_path: Path) -> None:
    run_bank(str(tmp_path / "bank"), tellers=4, transfers=effort(3, 20))


@pytest.mark.parametrize("seed", range(2))
def test_no_money_is_lost_to_a_store_that_fails(tmp_path: Path, seed: int) -> None:
    opened = open_bank(str(tmp_path / "bank"))
    store = PlannedStore(LocalStore(opened.uri), seeded(seed, 0.4))
    tellers, transfers = 3, 4
    failures: list[BaseException] = []

    def work(number: int) -> None:
        cat = Catalog(opened.uri, open_existing(store), author=f"teller {number}")
        try:
            for step in range(transfers):
                transfer(cat, f"{number}:{step}", seed=100 * seed + 10 * number + step)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in range(tellers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert store.happened, "something failed on the way"
    assert sorted(audit(catalog.open(opened.uri))) == messages_of(tellers, transfers)
