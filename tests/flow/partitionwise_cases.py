"""Queries over two partitioned tables, and whether they are partition-wise as measured.

``o`` and ``i`` are partitioned by ``p``; ``d`` is not. *Measured* means: for sixty random
instances and each value of ``p``, the query over both tables restricted to it gave the rows of the
whole result that have it. The analysis may do better: by a coarser value than ``p`` itself, or with
one of the two tables whole.
"""

from dataclasses import dataclass
from enum import StrEnum


class Expected(StrEnum):
    """What the analysis says."""

    YES = "yes"
    NO = "no"
    COARSER = "yes, by a function of the partition value"
    WHOLE = "yes, with one of the partitioned tables whole"
    REFUSED = "no, for want of a rule"


@dataclass(frozen=True)
class Case:
    """One query.

    Attributes:
        name: What it is about.
        measured: Whether it is partition-wise in ``p``, with both tables restricted.
        sql: The query.
        expected: What the analysis says.
    """

    name: str
    measured: bool
    sql: str
    expected: Expected


CASES = (
    Case(
        "filter/project",
        True,
        "select p,id,v*2 w from o where v>1",
        Expected.YES,
    ),
    Case(
        "where on other col",
        True,
        "select p,id from o where c='x' or v is null",
        Expected.YES,
    ),
    Case(
        "group by p",
        True,
        "select p,sum(v) s,count(*) n from o group by p",
        Expected.YES,
    ),
    Case(
        "group by p,c",
        True,
        "select p,c,sum(v) s from o group by p,c",
        Expected.YES,
    ),
    Case(
        "group by c only",
        False,
        "select max(p) p,c,sum(v) s from o group by c",
        Expected.NO,
    ),
    Case(
        "group by expr of p finer? p%2",
        False,
        "select p%2 as p,sum(v) s from o group by 1",
        Expected.COARSER,
    ),
    Case(
        "grouping sets with ()",
        False,
        "select p,sum(v) s from o group by grouping sets ((p),())",
        Expected.NO,
    ),
    Case(
        "rollup",
        False,
        "select p,c,sum(v) s from o group by rollup(p,c)",
        Expected.NO,
    ),
    Case(
        "rollup inside p",
        True,
        "select p,c,sum(v) s from o group by p, rollup(c)",
        Expected.YES,
    ),
    Case(
        "having",
        True,
        "select p,sum(v) s from o group by p having sum(v)>3",
        Expected.YES,
    ),
    Case(
        "global agg",
        False,
        "select 0 as p,sum(v) s from o",
        Expected.NO,
    ),
    Case(
        "distinct incl p",
        True,
        "select distinct p,c from o",
        Expected.YES,
    ),
    Case(
        "distinct excl p (p const)",
        False,
        "select distinct c, 0 as p from o",
        Expected.NO,
    ),
    Case(
        "distinct on (c)",
        False,
        "select distinct on (c) p,c,id from o order by c,id",
        Expected.NO,
    ),
    Case(
        "distinct on (p,c)",
        True,
        "select distinct on (p,c) p,c,id from o order by p,c,id",
        Expected.YES,
    ),
    Case(
        "window part by p",
        True,
        "select p,id,row_number() over (partition by p order by id) r from o",
        Expected.YES,
    ),
    Case(
        "window part by p,c",
        True,
        "select p,id,sum(v) over (partition by p,c order by id) r from o",
        Expected.YES,
    ),
    Case(
        "window no part",
        False,
        "select p,id,row_number() over (order by id) r from o",
        Expected.NO,
    ),
    Case(
        "window part by c",
        False,
        "select p,id,row_number() over (partition by c order by id) r from o",
        Expected.NO,
    ),
    Case(
        "qualify part by p",
        True,
        "select p,id from o qualify row_number() over (partition by p order by id)=1",
        Expected.YES,
    ),
    Case(
        "lag no part, ordered by p",
        False,
        "select p,id,lag(v) over (order by p,id) l from o",
        Expected.NO,
    ),
    Case(
        "order by only",
        True,
        "select p,id from o order by id",
        Expected.YES,
    ),
    Case(
        "order+limit",
        False,
        "select p,id from o order by id limit 3",
        Expected.NO,
    ),
    Case(
        "sample",
        False,
        "select p,id from o using sample 50% (bernoulli, 1)",
        Expected.NO,
    ),
    Case(
        "inner join on p",
        True,
        "select o.p,o.id,i.w from o join i on o.p=i.p and o.id=i.id",
        Expected.YES,
    ),
    Case(
        "inner join not on p",
        False,
        "select o.p,o.id,i.w from o join i on o.id=i.id",
        Expected.WHOLE,
    ),
    Case(
        "left join on p",
        True,
        "select o.p,o.id,i.w from o left join i on o.p=i.p and o.id=i.id",
        Expected.YES,
    ),
    Case(
        "left join not on p",
        False,
        "select o.p,o.id,i.w from o left join i on o.id=i.id",
        Expected.WHOLE,
    ),
    Case(
        "left join i.p as out",
        False,
        "select i.p,o.id,i.w from o left join i on o.p=i.p and o.id=i.id",
        Expected.NO,
    ),
    Case(
        "full join using p",
        True,
        "select p,o.id a,i.id b from o full join i using (p,id)",
        Expected.YES,
    ),
    Case(
        "full join o.p out",
        False,
        "select o.p,o.id a,i.id b from o full join i on o.p=i.p and o.id=i.id",
        Expected.NO,
    ),
    Case(
        "full join coalesce",
        True,
        "select coalesce(o.p,i.p) p,o.id a,i.id b from o full join i on o.p=i.p and o.id=i.id",
        Expected.YES,
    ),
    Case(
        "right join o.p out",
        False,
        "select o.p,i.id from o right join i on o.p=i.p and o.id=i.id",
        Expected.NO,
    ),
    Case(
        "dim join (unpartitioned)",
        True,
        "select o.p,o.id,d.n from o join d on o.c=d.c",
        Expected.YES,
    ),
    Case(
        "left dim join",
        True,
        "select o.p,o.id,d.n from o left join d on o.c=d.c",
        Expected.YES,
    ),
    Case(
        "dim LEFT join fact",
        False,
        "select o.p,d.c,o.id from d left join o on o.c=d.c",
        Expected.NO,
    ),
    Case(
        "dim anti fact",
        False,
        "select 1 as p, d.c from d where not exists (select 1 from o where o.c=d.c)",
        Expected.NO,
    ),
    Case(
        "fact anti dim",
        True,
        "select p,id from o where c not in (select c from d)",
        Expected.YES,
    ),
    Case(
        "semi on p",
        True,
        "select p,id from o where exists (select 1 from i where i.p=o.p and i.id=o.id)",
        Expected.YES,
    ),
    Case(
        "anti on p",
        True,
        "select p,id from o where not exists (select 1 from i where i.p=o.p and i.id=o.id)",
        Expected.YES,
    ),
    Case(
        "anti not on p",
        False,
        "select p,id from o where not exists (select 1 from i where i.id=o.id)",
        Expected.WHOLE,
    ),
    Case(
        "scalar subq corr p",
        True,
        "select p,id,(select max(w) from i where i.p=o.p) m from o",
        Expected.YES,
    ),
    Case(
        "scalar subq uncorr same part table",
        False,
        "select p,id,v/(select sum(v) from o) sh from o",
        Expected.NO,
    ),
    Case(
        "scalar subq uncorr dim",
        True,
        "select p,id,(select max(n) from d) sh from o",
        Expected.YES,
    ),
    Case(
        "in subq same table",
        False,
        "select p,id from o where id in (select id from o where v>2)",
        Expected.NO,
    ),
    Case(
        "union all",
        True,
        "select p,id from o union all select p,id from i",
        Expected.YES,
    ),
    Case(
        "union distinct",
        True,
        "select p,c from o union select p,c from i",
        Expected.YES,
    ),
    Case(
        "union all const p",
        False,
        "select p,id from o union all select 1,id from i",
        Expected.NO,
    ),
    Case(
        "except incl p",
        True,
        "select p,id from o except select p,id from i",
        Expected.YES,
    ),
    Case(
        "intersect",
        True,
        "select p,id from o intersect all select p,id from i",
        Expected.YES,
    ),
    Case(
        "except p shifted",
        False,
        "select p,id from o except select p+1,id from i",
        Expected.NO,
    ),
    Case(
        "self join on p",
        True,
        "select a.p,a.id,b.id j from o a join o b on a.p=b.p and a.id<b.id",
        Expected.YES,
    ),
    Case(
        "self join prev p",
        False,
        "select a.p,a.id,b.v from o a join o b on a.p=b.p+1 and a.id=b.id",
        Expected.NO,
    ),
    Case(
        "cross join part",
        False,
        "select o.p,o.id,i.id j from o,i",
        Expected.WHOLE,
    ),
    Case(
        "p renamed through cte",
        True,
        "with a as (select p as q, c, sum(v) s from o group by all), b as (select q, "
        "sum(s) t from a group by q) select q as p,t from b",
        Expected.YES,
    ),
    Case(
        "p computed p+0",
        False,
        "select p+0 as p, sum(v) s from o group by 1",
        Expected.COARSER,
    ),
    Case(
        "p case-lower",
        False,
        "select lower(pc) as p, count(*) n from (select pc from (select case p when 0 "
        "then 'A' when 1 then 'a' else 'b' end pc from o)) group by 1",
        Expected.NO,
    ),
    Case(
        "cte agg global joined",
        False,
        "with t as (select sum(v) s from o) select p,id,v/s r from o,t",
        Expected.NO,
    ),
    Case(
        "unnest",
        True,
        "select p,id,unnest([v,v]) u from o",
        Expected.YES,
    ),
    Case(
        "pivot by p",
        True,
        "select * from (pivot (select p,c,v from o) on c in ('x','y') using sum(v) group by p)",
        Expected.YES,
    ),
    Case(
        "pivot dynamic",
        False,
        "pivot (select p,c,v from o) on c using sum(v) group by p",
        Expected.NO,
    ),
    Case(
        "first() no order",
        True,
        "select p, min(id) f from o group by p",
        Expected.YES,
    ),
    Case(
        "nan/null p group",
        True,
        "select p,count(*) n from o group by p",
        Expected.YES,
    ),
    Case(
        "row id / rownum generate",
        False,
        "select p,id,row_number() over () r from o",
        Expected.NO,
    ),
    Case(
        "asof join within p",
        True,
        "select o.p,o.id,i.w from o asof join i on o.p=i.p and o.id>=i.id",
        Expected.YES,
    ),
    Case(
        "asof join across",
        False,
        "select o.p,o.id,i.w from o asof join i on o.id>=i.id",
        Expected.WHOLE,
    ),
    Case(
        "positional",
        False,
        "select o.p,o.id,i.w from o positional join i",
        Expected.NO,
    ),
    Case(
        "recursive in p",
        True,
        "with recursive r as (select p,id,1 n from o union all select r.p,o.id,n+1 from "
        "r join o on o.p=r.p and o.id=r.id+1 where n<3) select * from r",
        Expected.REFUSED,
    ),
    Case(
        "order by in agg",
        True,
        "select p,list(id order by id) l from o group by p",
        Expected.YES,
    ),
    Case(
        "join on = with NULL p lost",
        True,
        "select o.p,o.id from o join i on o.p=i.p and o.id=i.id",
        Expected.YES,
    ),
    Case(
        "join p or id",
        False,
        "select o.p,o.id,i.w from o join i on o.p=i.p or o.id=i.id",
        Expected.WHOLE,
    ),
    Case(
        "join null-safe p",
        True,
        "select o.p,o.id,i.w from o join i on o.p is not distinct from i.p and o.id=i.id",
        Expected.YES,
    ),
    Case(
        "left join null-safe p",
        True,
        "select o.p,o.id,i.w from o left join i on o.p is not distinct from i.p and o.id=i.id",
        Expected.YES,
    ),
    Case(
        "anti NOT IN on p-null trap",
        False,
        "select p,id from o where id not in (select id from i)",
        Expected.WHOLE,
    ),
    Case(
        "NOT IN corr p",
        True,
        "select p,id from o where id not in (select i.id from i where i.p is not "
        "distinct from o.p)",
        Expected.YES,
    ),
    Case(
        "where p = max(p)",
        False,
        "select p,id from o where p=(select max(p) from o)",
        Expected.NO,
    ),
    Case(
        "lateral top-1 per p",
        True,
        "select o.p,o.id,t.w from o, lateral (select w from i where i.p=o.p order by "
        "w,id limit 1) t",
        Expected.YES,
    ),
    Case(
        "lateral global limit",
        False,
        "select o.p,o.id,t.w from o, lateral (select w from i order by w,id limit 1) t",
        Expected.WHOLE,
    ),
    Case(
        "values branch",
        False,
        "select p,id from o union all select * from (values (1,100)) t(p,id)",
        Expected.NO,
    ),
    Case(
        "dim x generate p",
        False,
        "select d.n as p, count(o.id) c from d left join o on o.p=d.n group by d.n",
        Expected.NO,
    ),
    Case(
        "window avg over global in qualify",
        False,
        "select p,id from o qualify v > avg(v) over ()",
        Expected.NO,
    ),
    Case(
        "two aggs joined on p",
        True,
        "select a.p,s,w from (select p,sum(v) s from o group by p) a join (select "
        "p,sum(w) w from i group by p) b on a.p=b.p",
        Expected.YES,
    ),
    Case(
        "two aggs full join using p",
        True,
        "select p,s,w from (select p,sum(v) s from o group by p) a full join (select "
        "p,sum(w) w from i group by p) b using (p)",
        Expected.YES,
    ),
    Case(
        "two aggs joined cross",
        False,
        "select a.p,s,w from (select p,sum(v) s from o group by p) a, (select sum(w) w from i) b",
        Expected.WHOLE,
    ),
    Case(
        "count distinct p-wise",
        True,
        "select p,count(distinct c) n from o group by p",
        Expected.YES,
    ),
    Case(
        "approx",
        True,
        "select p,approx_count_distinct(c) n from o group by p",
        Expected.YES,
    ),
    Case(
        "group by p alias of other",
        False,
        "select id%3 as p, sum(v) s from o group by 1",
        Expected.NO,
    ),
    Case(
        "where p literal",
        True,
        "select p,id from o where p=1",
        Expected.YES,
    ),
    Case(
        "case p",
        False,
        "select case when p=1 then 2 else p end as p, sum(v) s from o group by 1",
        Expected.NO,
    ),
    Case(
        "coalesce p",
        False,
        "select coalesce(p,0) as p, sum(v) s from o group by 1",
        Expected.COARSER,
    ),
    Case(
        "order by + limit by window rank<=n per p",
        True,
        "select p,id from (select p,id,rank() over (partition by p order by v desc,id) "
        "r from o) where r<=2",
        Expected.YES,
    ),
    Case(
        "window partition by p in cte then global sum",
        False,
        "with a as (select p,id,row_number() over (partition by p order by id) r from "
        "o) select p,id,sum(r) over (order by id,p) x from a",
        Expected.NO,
    ),
    Case(
        "generate_series on p",
        False,
        "select s.p, count(o.id) n from (select unnest([0,1,2]) p) s left join o on "
        "o.p=s.p group by s.p",
        Expected.NO,
    ),
    Case(
        "summarize-like union distinct across",
        True,
        "select distinct p from (select p from o union all select p from i)",
        Expected.YES,
    ),
    Case(
        "except all",
        True,
        "select p,id from o except all select p,id from i",
        Expected.YES,
    ),
    Case(
        "group by all with p",
        True,
        "select p, c, max(v) m from o group by all",
        Expected.YES,
    ),
    Case(
        "cube p,c",
        False,
        "select p,c,sum(v) s from o group by cube(p,c)",
        Expected.NO,
    ),
    Case(
        "unpivot",
        True,
        "select p,id,name,val from (select p,id,v::int v,id::int as w from o) unpivot "
        "(val for name in (v,w))",
        Expected.YES,
    ),
    Case(
        "exists uncorrelated",
        False,
        "select p,id from o where exists (select 1 from i where w>2)",
        Expected.WHOLE,
    ),
    Case(
        "p // 2: group by f(p)",
        True,
        "select p//2 as m, sum(v) s from o group by 1",
        Expected.YES,
    ),
    Case(
        "p // 2: group by f(p), other",
        True,
        "select p//2 as m, c, sum(v) s from o group by all",
        Expected.YES,
    ),
    Case(
        "p // 2: group by p keep f(p)",
        True,
        "select p//2 as m, p, sum(v) s from o group by all",
        Expected.YES,
    ),
    Case(
        "p // 2: window by f(p)",
        True,
        "select p//2 as m, id, row_number() over (partition by p//2 order by id,p,v) r from o",
        Expected.YES,
    ),
    Case(
        "p // 2: window by p",
        True,
        "select p//2 as m, id, row_number() over (partition by p order by id,v,c) r from o",
        Expected.YES,
    ),
    Case(
        "p // 2: window by c",
        False,
        "select p//2 as m, id, row_number() over (partition by c order by id,p,v) r from o",
        Expected.NO,
    ),
    Case(
        "p // 2: join on p",
        True,
        "select o.p//2 m, o.id, i.w from o join i using (p,id)",
        Expected.YES,
    ),
    Case(
        "p // 2: join on f(p)",
        True,
        "select o.p//2 m, o.id, i.w from o join i on o.p//2=i.p//2 and o.id=i.id",
        Expected.YES,
    ),
    Case(
        "p // 2: join not p",
        False,
        "select o.p//2 m, o.id, i.w from o join i using (id)",
        Expected.WHOLE,
    ),
    Case(
        "p // 2: distinct f(p),c",
        True,
        "select distinct p//2 m, c from o",
        Expected.YES,
    ),
    Case(
        "p // 2: from agg",
        True,
        "select p//2 m, sum(s) t from (select p, c, sum(v) s from o group by all) group by 1",
        Expected.YES,
    ),
)
