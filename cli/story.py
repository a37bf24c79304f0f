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
"""

FASTER = """\
SELECT new.carrier, count(*) AS flights, round(avg(old.speed_mph), 1) AS before,
       round(avg(new.speed_mph), 1) AS after
FROM flights AS new JOIN flights@main~1 AS old USING (flight_id)
GROUP BY ALL ORDER BY flights DESC LIMIT 5"""

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
            "Corrections: kilometres become miles, repeated rows go, Celsius becomes",
            "Fahrenheit. Two tables change in one commit.",
        ),
        (
            (
                *("snapshot", "flights=3-corrections/flights", "weather=3-corrections/weather"),
                *("--partitions", "-m", "corrections of April and May"),
            ),
            ("diff", "main~1"),
            ("diff", "main~1", "-t", "flights", "--rows", "--change", "updated", "--limit", "3"),
        ),
    ),
    Scene(
        (
            "A formula was wrong: miles per minute were called mph. The backfill rewrites all",
            "files. Did it change anything but that column?",
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
    Scene(("All of it is history.",), (("log", "--graph"),)),
)

SUGGESTIONS: tuple[Words, ...] = (
    ("diff", "main~3..main", "-t", "flights", "--rows", "--change", "inserted"),
    ("diff", "main~2", "main~1", "--format", "markdown"),
    ("shell",),
)
