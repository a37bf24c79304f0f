-- partition_by: month
-- Departures of each day, airport and airline: how late they arrived, how many left in frost.
SELECT f.month, f.day, f.origin, f.carrier,
       count(*) AS flights,
       count(f.arr_delay) AS arrived,
       sum(f.arr_delay)::BIGINT AS minutes_late,
       count(*) FILTER (WHERE w.temp <= 32) AS in_frost
FROM flights AS f
LEFT JOIN weather AS w
  ON w.month = f.month AND w.origin = f.origin AND w.time_hour = f.time_hour
GROUP BY f.month, f.day, f.origin, f.carrier
