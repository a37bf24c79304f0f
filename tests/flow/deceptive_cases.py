"""Queries made to deceive the analysis, by hand; for the tables of ``partition_tables``."""

REFUSED: tuple[tuple[str, str], ...] = (
    (
        "select p, random() as r from o",
        "random() may give another result with each call",
    ),
    (
        'select p, "random"() as r from o',
        "random()",
    ),
    (
        "select p, uuid() as r from o",
        "uuid()",
    ),
    (
        "select p, now() as r from o",
        "now() reads the clock",
    ),
    (
        "select p, current_date as r from o",
        "current_date",
    ),
    (
        "select p, getvariable('x') as r from o",
        "getvariable() reads the session",
    ),
    (
        "select p, v.abs() as r from o",
        "v.abs()",
    ),
    (
        "select p, rowid as r from o",
        "rowid is not a column",
    ),
    (
        "select p, filename from o",
        "filename is not a column",
    ),
    (
        "select p, some_macro(v) as r from o",
        "some_macro()",
    ),
    (
        "select * from read_csv('x.csv')",
        "read_csv()",
    ),
    (
        "select * from query('select 1')",
        "query()",
    ),
    (
        "select * from 'x.parquet'",
        "not a table of the catalog",
    ),
    (
        "select p, v from nowhere.o",
        "nowhere.o is not a table",
    ),
    (
        "select * from o tablesample 10%",
        "SAMPLE",
    ),
    (
        "select * from o using sample 3 rows",
        "SAMPLE",
    ),
    (
        "select p, any_value(v) as a from o group by p",
        "any_value()",
    ),
    (
        "select p, arg_max(v, id) as a from o group by p",
        "arg_max()",
    ),
    (
        "select p, mode(v) as a from o group by p",
        "mode()",
    ),
    (
        "select p, list(v) as a from o group by p",
        "list() without ORDER BY",
    ),
    (
        "select p, string_agg(c, ',') as a from o group by p",
        "string_agg() without ORDER BY",
    ),
    (
        "select p, array(select w from i where i.p = o.p) as a from o",
        "array()",
    ),
    (
        "select p, columns('id') from o",
        "COLUMNS",
    ),
    (
        "select * from (summarize o)",
        "summarize",
    ),
    (
        "select * from (describe o)",
        "describe",
    ),
    (
        "select * from (show o)",
        "show",
    ),
    (
        "with recursive r as (select p from o) select * from r",
        "WITH RECURSIVE",
    ),
    (
        "select c as x, p collate nocase as p from o",
        "COLLATE",
    ),
    (
        "select p, id from o where p = $1",
        "$1",
    ),
    (
        "select p, id from o where p = ?",
        "?",
    ),
    (
        "select #1 as p from o",
        "#1",
    ),
    (
        "select p, id from o@main",
        "ref",
    ),
    (
        "select p, id from o at (version => 'main')",
        "ref",
    ),
    (
        "select p, id from o; select 1",
        "exactly one SELECT",
    ),
    (
        "create table x as select p from o",
        "exactly one SELECT",
    ),
    (
        "insert into o select * from o",
        "exactly one SELECT",
    ),
    (
        "copy (select p from o) to 'x'",
        "exactly one SELECT",
    ),
    (
        "with x as (insert into o select * from i returning *) select * from x",
        "",
    ),
    (
        "select p, row_number() over () as r from o",
        "row_number()",
    ),
    (
        "select p, row_number() over (partition by p) as r from o",
        "row_number() depends on the order",
    ),
    (
        "select p, (select sum(o.v)) as s from o group by p",
        "query around it",
    ),
    (
        "select p, (select sum(v) from d) as s from o group by p",
        "query around it",
    ),
    (
        "select max(p) as p from o",
        "aggregate without GROUP BY",
    ),
    (
        "select 1 as p from o having true",
        "aggregate without GROUP BY",
    ),
    (
        "select p, id from o order by id limit 3",
        "LIMIT",
    ),
    (
        "select p, id from o limit 0",
        "LIMIT",
    ),
    (
        "select p, id from o order by id offset 1",
        "LIMIT",
    ),
    (
        "select o.p from o positional join i",
        "POSITIONAL JOIN",
    ),
    (
        "select distinct on (p) p, id from o",
        "DISTINCT ON without ORDER BY",
    ),
    (
        "pivot o on c using sum(v) group by p",
        "list them with IN",
    ),
    (
        "select k.p, v from k left join o using (p)",
        "LEFT JOIN",
    ),
    (
        "select p, v from k full join o using (p)",
        "FULL JOIN",
    ),
    (
        "select o.p, v from o right join k on o.p = k.p",
        "RIGHT JOIN",
    ),
    (
        "select p from o union all select n from d",
        "UNION",
    ),
    (
        "select p, n from k except select p, id from o",
        "EXCEPT",
    ),
    (
        "select day::varchar as d from e union all select c from d",
        "UNION",
    ),
    (
        "select p / 2 as m, sum(v) as s from o group by all",
        "GROUP BY",
    ),
    (
        "select strftime(day, '%c') as m, sum(x) as s from e group by 1",
        "GROUP BY",
    ),
    (
        "select s.p as m, count(*) as n from o group by s.p",
        "GROUP BY",
    ),
    (
        "select day, x - lag(x) over (partition by id order by day) as d from e",
        "lag()",
    ),
    (
        "select p, id from o where id in (select id from o where v > 2)",
        "subquery",
    ),
)
"""Queries that must be refused, and what the reason says."""

