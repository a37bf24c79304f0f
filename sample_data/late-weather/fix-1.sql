-- Takes the readings that came late over into weather.
UPDATE weather SET temp = late.temp
FROM late_readings AS late
WHERE weather.origin = late.origin AND weather.time_hour = late.time_hour
