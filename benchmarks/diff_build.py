"""Builds the data and the catalogs of the diff benchmark, in a process of its own.

The benchmark's own process stays small: what it starts would inherit its peak of memory.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
from diff_changes import write_newer
from diff_data import write_base, write_tiny
from diff_scenarios import scenario

import catalog

KEPT = {"fingerprints": "cache/fingerprints", "digests": "cache/rows"}
"""Where a catalog keeps what it derives from files."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("base", "newer", "lake", "tiny"))
    parser.add_argument("--scenario", required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--newer", type=Path)
    parser.add_argument("--lake")
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--only-base", action="store_true")
    chosen = parser.parse_args(arguments)
    one = scenario(chosen.scenario)
    if chosen.what == "tiny":
        write_tiny(chosen.base, chosen.newer, files=chosen.rows, changed=10)
    elif chosen.what == "lake":
        if one.name == "S11":
            make_reference_lake(chosen.lake, chosen.base, chosen.newer)
        else:
            newer = None if chosen.only_base else chosen.newer
            make_lake(chosen.lake, chosen.base, newer, key=one.shape.key)
    else:
        con = duckdb.connect(config={"threads": 2})
        if chosen.what == "base":
            write_base(con, one.shape, chosen.base, chosen.rows)
        else:
            write_newer(con, one.shape, chosen.base, chosen.newer, one.rewrite)
    return 0


def make_lake(lake: str, base: Path, newer: Path | None, *, key: tuple[str, ...]) -> None:
    """Makes a catalog of two commits, fingerprints taken; or of the first alone, without.

    Beside it, ``<lake>.new`` and ``<lake>.all`` list what was derived from the second commit's
    new files and from all: fingerprints and digests of rows. ``<lake>.sizes`` says how large
    they are, and how many files and rows they describe.
    """
    made = catalog.create(lake)
    with made.transaction("main", message="base") as tx:
        tx.snapshot("t", str(base), key=key, mode="link", fingerprints="now" if newer else "later")
    if newer is None:
        return
    before = derived(lake)
    with made.transaction("main", message="newer") as tx:
        tx.snapshot("t", str(newer), mode="link", fingerprints="now")
    after = derived(lake)
    Path(f"{lake}.new").write_text("\n".join(sorted(after - before)))
    Path(f"{lake}.all").write_text("\n".join(sorted(after)))
    Path(f"{lake}.sizes").write_text(json.dumps(sizes(lake, base, newer)))


def make_reference_lake(lake: str, base: Path, newer: Path) -> None:
    """Makes a catalog of references in two commits, partitions replaced by the second."""
    made = catalog.create(lake)
    with made.transaction("main", message="base") as tx:
        tx.snapshot("t", str(base), key=["id"], mode="reference")
    with made.transaction("main", message="newer") as tx:
        tx.snapshot("t", str(newer), mode="reference", scope="partitions")


def derived(lake: str) -> set[str]:
    """Returns the paths of all kept fingerprints and digests, under the catalog's."""
    root = Path(lake)
    kept = (path for folder in KEPT.values() for path in (root / folder).rglob("*"))
    return {str(path.relative_to(root)) for path in kept if path.is_file()}


def sizes(lake: str, base: Path, newer: Path) -> dict[str, int]:
    """Returns the bytes of kept fingerprints and digests, and the files and rows described."""
    files = {
        path.stat().st_ino: path for path in (*base.rglob("*.parquet"), *newer.rglob("*.parquet"))
    }
    held = {
        name: sum(path.stat().st_size for path in Path(lake, folder).rglob("*") if path.is_file())
        for name, folder in KEPT.items()
    }
    rows = sum(pq.read_metadata(path).num_rows for path in files.values())
    return {**held, "files": len(files), "rows": rows}


if __name__ == "__main__":
    sys.exit(main())
