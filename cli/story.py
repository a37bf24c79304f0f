"""The story that ``parquetry demo`` tells over the flights of New York in 2013."""

from dataclasses import dataclass

CONFIG = """\
# The first load of all tables. Later stages are named on the command line.
catalog = "{catalog}"

[tables.flights]
source = "1-first-load/flights"
key = ["flight_id"]

[tables.weather]
source = "1-first-load/weather"
key = ["origin", "time_hour"]

[tables.planes]
source = "1-first-load/planes"
key = ["tailnum"]

[tables.airports]
source = "1-first-load/airports"
key = ["faa"]

[tables.airlines]
source = "1-first-load/airlines"
key = ["carrier"]

# One SELECT a file: what the file is called, the table is.
[models]
path = "models"
"""

FASTER = """\
SELECT new.carrier, count(*) AS flights, round(avg(old.speed_mph), 1) AS before,
       round(avg(new.speed_mph), 1) AS after
FROM flights AS new JOIN flights@main~1 AS old USING (flight_id)
GROUP BY ALL ORDER BY flights DESC LIMIT 5"""

FROST = """\
SELECT carrier, new.flights, old.in_frost AS before, new.in_frost AS after
FROM monthly_by_carrier AS new JOIN monthly_by_carrier@main~1 AS old USING (month, carrier)
WHERE month = 5 AND old.in_frost > 0 ORDER BY before DESC LIMIT 4"""

Words = tuple[str, ...]
"""A command, as words after ``parquetry``."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene of the story: what happens, in lines, and the commands that show it."""

    says: tuple[str, ...]
    commands: tuple[Words, ...]


SCENES = (
    Scene(
        ("Five tables are loaded. parquetry.toml names their sources and keys;", "one commit."),
        (("init", "lake"), ("snapshot", "-m", "first load"), ("tables",)),
    ),
    Scene(
        (
            "Two tables are derived from these: models/*.sql say how. Nobody writes their",
            "rows by hand, and every commit says what they were computed from.",
        ),
        (("derive", "--all", "-m", "two layers"),),
    ),
    Scene(
        (
            "Late feeds arrive: two rewritten months. --partitions replaces only those.",
            "What did they change?",
        ),
        (
            (
                *("snapshot", "flights=2-late-arrivals/flights", "--partitions"),
                *("-m", "late arrivals of May and June"),
            ),
            ("diff", "main~1"),
        ),
    ),
    Scene(
        (
            "The layers are behind. Their SQL proves that two months are enough to compute,",
            "and only rows that differ are written.",
        ),
        (("status", "--stale"), ("refresh",)),
    ),
    Scene(
        (
            "Corrections, on a branch: kilometres become miles, repeated rows go, Celsius",
            "becomes Fahrenheit. Two tables change in one commit.",
        ),
        (
            ("branch", "create", "corrections"),
            (
                *("snapshot", "flights=3-corrections/flights", "weather=3-corrections/weather"),
                *("--partitions", "--branch", "corrections", "-m", "corrections of April and May"),
            ),
            ("diff", "main...corrections"),
            (
                *("diff", "main...corrections", "-t", "flights", "--rows", "--change", "updated"),
                *("--limit", "3"),
            ),
        ),
    ),
    Scene(
        (
            "The layers follow on the branch. Weather is not partitioned by month, so one of",
            "them is computed in full. Then all four tables reach main in one step.",
        ),
        (
            ("refresh", "--branch", "corrections", "--explain"),
            ("refresh", "--branch", "corrections"),
            ("merge", "corrections"),
            ("sql", FROST),
        ),
    ),
    Scene(
        (
            "Frost in May? The temperatures were Celsius. Which inputs made that number,",
            "who changed it, and can it be had again, as it was?",
        ),
        (
            ("lineage", "monthly_by_carrier", "--column", "in_frost"),
            (
                *("blame", "monthly_by_carrier", "--key", "month=5", "--key", "carrier=UA"),
                *("--column", "in_frost"),
            ),
            ("reproduce", "monthly_by_carrier@main~1"),
        ),
    ),
    Scene(
        (
            "A formula was wrong: miles per minute were called mph. The backfill rewrites",
            "all files. Did it change anything but that column?",
        ),
        (
            (
                *("snapshot", "flights=4-formula/flights", "--partitions"),
                *("-m", "speed_mph in miles per hour"),
            ),
            ("diff", "main~1"),
        ),
    ),
    Scene(
        ("Any query can read any commit: the table at main, and one commit before.",),
        (("sql", FASTER),),
    ),
    Scene(
        ("The layers do not show speeds: they are computed again, and stay as they are.",),
        (("refresh",),),
    ),
    Scene(("All of it is history.",), (("log", "--graph"),)),
)

SUGGESTIONS: tuple[Words, ...] = (
    ("diff", "main~6..main", "-t", "flights", "--rows", "--change", "inserted"),
    ("diff", "main~3", "main~2", "--format", "markdown"),
    ("shell",),
)
