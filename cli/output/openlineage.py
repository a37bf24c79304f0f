"""Lineage as events of OpenLineage, by its own library: an extra."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import catalog
from catalog.errors import ErrorKind, Unsupported
from catalog.report.figures import exact_moment
from cli.output.values import dumped

if TYPE_CHECKING:
    from catalog.model.lineage import ColumnInput, ColumnLineage, Input, LineageEntry
    from catalog.model.lineage_tree import TableLineage, TableNode, TableWrite

PRODUCER = f"https://pypi.org/project/parquetry/{catalog.__version__}"

RUNS = uuid.UUID("0f9b4bd2-5c0a-5e3c-9a0f-6d6a1f3f2c11")
"""The name space of run ids: a commit is a run, whoever asks about it, and whenever."""


def load_library() -> Any:
    """Returns the parts of the library that are used.

    Raises:
        Unsupported: It is not installed.
    """
    try:
        from openlineage.client import event_v2, serde
        from openlineage.client.facet_v2 import (
            column_lineage_dataset,
            dataset_version_dataset,
            sql_job,
        )
    except ImportError as error:
        raise Unsupported(
            f"the library for OpenLineage is not installed: {error.name}",
            kind=ErrorKind.EXTRA_NOT_INSTALLED,
            hint="pip install 'parquetry[openlineage]'",
        ) from error
    return SimpleNamespace(
        events=event_v2,
        to_json=serde.Serde.to_json,
        columns=column_lineage_dataset,
        version=dataset_version_dataset,
        sql=sql_job,
    )


def run_id(commit_id: str) -> str:
    """Returns the id of the run that a commit is."""
    return str(uuid.uuid5(RUNS, commit_id))


def event_lines(found: "TableLineage", library: Any, *, place: str) -> Iterator[str]:
    """Yields an event for each commit that wrote any of the tables, oldest first."""
    namespace = place if "://" in place else f"file://{place}"
    commits: dict[str, dict[str, TableWrite]] = {}

    def gather(node: "TableNode") -> None:
        for write in node.writes:
            commits.setdefault(write.commit.id, {}).setdefault(node.table, write)
            for one in write.inputs:
                gather(one)

    if found.upstream is not None:
        gather(found.upstream)
    ages = {one: next(iter(w.values())).commit.generation for one, w in commits.items()}
    for commit_id in sorted(commits, key=lambda one: (ages[one], one)):
        event = library.to_json(_event(commits[commit_id], library, namespace))
        yield dumped(json.loads(event))  # what could steer a terminal is escaped


def _event(writes: "Mapping[str, TableWrite]", library: Any, namespace: str) -> Any:
    events, commit = library.events, next(iter(writes.values())).commit
    entries = [write.entry for write in writes.values() if write.entry is not None]
    inputs = dict.fromkeys(one for entry in entries for one in entry.inputs)
    facets = _job_facets(entries[0], library) if len(writes) == len(entries) == 1 else {}
    return events.RunEvent(
        eventTime=exact_moment(commit.time),
        eventType=events.RunState.COMPLETE,
        run=events.Run(runId=run_id(commit.id)),
        job=events.Job(namespace=namespace, name="+".join(sorted(writes)), facets=facets),
        producer=PRODUCER,
        inputs=[
            events.InputDataset(
                namespace,
                one.table,
                facets={"version": _version(one.commit or commit.id, library)},
            )
            for one in inputs
        ],
        outputs=[
            events.OutputDataset(
                namespace, table, facets=_output_facets(writes[table], library, namespace)
            )
            for table in sorted(writes)
        ],
    )


def _output_facets(write: "TableWrite", library: Any, namespace: str) -> dict[str, Any]:
    facets, entry = {"version": _version(write.commit.id, library)}, write.entry
    if entry is not None and entry.columns is not None:
        facets["columnLineage"] = _columns(entry.columns, entry.inputs, library, namespace)
    return facets


def _version(commit_id: str, library: Any) -> Any:
    return library.version.DatasetVersionDatasetFacet(datasetVersion=commit_id, producer=PRODUCER)


def _job_facets(entry: "LineageEntry", library: Any) -> dict[str, Any]:
    if entry.statement is None:
        return {}
    return {"sql": library.sql.SQLJobFacet(query=entry.statement, producer=PRODUCER)}


def _columns(
    columns: "ColumnLineage", inputs: "Sequence[Input]", library: Any, namespace: str
) -> Any:
    parts = library.columns

    def field(one: "ColumnInput") -> Any:
        kinds = [
            parts.Transformation("DIRECT" if kind.is_direct else "INDIRECT", str(kind))
            for kind in one.kinds
        ]
        return parts.InputField(namespace, inputs[one.input].table, one.column, kinds)

    return parts.ColumnLineageDatasetFacet(
        fields={
            output.name: parts.Fields([field(one) for one in columns.made_from(output)])
            for output in columns.columns
        },
        dataset=[field(one) for one in columns.rows],
        producer=PRODUCER,
    )
