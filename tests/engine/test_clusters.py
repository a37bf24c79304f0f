"""Tasks on Dask and on Ray: the same results, errors and cancellation as anywhere."""

import builtins
import os
from collections.abc import Iterator
from typing import Any

import pytest

from catalog.engine.executor import Executor
from catalog.engine.executors.dask_cluster import DaskExecutor
from catalog.engine.executors.ray_cluster import RayExecutor
from catalog.errors import NotFound, StorageFailure, Unsupported
from tests.effort import effort
from tests.engine.executor_tasks import Ends, Here, NotThere, Square

PARAMETERS = ["dask", *effort([], ["ray"])]


@pytest.fixture(params=PARAMETERS, scope="module")
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    """Is an executor of a cluster on this machine; Ray takes half a minute to start."""
    if request.param == "ray":
        ray = pytest.importorskip("ray", reason="Ray is not installed: parquetry[ray]")
        yield RayExecutor()
        ray.shutdown()
        return
    distributed = pytest.importorskip("distributed", reason="no Dask: parquetry[dask]")
    with (
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=bool(effort(0, 1)),
            dashboard_address=None,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield DaskExecutor(client)


@pytest.mark.filterwarnings("ignore")  # of libraries about themselves
def test_results_are_those_of_any_executor(executor: Executor) -> None:
    told: list[int] = []
    tasks: list[Any] = [*(Square(n) for n in range(5)), Here()]
    results = executor.run(tasks, done=lambda n, _: told.append(n))
    assert [number for number, _ in results] == [0, 1, 4, 9, 16, -1]
    assert results[-1][1] == os.getpid()
    assert sorted(told) == list(range(6))
    assert executor.workers >= 1


@pytest.mark.filterwarnings("ignore")
def test_errors_travel_with_kind_and_hint(executor: Executor) -> None:
    with pytest.raises(NotFound) as caught:
        executor.run([NotThere(), Square(1)])
    assert (caught.value.kind, caught.value.hint) == (
        "ref-not-found",
        "merge it: cat.merge('fix')",
    )


@pytest.mark.skipif(not effort(0, 1), reason="a worker that dies is a process: --thorough")
@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_dies_is_a_clear_error(executor: Executor) -> None:
    with pytest.raises(StorageFailure) as caught:
        executor.run([Ends(code=3), Square(1)])
    assert caught.value.kind == "worker-died"


@pytest.mark.parametrize(("library", "made"), [("distributed", DaskExecutor), ("ray", RayExecutor)])
def test_a_library_that_is_missing_is_named_with_its_extra(
    library: str, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name.partition(".")[0] == library:
            raise ImportError(name)
        return found(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    extra = "dask" if library == "distributed" else "ray"
    with pytest.raises(Unsupported, match=library) as caught:
        made("tcp://nowhere")
    assert caught.value.hint == f"pip install 'parquetry[{extra}]'"
