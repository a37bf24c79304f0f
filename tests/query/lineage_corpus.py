"""Queries whose lineage is known: tables, and per query what each column must be made from.

Expected is, per column of the result, the columns that values come from; then those that decide
rows. ``o``, ``i`` and ``c`` stand for the three tables. ``~`` marks a column that is approximate.
"""

from typing import NamedTuple

TABLES = {
    "orders": ("id", "cust", "day", "amount", "qty", "tags", "addr"),
    "items": ("id", "order_id", "sku", "price", "day"),
    "cust": ("cust", "name", "country"),
}

TYPES = {
    "orders": "id INT, cust INT, day DATE, amount DOUBLE, qty INT, tags VARCHAR[], "
    "addr STRUCT(city VARCHAR, zip INT)",
    "items": "id INT, order_id INT, sku VARCHAR, price DOUBLE, day DATE",
    "cust": "cust INT, name VARCHAR, country VARCHAR",
}


class Case(NamedTuple):
    """A query and its lineage.

    Attributes:
        columns: Per column of the result, in order: ``amount qty`` are columns of orders,
            ``i.price`` is one of items.
        rows: What decides rows.
    """

    sql: str
    columns: list[str]
    rows: str = ""


ALL_ORDERS = ["id", "cust", "day", "amount", "qty", "tags", "addr"]
EVERY_ORDER = " ".join(ALL_ORDERS)

