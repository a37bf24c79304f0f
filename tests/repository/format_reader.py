"""A reader of catalogs written from ``docs/reference/format.md`` alone.

It imports nothing of the project, and checks whatever the document says can be checked.
"""

import hashlib
import itertools
import json
import re
import struct
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ID = re.compile(r"[0-9a-f]{64}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")

Json = dict[str, Any]
Places = dict[str, tuple[str, int, int]]
Columns = dict[str, list[Any]]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def canonical(value: object) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def segment(name: str) -> str:
    plain = b"abcdefghijklmnopqrstuvwxyz0123456789._-"
    text = "".join(chr(b) if b in plain else f"%{b:02X}" for b in name.encode())
    return "%2E" + text[1:] if text.startswith(".") else text


def checked_json(data: bytes) -> Json:
    value = json.loads(data)
    assert canonical(value) == data
    assert isinstance(value, dict)
    return value


def check_digest(says: Json, *known: str, write_id: str | None = None) -> None:
    if "digest" not in says:
        assert set(says) == set(known)
        return
    digest = sha256(canonical({name: one for name, one in says.items() if name != "digest"}))
    assert says["digest"] == (digest if write_id is None else [write_id, digest])


@dataclass(frozen=True)
class Table:
    """Is a table snapshot: what it says, and where its manifest lies."""

    says: Json
    places: Places

    def field(self, field_id: int) -> tuple[str, Any] | None:
        found = [(name, kind) for i, name, kind in self.says["schema"] if i == field_id]
        return found[0] if found else None

    @property
    def partition_types(self) -> list[Any]:
        return [(self.field(i) or ("", None))[1] for i in self.says["partition_by"]]


