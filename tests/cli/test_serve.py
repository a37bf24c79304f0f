"""``serve``: a real server, asked by PyIceberg, by DuckDB with its Iceberg extension, and badly."""

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import (
    NoSuchNamespaceError,
    NoSuchTableError,
    UnauthorizedError,
)

import catalog
from cli.serve import connections
from cli.serve.application import is_own_name
from cli.serve.service import catalog_application
from cli.serve.token import Token, read_token
from tests.cli.conftest import REPOSITORY, Runner
from tests.effort import effort
from tests.second_reader import SecondReader, SecondReaderError
from tests.serving.running import serving

TOKEN = "s3cr3t.of-the/test=="


@dataclass(frozen=True, slots=True)
class Served:
    """A catalog that is served."""

    cat: catalog.Catalog
    address: str

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def client(self, **options: str) -> RestCatalog:
        return RestCatalog("lake", uri=self.address, **options)


STATEMENTS = (
    "INSERT INTO orders VALUES (4, 0.5, 'ü', 2), (5, -0.0, NULL, 2)",
    "UPDATE orders SET amount = 7 WHERE id = 1",
    "ALTER TABLE orders RENAME COLUMN amount TO total",
    "ALTER TABLE orders ADD COLUMN n INTEGER",
    "UPDATE orders SET n = id WHERE p = 1",
    "ALTER TABLE orders ALTER COLUMN n TYPE BIGINT",
    "DELETE FROM orders WHERE p = 2",
    "ALTER TABLE orders DROP COLUMN note",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    cat = catalog.create(tmp_path_factory.mktemp("served") / "lake")
    rows = {
        "id": [1, 2, 3],
        "amount": [1.5, None, float("nan")],
        "note": ["a", None, "b"],
        "p": [1, 1, None],
    }
    with cat.transaction(message="first") as changes:
        changes.write("orders", pa.table(rows), mode="overwrite", key=["id"], partition_by=["p"])
        changes.write("sales.items", pa.table({"x": [1, 2]}), mode="overwrite")
    cat.tags.create("v1.0")
    cat.branches.create("fix/2024-03")
    for statement in STATEMENTS:
        with cat.transaction(message=statement) as changes:
            changes.sql(statement)
    with cat.transaction("fix/2024-03", message="fixed") as changes:
        changes.sql("UPDATE orders SET amount = 2 WHERE amount IS NULL")
    cat.merge("fix/2024-03")
    cat.revert("main~7", branch="main")  # the update of row 1
    with serving(catalog_application(cat, token=None)) as address:
        yield Served(cat, address)


REFS = ("main", "v1.0", "fix/2024-03", *(f"main~{n}" for n in range(len(STATEMENTS) + 2)))


CONDITIONS = (
    *("p = 1", "p <> 1", "p > 1", "p IS NULL", "p IS NOT NULL", "p IN (1, 2) AND total > 1"),
    *("total > 1", "total IS NULL", "total = 'nan'", "n = 1", "n IS NULL", "id IN (2, 3)"),
)


def own_rows(cat: catalog.Catalog, ref: str, table: str = "orders") -> list[str]:
    found = cat.sql(f"SELECT * FROM {table} ORDER BY ALL", ref=ref).to_arrow_table()
    return texts(found)


def texts(rows: pa.Table) -> list[str]:
    """Returns rows as texts, which compare NaN with NaN and -0.0 with -0.0 only, in order."""
    return sorted(repr(sorted(row.items())) for row in rows.to_pylist())


@pytest.mark.invariant("Other engines read every commit as it is")
def test_pyiceberg_reads_every_ref(served: Served) -> None:
    client = served.client()
    assert client.list_namespaces() == [("fix/2024-03",), ("main",), ("v1.0",)]
    assert client.list_tables("main") == [("main", "orders"), ("main", "sales.items")]
    full = served.cat.resolve("main~3").commit_id
    for ref in (*REFS, full, full[:10]):
        scanned = client.load_table((ref, "orders")).scan().to_arrow()
        assert texts(scanned) == own_rows(served.cat, ref), ref
        assert scanned.column_names == [c.name for c in served.cat.schema("orders", ref)]
    items = client.load_table("main.sales.items").scan().to_arrow()
    assert texts(items) == own_rows(served.cat, "main", "sales.items")


def test_a_filter_of_pyiceberg_is_right(served: Served) -> None:
    client = served.client()
    for ref, name in (("main", "total"), ("v1.0", "amount")):
        table = client.load_table((ref, "orders"))
        for condition in (f"{name} > 1", f"{name} is null", "p = 1", "p is null", "id in (2, 3)"):
            found = table.scan(row_filter=condition).to_arrow()
            own = served.cat.sql(f"SELECT * FROM orders WHERE {condition}", ref=ref)
            if name not in condition or ">" not in condition:  # NaN is greater for DuckDB alone
                assert texts(found) == texts(own.to_arrow_table()), (ref, condition)


@pytest.mark.invariant("What is served to other engines cannot be changed by them")
def test_pyiceberg_itself_refuses_to_write(served: Served) -> None:
    client = served.client()
    before = own_rows(served.cat, "main"), served.cat.resolve("main").commit_id
    table = client.load_table("main.sales.items")
    for attempt in (
        lambda: client.create_namespace("new"),
        lambda: client.drop_namespace("v1.0"),
        lambda: client.drop_table("main.orders"),
        lambda: client.rename_table("main.orders", "main.others"),
        lambda: client.create_table("main.new", pa.schema({"x": pa.int64()})),
        lambda: table.append(pa.table({"x": [3]})),
        lambda: table.delete("x = 1"),
        lambda: table.manage_snapshots().create_tag(table.snapshots()[0].snapshot_id, "t").commit(),
    ):
        with pytest.raises(NotImplementedError, match="does not support endpoint"):
            attempt()
    assert before == (own_rows(served.cat, "main"), served.cat.resolve("main").commit_id)


def test_pyiceberg_understands_the_errors(served: Served) -> None:
    client = served.client()
    with pytest.raises(NoSuchNamespaceError, match="nope"):
        client.list_tables("nope")
    with pytest.raises(NoSuchTableError, match="no table 'nope' at main"):
        client.load_table("main.nope")
    assert client.namespace_exists("main~1") and not client.namespace_exists("main~99")
    assert client.table_exists("main.orders") and not client.table_exists("main.nope")


@pytest.fixture(scope="module")
def reader() -> Iterator[SecondReader]:
    with SecondReader() as started:
        yield started


def test_duckdb_reads_every_ref(served: Served, reader: SecondReader) -> None:
    reader.execute(
        f"ATTACH 'lake' AS lake (TYPE iceberg, ENDPOINT '{served.address}', "
        "AUTHORIZATION_TYPE 'none', DEFAULT_SCHEMA 'main')"
    )
    full = served.cat.resolve("main~3").commit_id
    for ref in (*REFS[:3], *REFS[4::2], full, "fix.2024-03"):
        found = reader.table(f'SELECT * FROM lake."{ref}".orders')
        own = ref.replace("fix.", "fix/")
        assert texts(found) == own_rows(served.cat, own), ref
    assert reader.table('SELECT count(*) AS n FROM lake."main.sales".items')["n"][0].as_py() == 2
    assert reader.table('SELECT max(x) AS n FROM lake.main."sales.items"')["n"][0].as_py() == 2
    served.cat.branches.create("moving")
    for n in range(2):
        with served.cat.transaction("moving") as changes:
            changes.sql(f"INSERT INTO sales.items VALUES ({10 + n})")
        found = reader.table('SELECT x FROM lake.moving."sales.items"')
        assert texts(found) == own_rows(served.cat, "moving", "sales.items")
    served.cat.branches.delete("moving")
    before = own_rows(served.cat, "main", "sales.items")
    for statement in (
        'INSERT INTO lake.main."sales.items" VALUES (3)',
        "CREATE TABLE lake.main.new (x INT)",
        "DROP TABLE lake.main.orders",
        "CREATE SCHEMA lake.new",
    ):
        with pytest.raises(SecondReaderError):
            reader.execute(statement)
    assert own_rows(served.cat, "main", "sales.items") == before


@pytest.fixture(scope="module")
def guarded(served: Served) -> Iterator[str]:
    token = Token.of(TOKEN)
    with serving(catalog_application(served.cat, token=token)) as address:
        yield address


@pytest.mark.invariant("Without the token, nothing of a served catalog is told")
def test_a_token_opens_and_nothing_else_does(guarded: str) -> None:
    right = RestCatalog("lake", uri=guarded, token=TOKEN)
    assert right.load_table(("v1.0", "sales.items")).scan().count() == 2
    for options in ({}, {"token": "wrong"}, {"token": TOKEN[:-1]}):
        with pytest.raises(UnauthorizedError):
            RestCatalog("lake", uri=guarded, **options)
    _, _, port = guarded.rpartition(":")
    for headers in (
        {},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer ü".encode().decode("latin-1")},
        {"X-Authorization": f"Bearer {TOKEN}"},
    ):
        for method, path in (("GET", "/v1/config"), ("GET", "/nope"), ("POST", "/v1/namespaces")):
            status, answer, body = ask(int(port), method, path, headers)
            assert (status, answer["www-authenticate"]) == (401, "Bearer")
            assert json.loads(body)["error"]["type"] == "NotAuthorizedException"
            assert TOKEN.encode() not in body and b"main" not in body


def test_duckdb_sends_the_token(guarded: str, reader: SecondReader) -> None:
    reader.execute(f"CREATE SECRET lake_token (TYPE iceberg, TOKEN '{TOKEN}')")
    reader.execute(
        f"ATTACH 'lake' AS guarded (TYPE iceberg, ENDPOINT '{guarded}', SECRET lake_token, "
        "DEFAULT_SCHEMA 'main')"
    )
    assert reader.table("SELECT count(*) AS n FROM guarded.orders")["n"][0].as_py() > 0


def ask(
    port: int, method: str, path: str, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.putrequest(method, path, skip_host=bool(headers and "Host" in headers))
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, answer.read()


def test_without_a_token_pages_of_other_sites_may_not_ask(served: Served) -> None:
    for host, status in (
        ("localhost", 200),
        (f"127.0.0.1:{served.port}", 200),
        ("[::1]:80", 200),
        ("LOCALHOST.:1", 200),
        ("example.org", 403),
        ("127.0.0.1.example.org", 403),
        ("localhost.example.org:80", 403),
        ("", 403),
        ("0x7f.1", 403),
    ):
        assert is_own_name(host.encode()) == (status == 200)
        assert ask(served.port, "GET", "/v1/config", {"Host": host})[0] == status
    assert (
        "access-control-allow-origin"
        not in ask(served.port, "GET", "/v1/config", {"Origin": "http://example.org"})[1]
    )


HOSTILE = (
    b"\0\1\2\3 nothing of HTTP\r\n\r\n",
    b"GET /v1/config HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"GET /v1/namespaces/" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /v1/config HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    b"GET /v1/config HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    b"GET /v1/config HTTP/1.1\r\nHost: localhost\r\nHost: example.org\r\n\r\n",
    b"GET /v1/namespaces/\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /v1/namespaces/%00%1f%zz%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /v1/namespaces?parent=%FF%1f&pageToken=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET http://example.org/v1/config HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /v1/../../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"CONNECT example.org:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /v1/namespaces HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n{",
    b"POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /v1/config HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)


@pytest.mark.parametrize("ends", [False, True], ids=["waits", "ends"])
def test_hostile_requests_get_errors_and_the_server_goes_on(served: Served, ends: bool) -> None:
    """Ask as clients that wait for the answer, and as such that say they send no more."""
    for request in HOSTILE:
        with socket.create_connection(("127.0.0.1", served.port), timeout=60) as opened:
            with contextlib.suppress(OSError):  # it may stop reading
                opened.sendall(request)
                if ends:
                    opened.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                answer = opened.recv(1 << 16)
                assert answer or ends, request[:60]
                if answer and b"Upgrade" not in request:
                    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")), request[:60]
                assert b"Traceback" not in answer and b"root:" not in answer
        assert ask(served.port, "GET", "/v1/config")[0] == 200


def test_a_head_is_bounded_when_it_arrives_at_once(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = threading.Event()
    begin = connections.BoundedConnection.connection_made

    def begin_late(self: connections.BoundedConnection, transport: asyncio.Transport) -> None:
        assert sent.wait(60)
        begin(self, transport)

    head = b"GET /v1/config HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 13_000 + b"\r\n"
    with monkeypatch.context() as patched:
        patched.setattr(connections.BoundedConnection, "connection_made", begin_late)
        with socket.create_connection(("127.0.0.1", served.port), timeout=60) as opened:
            opened.sendall(head)
            sent.set()
            with contextlib.suppress(ConnectionError):  # bytes that were not read may reset it
                assert opened.recv(1 << 16).startswith(b"HTTP/1.1 400 ")
    assert ask(served.port, "GET", "/v1/config")[0] == 200


def test_many_requests_that_do_not_end_keep_nobody_out(served: Served) -> None:
    with contextlib.ExitStack() as many:
        for _ in range(100):
            idle = socket.create_connection(("127.0.0.1", served.port), timeout=30)
            many.enter_context(idle)
            idle.sendall(b"GET /v1/config HTT")
        assert ask(served.port, "GET", "/v1/config")[0] == 200
    assert ask(served.port, "GET", "/v1/config")[0] == 200


def test_connections_are_bounded_in_number_and_in_time(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connected() -> socket.socket:
        return many.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))

    with contextlib.ExitStack() as many:
        address = many.enter_context(serving(catalog_application(served.cat, token=None)))
        port = int(address.rpartition(":")[2])
        monkeypatch.setattr(connections, "REQUEST_S", 0.05)
        assert is_closed_amid_a_request(connected())
        monkeypatch.setattr(connections, "REQUEST_S", 3600.0)
        monkeypatch.setattr(connections, "CONNECTIONS", 8)
        for _ in range(8):
            connected()
        with connected().makefile("rb") as refused:  # without a request
            head, _, body = refused.read().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert json.loads(body)["error"]["type"] == "ServiceUnavailableException"


def is_closed_amid_a_request(opened: socket.socket) -> bool:
    """Returns whether the server closes a connection on which a request has begun."""
    try:
        opened.sendall(b"GET /v1/config HTT")
        return opened.recv(1) == b""
    except ConnectionError:  # it was closed before that was read
        return True


def start(lake: str, *words: str, **variables: str) -> "subprocess.Popen[str]":
    """Starts the command; its address is on the first line of its output."""
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", "-C", lake, "serve", "--port", "0", *words],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", effort([signal.SIGTERM], [signal.SIGINT, signal.SIGTERM]))
def test_it_prints_its_address_and_ends_cleanly(served: Served, number: signal.Signals) -> None:
    with start(served.cat.uri, "--host", "0.0.0.0", PARQUETRY_TOKEN=TOKEN) as process:
        try:
            assert process.stdout is not None
            place, _, port = process.stdout.readline().strip().rpartition(":")
            assert place == f"serving {served.cat.uri} at http://0.0.0.0"
            headers = {"Authorization": f"Bearer {TOKEN}"}
            path = "/v1/namespaces/main/tables"
            assert b"orders" in ask(int(port), "GET", path, headers)[2]
            assert ask(int(port), "GET", path)[0] == 401
            with socket.create_connection(("127.0.0.1", int(port))):
                process.send_signal(number)
                out, err = process.communicate(timeout=60)
            assert (process.returncode, out, err) == (0, "", "")
        finally:
            process.kill()


def test_other_machines_need_a_token(
    served: Served, parquetry: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARQUETRY_CATALOG", served.cat.uri)
    refused = parquetry("serve", "--host", "0.0.0.0", "--port", "0")
    assert refused.code == 2 and "no token" in refused.err and refused.out == ""
    for content in ("", " \n", "a b", "two\nlines", "ü", "x" * 9000):
        (tmp_path / "token").write_text(content)
        refused = parquetry("serve", "--token-file", str(tmp_path / "token"))
        assert refused.code == 3 and "no bearer token" in refused.err
        assert content.strip() == "" or content.strip() not in refused.err
    assert parquetry("serve", "--token-file", str(tmp_path / "none")).code == 3
    monkeypatch.setenv("PARQUETRY_TOKEN", "")
    assert parquetry("serve").code == 3, "a variable that was meant to have one"
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    found = read_token(tmp_path / "token")
    assert found == Token.of(TOKEN) and TOKEN not in repr(found)


def test_a_port_that_is_taken_and_hosts_that_are_not_there(
    served: Served, parquetry: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARQUETRY_CATALOG", served.cat.uri)
    taken = parquetry("serve", "--port", str(served.port))
    assert taken.code == 3 and f"port {served.port}" in taken.err
    assert parquetry("serve", "--host", "no.such.host.invalid").code == 2
    assert parquetry("serve", "--host", "").code == 2
    assert parquetry("serve", "--port", "70000").code == 2
