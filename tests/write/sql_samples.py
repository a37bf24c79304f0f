"""Tables of many shapes for SQL on a branch, all with columns ``id``, ``grp``, ``x``, ``note``."""

import math

import pyarrow as pa

from tests.write.sql_tables import Sample

NAN = math.nan


def _rows(
    ids: list[int | None],
    groups: list[str | None],
    numbers: list[float | None],
    notes: list[str | None],
) -> pa.Table:
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "grp": pa.array(groups, pa.string()),
            "x": pa.array(numbers, pa.float64()),
            "note": pa.array(notes, pa.string()),
        }
    )


FIRST = _rows([1, 2, 3, 4], ["a", "b", "a", None], [1.5, None, NAN, -0.5], ["p", None, "r", "s"])
SECOND = _rows([5, 6, 7], ["b", "c", "c"], [2.0, 2.0, math.inf], ["it's", "", "é"])
THIRD = _rows([8, 9], ["a", "b"], [None, 10.0], [None, "p"])
DOUBLED = _rows([1, 1, None], ["a", "a", None], [1.5, 1.5, None], ["p", "p", None])


def _nested(rows: pa.Table) -> pa.Table:
    count = rows.num_rows
    lists = pa.array([None if n == 1 else [n, None] for n in range(count)], pa.list_(pa.int64()))
    structs = pa.array(
        [{"a": n, "b": [str(n)]} for n in range(count)],
        pa.struct([("a", pa.int32()), ("b", pa.list_(pa.string()))]),
    )
    maps = pa.array([[("k", float(n))] for n in range(count)], pa.map_(pa.string(), pa.float64()))
    return rows.append_column("l", lists).append_column("s", structs).append_column("m", maps)


SAMPLES = {
    "plain": Sample("orders", [FIRST, SECOND, THIRD]),
    "keyed": Sample("orders", [FIRST, SECOND, THIRD], key=["id"]),
    "partitioned": Sample("orders", [FIRST, SECOND, THIRD], key=["id"], partition_by=["grp"]),
    "by two": Sample("orders", [FIRST, SECOND], partition_by=["grp", "note"]),
    "doubled": Sample("orders", [FIRST, DOUBLED, DOUBLED]),
    "nested": Sample("orders", [_nested(FIRST), _nested(SECOND), _nested(THIRD)]),
    "nested and keyed": Sample(
        "orders", [_nested(FIRST), _nested(SECOND)], key=["id"], partition_by=["grp"]
    ),
    "empty": Sample("orders", [FIRST.slice(0, 0)], key=["id"]),
}

OTHER = Sample(
    "other",
    [
        pa.table(
            {
                "id": pa.array([1, 3, 5, 9, 20], pa.int64()),
                "grp": ["z", "a", None, "b", "y"],
                "x": [9.0, NAN, None, 1.0, 2.0],
            }
        )
    ],
)

