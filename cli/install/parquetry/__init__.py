"""Parquetry under a name that nobody else has: ``import parquetry`` gives what ``catalog`` gives.

A data project may well have a ``catalog.py`` or a folder ``cli`` of its own. This package loads
the ``catalog`` and the ``cli`` that were installed with it, wherever else Python would look first.
"""

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from typing import TYPE_CHECKING


def _load_neighbours() -> None:
    """Loads the packages that were installed with this one.

    Raises:
        ImportError: Another module of such a name was imported before.
    """
    root = next(p for p in Path(__file__).resolve().parents if (p / "catalog/catalog.py").is_file())
    for name in ("catalog", "cli"):
        path = root / name / "__init__.py"
        if name in sys.modules:
            loaded = getattr(sys.modules[name], "__file__", None)
            if loaded is None or Path(loaded).resolve() != path:
                raise ImportError(
                    f"parquetry needs its own package {name!r}, but {loaded or 'another one'} was "
                    "imported under that name; import parquetry first, or rename yours"
                )
            continue
        spec = PathFinder.find_spec(name, [str(root)])
        assert spec is not None and spec.loader is not None, f"{path} is a package"
        sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])


_load_neighbours()

import catalog  # noqa: E402 - the neighbour

if TYPE_CHECKING:
    from catalog import *  # noqa: F403

__all__ = catalog.__all__
globals().update({name: found for name, found in vars(catalog).items() if name in __all__})


def __getattr__(name: str) -> object:
    return getattr(catalog, name)
