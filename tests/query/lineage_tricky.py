"""Queries that lineage could get wrong: names with several meanings, nesting, odd syntax."""

TRICKY = [
    "select x.a, x.b from orders as x(a,b)",
    "select amount as qty, qty + 1 as z from orders",
    "select qty as amount from orders where amount > 2",
    "select qty + 1 as cust, sum(amount) from orders group by cust, qty",
    "select id, amount as qty from orders order by qty limit 2",
    "select max(amount) as qty from orders group by cust having qty > 2",
    "select id, qty as q from orders qualify row_number() over (partition by q order by "
    "amount) = 1",
    "select id from orders order by (select max(price) from items where order_id = "
    "orders.id), id limit 3",
    "select id from orders limit (select count(*) from items where price > 2)",
    "select cust, sum(amount) from orders group by cust having sum(amount) > (select "
    "avg(price) from items)",
    "select * from orders o join items i using (id) join cust c on c.cust = o.cust",
    "select id, o.day, i.day from orders o left join items i using (id)",
    "select * exclude (tags, addr) from orders natural join items",
    "select struct_pack(a := amount, b := qty).a as v from orders",
    "select {'x': amount, 'y': {'z': qty}}.y.z as v, addr['city'] as w, addr.zip + 1 as u "
    "from orders",
    "select list_filter(tags, lambda x: x > sku) as l from orders, items",
    "select [x || name for x in tags if x > country] as l from orders join cust using (cust)",
    "select unnest(addr) from orders",
    "select id, unnest(addr, recursive := true) from orders",
    "select columns(lambda c: c in ('id','qty')) from orders",
    "select id, columns(* exclude (tags, addr, day)) + 1 from orders",
    "select coalesce(*columns('id|qty')) as v from orders",
    "select id, (select sum(price) over (order by id) from items limit 1) from orders",
    "select (select i.price from items i where i.id = o.id order by i.order_id desc limit "
    "1) p from orders o",
    "select o.id from orders o where (o.cust, o.qty) in (select id, order_id from items)",
    "select o.id, x.n from orders o left join (select order_id, count(*) n from items "
    "group by 1) x on x.order_id = o.id",
    "select o.id, x.n from orders o join lateral (select count(*) n from items i where "
    "i.price > o.amount) x on true",
    "with recursive t as (select id, cust from orders union select t.id, i.id from t join "
    "items i on i.order_id = t.cust) select * from t",
    "with recursive t(n, v) as (select 1, max(amount) from orders union all select n + 1, "
    "v + (select min(price) from items) from t where n < 3) select * from t",
    "select id, sum(amount) over (partition by cust order by qty range between 1 "
    "preceding and current row) from orders",
    "select id, ntile(2) over (order by amount nulls last) from orders",
    "select id, first_value(amount ignore nulls) over (partition by cust order by qty, "
    "id) from orders",
    "select quantile_cont(amount, 0.5), mode(qty) from orders",
    "select list(amount order by qty) from orders",
    "select string_agg(sku order by price desc) from items group by order_id % 2",
    "select any_value(amount) filter (where qty > 1 and cust < 3) from orders",
    "select count(distinct cust), count(qty), count(*) filter (where amount > 2) from orders",
    "select grouping(cust), cust, sum(qty) from orders group by cube (cust)",
    "select day, cust, count(*) from orders group by grouping sets ((1), (2), ())",
    "from orders o select o.id where exists (from items i where i.order_id = o.id and "
    "i.price > (select avg(amount) from orders))",
    "select id in (select order_id from items) as f, id not in (1, qty) g from orders",
    "select case cust when qty then amount when id then 2 else amount end v from orders",
    "select id, amount from orders where amount = (select max(amount) from orders o2 "
    "where o2.cust = orders.cust)",
    "select * from (select id, amount from orders) a, (select id i2, price from items "
    "where items.id < a.id) b",
    "select a.id, b.id from orders a, orders b where a.cust = b.cust and a.qty < b.qty",
    "(select id, qty from orders order by amount limit 3) union all (select id, order_id "
    "from items order by price limit 2) order by 1 limit 4",
    "select id from orders union all select order_id from items except select cust from cust",
    "select * from orders o semi join items i on o.id = i.order_id and i.price > o.amount",
    "select o.id, i.id from orders o asof left join items i on o.id = i.order_id and "
    "o.day >= i.day",
    "select o.id, i.sku from orders o full outer join items i on o.id = i.order_id where "
    "i.price is null or o.amount > 1",
    "select o.id from orders o right join items i on o.id = i.order_id and o.qty = 2",
    "select * from orders pivot (sum(amount) for qty in (1,2) group by cust)",
    "select * from (select cust, qty, day, amount from orders) pivot (sum(amount) as s, "
    "count(amount) as c for qty in (1,2))",
    "from (unpivot (select id, qty, cust from orders) on columns(* exclude id) into name "
    "k value v)",
    "from (select id, qty, cust, amount from orders) unpivot include nulls (v for k in "
    "(qty, cust))",
    "select id, rank() over w r, sum(qty) over v s from orders window w as (partition by "
    "cust order by amount), v as (order by id)",
    "select distinct on (cust % 2) id, cust from orders order by cust % 2, amount desc",
    "select o from orders o where o.qty > 1",
    "select o.* exclude (tags), i.price from orders o join items i on i.id = o.id",
    "select t.* from (select *, amount * qty as total from orders) t where t.total > 3",
    "with a as (select cust, sum(amount) s from orders group by cust), b as (select * "
    "from a where s > 1) select c.name, b.s from b join cust c using (cust)",
    "with a as (select * from items), items as (select cust as id, amount as price from "
    "orders) select a.price, items.price from a join items on a.id = items.id",
    "select (select (select max(price) from items where items.id = o.id and "
    "items.order_id = i.id) from items i where i.price > o.amount limit 1) from orders o",
    "select id from orders where tags @> ['a'] or list_contains(tags, (select min(sku) "
    "from items))",
    "select date_trunc('month', day) d, extract('day' from day) e, day + interval 1 day f "
    "from orders",
    "select id from orders where qty between (select min(order_id) from items) and cust",
    "select if(exists(select 1 from items where price > amount), id, qty) from orders",
    "select id from orders where amount is distinct from qty",
    "values ((select max(amount) from orders), 1), (2, (select count(*) from items where "
    "price > 1))",
    "select * from (values (1, (select max(qty) from orders)), (2, 3)) t(a, b) where b > 1",
    "select row(id, amount) r, map {'k': qty} m from orders",
    "select max(o) from (select id, qty from orders) o",
    "select id, lag(amount, qty) over (order by id) from orders",
    "select x from (select unnest(generate_series(1, qty)) as x from orders)",
    "select id, g from orders, generate_series(1, qty) t(g)",
    "select id, g from orders, range(qty) t(g) where g < cust",
    "select sum(s) from (select cust, sum(amount) s from orders group by cust order by s limit 2)",
    "select name from cust where cust = all (select cust from orders where amount > 1)",
    "select o.id from orders o where not exists (select * from items i join cust c on "
    "c.cust = i.id where i.order_id = o.id and c.country = 'a')",
]
