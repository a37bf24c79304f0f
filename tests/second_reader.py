"""Another release of DuckDB, with its extensions for Iceberg and Delta: a reader of what we write.

The extensions exist for one release, which cannot be installed beside the one that we use. So it
has an environment of its own, whose Python the variable ``PARQUETRY_DUCKDB_1_5`` names::

    python -m venv duckdb-1.5
    duckdb-1.5/bin/pip install duckdb==1.5.5 duckdb-extension-avro duckdb-extension-iceberg \
        duckdb-extension-delta duckdb-extension-httpfs
    export PARQUETRY_DUCKDB_1_5=$PWD/duckdb-1.5/bin/python

Statements run in a child process, which some of them kill.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

VARIABLE = "PARQUETRY_DUCKDB_1_5"

_CHILD = """
import glob, importlib, json, os, sys
import duckdb
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # extensions print
con = duckdb.connect()
con.execute("SET TimeZone = 'UTC'")
for name in ("avro", "iceberg", "delta", "httpfs"):  # iceberg needs avro
    package = importlib.import_module(f"duckdb_extension_{name}")
    found = glob.glob(os.path.dirname(package.__file__) + "/extensions/*/*.duckdb_extension")
    con.execute(f"LOAD '{found[0]}'")
for line in sys.stdin:
    request = json.loads(line)
    try:
        relation = con.sql(request["sql"])
        if relation is not None:
            relation.write_parquet(request["result"])
        answer = {"rows": relation is not None}
    except duckdb.Error as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), file=answers, flush=True)
"""


class SecondReaderError(Exception):
    """The other DuckDB refused a statement, or died of it."""


def second_python() -> str | None:
    """Returns the Python of the other DuckDB's environment; None if there is none."""
    path = os.environ.get(VARIABLE)
    return path if path and os.access(path, os.X_OK) else None


class SecondReader:
    """Runs SQL in the other DuckDB; ``close`` ends it. Skips the test if there is none."""

    def __init__(self) -> None:
        python = second_python()
        if python is None:
            pytest.skip(f"needs DuckDB 1.5 and its extensions: {VARIABLE} names no Python")
        self._python = python
        self._folder = tempfile.TemporaryDirectory(prefix="second-reader-")
        self._process = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def table(self, sql: str) -> pa.Table:
        """Returns the rows of a query, in its order.

        Raises:
            SecondReaderError: It fails.
        """
        result = Path(self._folder.name) / "result.parquet"
        if not self._ask(sql, result):
            raise SecondReaderError(f"no query: {sql}")
        rows = pq.read_table(result)
        result.unlink()
        return rows

    def execute(self, sql: str) -> None:
        """Runs a statement without rows, as ATTACH and CREATE SECRET.

        Raises:
            SecondReaderError: It fails.
        """
        self._ask(sql, Path(self._folder.name) / "unused.parquet")

    def close(self) -> None:
        """Ends the process."""
        self._end()
        self._folder.cleanup()

    def _ask(self, sql: str, result: Path) -> bool:
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps({"sql": sql, "result": str(result)}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._end()
            self._process = self._start()
            raise SecondReaderError(f"DuckDB died of {sql}")
        answer = json.loads(line)
        if "error" in answer:
            raise SecondReaderError(answer["error"])
        return bool(answer["rows"])

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [self._python, "-c", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ.get("PATH", ""), "HOME": self._folder.name},
        )

    def _end(self) -> None:
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()
