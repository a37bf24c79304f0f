-- partition_by: month
-- What the monthly report says about each airline.
SELECT month, carrier,
       sum(flights)::BIGINT AS flights,
       round(sum(minutes_late) / sum(arrived), 1) AS mean_delay,
       sum(in_frost)::BIGINT AS in_frost
FROM daily_delays
GROUP BY month, carrier
