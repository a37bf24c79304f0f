"""How far the tests search: a little by default, far with ``--thorough``.

The quick searches are the same in every run; thorough ones try other cases each time.
"""

from typing import TypeVar

from hypothesis import HealthCheck, settings

T = TypeVar("T")

_thorough = False


def set_effort(*, thorough: bool) -> None:
    """Chooses how far the tests search; called once, before they are collected."""
    global _thorough
    _thorough = thorough
    settings.register_profile(
        "parquetry",
        deadline=None,
        database=None,
        derandomize=not thorough,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.function_scoped_fixture,  # examples that share a directory keep apart
        ],
    )
    settings.load_profile("parquetry")


def effort(quick: T, thorough: T) -> T:
    """Returns how many cases a search tries, or of what size."""
    return thorough if _thorough else quick
