"""The story that ``parquetry demo`` tells over the flights of New York in 2013."""

from catalog.dataclasses import dataclass
from cli.exit_codes import ExitCode

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

# What must hold of every state.
[checks.flights.known_carrier]
kind = "relationships"
column = "carrier"
to = "airlines"
field = "carrier"

[checks.weather.plausible_temp]
kind = "range"
column = "temp"
min = -20
max = 110

[checks.weather.temp_is_there]
kind = "not_null"
column = "temp"
severity = "warn"

[checks.monthly_by_carrier.frost_at_most_flights]
kind = "sql"
sql = "SELECT * FROM monthly_by_carrier WHERE in_frost > flights"
"""

FROST = """\
SELECT carrier, new.flights, old.in_frost AS before, new.in_frost AS after
FROM monthly_by_carrier AS new JOIN monthly_by_carrier@main~1 AS old USING (month, carrier)
WHERE month = 2 AND new.in_frost <> old.in_frost ORDER BY after DESC LIMIT 3"""

PICTURED = """\
SELECT carrier, name, width, size FROM airlines LEFT JOIN tails ON path = carrier || '.jpg'
WHERE size IS NULL OR size < 2000 ORDER BY size NULLS FIRST, carrier LIMIT 6"""

Words = tuple[str, ...]
"""A command, as words after ``parquetry``."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene of the story: what happens, in lines, and the commands that show it.

    Attributes:
        says: What happens.
        commands: The commands.
        files: Files that are shown first.
        expected: The exit code of each command.
    """

    says: tuple[str, ...]
    commands: tuple[Words, ...]
    files: tuple[str, ...] = ()
    expected: ExitCode = ExitCode.OK


SCENES = (
    Scene(
        ("Five tables are loaded. parquetry.toml names their sources and keys;", "one commit."),
        (("init", "lake"), ("snapshot", "-m", "first load")),
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
            "parquetry.toml also says what must hold of every state. One check warns: for days",
            "in February, LaGuardia's thermometer was silent.",
        ),
        (("check", "sync", "-m", "checks of parquetry.toml"), ("check",)),
    ),
    Scene(
        ("Now its readings are here, as a table of their own.",),
        (
            (
                *("snapshot", "late_readings=5-late-readings"),
                *("--key", "late_readings=origin,time_hour", "-m", "readings of LaGuardia"),
            ),
        ),
    ),
    Scene(
        (
            "A first fix takes them over into weather. It runs on a branch of its own, with",
            "the layers refreshed behind it. A contract says what it may change.",
        ),
        (
            (
                *("backfill", "late-weather", "-f", "late-weather/fix-1.sql"),
                *("--contract", "late-weather/contract.toml", "--merge"),
            ),
        ),
        files=("late-weather/fix-1.sql", "late-weather/contract.toml"),
        expected=ExitCode.ANSWER_IS_NO,
    ),
    Scene(
        (
            "All checks pass, and the reports look right: no check of a state sees what was",
            "lost. The contract does, and main stays as it is. The second fix has a condition",
            "more; then all three tables reach main in one step.",
        ),
        (
            (
                *("backfill", "late-weather", "-f", "late-weather/fix-2.sql", "--restart"),
                *("--contract", "late-weather/contract.toml", "--merge"),
            ),
            ("sql", FROST),
        ),
        files=("late-weather/fix-2.sql",),
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
    Scene(
        (
            "Directories of other files are versioned too. tails are pictures of airplanes, one",
            "for each of twelve airlines: a row for each file, and contents are stored once.",
        ),
        (
            (
                *("snapshot", "tails=6-pictures", "--format", "files"),
                *("-m", "pictures of tails"),
            ),
        ),
    ),
    Scene(
        (
            "Better ones come for some of them, on a branch. Which are replaced, and do they show",
            "the same? (That needs Pillow: pip install 'parquetry[images]'.)",
        ),
        (
            ("branch", "create", "better-pictures"),
            (
                *("snapshot", "tails=7-better-pictures", "--format", "files"),
                *("--branch", "better-pictures", "-m", "better pictures"),
            ),
            ("diff", "main", "better-pictures"),
        ),
    ),
    Scene(
        (
            "HA.jpg shows another airplane than before. It is sent again; then all reach main.",
            "Which airlines have no picture, or still a small one?",
        ),
        (
            (
                *("snapshot", "tails=8-right-picture", "--format", "files", "--append"),
                *("--branch", "better-pictures", "-m", "the right picture of HA"),
            ),
            ("merge", "better-pictures"),
            ("sql", PICTURED),
        ),
    ),
    Scene(("All of it is history.",), (("log", "--graph", "--oneline"),)),
)

SUGGESTIONS: tuple[Words, ...] = (
    ("diff", "main~1", "--format", "markdown"),
    ("backfill", "undo", "late-weather"),
    ("shell",),
)
