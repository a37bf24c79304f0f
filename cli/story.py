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

FROST = """\
SELECT carrier, new.flights, old.in_frost AS before, new.in_frost AS after
FROM monthly_by_carrier AS new JOIN monthly_by_carrier@main~1 AS old USING (month, carrier)
WHERE month = 2 AND new.in_frost <> old.in_frost ORDER BY after DESC LIMIT 3"""

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
        (("refresh",),),
    ),
    Scene(
        (
            "LaGuardia's thermometer was silent for days in February: 100 hours have no",
            "temperature. Now its readings are here, as a table of their own.",
        ),
        (
            (
                *("snapshot", "late_readings=5-late-readings"),
                *("--key", "late_readings=origin,time_hour", "-m", "readings of LaGuardia"),
            ),
        ),
    ),
    Scene(
        (
            "A fix takes them over into weather: on a branch of its own, with the layers",
            "refreshed behind it. All three tables reach main in one step.",
        ),
        (
            (
                *("backfill", "late-weather", "-f", "late-weather/fix-2.sql"),
                *("--contract", "late-weather/contract.toml", "--merge"),
            ),
            ("sql", FROST),
        ),
    ),
    Scene(
        (
            "More flights left in frost than the report had said. Which inputs made that",
            "number, who changed the cell, and can the old report be had again?",
        ),
        (
            ("lineage", "monthly_by_carrier", "--column", "in_frost"),
            (
                *("blame", "weather", "--key", "origin=LGA"),
                *("--key", "time_hour=2013-02-09 13:00", "--column", "temp"),
            ),
            ("reproduce", "monthly_by_carrier@main~1"),
        ),
    ),
    Scene(("All of it is history.",), (("log", "--graph", "--oneline"),)),
)

SUGGESTIONS: tuple[Words, ...] = (
    ("diff", "main~1", "--format", "markdown"),
    ("backfill", "undo", "late-weather"),
    ("shell",),
)