MODELS: tuple[tuple[str, dict[str, str]], ...] = (
    (
        "with a as (select *, date_trunc('month', day) as m from e), b as (select m, "
        "sum(x) as s from a group by m) select m, s from b",
        {"e": "DATE_TRUNC('MONTH', \"day\")"},
    ),
    (
        "with flights as (select * from e), dim as (select * from cal), joined as "
        "(select f.*, d.m from flights f left join dim d using (day)), monthly as "
        "(select date_trunc('month', day) as month, id, count(*) as n, sum(x) as "
        "total from joined group by 1, 2) select month, id, n, total, rank() over "
        "(partition by month order by total desc) as rnk from monthly",
        {"e": "DATE_TRUNC('MONTH', \"day\")"},
    ),
    (
        "with src as (select * from e), ranked as (select *, row_number() over "
        "(partition by day, id order by x, id) as rn from src) select day, id, x from "
        "ranked where rn = 1",
        {"e": '"day"'},
    ),
    (
        "select day, x from e union all select day, y from g",
        {"e": '"day"', "g": '"day"'},
    ),
    (
        "select date_trunc('month', e.day) as m, sum(x * y) as s from e join g using "
        "(day, id) group by 1",
        {"e": "DATE_TRUNC('MONTH', \"day\")", "g": "DATE_TRUNC('MONTH', \"day\")"},
    ),
    (
        "select cast(date_trunc('month', day) as date) as m, count(*) as n from e group by 1",
        {"e": "CAST(DATE_TRUNC('MONTH', \"day\") AS DATE)"},
    ),
    (
        "select date_trunc('month', day)::date as m, count(*) as n from e group by all",
        {"e": "CAST(DATE_TRUNC('MONTH', \"day\") AS DATE)"},
    ),
    (
        "select o.p, i.w from o, i, d where o.p = i.p and o.c = d.c",
        {"o": '"p"', "i": '"p"'},
    ),
    (
        "select coalesce(a.day, b.day) as day, s, t from (select day, sum(x) as s "
        "from e group by day) a full join (select day, sum(y) as t from g group by "
        "day) b on a.day = b.day",
        {"e": '"day"', "g": '"day"'},
    ),
    (
        "select cal.day, sum(x) as s, sum(y) as t from cal join e on e.day = cal.day "
        "join g on g.day = cal.day group by cal.day",
        {"e": '"day"', "g": '"day"'},
    ),
    (
        "select o.p, t.w from o left join lateral (select w from i where i.p = o.p "
        "order by w limit 1) t on true",
        {"o": '"p"', "i": '"p"'},
    ),
    (
        "select year(day) as y, sum(x) as s from e group by 1",
        {"e": 'YEAR("day")'},
    ),
    (
        "select coalesce(day, date '1970-01-01') as day, sum(x) as s from e group by 1",
        {"e": "COALESCE(\"day\", CAST('1970-01-01' AS DATE))"},
    ),
    (
        "select coalesce(p, 0) as p, sum(v) as s from o group by 1",
        {"o": 'COALESCE("p", 0)'},
    ),
    (
        "select p, unnest(l) as u from o",
        {"o": '"p"'},
    ),
    (
        "from o select p, sum(v) as s group by p",
        {"o": '"p"'},
    ),
    (
        "select p, x from (pivot (select p, c, v from o) on c in ('x', 'y') using "
        "sum(v) group by p) where x > 1",
        {"o": '"p"'},
    ),
    (
        "select p, grouping(c) as g, quantile_cont(v, 0.5) as q from o group by p, rollup(c)",
        {"o": '"p"'},
    ),
)
"""Queries as people write them, and the carriers of their tables."""

