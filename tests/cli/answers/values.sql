-- Values whose text is easily wrong. The files beside this one hold how they are written.
WITH
texts(n, "te""xt") AS (VALUES
    (1, 'plain'), (2, ''), (3, NULL), (4, 'NULL'), (5, 'null'), (6, ' NULL'), (7, 'a,b'), (8, 'say "no"'),
    (9, 'two' || chr(10) || 'lines'), (10, 'cr' || chr(13)), (11, chr(9) || 'tab'), (12, 'blank '),
    (13, chr(160) || 'nbsp'), (14, 'wide' || chr(12288)), (15, chr(27) || '[31m' || chr(127) || chr(155)),
    (16, chr(8238) || 'turned' || chr(8206)), (17, 'back\slash \n'), (18, 'Größe 数量 🦆'), (19, chr(0)),
    (20, '"'), (21, ','), (22, chr(8) || chr(12) || chr(31)), (23, 'N'), (24, 'NULLs'), (25, chr(65529)),
    (26, chr(28) || 'x'), (27, chr(133)), (28, '''quoted'''), (29, '{"a": [1, "b"]}'), (30, '1')
),
numbers(n, f, r, d, s, h, i, b) AS (VALUES
    (1, 0.0::DOUBLE, 0.1::FLOAT, 1.50::DECIMAL(9, 2), 0.0000000001::DECIMAL(38, 10), 0::HUGEINT, 0, true),
    (2, '-0.0', '-0.0', -0.01, -0.0000000001, 170141183460469231731687303715884105727::HUGEINT, -1, false),
    (3, 'nan', 'nan', 0, 0, '-170141183460469231731687303715884105728', NULL, NULL),
    (4, 'inf', '-inf', 9999999.99, 1234.0000000005, 1, 2147483647, true),
    (5, '-inf', 'inf', -9999999.99, -9999999999999999999999999999.9999999999, NULL, -2147483648, true),
    (6, 1e16, 1e16, NULL, NULL, 12, 1, true), (7, 9999999999999998, 16777217, 1, 1, 12, 1, true),
    (8, 1e10, 1e10, 1, 0.000001, 12, 1, true), (9, 9999999999.5, 3.4028235e38, 1, 0.0000001, 1, 1, true),
    (10, 0.0001, 1e-45, 1, 0.5, 1, 1, true), (11, 0.00009999, 0.0001, 1, 1, 1, 1, true),
    (12, 1.7976931348623157e308, 1, 1, 1, 1, 1, true), (13, 5e-324, 0.5, 1, 1, 1, 1, true),
    (14, 123456789012345.6, 2, 1, 1, 1, 1, true), (15, 1e-7, 2, 1, 1, 1, 1, true),
    (16, 0.30000000000000004, 2, 1, 1, 1, 1, true), (17, -3, -3, 1, 1, 1, 1, true)
),
moments(n, d, t, z, ns, ms, c, iv) AS (VALUES
    (1, DATE '2024-02-29', TIMESTAMP '2024-02-29 12:00:00', TIMESTAMPTZ '2024-02-29 12:00:00+02',
        TIMESTAMP_NS '2024-01-01 00:00:00.123456789', TIMESTAMP_MS '2024-01-01 00:00:00.5', TIME '12:00:00',
        INTERVAL '14 months 3 days 04:05:06.5'),
    (2, DATE '0001-01-01', TIMESTAMP '0001-01-01 00:00:00', TIMESTAMPTZ '0001-01-02 00:00:00.000001+00',
        TIMESTAMP_NS '1677-09-22 00:00:00', TIMESTAMP_MS '1969-12-31 23:59:59.999', TIME '00:00:00.000001',
        INTERVAL '-1 day'),
    (3, DATE '9999-12-31', TIMESTAMP '9999-12-31 23:59:59.999999', NULL, NULL, NULL, NULL, NULL),
    (4, NULL, NULL, TIMESTAMPTZ '1969-12-31 23:59:59.999999+00', TIMESTAMP_NS '1969-12-31 23:59:59.1',
        TIMESTAMP_MS '2024-01-01', TIME '23:59:59.999999', INTERVAL '0 days'),
    (5, DATE '1969-12-31', TIMESTAMP '1969-12-31 23:59:59.5', TIMESTAMPTZ '2024-01-01 00:00:00+00',
        TIMESTAMP_NS '2024-01-01', TIMESTAMP_MS '2024-01-01', TIME '01:02:03.4',
        INTERVAL '-13 months -2 days' - INTERVAL '30:00:00.000001')
),
others(n, x, u, e, l, fs, s, m, deep, un) AS (VALUES
    (1, '\x00\x41\x5C\x22,\xFF'::BLOB, '00000000-0000-0000-0000-000000000001'::UUID, 'a,b'::ENUM('a,b', 'NULL', ''),
        ['it''s', NULL, '', 'NULL'], [1, NULL, 3]::INT[3], {'a b': 1.0::DOUBLE, 'q''q': 'x"y'}, MAP {'k': 1, 'l"': NULL},
        [{'t': TIMESTAMP '2024-01-01', 'l': [[1], NULL, []], 'ns': TIMESTAMP_NS '2024-01-01'}, NULL],
        union_value(num := 1)::UNION(num INT, str VARCHAR)),
    (2, ''::BLOB, NULL, 'NULL', [], NULL, {'a b': NULL, 'q''q': NULL}, MAP {}, [], union_value(str := 'a,b')),
    (3, NULL, NULL, NULL, NULL, [NULL, NULL, NULL]::INT[3], NULL, NULL, NULL, NULL),
    (4, 'NULL'::BLOB, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::UUID, '', ['a
b'], [4, 5, 6]::INT[3], {'a b': 'nan'::DOUBLE, 'q''q': 'x'}, MAP {'': 2}, [{'t': NULL, 'l': NULL, 'ns': NULL}],
        union_value(str := NULL::VARCHAR))
)
SELECT texts.*, numbers.* EXCLUDE n, moments.* EXCLUDE n, others.* EXCLUDE n,
    1 AS "NULL", 2 AS " ", 3 AS "a
b", 4 AS "NULL", 5 AS "ü,", texts."te""xt" AS again
FROM texts LEFT JOIN numbers USING (n) LEFT JOIN moments USING (n) LEFT JOIN others USING (n)
ORDER BY n
