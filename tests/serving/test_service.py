"""Answers to requests: names, pages, states, errors; what is kept, and what is made again."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.table import StaticTable

import catalog
from catalog.errors import ErrorKind, StorageFailure
from catalog.serving import states, tables
from catalog.serving.answers import Answer
from catalog.serving.requests import Request
from catalog.serving.service import CatalogService
from catalog.serving.tables import TableCache
from catalog.storage.store import ObjectStore
from tests.storage.wrappers import WrapperStore


class Client:
    """Asks a service as clients do: levels of namespaces are separated by ``\\x1f``."""

    def __init__(self, cat: catalog.Catalog, store: ObjectStore | None = None) -> None:
        self.cat = cat
        context = cat.context if store is None else cat.context.over(store)
        self.service = CatalogService(context, TableCache(context.repository))

    def ask(self, path: str, method: str = "GET", **query: str) -> Answer:
        return self.service.answer(Request(method, path, query))

    def get(self, path: str, **query: str) -> Any:
        answer = self.ask(path, **query)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def error(self, path: str, method: str = "GET") -> tuple[int, str, str]:
        answer = self.ask(path, method)
        error = json.loads(answer.body)["error"]
        assert error["code"] == answer.status
        return answer.status, error["type"], error["message"]

    def table(self, *names: str) -> Any:
        *levels, table = names
        return self.get(f"{path(*levels)}/tables/{quote(table, safe='')}")

    def tables(self, *levels: str) -> list[str]:
        return [one["name"] for one in self.get(f"{path(*levels)}/tables")["identifiers"]]

    def namespaces(self, **query: str) -> list[list[str]]:
        found: list[list[str]] = self.get("/v1/namespaces", **query)["namespaces"]
        return found


def path(*levels: str) -> str:
    return f"/v1/namespaces/{quote(chr(31).join(levels), safe='')}"


def write(cat: catalog.Catalog, table: str, *values: int, branch: str = "main") -> str:
    with cat.transaction(branch, message=f"{table} {values}") as changes:
        changes.write(table, pa.table({"x": pa.array(values, pa.int64())}), mode="overwrite")
    assert changes.commit is not None
    return changes.commit.id


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    cat = catalog.create(tmp_path_factory.mktemp("served") / "lake")
    write(cat, "t", 1)
    cat.tags.create("v1.0")
    write(cat, "t", 1, 2)
    write(cat, "sales.t", 3)
    write(cat, "sales.eu.Orders", 4)
    for name in ("dev/a.b", "dev/c", "dev.c", "main.sales", "a%2Fb", "Ä ö".replace(" ", "-")):
        cat.branches.create(name)
    write(cat, "t", 5, branch="dev/a.b")
    write(cat, "t", 6, branch="dev/c")
    write(cat, "t", 7, branch="dev.c")
    write(cat, "t", 8, branch="main.sales")
    write(cat, "t", 9, branch="a%2Fb")
    write(cat, "t", 10, branch="Ä-ö")
    return Client(cat)


def state(loaded: Any) -> str:
    """Returns the commit of the state that a client reads of what it has loaded."""
    metadata = loaded["metadata"]
    current = metadata["current-snapshot-id"]
    newest = max(metadata["snapshots"], key=lambda one: one["sequence-number"])
    assert newest["snapshot-id"] == current == metadata["refs"]["main"]["snapshot-id"]
    commit: str = newest["summary"]["parquetry.commit"]
    return commit


def test_every_ref_is_a_namespace(served: Client) -> None:
    names = ["a%2Fb", "dev.c", "dev/a.b", "dev/c", "main", "main.sales", "v1.0", "Ä-ö"]
    assert served.namespaces() == [[name] for name in names]
    commits = [commit.id for commit in served.cat.log()]
    for name in [*names, commits[0], commits[1][:8], "main~1", "main^1", "v1.0~0", "main@{1}"]:
        assert state(served.table(name, "t")) in (
            commit.id for commit in served.cat.log(name) if "t" in commit.tables
        )
        assert served.ask(path(name), "HEAD").status == 204
    assert served.get(path("main"))["properties"]["parquetry.commit"] == commits[0]


def test_tables_have_their_state_at_the_ref(served: Client) -> None:
    states = {
        name: served.table(name, "t")["metadata"]["snapshots"][-1]["summary"]["total-records"]
        for name in ("v1.0", "main", "main~3", "dev/a.b")
    }
    assert states == {"v1.0": "1", "main": "2", "main~3": "1", "dev/a.b": "1"}
    titles = {
        name: served.cat.show(state(served.table(name, "t"))).message
        for name in ("dev/a.b", "dev/c", "dev.c", "main.sales", "a%2Fb", "Ä-ö")
    }
    assert titles == {
        "dev/a.b": "t (5,)",
        "dev/c": "t (6,)",
        "dev.c": "t (7,)",
        "main.sales": "t (8,)",
        "a%2Fb": "t (9,)",
        "Ä-ö": "t (10,)",
    }


def test_namespaces_of_tables_are_part_of_names_and_namespaces_too(served: Client) -> None:
    assert served.tables("main") == ["sales.eu.Orders", "sales.t", "t"]
    assert served.namespaces(parent="main") == [["main", "sales"]]
    assert served.namespaces(parent="v1.0") == []
    assert served.namespaces(parent="main~0\x1fsales") == [["main~0", "sales", "eu"]]
    assert served.tables("main~0", "sales") == ["eu.Orders", "t"]
    assert served.tables("main~0", "sales", "eu") == ["Orders"]
    ids = {
        served.table(*names)["metadata"]["table-uuid"]
        for names in (
            ("main", "sales.eu.Orders"),
            ("main", "SALES.eu.orders"),
            ("dev.c", "sales.eu.orders"),
            ("main~0", "sales", "eu.orders"),
            ("main~0", "SALES", "eu", "orders"),
            ("main~0.sales.eu", "Orders"),
        )
    }
    assert len(ids) == 1


def test_levels_are_dots_and_slashes_where_that_leaves_no_choice(served: Client) -> None:
    assert state(served.table("dev", "a", "b", "t")) == state(served.table("dev/a.b", "t"))
    assert state(served.table("dev.a.b", "t")) == state(served.table("dev/a.b", "t"))
    assert state(served.table("v1", "0", "t")) == state(served.table("v1.0", "t"))
    assert state(served.table("v1", "0~0", "t")) == state(served.table("v1.0", "t"))
    assert served.ask(path("dev", "a", "b"), "HEAD").status == 204


def test_what_may_be_several_is_refused_and_never_guessed(served: Client) -> None:
    # branch main.sales has a table t, and so has the namespace sales on branch main
    status, kind, message = served.error(f"{path('main', 'sales')}/tables/t")
    assert (status, kind) == (400, "BadRequestException")
    assert "'sales' at 'main'" in message and "'main.sales'" in message
    assert served.error(f"{path('dev', 'c')}/tables/t")[0] == 400
    assert state(served.table("main~0", "sales", "t")) == state(served.table("main", "sales.t"))
    assert state(served.table("main.sales", "t")) == served.cat.resolve("main.sales").commit_id


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        (path("nope"), "NoSuchNamespaceException"),
        (f"{path('nope')}/tables", "NoSuchNamespaceException"),
        (f"{path('nope')}/tables/t", "NoSuchNamespaceException"),
        (f"{path('main')}/tables/nope", "NoSuchTableException"),
        (f"{path('main')}/tables/", "NoSuchTableException"),
        (path("main", "nope"), "NoSuchNamespaceException"),
        (path("main~99"), "NoSuchNamespaceException"),
        (path("main", ""), "NoSuchNamespaceException"),
        (path("", "main"), "NoSuchNamespaceException"),
        (path(".."), "NoSuchNamespaceException"),
        (path("../../etc/passwd"), "NoSuchNamespaceException"),
        (path("a\0b"), "NoSuchNamespaceException"),
        (path("a\nb"), "NoSuchNamespaceException"),
        (path("x" * 3000), "NoSuchNamespaceException"),
        (path(*"abcdefgh" * 8), "NoSuchNamespaceException"),
        (path("main" + "~1" * 1500), "NoSuchNamespaceException"),
        ("/v1/namespaces/%FF%FE", "NoSuchNamespaceException"),
        ("/v1/namespaces/%ED%A0%80", "NoSuchNamespaceException"),
        ("/v1/namespaces/%zz", "NoSuchNamespaceException"),
        (f"{path('main')}/tables/{quote('x' * 3000)}", "NoSuchTableException"),
        (f"{path('main')}/tables/..%2F..%2Fcatalog.json", "NoSuchTableException"),
        ("/v1/lake/namespaces", "NotFoundException"),
        ("/v1/lake/namespaces/main/tables/t", "NotFoundException"),
        ("/v1/namespaces/", "NoSuchNamespaceException"),
        (f"{path('main')}/views", "NotFoundException"),
        ("/v1/../catalog.json", "NotFoundException"),
        ("//v1/config", "NotFoundException"),
        ("*", "NotFoundException"),
        ("", "NotFoundException"),
        ("/v1/oauth/tokens", "NotFoundException"),
    ],
)
def test_what_is_not_there_is_an_error_of_iceberg(served: Client, place: str, kind: str) -> None:
    assert served.error(place)[:2] == (404, kind)
    assert served.ask(place, "HEAD").status == 404


@pytest.mark.invariant("What is served to other engines cannot be changed by them")
@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", ""]
)
def test_there_is_no_way_to_write(served: Client, method: str) -> None:
    for place in ("/v1/namespaces", f"{path('main')}/tables/t", "/v1/transactions/commit", "/x"):
        assert served.error(place, method)[:2] == (405, "UnsupportedOperationException")
    offered = served.get("/v1/config")["endpoints"]
    assert {one.partition(" ")[0] for one in offered} == {"GET", "HEAD"}


def test_listings_come_in_pages_if_a_client_asks_for_them(served: Client) -> None:
    whole = served.namespaces()
    pages, token = [], ""
    while token is not None:
        page = served.get("/v1/namespaces", pageSize="3", pageToken=token)
        pages.append(page["namespaces"])
        token = page["next-page-token"]
    assert [len(page) for page in pages] == [3, 3, 2]
    assert [one for page in pages for one in page] == whole
    for size in ("0", "-1", "x", "9" * 5000, "²"):
        assert served.get(f"{path('main')}/tables", pageSize=size)["identifiers"]


def test_metadata_has_no_more_than_the_ref(served: Client) -> None:
    old, new = (served.table(name, "t")["metadata"] for name in ("v1.0", "main"))
    assert len(old["snapshots"]) == 1 and len(new["snapshots"]) == 2
    assert set(old["refs"]) == {"main", "v1.0"} == set(new["refs"])
    assert old["refs"]["v1.0"] == {**old["refs"]["main"], "type": "tag"}
    assert old["last-sequence-number"] == 1
    assert [one["snapshot-id"] for one in old["snapshot-log"]] == [old["current-snapshot-id"]]
    branch = served.table("dev/a.b", "t")["metadata"]["refs"]
    assert branch["dev/a.b"] == branch["main"]


@pytest.fixture
def client(tmp_path: Path) -> Client:
    cat = catalog.create(tmp_path / "lake")
    write(cat, "t", 1)
    return Client(cat)


def test_a_branch_that_moves_is_seen_at_once(client: Client) -> None:
    first = client.table("main", "t")
    assert client.table("main", "t") == first
    moved = write(client.cat, "t", 2)
    second = client.table("main", "t")
    assert state(second) == moved
    assert second["metadata-location"] != first["metadata-location"]
    client.cat.reset("main", to="main~1")
    assert client.table("main", "t") == first
    assert Client(catalog.open(client.cat.uri)).table("main", "t") == first


def test_nothing_is_made_again_while_nothing_moves(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    extend = tables.extend

    def counted(metadata: Any, commits: Any, to: Any) -> Any:
        made.append(len(commits))
        return extend(metadata, commits, to)

    monkeypatch.setattr(tables, "extend", counted)
    answer = client.ask("/v1/namespaces/main/tables/t")
    known = (answer.headers["ETag"],)
    again = client.service.answer(Request("GET", "/v1/namespaces/main/tables/t", known=known))
    assert (again.status, again.body) == (304, b"")
    write(client.cat, "u", 1)  # another table
    assert client.ask("/v1/namespaces/main/tables/t") == answer
    assert made == [1]
    for n in range(3):
        write(client.cat, "t", n)
        client.table("main", "t")
    assert made == [1, 1, 1, 1], "only what is new is added"


def test_what_others_remove_from_the_cache_is_written_again(client: Client) -> None:
    before = client.table("main", "t")
    folder = Path(client.cat.uri) / "cache" / "iceberg"
    shutil.rmtree(folder)
    assert client.table("main", "t") == before
    for file in folder.rglob("*.avro"):
        file.write_bytes(b"of a stranger")
    assert Client(catalog.open(client.cat.uri)).table("main", "t") == before
    assert not any(file.read_bytes() == b"of a stranger" for file in folder.rglob("*.avro"))


class UnwritableStore(WrapperStore):
    """A store of which others have the right to write."""

    def put(self, path: str, data: bytes) -> None:
        raise StorageFailure(f"cannot write {path}: denied", kind=ErrorKind.NOT_PERMITTED)


def test_without_the_right_to_write_what_was_served_before_is_served(client: Client) -> None:
    before = client.table("main", "t")
    write(client.cat, "u", 1)
    reading = Client(client.cat, UnwritableStore(client.cat.repository.store))
    assert reading.table("main", "t") == before
    assert reading.tables("main") == ["t", "u"]
    status, kind, message = reading.error("/v1/namespaces/main/tables/u")
    assert (status, kind) == (500, "InternalServerError")
    assert "cache/iceberg" in message and "denied" in message


def test_a_long_history_is_cut_and_every_state_stays_right(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(states, "WINDOW", 3)
    for n in range(10):
        write(client.cat, "t", *range(n + 1))
    lengths = []
    for back in range(11):
        snapshots = client.table(f"main~{back}", "t")["metadata"]["snapshots"]
        assert snapshots[-1]["summary"]["total-records"] == str(max(10 - back, 1))
        lengths.append(len(snapshots))
    assert max(lengths) <= 2 * 3 and min(lengths[:-4]) > 3


def test_a_table_that_iceberg_cannot_say_is_refused_by_its_name(client: Client) -> None:
    with client.cat.transaction() as changes:
        changes.sql("CREATE TABLE odd AS SELECT INTERVAL 1 DAY AS span")
    assert client.tables("main") == ["odd", "t"]
    status, kind, message = client.error("/v1/namespaces/main/tables/odd")
    assert (status, kind) == (501, "UnsupportedOperationException")
    assert "span" in message and "odd" in message
    assert client.ask("/v1/namespaces/main/tables/odd", "HEAD").status == 204
    assert client.error("/v1/namespaces/main/tables/odd")[0] == 501
    client.table("main", "t")


def test_files_that_clients_would_misread_are_written_again_for_them(
    client: Client, tmp_path: Path
) -> None:
    """A name that means another column now, a type that Iceberg does not widen, no type at all."""
    source = tmp_path / "source"
    source.mkdir()
    pq.write_table(pa.table({"x": pa.array([9]), "s": pa.array([None])}), source / "none.parquet")
    with client.cat.transaction() as changes:
        changes.sql("CREATE TABLE again AS SELECT 1 AS x, 'old' AS s, 7 AS n")
    for text in (
        "ALTER TABLE again DROP COLUMN s",
        "ALTER TABLE again ADD COLUMN s VARCHAR",
        "INSERT INTO again VALUES (2, 8, 'new')",
        "ALTER TABLE again ALTER COLUMN n TYPE DOUBLE",
    ):
        with client.cat.transaction() as changes:
            changes.sql(text)
    with client.cat.transaction() as changes:
        changes.snapshot("again", str(source), scope="append")

    for _ in range(2):
        loaded = client.table("main", "again")["metadata"]
        place = tmp_path / "v1.metadata.json"
        place.write_text(json.dumps(loaded))
        table = StaticTable.from_metadata(str(place))
        for snapshot in table.snapshots():
            assert snapshot.summary is not None
            commit = snapshot.summary["parquetry.commit"]
            expected = client.cat.sql(f"FROM again@{commit} ORDER BY x").to_arrow_table()
            rows = table.scan(snapshot_id=snapshot.snapshot_id).to_arrow().sort_by("x")
            assert rows.to_pylist() == expected.to_pylist()
        store = client.cat.repository.store
        for one in list(store.list("cache/iceberg/")):  # anybody may
            store.delete(one.path)
    client.table("main", "again")
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"x": list(range(9))}), other)
    first, second, *_ = (Path(client.cat.uri) / "cache" / "iceberg").rglob("*.parquet")
    good = first.read_bytes(), second.read_bytes()
    first.write_bytes(b"PAR1 cut")
    second.write_bytes(other.read_bytes())
    Client(catalog.open(client.cat.uri)).table("main", "again")
    assert (first.read_bytes(), second.read_bytes()) == good


@pytest.mark.invariant("A referenced file that was changed is an error, also for other engines")
def test_a_file_that_was_changed_since_is_refused(client: Client, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    pq.write_table(pa.table({"x": [1, 2]}), source / "f.parquet")
    with client.cat.transaction() as changes:
        changes.snapshot("r", str(source), mode="reference")
    assert client.table("main", "r") == client.table("main", "r")
    pq.write_table(pa.table({"x": [1, 3]}), source / "f.parquet")
    status, kind, message = client.error("/v1/namespaces/main/tables/r")
    assert (status, kind) == (500, "CorruptDataException")
    assert "f.parquet" in message
    with client.cat.transaction() as changes:
        changes.snapshot("r", str(source), mode="reference")
    metadata = client.table("main", "r")["metadata"]
    assert len(metadata["snapshots"]) == 1, "the state whose file is gone is not offered"


def test_damage_is_an_error_and_other_tables_stay_readable(client: Client) -> None:
    write(client.cat, "u", 1)
    data = next((Path(client.cat.uri) / "data" / "t").glob("*.parquet"))
    data.unlink()
    fresh = Client(catalog.open(client.cat.uri))
    assert fresh.error("/v1/namespaces/main/tables/t")[:2] == (500, "CorruptDataException")
    fresh.table("main", "u")