DECEPTIVE: tuple[str, ...] = (
    "with o as (select id as p, v from o) select p, sum(v) s from o group by p",
    "with o as (select * from i) select p, count(*) n from o group by p",
    "select id as p, p as z, sum(v) s from o group by all",
    "select id as p, count(*) n from o group by 1",
    "select s.p, count(*) n from o group by s.p",
    "select s.p as p from o s",
    "select o.s.p as p, count(*) n from o group by all",
    "select p as id, id as p from o",
    'select "P", count(*) as n from O group by "p"',
    "select t.p from (select id as p from o) t",
    "select x as p, count(*) as n from o t(x, p) group by all",
    "select p, count(*) as n from o t(p, x) group by all",
    "select p from o where p = (select max(p) from k)",
    "select p, exists(select 1 from i where p = o.p) as e from o",
    "select p, exists(select 1 from i where p = p) as e from o",
    (
        "select p, exists(select 1 from i where i.p = o.p and w > any(select w from i "
        "i2 where i2.p = i.p)) as e from o"
    ),
    (
        "select p, exists(select 1 from i where i.id = o.id and exists (select 1 from "
        "i j where j.p = i.p and i.p = o.p)) as e from o"
    ),
    (
        "select p, exists(select 1 from d where d.c = o.c and exists (select 1 from i "
        "where i.p = o.p and i.c = d.c)) as e from o"
    ),
    (
        "select p, exists(select 1 from d where d.c = o.c and exists (select 1 from i "
        "where i.c = d.c)) as e from o"
    ),
    (
        "select p, (select count(*) from (select p from i union all select p from i) "
        "u where u.p = o.p) as n from o"
    ),
    (
        "select p, (select count(*) from (select p, count(*) as m from i group by p) "
        "u where u.p = o.p) as n from o"
    ),
    ("select p, (with z as (select * from i where i.p = o.p) select count(*) from z) as n from o"),
    ("select p, (with z as (select * from i) select count(*) from z where z.p = o.p) as n from o"),
    "select p, id from o where p in (select p from i)",
    "select p, id from o where p not in (select p from i)",
    "select p, id from o where not (p in (select p from i))",
    "select p, id from o where p in (select p from i) or id = 1",
    "select p, id from o where p in (select id from i)",
    "select p, id from o where (p, id) in (select p, id from i)",
    "select p, id from o where id in (select id from i where i.p = o.p)",
    "select p, id from o where id not in (select id from i where i.p = o.p)",
    "select p, id from o where v > all(select w from i where i.p = o.p)",
    "select p, id from o where id = any(select w from i)",
    "select o.p, i.w from o, i where o.p = i.p",
    "select o.p, i.w from o, d, i where o.p = i.p and o.c = d.c",
    "select o.p, i.w from o cross join i where i.p is not distinct from o.p",
    "select o.p, i.w from o, i left join d on i.c = d.c where o.p = i.p",
    "select o.p, i.w from o, i right join d on i.c = d.c where o.p = i.p",
    "select i.p, o.v from o right join i using (p)",
    "select p, o.v from o right join i using (p)",
    "select o.p, o.v from o right join i using (p)",
    (
        "select p, o.v, w from o full join i using (p) full join (select distinct p, "
        "id as z from o) t using (p)"
    ),
    "select p, o.v, w from o full join i using (p) left join k using (p)",
    "select p, o.v from k left join o using (p)",
    "select p, o.v from k right join o using (p)",
    "select p, o.v from k full join o using (p)",
    "select k.p, o.v from k join o using (p)",
    "select k.p, sum(o.v) s from k join o on o.p = k.p group by k.p",
    "select k.p, sum(o.v) s from o left join k on o.p = k.p group by k.p",
    "select o.p, i.w from o join k on o.p = k.p join i on i.p = k.p",
    "select o.p, i.w from o left join k on o.p = k.p left join i on i.p = k.p",
    "select coalesce(o.p, i.p) as p, o.v, i.w from o full join i on o.p = i.p",
    ("select coalesce(i.p, o.p) as p, o.v, i.w from o full join i on o.p is not distinct from i.p"),
    "select coalesce(o.p, i.p) as p from o full join i on o.id = i.id",
    (
        "select coalesce(o.p, i.p) as p, k.n from o full join i on o.p = i.p left "
        "join k on k.p = coalesce(o.p, i.p)"
    ),
    (
        "select coalesce(o.p, i.p) as p, k.n from o full join i on o.p = i.p right "
        "join k on k.p = o.p"
    ),
    "select coalesce(o.p, i.p, 0) as p from o full join i on o.p = i.p",
    "select coalesce(o.p, i.p) as p from o left join i on o.p = i.p",
    "select ifnull(o.p, i.p) as p, o.v, i.w from o full join i on o.p = i.p",
    "select p, w from o natural join i",
    "select p, w from o natural left join i",
    "select * from o semi join i using (p)",
    "select * from o anti join i on o.p = i.p and o.id = i.id",
    "select o.p, i.w from o join i on o.p = i.p and o.id = i.id or o.v = 1",
    "select o.p, i.w from o join i on (o.p = i.p) and (o.id = i.id or o.v = 1)",
    "select o.p, i.w from o join i on not (o.p <> i.p)",
    "select o.p, i.w from o join i on o.p::varchar = i.p::varchar",
    "select o.p, i.w from o join i on o.p = i.p::bigint",
    "select o.p//2 as m, i.p as ip, i.w from o join i on o.p//2 = i.p//2",
    "select i.p as m, i.w from o join i on o.p//2 = i.p//2",
    "select o.p + i.p as m, i.w from o join i on o.p//2 = i.p//2",
    "select greatest(o.p, i.p) as m, i.w from o join i on o.p = i.p",
    ("select (o.p//2) as m, count(*) n from o join i on o.p//2 = i.p//2 group by i.p//2, 1"),
    "select x.p, y.w from (o join d using (c)) x left join i y on x.p = y.p",
    "select p, w from (o join i using (p))",
    "select p, w from ((o join i using (p)) join d on true)",
    ("select o.p, t.w from o, lateral (select w from i where i.p = o.p order by w limit 1) t"),
    "select o.p, t.w from o, (select sum(w) w from i where i.p = o.p) t",
    ("select o.p, t.w from o, (select p, sum(w) w from i group by p) t where t.p = o.p"),
    ("select o.p, t.w from k, lateral (select w from i where i.p = k.p) t, o where o.p = k.p"),
    "select k.p, t.w from k, lateral (select w, p from i where i.p = k.p) t",
    "select t.p, t.w from k, lateral (select w, p from i where i.p = k.p) t",
    ("select k.p, t.w from k left join lateral (select w, p from i where i.p = k.p) t on true"),
    "select p as a, a as b, b as z, sum(v) as s from o group by all",
    "select p as z, (select max(w) from i where i.p = z) as m from o",
    "select id as z, (select max(w) from i where i.p = z) as m, p from o",
    "select p from o p",
    "select p.p from o p",
    "select o.p from o as i, i as o where i.p = o.p",
    "select p, sum(v) as s from o group by (1)",
    "select p, c from o group by p, c order by count(*)",
    "select p, count(*) over (partition by p) as n from o group by p, c",
    "select p, sum(sum(v)) over (partition by p) as n from o group by p, c",
    "select p, sum(sum(v)) over (partition by c) as n from o group by p, c",
    (
        "select p, sum(v) over (w rows between 1 preceding and current row) as s from "
        "o window w as (partition by p order by id)"
    ),
    ("select p, sum(v) over w2 as s from o window w as (partition by p), w2 as (w order by id)"),
    "select p, sum(v) over w2 as s from o window w as (order by id), w2 as (w)",
    "select p, list_transform([1], lambda p: p + 1)[1] as q from o",
    "select list_transform([1], lambda p: p + 1)[1] as p from o",
    "select p, [x for x in l if x > 1] as q from o",
    "select p, [p for p in l] as q from o",
    "select p, u.x from o, unnest(o.l) as u(x)",
    "select p, u from o, unnest(l) as u",
    "select u.p from o, unnest(l) as u(p)",
    "select p, r from o, range(p) as t(r)",
    "select p, v from o where p in (1, 2) and v > (select avg(n) from d)",
    "select p, v from o where p in ((select max(p) from o), 2)",
    ("select case when p = 1 then (select max(w) from i where i.p = o.p) end as m, p from o"),
    "select p, count(*) filter (where v > 1) as n from o group by p",
    ("select p, count(*) filter (where v > (select max(n) from d)) as n from o group by p"),
    "select p, id from o order by row_number() over (order by id)",
    ("select p from o qualify row_number() over (partition by p order by id, c, v, l) = 1"),
    "select p::bigint as p, id from o union all select p, id from i",
    "select p from o union all select null from d",
    "select p, id from o union all by name select id, w from i",
    "select p, id from o union all by name select id, p from i",
    "select p, id from o intersect select p, n from k",
    "select p, id from o except select p, n from k",
    "select p, n from k union select p, id from o",
    "select p from o intersect all select id from i",
    "select id, p from o union all select p, id from i",
    "(select p, id from o) union (select p, w from i order by w)",
    ("select p, id from (select p, id from o union all select p, w from i) t where p > 0"),
    ("select p, id from (select p, id from o union all select p, w from i limit 3) t"),
    "select p, id from o where exists (select 1 from d order by n limit 1)",
    "select p, (select n from d order by n, c limit 1) as n from o",
    "select p, (select n from d limit 1) as n from o",
    "select p, current_timestamp as r from o",
    "select p, version() as r from o",
    "select p, count(*) as n, any_value(v) as a from o group by p",
    "select p, first(v order by id) as a from o group by p",
    "select p, string_agg(c, ',' order by c) as a from o group by p",
    "select p, list(distinct v order by v) as a from o group by p",
    ("select p, median(v) as a, quantile_cont(v, 0.5) as b, max(v, 2) as m2 from o group by p"),
    "select p, columns('v') from o",
    "select columns(*) from o",
    "select p, columns('id|v') + 1 from o",
    "select max(columns(*)) from o",
    "select * like 'p%' from o",
    ("with recursive r as (select p from o union all select p from r where false) select * from r"),
    "select o.p, count(*) as n from o, o as o2 where o.p = o2.p group by o.p",
    "select p, sum(v) as s from o group by grouping sets ((p, c), (p))",
    "select p, sum(v) as s from o group by grouping sets ((p, c), (p), (c))",
    ("select p, p//2 as h, sum(v) as s from o group by grouping sets ((p, p//2), (p))"),
    ("select p//2 as h, sum(v) as s from o group by grouping sets ((p, p//2), (p//2))"),
    "select p, sum(v) as s from o group by cube(c), p",
    "select p, sum(v) as s from o group by p, cube(c), rollup(id)",
    "select p, grouping(c) as g, sum(v) as s from o group by p, rollup(c)",
    "select distinct on (p, c) p, c, v from o order by v, id",
    "select distinct on (z) p as z, c, v from o order by v, id",
    "select distinct on (p) id as p, v from o order by v",
    "select distinct on (p//2) p, v from o order by v, p",
    "select distinct on (p) p//2 as m, v from o order by v, p",
    "select distinct c, p from o",
    "select distinct (p, c) as t from o",
    "select p from o group by p having true",
    "select p from o group by p having exists (select 1 from i where i.p = o.p)",
    ("select p from o group by p having exists (select 1 from i where i.id = max(o.id))"),
    "select p, (select count(*) from i where i.p = o.p) as n from o group by p",
    "values (1), (2)",
    "select 1 as p",
    "from o",
    "table o",
    "pivot o on c in ('x', 'y') using sum(v) group by p",
    "pivot o on c in ('x', 'p') using sum(v) group by p",
    "select p from o pivot (sum(v) for c in ('x', 'y') group by p)",
    "select * from (select p, c, v from o) pivot (sum(v) for c in ('x', 'y'))",
    "select * from (select id, c, v from o) pivot (sum(v) for c in ('x', 'y'))",
    "unpivot (select p, id, v from o) on id, v into name n value val",
    "select p, id from o where p = 1 limit 5",
    (
        "select p, id from o where v = (select w from i where i.p = o.p and i.id = "
        "o.id order by w limit 1)"
    ),
    ("select p, quantile_cont(v, 0.5) as q, grouping(c) as g from o group by p, rollup(c)"),
    "select date_trunc('month', day) as m, count(*) as n from e group by 1",
    (
        "select date_trunc('month', e.day) as m, sum(x * y) as s from e join g on "
        "date_trunc('month', e.day) = date_trunc('month', g.day) group by 1"
    ),
    ("select m, sum(x) as s from (select date_trunc('month', day) as m, x from e) group by m"),
    (
        "with a as (select *, date_trunc('month', day) as m from e), b as (select *, "
        "date_trunc('month', day) as m from g) select m, a.x, b.y from a join b using "
        "(m)"
    ),
    (
        "with a as (select *, date_trunc('month', day) as m from e), b as (select m, "
        "sum(x) as s from a group by m) select date_trunc('year', m) as yr, sum(s) as "
        "t from b group by all"
    ),
    (
        "with a as (select *, date_trunc('month', day) as m from e) select "
        "date_trunc('year', day) as yr, m, sum(x) as t from a group by all"
    ),
    "select year(day) as y, month(day) as mo, sum(x) as s from e group by all",
    "select extract(year from day) as y, sum(x) as s from e group by 1",
    "select date_part('month', day) as y, sum(x) as s from e group by 1",
    "select strftime(day, '%Y-%m') as mo, sum(x) as s from e group by 1",
    "select day::varchar as mo, sum(x) as s from e group by 1",
    "select day::timestamp as mo, sum(x) as s from e group by 1",
    "select last_day(day) as mo, sum(x) as s from e group by 1",
    "select yearweek(day) as mo, sum(x) as s from e group by 1",
    "select dayofweek(day) as mo, sum(x) as s from e group by 1",
    "select strftime(day, '%c') as mo, sum(x) as s from e group by 1",
    "select day + 1 as mo, sum(x) as s from e group by 1",
    (
        "select date_trunc('month', day) as m, x, rank() over (partition by "
        "date_trunc('month', day) order by x desc) as r from e"
    ),
    (
        "select date_trunc('month', day) as m, x, rank() over (partition by day order "
        "by x desc) as r from e"
    ),
    (
        "select day, x, rank() over (partition by date_trunc('month', day) order by x "
        "desc) as r from e"
    ),
    (
        "select date_trunc('month', day) as m, day, x, rank() over (partition by "
        "date_trunc('month', day) order by x desc) as r from e"
    ),
    "select e.day, x, cal.m from e left join cal using (day)",
    ("select cal.day, sum(x) as s from cal join e on e.day = cal.day group by cal.day"),
    "select cal.m, sum(x) as s from e join cal using (day) group by cal.m",
    "select cal.m, e.day, sum(x) as s from e join cal using (day) group by all",
    (
        "select date_trunc('month', day) as m, x from e union all select "
        "date_trunc('month', day), y from g"
    ),
    (
        "select date_trunc('month', day) as m, x from e union all select "
        "date_trunc('year', day), y from g"
    ),
    "select date_trunc('month', day) as m from e union select day from g",
    (
        "select day, s, t from (select day, sum(x) as s from e group by day) a full "
        "join (select day, sum(y) as t from g group by day) b using (day)"
    ),
    (
        "select day, coalesce(s, 0) as s from (select day, sum(x) as s from e group "
        "by day) where s > 1 order by day"
    ),
    (
        "select e.day, x from e where e.day >= date '2024-01-10' and exists (select 1 "
        "from g where g.day = e.day and g.id = e.id)"
    ),
    (
        "select e.day, x from e where exists (select 1 from g where "
        "date_trunc('month', g.day) = date_trunc('month', e.day))"
    ),
    (
        "select date_trunc('month', e.day) as m, x from e where exists (select 1 from "
        "g where date_trunc('month', g.day) = date_trunc('month', e.day))"
    ),
    "select e.day, (select avg(y) from g where g.day = e.day - 1) as a from e",
    ("select e.day, (select avg(y) from g where g.day between e.day - 1 and e.day) as a from e"),
    "select o.p, e.x from o join e on o.id = e.id",
    "select o.p, e.day from o join e on o.id = e.id",
    "select day::varchar as d, x from e join g using (day)",
    "select day, day as d2, x from e",
    "select coalesce(day, '1970-01-01') as day, sum(x) as s from e group by 1",
    "select coalesce(c, 'none') as c, sum(v) as s from o group by 1",
    "select p // 2 as b, p % 2 as m, sum(v) as s from o group by all",
    "select p % 2 as m, sum(v) as s from o group by all",
    "select -p as m, sum(v) as s from o group by all",
    "select p * 1.0 as m, sum(v) as s from o group by all",
    "select try_cast(p as varchar) as m, sum(v) as s from o group by all",
    "select (p)::varchar || '-x' as m, sum(v) as s from o group by all",
    (
        "with src as (select * from e), ranked as (select *, row_number() over "
        "(partition by day, id order by x desc) as rn from src) select day, id, x "
        "from ranked where rn = 1"
    ),
    (
        "with src as (select * from e qualify row_number() over (partition by day, id "
        "order by x desc) = 1) select * exclude (x), x as value from src"
    ),
    (
        "select t.p, t.n from (select p, count(*) as n from o group by p) t join "
        "(select p as id, count(*) as p from i group by 1) u on t.p = u.p"
    ),
    (
        "select a.p, b.p as bp from (select p, id from o) a join (select id as p, p "
        "as id from i) b on a.p = b.p"
    ),
    ("select a.p, b.id from o a join o b on a.p = b.p join i c on c.p = b.p and c.id = a.id"),
    ("select a.p, c.w from o a left join o b on a.p = b.p left join i c on c.p = b.p"),
    "select a.p, c.w from o a left join o b on a.p = b.p join i c on c.p = b.p",
    "select b.p, c.w from o a left join o b on a.p = b.p join i c on c.p = b.p",
    ("select a.p, c.w from o a right join o b on a.p = b.p left join i c on c.p = a.p"),
    "select a.p, c.w from o a right join o b on a.p = b.p join i c on c.p = b.p",
    "select b.p, c.w from o a right join o b on a.p = b.p join i c on c.p = b.p",
    "select p, w from o full join i using (p) where o.v > 1",
    "select p, count(*) as n from o full join i using (p) group by p",
    "select p, count(*) as n from o full join i using (p) group by o.p, p",
    "select o.p, count(*) as n from o full join i using (p) group by o.p",
    (
        "select coalesce(o.p, i.p) as p, count(*) as n from o full join i on o.p = "
        "i.p and o.id = i.id group by 1"
    ),
    (
        "select coalesce(o.p, i.p) as p, row_number() over (partition by "
        "coalesce(o.p, i.p) order by o.id, i.id, o.v, i.w, o.c, i.c, o.l, o.q, i.q, "
        "o.s) as r from o full join i on o.p = i.p"
    ),
    (
        "select coalesce(o.p, i.p) as p, row_number() over (partition by o.p order by "
        "o.id) as r from o full join i on o.p = i.p"
    ),
    "select distinct coalesce(o.p, i.p) as p, o.c from o full join i on o.p = i.p",
    ("select coalesce(o.p, i.p) as p, d.n from o full join i on o.p = i.p join d on d.c = o.c"),
    (
        "select coalesce(o.p, i.p) as p, j.w from o full join i on o.p = i.p join i j "
        "on j.p = coalesce(o.p, i.p)"
    ),
    ("select coalesce(o.p, i.p) as p, j.w from o full join i on o.p = i.p join i j on j.p = o.p"),
    (
        "select coalesce(x.p, y.p) as p, n, m from (select p // 2 as p, count(*) as n "
        "from o group by 1) x full join (select p // 2 as p, count(*) as m from i "
        "group by 1) y on x.p = y.p"
    ),
    (
        "select coalesce(x.p, y.p) as p, n, m from (select p // 2 as p, count(*) as n "
        "from o group by 1) x full join (select p % 2 as p, count(*) as m from i "
        "group by 1) y on x.p = y.p"
    ),
    ("select coalesce(o.p, i.p) as p, 1 as one from o full join i on o.p // 2 = i.p // 2"),
    ("select coalesce(o.p, i.p) // 2 as p, 1 as one from o full join i on o.p // 2 = i.p // 2"),
    "select p // 2 as m, w from o full join i using (p)",
    ("select m, count(*) as n from (select p // 2 as m, p from o) group by m having max(p) > 1"),
    "select p // 2 as m, p % 2 as r, count(*) as n from o group by p // 2, p % 2",
    (
        "select p // 2 as m, lag(sum(v)) over (partition by p // 2 order by p) as l "
        "from o group by p"
    ),
    (
        "select p, sum(v) as s from o group by p having sum(v) > (select avg(n) from "
        "k where k.p = o.p)"
    ),
    (
        "select p, sum(v) as s from o group by p having sum(v) > (select avg(w) from "
        "i where i.p = o.p)"
    ),
    (
        "select p, id from o where exists (select 1 from i where i.p = o.p group by "
        "i.id having count(*) > 1)"
    ),
    ("select p, id from o where (select count(*) from i where i.p = o.p and i.id = o.id) > 1"),
    ("select p, id, (select id from i where i.p = o.p order by w, id limit 1) as f from o"),
    ("select p, id from o where exists (from i where i.p is not distinct from o.p and w > o.v)"),
    "select p, id from o where exists (from i where i.p = o.p or i.id = o.id)",
    "select p, id from o where exists (from i where i.p = o.p and i.q = o.q)",
    "select q, id from o where exists (from i where i.p = o.p and i.q = o.q)",
    "select p, q, sum(v) as s from o group by p, q",
    "select q as z, sum(v) as s from o group by q",
    "select p as x, q as y from o union all select q, p from i",
    "select p, id from o where p in (select p from k)",
    "select p, id from o where p in (select p from i where i.id = o.id)",
    "select p, id from o where p in (select i.p from i join k on i.p = k.p)",
    ("select p, id from o where p in (select p from i group by p having count(*) > 1)"),
    "select p, id from o where p in (select p from i limit 2)",
    "select p, id from o where p in (select p from i order by p limit 2)",
    "select p, id from o where p in (select max(p) from i)",
    "select p, id from o where p in (select p from i union all select p from k)",
    "select p, id from o where p in (select p from i intersect select p from k)",
    "select p, id from o where p // 2 in (select p // 2 from i)",
    "select p // 2 as m, id from o where p // 2 in (select p // 2 from i)",
    "select p // 2 as m, id from o where p in (select p from i)",
    "select p, id from o where (p in (select p from i)) = true",
    "select p, id from o where (p in (select p from i)) is null",
    ("select p, id from o where p in (select p from i) and p not in (select p from i where w = 1)"),
    "select p, id, p in (select p from i) as b from o",
    "select p, count(*) as n from o group by p, p in (select p from i)",
    (
        "select x.p, x.n from (select o.p, (select count(*) from i where i.p = o.p) "
        "as n from o) x where x.n > 0"
    ),
    (
        "select x.p, (select count(*) from i where i.p = x.p and i.id = x.id) as n "
        "from (select p, id from o where v > 1) x"
    ),
    (
        "select x.p, (select count(*) from i where i.p = x.p2) as n from (select p, "
        "id as p2 from o) x"
    ),
    "select k.p, (select count(*) from o where o.p = k.p) as n from k",
    "select k.p, o.v from k, o where k.p = o.p and k.n > 1",
    "select k.p, o.v from k, o where k.p = o.p or k.n > 1",
    "select k.id as p, o.v from k, o where k.id = o.p",
    ("select k.p, z.p as zp, o.v from k join k as z on k.p = z.p join o on o.p = z.p"),
    "select k.p, count(*) as n from k join o using (p) group by k.p",
    "select p, count(*) as n from k join o using (p) group by p",
    "select p, count(*) as n from k right join o using (p) group by p",
    "select k.p, count(*) as n from k right join o using (p) group by k.p",
    "select o.p, w from o join i on o.p = i.p and i.p = 1",
    "select o.p, w from o left join i on o.p = i.p and i.p = 1",
    "select o.p, w from o left join i on o.p = i.p where i.p is null",
    "select i.p, w from o left join i on o.p = i.p where i.p is not null",
    "select i.p, w from o left join i on o.p = i.p where i.p = o.p",
    "select t.z as p, t.v from (select * rename (p as z) from o) t",
    "select t.p from (select * exclude (p), id as p from o) t",
    "select t.p, t.v from (select * replace (p as id, id as p) from o) t",
    "select o.* replace (v as p) from o",
    "select o.*, p // 2 as m from o",
    (
        "select *, row_number() over (partition by m order by id) as r from (select p "
        "// 2 as m, id from o)"
    ),
    (
        "with a as (select p, v from o), a2 as (with a as (select id as p, v from o) "
        "select * from a) select p, sum(v) as s from a2 group by p"
    ),
    (
        "with a as (select p, v from o) select * from (with a as (select id as p, v "
        "from o) select * from a) b"
    ),
    (
        "with a as (select p, v from o), b as (select p, sum(v) as s from a group by "
        "p), c as (select p, max(v) as m from a group by p) select b.p, s, m from b "
        "join c using (p)"
    ),
    (
        "with a as (select p, v from o), b as (select sum(v) as s from a) select p, v "
        "/ s as r from a, b"
    ),
    "with a(p, v) as (select v, p from o) select p, sum(v) as s from a group by p",
    "with a(x) as (select p, v from o) select x, v from a",
    "select p, v from (select p, v from o) t(p, v)",
    "select v, p from (select p, v from o) t(v, p)",
    "select p, n from (values (1, 2)) t(p, n) union all select p, v from o",
    "select p, v from o union all (select p, w from i union select p, id from i)",
    "select p, v from o except all select p, w from i",
    (
        "(select p, v from o except select p, w from i) union all select p, n from "
        "(select p, id as n from i)"
    ),
    "select id, p from o intersect select id, p from i",
    "select p, v from o union by name select p, w as v from i",
    "select p, v from o union all by name select w, p from i",
    ("select p from (select p, id from o union all by name select id as p, p as id from i)"),
    "select p, u from o, unnest([o.p, 1]) as t(u)",
    "select u as p from o, unnest([o.p, 1]) as t(u)",
    "select unnest([p, 1]) as p from o",
    "select unnest({'p': id}), p from o",
    "select p, unnest({'q': id}) from o",
    "select unnest(s), p from o",
    "select p, unnest(s, recursive := true) from o",
    "select * from (select unnest(s), p from o) t",
    "select p, count(*) as n from (select unnest(s), v from o) t group by p",
    "select p, struct_pack(p := id).p as id from o",
    "select struct_pack(p := id).p as p from o",
    "select p, (s).p as sp from o",
    "select (s).p, v from o",
    "select p, l[p] as e from o",
    "select p, list_sum(list_transform(l, lambda x: x + p)) as e from o",
    "select p, (select max(x) from unnest(l) as t(x)) as m from o",
    "select p, (select list(x order by x) from unnest(l) as t(x)) as m from o",
    ("select p, exists(select 1 from unnest(o.l) as t(x) where x = o.p) as m from o"),
    "select p, g.x from o, generate_series(1, o.p) as g(x)",
    (
        "select g.x as p, count(*) as n from generate_series(0, 3) as g(x) left join "
        "o on o.p = g.x group by 1"
    ),
    "select o.p, g.x from o right join generate_series(0, 3) as g(x) on o.p = g.x",
    "select o.p, b.w from o asof left join i b on o.p = b.p and o.id >= b.id",
    "select b.p, b.w from o asof left join i b on o.p = b.p and o.id >= b.id",
    "select o.p, k.n from o asof join k on o.p = k.p and o.id >= k.id",
    "select k.p, o.v from k asof join o on o.p = k.p and k.id >= o.id",
    (
        "select p, sum(v) over (partition by p order by id range between 1 preceding "
        "and 1 following) as s from o"
    ),
    (
        "select p, sum(v) over (partition by p order by id groups between 1 preceding "
        "and 1 following) as s from o"
    ),
    "select p, count(*) over (partition by (p)) as s from o",
    "select p, count(*) over (partition by p + 0) as s from o",
    "select p, count(*) over (partition by (select max(p) from o)) as s from o",
    (
        "select p, first_value(v) over w as f from o window w as (partition by p "
        "order by id, v, c, l, q, s)"
    ),
    ("select p, ntile(2) over (partition by p order by id, v, c, l, q, s) as f from o"),
    (
        "select p, percent_rank() over (partition by p order by id) as f, cume_dist() "
        "over (partition by p order by id) as g, dense_rank() over (partition by p "
        "order by id) as h from o"
    ),
    "select p, sum(v) filter (where id > 1) over (partition by p) as f from o",
    ("select p, lag(v ignore nulls) over (partition by p order by id, v, c, l, q, s) as f from o"),
    "select p, row_number() over (partition by q order by id) as r from o",
    ("select p, q, row_number() over (partition by p, q order by id, v, c, l, s) as r from o"),
    ("select p, q, row_number() over (partition by q, c order by id, v, l, s, p) as r from o"),
    ("pivot (select p, c, v from o) on c in ('x', 'y') using sum(v), max(v) group by p"),
    "pivot (select p, c, v from o) on c in ('x', 'y') using sum(v) as s",
    "pivot (select p, c, v from o) on p in (1, 2) using sum(v) group by c",
    "select * from o pivot (sum(v) for p in (1, 2) group by c)",
    ("select * from (select p, id, v from o) unpivot include nulls (y for z in (id, v))"),
    "select * from (select p, id, v from o) unpivot (y for z in (p, v))",
    "unpivot (select p, id, v from o) on columns(* exclude p) into name n value y",
)
"""Queries that must be refused, or be what the analysis says of them."""