CASES = {
    "star": Case("select * from orders", ALL_ORDERS),
    "star-exclude": Case(
        "select * exclude (qty) replace (amount*2 as amount) from orders",
        ["id", "cust", "day", "amount", "tags", "addr"],
    ),
    "star-rename": Case("select * rename (amount as amt) from orders", ALL_ORDERS),
    "cte-star": Case(
        "with a as (select * from orders), b as (select *, amount*qty as total from a) "
        "select day, sum(total) t from b group by day",
        ["day", "amount qty"],
        "day",
    ),
    "qualify": Case(
        "select id, amount, row_number() over (partition by cust order by day) rn from orders "
        "qualify rn = 1",
        ["id", "amount", "cust day"],
        "cust day",
    ),
    "pivot": Case(
        "pivot orders on qty using sum(amount) group by cust",
        ["cust", "amount qty", "amount qty", "amount qty", "amount qty"],
        "cust qty",
    ),
    "pivot-in": Case(
        "select * from (select cust, qty, amount from orders) "
        "pivot (sum(amount) for qty in (1, 2))",
        ["cust", "amount qty", "amount qty"],
        "cust qty",
    ),
    "unpivot": Case(
        "unpivot (select id, amount, qty::double as qty from orders) on amount, qty "
        "into name k value v",
        ["id", "", "amount qty"],
        "amount qty",
    ),
    "unpivot-in": Case(
        "from (select id, qty, cust from orders) unpivot (v for k in (qty, cust))",
        ["id", "", "qty cust"],
        "qty cust",
    ),
    "correlated": Case(
        "select o.id, (select max(price) from items i where i.order_id = o.id) mx from orders o",
        ["id", "id i.order_id i.price"],
    ),
    "exists": Case(
        "select id from orders o where exists (select 1 from items i where i.order_id = o.id)",
        ["id"],
        "id i.order_id",
    ),
    "using": Case(
        "select cust, name, amount from orders join cust using (cust)",
        ["cust c.cust", "c.name", "amount"],
        "cust c.cust",
    ),
    "using-star": Case(
        "select * from orders join cust using (cust)",
        ["id", "cust c.cust", "day", "amount", "qty", "tags", "addr", "c.name", "c.country"],
        "cust c.cust",
    ),
    "natural": Case(
        "select * from orders natural join cust",
        ["id", "cust c.cust", "day", "amount", "qty", "tags", "addr", "c.name", "c.country"],
        "cust c.cust",
    ),
    "from-first": Case(
        "from orders select day, sum(amount) s group by all", ["day", "amount"], "day"
    ),
    "from-only": Case("from orders", ALL_ORDERS),
    "group-all": Case(
        "select day, cust, sum(amount) from orders group by all",
        ["day", "cust", "amount"],
        "day cust",
    ),
    "lateral": Case(
        "select id, t.x from orders, lateral (select unnest(tags) as x) t", ["id", "tags"], "tags"
    ),
    "unnest": Case("select id, unnest(tags) as tag from orders", ["id", "tags"], "tags"),
    "struct": Case("select id, addr.city as city from orders", ["id", "addr"]),
    "struct-star": Case("select id, addr.* from orders", ["id", "addr", "addr"]),
    "columns": Case("select min(columns(*)) from orders", ALL_ORDERS),
    "columns-re": Case("select id, columns('am.*') from orders", ["id", EVERY_ORDER]),
    "union-by-name": Case(
        "select id, amount from orders union all by name select id, price as amount from items",
        ["id i.id", "amount i.price"],
    ),
    "asof": Case(
        "select o.id, i.price from orders o asof join items i on o.day >= i.day",
        ["id", "i.price"],
        "day i.day",
    ),
    "alias-lateral": Case("select amount*2 as a2, a2+1 as a3 from orders", ["amount", "amount"]),
    "window-named": Case(
        "select id, sum(amount) over w from orders window w as (partition by day)",
        ["id", "amount day"],
    ),
    "recursive": Case(
        "with recursive r as (select id, 1 as n from orders union all select id, n+1 from r "
        "where n<3) select * from r",
        ["id", "~"],
    ),
    "values": Case(
        "select * from (values (1,2)) t(a,b) join orders on a=id", ["", "", *ALL_ORDERS], "id"
    ),
    "list-comp": Case("select [upper(x) for x in tags] from orders", ["tags"]),
    "lambda": Case("select list_transform(tags, lambda x: upper(x)) as u from orders", ["tags"]),
    "semi": Case(
        "select o.id from orders o semi join items i on i.order_id=o.id",
        ["id"],
        "id i.order_id",
    ),
    "positional": Case(
        "select * from orders positional join items",
        [*ALL_ORDERS, "i.id", "i.order_id", "i.sku", "i.price", "i.day"],
    ),
    "count-star": Case("select day, count(*) n from orders group by day", ["day", ""], "day"),
    "summarize": Case("summarize orders", [f"~{EVERY_ORDER}"] * 12),
    "case-ident": Case("select ID, Amount from ORDERS", ["id", "amount"]),
    "func-table": Case("select * from range(3) t(i) join orders on i=id", ["", *ALL_ORDERS], "id"),
    "scalar-subquery": Case(
        "select id, amount / (select sum(amount) from orders) as share from orders",
        ["id", "amount"],
    ),
    "count-alone": Case("select count(*) from orders", ["~"]),
    "constant": Case("select 1 as one, 'x' as x from orders", ["~", "~"]),
    "distinct": Case("select distinct day, cust from orders", ["day", "cust"], "day cust"),
    "distinct-on": Case(
        "select distinct on (cust) cust, amount from orders order by cust, day",
        ["cust", "amount"],
        "cust day",
    ),
    "order-limit": Case(
        "select id, amount as a from orders order by a desc, 1 limit 2",
        ["id", "amount"],
        "amount id",
    ),
    "order-all": Case("select id, qty from orders order by all", ["id", "qty"], "id qty"),
    "group-number": Case(
        "select day, count(*) as n from orders group by 1 having sum(amount) > 3",
        ["day", ""],
        "day amount",
    ),
    "group-alias": Case(
        "select qty % 2 as odd, max(amount) from orders group by odd", ["qty", "amount"], "qty"
    ),
    "rollup": Case(
        "select day, cust, sum(qty) from orders group by rollup (day, cust)",
        ["day", "cust", "qty"],
        "day cust",
    ),
    "grouping-sets": Case(
        "select day, cust, sum(qty) from orders group by grouping sets ((day), (cust), ())",
        ["day", "cust", "qty"],
        "day cust",
    ),
    "filter": Case(
        "select cust, sum(amount) filter (where qty > 1) s from orders group by cust",
        ["cust", "amount qty"],
        "cust",
    ),
    "ordered-aggregate": Case(
        "select cust, string_agg(qty, ',' order by amount) s from orders group by cust",
        ["cust", "qty amount"],
        "cust",
    ),
    "case": Case(
        "select case when qty > 1 then amount else id end as v, if(cust = 1, qty, 0) w from orders",
        ["qty amount id", "cust qty"],
    ),
    "left-join": Case(
        "select o.id, i.price from orders o "
        "left join items i on i.order_id = o.id and i.day > o.day",
        ["id", "i.price"],
        "id day i.order_id i.day",
    ),
    "anti": Case("select id from orders o anti join items i using (id)", ["id i.id"], "id i.id"),
    "not-in": Case(
        "select id from orders where cust not in (select cust from cust where country = 'a')",
        ["id"],
        "cust c.cust c.country",
    ),
    "union": Case(
        "select id from orders union select order_id from items",
        ["id i.order_id"],
        "id i.order_id",
    ),
    "except": Case(
        "select id, cust from orders except select order_id, id from items",
        ["id i.order_id", "cust i.id"],
        "id cust i.order_id i.id",
    ),
    "intersect": Case(
        "select id from orders intersect all select order_id from items",
        ["id i.order_id"],
        "id i.order_id",
    ),
    "union-in-cte": Case(
        "with u(k, v) as (select id, amount from orders union all select id, price from items) "
        "select k, sum(v) from u group by k",
        ["id i.id", "amount i.price"],
        "id i.id",
    ),
    "recursive-tree": Case(
        "with recursive t(id, root, depth) as (select id, id, qty from orders where cust = 1 "
        "union all select i.order_id, t.root, t.depth + 1 from t join items i on i.id = t.id "
        "where t.depth < 4) select * from t",
        ["id i.order_id", "id", "qty"],
        "cust id i.id i.order_id qty",
    ),
    "lateral-correlated": Case(
        "select o.id, l.p from orders o, lateral (select max(price) p from items i "
        "where i.order_id = o.id) l",
        ["id", "i.price"],
        "i.order_id id",
    ),
    "window-frame": Case(
        "select id, avg(amount) over (partition by cust order by day rows 2 preceding) m "
        "from orders",
        ["id", "amount cust day"],
    ),
    "qualify-window": Case(
        "select id from orders window w as (partition by cust order by amount) "
        "qualify row_number() over w = 1",
        ["id"],
        "cust amount",
    ),
    "columns-exclude": Case(
        "select columns(* exclude (tags, addr, day, amount)) + 1 from orders",
        [EVERY_ORDER, EVERY_ORDER, EVERY_ORDER],
    ),
    "star-of-alias": Case(
        "select i.*, o.qty from orders o join items i on i.order_id = o.id",
        ["i.id", "i.order_id", "i.sku", "i.price", "i.day", "qty"],
        "i.order_id id",
    ),
    "row-as-a-whole": Case("select o from orders o", [EVERY_ORDER]),
    "subquery-names": Case(
        'select "sum(amount)" + 1 from (select cust, sum(amount) from orders group by cust)',
        ["amount"],
        "cust",
    ),
    "nested-ctes": Case(
        "with a as (with b as (select id, amount from orders) select * from b) "
        "select x.amount from a x where x.id > (select avg(id) from a)",
        ["amount"],
        "id",
    ),
    "shadowed-cte": Case(
        "with items as (select cust as order_id, qty as price from orders) select price from items",
        ["qty"],
    ),
    "arg-max": Case(
        "select cust, arg_max(amount, day) a from orders group by all",
        ["cust", "amount day"],
        "cust",
    ),
    "union-of-stars": Case(
        "select * from cust union all select * from cust", ["c.cust", "c.name", "c.country"]
    ),
    "alias-in-where": Case(
        "select amount * qty as total from orders where total > 5", ["amount qty"], "amount qty"
    ),
    "aliased-columns": Case(
        "select t.b, a from (select cust, name from cust) t(a, b)", ["c.name", "c.cust"]
    ),
    "unnest-from": Case(
        "select o.id, u.x from orders o, unnest(o.tags) as u(x)", ["id", "tags"], "tags"
    ),
    "join-in-parentheses": Case(
        "select o.id, c.name from orders o join (items i join cust c on c.cust = i.id) "
        "on i.order_id = o.id",
        ["id", "c.name"],
        "id i.order_id i.id c.cust",
    ),
    "any": Case(
        "select id from orders where amount > any (select price from items)",
        ["id"],
        "amount i.price",
    ),
    "in-list-of-columns": Case("select id, qty in (cust, 3) as b from orders", ["id", "qty cust"]),
    "lag": Case(
        "select id, lag(amount, 1, 0) over (order by day, id) l from orders",
        ["id", "amount day id"],
    ),
    "full-join": Case(
        "select id, o.amount, i.price from orders o full join items i using (id)",
        ["id i.id", "amount", "i.price"],
        "id i.id",
    ),
    "table-command": Case("table cust", ["c.cust", "c.name", "c.country"]),
}