STATEMENTS = (
    """
UPDATE orders SET x = 0 WHERE x IS NULL
UPDATE orders SET x = 0 WHERE x = 'nan'
UPDATE orders SET x = 'nan' WHERE id < 3
UPDATE orders SET note = upper(note)
UPDATE orders SET grp = 'moved' WHERE id IN (1, 6, 9)
UPDATE orders SET grp = NULL WHERE grp = 'a'
UPDATE orders SET id = id + 100 WHERE grp = 'b' AND id >= 5
UPDATE orders SET x = x WHERE id = 1
UPDATE orders SET (x, note) = (3, 'both') WHERE orders.id BETWEEN 2 AND 6
UPDATE orders AS o SET x = o.x + 1, note = o.note || '!' WHERE o.x > 1
UPDATE orders o SET note = (SELECT max(note) FROM orders i WHERE i.grp = o.grp)
UPDATE orders SET x = other.x FROM other WHERE other.id = orders.id
UPDATE orders o SET x = s.x FROM (SELECT id, x FROM other WHERE id > 2) AS s WHERE s.id = o.id
WITH s AS (SELECT id, 7 AS x FROM other) UPDATE orders SET x = s.x FROM s WHERE s.id = orders.id
UPDATE orders SET x = DEFAULT WHERE id = 3
UPDATE orders SET note = grp, grp = note WHERE id IN (1, 2)
UPDATE orders SET x = 1 WHERE id = 1000
UPDATE orders SET x = 1 WHERE (grp, id) IN (SELECT grp, id FROM other)
UPDATE "orders" SET "x" = 5 WHERE "grp" IS NOT NULL AND note IS NOT NULL
UPDATE ORDERS SET X = -1 WHERE ID = 4 AND GRP IS NULL
DELETE FROM orders
DELETE FROM orders WHERE grp = 'a'
DELETE FROM orders WHERE x > 1
DELETE FROM orders WHERE x IS NULL OR grp IS NULL
DELETE FROM orders WHERE id > 3 AND id <= 7
DELETE FROM orders WHERE id IN (SELECT id FROM other)
DELETE FROM orders o USING other WHERE o.id = other.id AND o.grp = 'a'
DELETE FROM orders AS o WHERE EXISTS (SELECT 1 FROM orders p WHERE p.id = o.id + 1)
WITH s AS (SELECT 5 AS id) DELETE FROM orders USING s WHERE orders.id = s.id
DELETE FROM orders WHERE note = 'it''s' OR note = ''
DELETE FROM orders WHERE x >= 2 AND x < 'nan'
TRUNCATE orders
INSERT INTO orders (id, grp) VALUES (50, 'n'), (51, NULL)
INSERT INTO orders BY NAME SELECT 60 AS id FROM range(0)
INSERT INTO orders BY NAME SELECT id + 70 AS id, grp FROM other
INSERT INTO orders BY NAME SELECT * FROM orders WHERE id < 4
INSERT INTO orders DEFAULT VALUES
INSERT INTO orders (note, x, id) SELECT 'c', x, id + 200 FROM other ORDER BY id LIMIT 2
WITH s AS (SELECT 300 AS id) INSERT INTO orders BY NAME FROM s
INSERT INTO orders AS o BY NAME (SELECT 90::TINYINT AS id, 1 AS x)
MERGE INTO orders USING other ON orders.id = other.id WHEN MATCHED THEN UPDATE SET x = other.x
MERGE INTO orders o USING other s ON o.id = s.id WHEN MATCHED THEN DELETE
MERGE INTO orders o USING other s USING (id) WHEN MATCHED THEN UPDATE SET grp = s.grp, x = s.x \
WHEN NOT MATCHED THEN INSERT (id, grp, x) VALUES (s.id, s.grp, s.x)
MERGE INTO orders o USING other s ON o.id = s.id WHEN MATCHED AND s.x > 1 THEN DELETE \
WHEN MATCHED THEN UPDATE SET note = 'kept' WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)
MERGE INTO orders o USING other s ON o.id = s.id WHEN NOT MATCHED BY SOURCE THEN DELETE
MERGE INTO orders o USING other s ON o.id = s.id AND o.grp = 'a' WHEN MATCHED \
THEN UPDATE SET x = 77 WHEN NOT MATCHED BY SOURCE AND o.x > 1 THEN UPDATE SET note = 'alone'
MERGE INTO orders o USING (SELECT 1 AS id UNION ALL SELECT 999) s ON o.id = s.id AND o.grp = 'a' \
WHEN MATCHED THEN UPDATE SET x = 55 WHEN NOT MATCHED BY TARGET THEN INSERT (id) VALUES (s.id)
WITH s AS (FROM other WHERE id > 4) MERGE INTO orders o USING s ON s.id = o.id \
WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED THEN INSERT (id, x) VALUES (s.id, s.x)
MERGE INTO orders o USING other s ON o.id = s.id WHEN MATCHED THEN UPDATE BY NAME \
WHEN NOT MATCHED AND s.id > 100 THEN ERROR
""".replace("\\\n", "")
    .strip()
    .splitlines()
)

NESTED = (
    """
UPDATE orders SET l = list_append(l, 7) WHERE id < 4
UPDATE orders SET m = MAP {'k': 0.5} WHERE grp = 'a'
UPDATE orders SET s = {'a': 1, 'b': []} WHERE s.a = 2
UPDATE orders SET l = NULL, grp = 'q' FROM other WHERE other.id = orders.id
UPDATE orders SET x = 3 WHERE len(l) > 1 RETURNING id
DELETE FROM orders WHERE l[1] = 2 OR m['k'] > 2
MERGE INTO orders o USING (SELECT 1 AS id, [4] AS l) n USING (id) \
WHEN MATCHED THEN UPDATE SET l = n.l
MERGE INTO orders o USING (FROM orders WHERE id < 3) n ON n.id = o.id WHEN MATCHED \
THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *
INSERT INTO orders BY NAME SELECT 70 AS id, [1] AS l, {'b': ['x'], 'a': 2} AS s
""".replace("\\\n", "")
    .strip()
    .splitlines()
)
