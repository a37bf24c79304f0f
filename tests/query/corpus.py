"""Queries over the small tables in all the forms that DuckDB has; every one of them runs."""

QUERIES: tuple[str, ...] = tuple(
    query.strip()
    for query in r"""
SELECT * FROM orders
;; SELECT id FROM orders o WHERE o.id = 5
;; SELECT orders.id, orders FROM orders WHERE orders.id > 3
;; SELECT ORDERS.ID FROM Orders
;; SELECT * FROM orders AS x(a, b, c) WHERE a < 3
;; SELECT x.a FROM orders x(a, b) WHERE x.b = 'c1'
;; SELECT "o".id FROM orders AS "o"
;; SELECT * FROM orders AS 'text alias' WHERE id = 1
;; SELECT * FROM "orders" WHERE "id" = 1
;; SELECT * FROM "order items"
;; SELECT "order items".id FROM"order items"WHERE id > 5
;; SELECT `order items`.id FROM `order items`
;; SELECT * FROM 'orders' WHERE id = 2
;; FROM orders
;; FROM orders SELECT id WHERE id < 4
;; FROM orders WHERE id = 5
;; FROM orders o, customers c SELECT o.id, c.name WHERE o.customer = c.customer
;; FROM o: orders SELECT o.id
;; FROM o : orders, c: customers SELECT o.id, c.id
;; TABLE orders
;; (TABLE orders)
;; TABLE "order items" UNION ALL SELECT id, 'x' FROM orders
;; SELECT (SELECT name FROM (TABLE customers) LIMIT 1) IS NULL FROM range(1)
   -- a comment; with a semicolon and orders@main
;; SELECT /* orders /* nested */ ; */ id FROM orders -- end
;; SELECT 'FROM orders', $$FROM orders$$, $tag$FROM orders; $$ $tag$, E'it\'s FROM orders' FROM orders
;; SELECT 'a''b;' AS x FROM orders WHERE customer <> ';'
;; SELECT o.id, c.name FROM orders o JOIN customers c USING (customer)
;; SELECT o.id, c.name FROM orders o LEFT JOIN customers c ON o.customer = c.customer AND c.id > 3
;; SELECT o.id, c.name FROM orders o RIGHT JOIN customers c USING (customer)
;; SELECT o.id, c.name FROM orders o FULL OUTER JOIN customers c USING (customer)
;; SELECT * FROM orders NATURAL JOIN "order items"
;; SELECT * FROM orders CROSS JOIN customers
;; SELECT * FROM orders, customers WHERE orders.customer = customers.customer
;; SELECT * FROM orders SEMI JOIN customers USING (customer)
;; SELECT * FROM orders ANTI JOIN "order items" USING (id)
;; SELECT * FROM orders ASOF JOIN customers ON orders.customer = customers.customer AND orders.id >= customers.id
;; SELECT * FROM orders o ASOF LEFT JOIN customers c USING (customer, id)
;; SELECT * FROM "order items" POSITIONAL JOIN customers
;; SELECT * FROM (orders o JOIN customers c USING (customer)) JOIN "order items" i ON i.id = o.id
;; SELECT * FROM orders o JOIN customers c JOIN "order items" i ON i.id = c.id ON o.id = i.id
;; SELECT n.id, o.amount - n.amount FROM orders n JOIN orders o USING (id)
;; SELECT * FROM (SELECT * FROM orders WHERE id = 3) AS s
;; SELECT * FROM ((SELECT id FROM orders) UNION ALL (SELECT id FROM customers)) AS u
;; FROM (FROM orders SELECT id)
;; SELECT (SELECT max(id) FROM orders), (FROM customers SELECT count(*))
;; SELECT * FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer = c.customer)
;; SELECT * FROM customers c WHERE EXISTS (FROM orders WHERE id = c.id)
;; SELECT * FROM customers WHERE id IN (SELECT id FROM orders) AND id NOT IN (SELECT id FROM "order items")
;; SELECT * FROM customers c WHERE (c.id, c.region) IN (SELECT id, region FROM orders)
;; SELECT * FROM orders WHERE id = ANY (SELECT id FROM customers) AND id > ALL ([1, 2])
;; SELECT * FROM orders o, LATERAL (SELECT name FROM customers c WHERE c.customer = o.customer) l
;; SELECT * FROM orders o LEFT JOIN LATERAL (SELECT max(id) AS m FROM customers c WHERE c.customer = o.customer) ON true
;; SELECT o.id, u.i FROM orders o, unnest(o.items) AS u(i)
;; SELECT id, unnest(items) FROM orders
;; WITH orders AS (SELECT 7 AS id) SELECT * FROM orders
;; WITH orders AS (SELECT id + 1 AS id FROM orders) SELECT * FROM orders
;; WITH ORDERS AS (SELECT 7 AS id) SELECT * FROM "orders", 'orders' AS p
;; WITH a AS (SELECT id FROM orders), orders AS (SELECT 7 AS id) SELECT * FROM a, orders
;; WITH a AS (WITH orders AS (SELECT 7 AS id) FROM orders) SELECT a.id, o.id FROM a, orders o
;; WITH a AS MATERIALIZED (SELECT id FROM orders), b(x) AS NOT MATERIALIZED (SELECT id FROM a) FROM b
;; WITH orders AS (SELECT 7 AS id) SELECT * FROM (SELECT * FROM orders) s, main.range(2)
;; WITH orders AS (SELECT 7 AS id) SELECT id FROM orders UNION ALL SELECT id FROM orders
;; (WITH orders AS (SELECT 7 AS id) SELECT id FROM orders) UNION ALL SELECT id FROM orders
;; SELECT * FROM (WITH orders AS (SELECT 7 AS id) FROM orders) a, orders b
;; WITH orders AS (SELECT 7 AS id) SELECT (SELECT max(id) FROM orders), s.id FROM sales.orders s
;; WITH RECURSIVE orders AS (SELECT id FROM orders WHERE id = 3 UNION ALL SELECT id - 1 FROM orders WHERE id > 1) FROM orders
;; WITH RECURSIVE orders AS ((SELECT 3 AS id UNION ALL SELECT id - 1 FROM orders WHERE id > 1)) FROM orders
;; WITH RECURSIVE orders AS (SELECT 3 AS id UNION ALL BY NAME SELECT id FROM orders) FROM orders
;; WITH RECURSIVE orders AS (SELECT id FROM orders EXCEPT SELECT id + 1 FROM orders) FROM orders
;; WITH RECURSIVE orders AS (SELECT id FROM orders WHERE id = 2 UNION ALL SELECT id FROM orders WHERE id = 9 UNION ALL SELECT id + 1 FROM orders WHERE id = 2) FROM orders
;; WITH RECURSIVE orders AS (SELECT id, 0 AS n FROM orders), r AS (SELECT 1 AS i UNION SELECT i + 1 FROM r, orders WHERE i < 3) SELECT * FROM r, orders
;; WITH RECURSIVE orders(id) USING KEY (id) AS (SELECT 1 UNION SELECT id + 1 FROM recurring.orders WHERE id < 3) FROM orders
;; WITH RECURSIVE t AS (WITH q AS (SELECT id FROM orders) SELECT min(id) AS id FROM q UNION ALL SELECT id + 1 FROM t WHERE id < (SELECT count(*) FROM orders)) FROM t
;; SELECT id FROM orders UNION SELECT id FROM customers EXCEPT SELECT id FROM "order items"
;; SELECT id, day FROM orders UNION ALL BY NAME SELECT name, id FROM customers
;; SELECT id FROM orders INTERSECT SELECT id FROM customers ORDER BY 1 LIMIT 3
;; SELECT id FROM orders EXCEPT ALL FROM (VALUES (1), (2)) v(id)
;; PIVOT orders ON customer USING sum(amount) GROUP BY region
;; PIVOT orders AS o ON customer IN ('c1', 'c2') USING count(*) GROUP BY day
;; PIVOT (SELECT customer, region, amount FROM orders) ON customer USING sum(amount)
;; SELECT * FROM (PIVOT orders ON customer USING count(*) GROUP BY region) AS p
;; FROM orders PIVOT (sum(amount) FOR customer IN ('c1', 'c2') GROUP BY region)
;; SELECT p.region FROM orders AS o PIVOT (sum(amount) FOR customer IN ('c1') GROUP BY region) AS p
;; UNPIVOT customers ON region, id INTO NAME n VALUE v
;; SELECT * FROM customers UNPIVOT (v FOR n IN (region, id))
;; UNPIVOT (SELECT region, id FROM orders) ON COLUMNS(*) INTO NAME n VALUE v
;; DESCRIBE orders
;; DESC orders
;; SHOW "order items"
;; DESCRIBE TABLE orders
;; DESCRIBE SELECT id FROM orders
;; DESCRIBE (FROM orders)
;; SUMMARIZE customers
;; SUMMARIZE SELECT id FROM orders
;; SUMMARIZE TABLE customers
;; SELECT column_name FROM (DESCRIBE orders)
;; SELECT min FROM (SUMMARIZE "order items")
;; SELECT column_name FROM (DESCRIBE SELECT * FROM orders)
;; SELECT * FROM (SHOW customers)
;; VALUES (1, (SELECT max(id) FROM orders))
;; SELECT * FROM (VALUES (1), (2)) AS v(id) JOIN orders USING (id)
;; SELECT customer, count(*), sum(amount) FROM orders GROUP BY ALL ORDER BY ALL
;; SELECT customer, count(*) FILTER (WHERE id > 3) FROM orders GROUP BY customer HAVING count(*) > 2
;; SELECT region, customer, count(*) FROM orders GROUP BY GROUPING SETS ((region), (customer)), ()
;; SELECT region, customer, GROUPING(region) FROM orders GROUP BY ROLLUP (region, customer)
;; SELECT id, row_number() OVER (PARTITION BY customer ORDER BY id DESC) AS n FROM orders QUALIFY n = 1
;; SELECT id, lag(id IGNORE NULLS) OVER w FROM orders WINDOW w AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
;; SELECT list_transform(items, lambda x: x + 1), list_filter(items, lambda x, i: x > i) FROM orders
;; SELECT [x * 2 FOR x IN items IF x > 3], [x FOR x IN items] FROM orders
;; SELECT list_reduce(items, lambda a, b: a + b) FROM orders
;; SELECT o.o.a, (o.o).a, o.o['a'], orders.a FROM orders AS o, (SELECT {'a': 5} AS orders LIMIT 1)
;; SELECT {'a': id, 'b': [id]}.b[1], MAP {'k': id}['k'], items[1:2], items[-1] FROM orders
;; SELECT * EXCLUDE (items, o) REPLACE (id + 1 AS id) RENAME (customer AS who) FROM orders
;; SELECT orders.* EXCLUDE items FROM orders
;; SELECT COLUMNS('i.*'), COLUMNS(lambda c: c LIKE 'c%'), COLUMNS(* EXCLUDE (o)) FROM orders
;; SELECT min(COLUMNS(['id', 'amount'])) FROM orders
;; SELECT * LIKE 'c%' FROM orders
;; SELECT x: id, y: x + 1 FROM orders
;; SELECT id AS x, x + 1 AS y FROM orders WHERE x > 3
;; SELECT DISTINCT ON (customer) customer, id FROM orders ORDER BY customer, id
;; SELECT id FROM orders ORDER BY id DESC NULLS LAST LIMIT 10% OFFSET 1
;; SELECT id FROM orders ORDER BY id FETCH FIRST 3 ROWS ONLY
;; SELECT @id, @(-id), - @id, abs(id) FROM orders WHERE @id > 3 AND id BETWEEN@id AND@id
;; SELECT@id FROM orders ORDER BY@id
;; SELECT items @> [1], items <@ [1, 2], customer ^@ 'c', items @>[2] FROM orders WHERE items@>[3]
;; SELECT id ** 2, id ^ 2, ~id, id << 1, id & 3, id | 1, xor(id, 1), id // 2, id % 2, -id FROM orders
;; SELECT customer ~ 'c.*', customer LIKE 'c%' ESCAPE '!', customer ILIKE 'C%', customer GLOB 'c*', customer SIMILAR TO 'c.' FROM orders
;; SELECT day + INTERVAL 1 DAY, DATE '2024-01-01' + INTERVAL '2' MONTH, TIMESTAMP '2024-01-01 00:00:00' FROM orders
;; SELECT extract(year FROM day), date_part('month', day), date_trunc('month', day), substring(customer FROM 2), trim(both 'c' FROM customer), position('c' IN customer) FROM orders
;; SELECT id::VARCHAR, CAST(id AS DOUBLE), TRY_CAST(customer AS INTEGER), id::DECIMAL(10, 2)::INTEGER FROM orders
;; SELECT CASE WHEN id > 3 THEN 'a' ELSE 'b' END, CASE id WHEN 1 THEN 2 END, coalesce(region, 0), ifnull(region, 1), nullif(id, 1) FROM orders
;; SELECT id IS DISTINCT FROM region, region IS NOT NULL, region ISNULL, region NOTNULL, id IN (1, 2), id IN items FROM orders
;; SELECT string_agg(DISTINCT customer, ',' ORDER BY customer), list(id ORDER BY id DESC), arg_max(id, amount), max(id, 2), quantile_cont(id, 0.5), histogram(region) FROM orders
;; SELECT struct_pack(a := id), row(id, 1), to_json(o), o->'$.a', json_extract(to_json(o), '$.a') FROM orders
;; SELECT id, (id, customer) = (1, 'c1') FROM orders WHERE (id, customer) <> (1, 'c1')
;; SELECT customer COLLATE nocase, customer = 'C1' COLLATE nocase FROM orders
;; SELECT 1_000, 1e3, .5, 5., 0.1e-2, 100::UTINYINT, 'x'||'y' FROM orders LIMIT 1
;; SELECT #1, #2 FROM (SELECT id, customer FROM orders)
;; SELECT sales.orders.id, sales.orders.kind FROM sales.orders WHERE sales.orders.id > 0
;; SELECT orders.id, orders.orders FROM sales.orders
;; SELECT s.id, o.id FROM sales.orders s JOIN orders o ON o.id = s.id
;; SELECT t.customer.a FROM (SELECT {'a': 1} AS customer) t, orders LIMIT 2
;; SELECT key, value, day, type FROM (SELECT id AS key, id AS value, day, id AS type FROM orders)
;; SELECT count(*) FROM orders date JOIN customers text ON date.customer = text.customer
;; SELECT id FROM orders year WHERE year.id = 3
;; SELECT * FROM range(3) t(i) JOIN orders ON orders.id = t.i
;; SELECT count(*) FROM generate_series(1, (SELECT max(id) FROM orders)) g(i), orders WHERE g.i = orders.id
;; EXPLAIN SELECT 1 FROM orders WHERE false
;; SELECT 1 AS "from", 2 AS "@main", 'orders@main' AS "orders@main"
;; SELECT id FROM orders WHERE customer = 'a@b' OR customer = 'orders@main'
;; SELECT id FROM orders WHERE id=1AND region=1
;; SELECT id FROM orders WHERE x'AB' IS NOT NULL AND E'\'' <> '' AND b'01' IS NOT NULL
;; SELECT (id).a FROM (SELECT o AS id FROM orders)
;; SELECT TRY(1 / id), id IS NOT DISTINCT FROM 1, NOT id = 3, id NOT BETWEEN 2 AND 4 FROM orders
;; SELECT id FROM orders GROUP BY id HAVING id > (SELECT avg(id) FROM orders)
;; SELECT ALL id FROM orders
;; SELECT ARRAY[id, 1], ARRAY(SELECT id FROM customers WHERE id = 3) FROM orders
;; SELECT CAST(o AS STRUCT(a BIGINT, id BIGINT)), o::STRUCT(a INT, id INT).a FROM orders
;; SELECT year(day), day FROM orders WHERE day >= '2024-01-03' AND day < DATE '2024-01-05'
;; SELECT customer, sum(amount) OVER (PARTITION BY customer ORDER BY day RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW) FROM orders
;; SELECT o FROM orders o WHERE o.id = 1
;; SELECT id FROM orders WHERE id = 5 OR id = 6 LIMIT (SELECT 1)
""".split("\n;; ")
)
"""Each runs on the tables of ``tables``."""

DOUBTFUL: tuple[str, ...] = (
    "SELECT * FROM (orders)",
    "SELECT z.id FROM (orders) AS z",
    "SELECT * FROM (orders AS o)",
)
"""What some versions of DuckDB take and others refuse: parentheses around one table alone."""
