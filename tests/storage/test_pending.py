"""Writes that are sent in the background."""

import threading

from catalog.storage.bucket.pending import PendingWrites


def test_writes_of_one_path_end_in_the_order_in_which_they_began() -> None:
    pending = PendingWrites()
    landed: list[str] = []
    second_began = threading.Event()

    def first() -> None:
        second_began.wait(0.2)
        landed.append("one")

    def second() -> None:
        second_began.set()
        landed.append("two")

    pending.start("x", first)
    pending.start("x", second)
    pending.settle()
    assert landed == ["one", "two"]


def test_a_write_made_anew_forgets_that_it_failed() -> None:
    pending = PendingWrites()

    def broken() -> None:
        raise OSError("the line broke")

    pending.start("x", broken)
    pending.start("x", lambda: None)
    pending.settle()