class Reader:
    """Reads a catalog in a directory."""

    PAGE_MOVES = 100
    """Moves on a page of a reflog."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._heads: dict[str, tuple[Json, Places, bytes]] = {}
        self.about = checked_json((root / "catalog.json").read_bytes())
        assert self.about["format_version"] in (1, 2)
        assert re.fullmatch(r"[0-9a-f]{32}", self.about["catalog_id"])
        assert TIME.fullmatch(self.about["created_at"])
        check_digest(self.about, "format_version", "catalog_id", "created_at")

    # refs

    def branch(self, name: str) -> Json:
        says = checked_json((self.root / f"refs/branches/{segment(name)}.json").read_bytes())
        assert (says["kind"], says["name"]) == ("branch", name)
        assert says["write_id"] == says["reflog"][0][0]
        assert says["commit"] == says["reflog"][0][4]
        assert isinstance(says["protected"], bool)
        known = ("kind", "name", "commit", "write_id", "reflog", "older", "protected")
        check_digest(says, *known, write_id=says["write_id"])
        return says

    def reflog(self, name: str) -> list[list[Any]]:
        page = self.branch(name)
        assert len(page["reflog"]) < 2 * self.PAGE_MOVES
        assert page["older"] is None or len(page["reflog"]) >= self.PAGE_MOVES
        moves = list(page["reflog"])
        while page["older"] is not None:
            page_id = page["older"]
            data = (self.root / f"refs/reflogs/{page_id[:2]}/{page_id}.json").read_bytes()
            assert sha256(data) == page_id
            page = checked_json(data)
            assert page["kind"] == "reflog"
            moves += page["moves"]
        for write_id, time, who, before, after, why, *key in moves:
            assert re.fullmatch(r"[0-9a-f]{32}", write_id)
            assert TIME.fullmatch(time)
            assert isinstance(who, str) and isinstance(why, str)
            assert len(key) <= 1 and all(isinstance(text, str) for text in key)
            assert all(end is None or ID.fullmatch(end) for end in (before, after))
        for newer, older in itertools.pairwise(moves):
            assert newer[3] == older[4]
        return moves

    def tag(self, name: str) -> Json | None:
        path = self.root / f"refs/tags/{segment(name)}.json"
        if path.with_name(path.name + ".deleted").exists() or not path.exists():
            return None
        says = checked_json(path.read_bytes())
        assert (says["kind"], says["name"]) == ("tag", name)
        assert TIME.fullmatch(says["time"])
        check_digest(says, "kind", "name", "commit", "time", "who", "message")
        return says

    # packs and nodes

    def head(self, commit_id: str) -> tuple[Json, Places, bytes]:
        if commit_id not in self._heads:
            self._heads[commit_id] = self._read_head(commit_id)
        return self._heads[commit_id]

    def _read_head(self, commit_id: str) -> tuple[Json, Places, bytes]:
        data = (self.root / f"objects/{commit_id[:2]}/{commit_id}").read_bytes()
        magic, one, c, p = struct.unpack_from("<8sIII", data)
        assert (magic, one) == (b"PQTRPACK", 1)
        commit = data[20 : 20 + c]
        assert sha256(commit) == commit_id
        places = self.read_places(data[20 + c : 20 + c + p], commit_id)
        return checked_json(commit), places, data[20 + c + p :]

    def read_places(self, data: bytes, own: str) -> Places:
        said = checked_json(data)
        return {node: (pack or own, at, length) for node, (pack, at, length) in said.items()}

    def frame(self, place: tuple[str, int, int], tag: bytes) -> bytes:
        pack, offset, length = place
        frame = self.head(pack)[2][offset : offset + length]
        assert len(frame) == length
        assert frame[:1] == tag
        return frame[1:]

    def json_node(self, node: str, place: tuple[str, int, int]) -> tuple[Json, Places]:
        frame = self.frame(place, b"J")
        (size,) = struct.unpack_from("<I", frame)
        whole = zlib.decompress(frame[4:])
        assert len(whole) == size
        (length,) = struct.unpack_from("<I", whole)
        content = whole[4 : 4 + length]
        assert sha256(content) == node
        return checked_json(content), self.read_places(whole[4 + length :], place[0])

    def columnar_node(self, node: str, kind: str, place: tuple[str, int, int]) -> Columns:
        frame = self.frame(place, b"C")
        (size,) = struct.unpack_from("<I", frame)
        stream = pa.Codec("zstd").decompress(frame[4:], decompressed_size=size)
        with pa.ipc.open_stream(stream) as reader:
            batches = list(reader)
        assert len(batches) == 1
        assert {str(f.type) for f in batches[0].schema} <= {"int64", "binary"}
        columns = {
            name: batches[0].column(n).to_pylist() for n, name in enumerate(batches[0].schema.names)
        }
        assert columnar_id(kind, columns) == node
        if "@offset" in columns:
            packs = columns.get("@pack", [None] * len(columns["@offset"]))
            columns["@pack"] = [p or bytes.fromhex(place[0]) for p in packs]
        return columns

    # commits

    def commit(self, commit_id: str) -> Json:
        says = self.head(commit_id)[0]
        assert says["kind"] == "commit"
        assert TIME.fullmatch(says["time"])
        parents = [self.head(p)[0] for p in says["parents"]]
        assert says["generation"] == 1 + max((p["generation"] for p in parents), default=-1)
        assert all(p["time"] <= says["time"] for p in parents)
        return says

    def log(self, commit_id: str) -> list[str]:
        """Returns a commit and its ancestors along first parents."""
        found = [commit_id]
        while parents := self.commit(found[-1])["parents"]:
            found.append(parents[0])
        return found

    def tables(self, commit_id: str) -> dict[str, Table]:
        says, places, _ = self.head(commit_id)
        entries: dict[str, tuple[list[Any], tuple[str, int, int]]] = {}
        if says["tables"] is not None:
            assert (says["tables_tree"], says["tables_levels"]) == (None, 0)
            entries = {name: (e, places[e[0]]) for name, e in says["tables"].items()}
        else:
            root = says["tables_tree"]
            rows = list(self.tree("tables", root, says["tables_levels"], places[root]))
            for row in rows:
                place = (row["@pack"].hex(), row["@offset"], row["@length"])
                entry = [row["snapshot"].hex(), row["rows"], row["size"], row["files"]]
                entries[row["name"].decode()] = (entry, place)
            keys = [(row["name"], row) for row in rows]
            assert (root, says["tables_levels"]) == tree_root("tables", keys, 0)
        tables = {}
        for name, (entry, place) in entries.items():
            snapshot, below = self.json_node(entry[0], place)
            assert entry[1:] == [snapshot["rows"], snapshot["size_bytes"], snapshot["files"]]
            for schema_id, columns in snapshot["file_schemas"].items():
                assert sha256(canonical(columns)) == schema_id
            assert (
                max((i for i, _, _ in snapshot["schema"]), default=0) <= snapshot["last_field_id"]
            )
            tables[name] = Table(snapshot, below)
        if "derived" in says:
            derived = {"derive.sql", "derive.command"}
            told = [n for n, t in sorted(tables.items()) if derived & t.says["properties"].keys()]
            assert says["derived"] == told
        return tables

    def change_list(self, commit_id: str, table: str) -> list[Json] | None:
        says, places, _ = self.head(commit_id)
        added, removed, node = says["changes"][table]
        if node is None:
            return None
        rows = as_rows(self.columnar_node(node, "changes", places[node]))
        assert [r["added"] for r in rows] == [0] * removed + [1] * added
        return rows

    # manifests

    def tree(
        self, kind: str, node: str, levels: int, place: tuple[str, int, int]
    ) -> Iterator[Json]:
        if levels == 1:
            yield from as_rows(self.columnar_node(node, kind, place))
            return
        for row in as_rows(self.columnar_node(node, f"{kind}-index", place)):
            below = (row["@pack"].hex(), row["@offset"], row["@length"])
            rows = list(self.tree(kind, row["child"].hex(), levels - 1, below))
            assert row["rows"] == sum(r["rows"] for r in rows)
            assert row["size"] == sum(r["size"] for r in rows)
            assert row["files"] == sum(r["files"] if kind == "tables" else 1 for r in rows)
            yield from rows

    def files(self, table: Table) -> list[Json]:
        root = table.says["manifest"]
        if root is None:
            assert table.says["levels"] == 0
            return []
        rows = list(self.tree("files", root, table.says["levels"], table.places[root]))
        parts = len(table.says["partition_by"])
        keys = [(file_key(row, parts), row) for row in rows]
        assert [k for k, _ in keys] == sorted(k for k, _ in keys)
        assert (root, table.says["levels"]) == tree_root("files", keys, parts)
        assert table.says["files"] == len(rows)
        assert table.says["rows"] == sum(r["rows"] for r in rows)
        assert table.says["size_bytes"] == sum(r["size"] for r in rows)
        assert table.says["partitions"] == len({partition(r, parts) for r in rows})
        return rows

    # rows

    def rows(self, table: Table) -> list[Json]:
        found = []
        for file in self.files(table):
            found += self.read_file(table, file)
        return found

    def read_file(self, table: Table, file: Json) -> list[Json]:
        path = self.root / file["path"].decode()
        data = path.read_bytes()
        assert len(data) == file["size"]
        assert file["token"].decode() == f"sha256:{sha256(data)}"
        physical = pq.ParquetFile(path).read()
        assert len(physical) == file["rows"]
        columns = table.says["file_schemas"][file["schema"].hex()]
        assert physical.column_names == [name for name, _, _ in columns]
        values = {}
        for field_id, name, _ in table.says["schema"]:
            values[name] = [None] * len(physical)
            for position, (_, kind, belongs) in enumerate(columns):
                if belongs == field_id:
                    values[name] = physical.column(position).to_pylist()
                    check_bounds(values[name], file, field_id, kind)
        for n, field_id in enumerate(table.says["partition_by"]):
            name, kind = table.field(field_id) or ("", None)
            encoded = file.get(f"part.{n}")
            values[name] = [None if encoded is None else decode(encoded, kind)] * len(physical)
        return as_rows(values)

    # contents of file sets

    def contents(self, table: Table) -> dict[str, bytes]:
        """Returns the content of each path of a file set, as rows, lists and contents tell it."""
        assert json.loads(table.says["properties"]["file_set"]) == {"version": 1}
        assert table.says["key"] == [1] and table.says["partition_by"] == []
        found: dict[str, bytes] = {}
        for file in self.files(table):
            blobs = self.blobs(file["blobs"].hex())
            assert sum(bool(place) for _, place in blobs.values()) == (file.get("elsewhere") or 0)
            rows = self.read_file(table, file)
            assert {row["sha256"] for row in rows} == set(blobs)
            for row in rows:
                size, place = blobs[row["sha256"]]
                own = self.root / "blobs" / row["sha256"][:2] / row["sha256"]
                data = (self.root / place if place else own).read_bytes()
                assert (sha256(data), len(data), size) == (row["sha256"], size, row["size"])
                found[row["path"]] = data
        return found

    def blobs(self, list_id: str) -> dict[str, tuple[int, str]]:
        """Returns size and place of each content of a list, by hash."""
        data = (self.root / "lists" / list_id[:2] / list_id).read_bytes()
        assert sha256(data) == list_id
        magic, version, count = struct.unpack_from("<8sII", data)
        assert (magic, version) == (b"PQTRBLOB", 1)
        ids = [data[16 + 32 * n : 48 + 32 * n].hex() for n in range(count)]
        assert ids == sorted(set(ids))
        sizes = struct.unpack_from(f"<{count}Q", data, 16 + 32 * count)
        lengths = struct.unpack_from(f"<{count}I", data, 16 + 40 * count)
        ends = list(itertools.accumulate(lengths, initial=16 + 44 * count))
        assert ends[-1] == len(data)
        places = [data[start:end].decode() for start, end in itertools.pairwise(ends)]
        return dict(zip(ids, zip(sizes, places, strict=True), strict=True))


def as_rows(columns: Columns) -> list[Json]:
    names = list(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def columnar_id(kind: str, columns: Columns) -> str:
    digest = hashlib.sha256(f"parquetry/{kind}/1\n".encode())
    rows = len(next(iter(columns.values())))
    digest.update(struct.pack("<Q", rows))
    for name in sorted(columns, key=str.encode):
        values = columns[name]
        if name.startswith("@") or all(v is None for v in values):
            continue
        digest.update(struct.pack("<H", len(name.encode())) + name.encode())
        binary = any(isinstance(v, bytes) for v in values)
        digest.update(b"b" if binary else b"i")
        digest.update(bytes(v is not None for v in values))
        if binary:
            digest.update(b"".join(struct.pack("<I", len(v or b"")) for v in values))
            digest.update(b"".join(v or b"" for v in values))
        else:
            digest.update(b"".join(struct.pack("<q", v or 0) for v in values))
    return digest.hexdigest()


def partition(row: Json, parts: int) -> tuple[bytes | None, ...]:
    return tuple(row.get(f"part.{n}") for n in range(parts))


def file_key(row: Json, parts: int) -> bytes:
    key = b""
    for value in partition(row, parts):
        if value is None:
            key += b"\x00"
        else:
            key += b"\x01" + value.replace(b"\x00", b"\x00\xff") + b"\x00\x00"
    return key + bytes(row["path"])


def tree_root(kind: str, rows: list[tuple[bytes, Json]], parts: int) -> tuple[str, int]:
    """Builds the tree of some rows anew and returns its root and levels."""
    level = 0
    name = kind
    while True:
        nodes = []
        for chunk in chunks(rows, level):
            columns: Columns = {}
            for column in {c for _, row in chunk for c in row}:
                columns[column] = [row.get(column) for _, row in chunk]
            nodes.append(
                (chunk[0][0], summary(columnar_id(name, columns), chunk, kind, level, parts))
            )
        level += 1
        if len(nodes) == 1:
            return nodes[0][1]["child"].hex(), level
        rows, name = nodes, f"{kind}-index"


def chunks(rows: list[tuple[bytes, Json]], level: int) -> Iterator[list[tuple[bytes, Json]]]:
    chunk: list[tuple[bytes, Json]] = []
    for key, row in rows:
        chunk.append((key, row))
        digest = hashlib.sha256(bytes([level]) + key).digest()
        found = len(chunk) >= 64 and int.from_bytes(digest[:4], "big") < 2**32 // 64
        if found or len(chunk) == 512:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def summary(node: str, chunk: list[tuple[bytes, Json]], kind: str, level: int, parts: int) -> Json:
    rows = [row for _, row in chunk]
    made: Json = {
        "first": chunk[0][0],
        "child": bytes.fromhex(node),
        "rows": sum(r["rows"] for r in rows),
        "size": sum(r["size"] for r in rows),
        "files": len(rows) if kind == "files" and level == 0 else sum(r["files"] for r in rows),
    }
    for n in range(parts):
        if level == 0:
            known = [r[f"part.{n}"] for r in rows if r.get(f"part.{n}") is not None]
            nulls = len(known) < len(rows)
            lows = highs = known
        else:
            lows = [r[f"low.{n}"] for r in rows if r.get(f"low.{n}") is not None]
            highs = [r[f"high.{n}"] for r in rows if r.get(f"high.{n}") is not None]
            nulls = any(r[f"nulls.{n}"] for r in rows)
        made[f"low.{n}"] = min(lows, default=None)
        made[f"high.{n}"] = max(highs, default=None)
        made[f"nulls.{n}"] = int(nulls)
    return made


def decode(encoded: bytes, kind: Any) -> Any:
    """Reads an encoded value."""
    number = int.from_bytes(encoded, "big")
    match kind:
        case "BOOLEAN":
            return bool(number - 2**63)
        case "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" | "UTINYINT" | "USMALLINT" | "UINTEGER":
            return number - 2**63
        case "UBIGINT" | "HUGEINT":
            return number - 2**135
        case "DATE":
            return date(1970, 1, 1) + timedelta(days=number - 2**63)
        case "TIME":
            return (datetime(1970, 1, 1) + timedelta(microseconds=number - 2**63)).time()
        case "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE":
            start = datetime(1970, 1, 1, tzinfo=None if kind == "TIMESTAMP" else UTC)
            return start + timedelta(microseconds=number - 2**63)
        case "FLOAT" | "DOUBLE":
            bits = number ^ (1 << 63) if number >> 63 else number ^ (2**64 - 1)
            return struct.unpack(">d", struct.pack(">Q", bits))[0]
        case "VARCHAR":
            return encoded.decode()
        case "UUID":
            return uuid.UUID(bytes=encoded)
        case str() if kind.startswith("DECIMAL"):
            return Decimal(number - 2**135).scaleb(-int(kind[:-1].split(",")[1]))
    return encoded


def check_bounds(values: list[Any], file: Json, field_id: int, kind: Any) -> None:
    """Checks that the statistics of a column are true."""
    nulls = file.get(f"nulls.{field_id}")
    assert nulls is None or nulls == sum(v is None for v in values)
    low, high = file.get(f"low.{field_id}"), file.get(f"high.{field_id}")
    known = [v for v in values if v is not None and v == v]
    if low is None or high is None:
        return
    ends = decode(low, kind), decode(high, kind)
    assert all(ends[0] <= v <= ends[1] for v in known)
    if file.get(f"exact.{field_id}"):
        assert ends == (min(known), max(known))
