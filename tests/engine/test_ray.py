"""On a real Ray, started on this machine: the same answer as without, whatever happens to its workers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import ray_tasks
from stores import BUCKET, fill

import curate
from curate import pages
from curate.engine import Lost
from curate.engine.ray import connected
from curate.errors import CurateError, EngineError, ModelError
from curate.pictures import reading
from curate.settings import ScanSettings

ray = pytest.importorskip("ray")
pytest.importorskip("ray.data")

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.ray,
    pytest.mark.xdist_group("ray"),  # one cluster for all
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray", "ignore::FutureWarning:ray"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),  # Ray's
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A Ray of four cores that all tests of this file share: its address."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    context = ray.init(
        address="local",
        num_cpus=4,
        object_store_memory=100_000_000,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": paths}},
    )
    yield context.address_info["address"]
    ray.shutdown()


@pytest.fixture
def settings(tmp_path: Path) -> ScanSettings:
    return ScanSettings(
        model="builtin", offline=True, views="off", cache=tmp_path / "cache", decisions=tmp_path / "decisions"
    )


@pytest.fixture(scope="module")
def alone(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the local engine says of the samples."""
    return pages.as_json(curate.scan(sample_folder, fresh(tmp_path_factory.mktemp("alone"))))


def fresh(folder: Path, **changes: Any) -> ScanSettings:
    settings = ScanSettings(model="builtin", offline=True, views="off", cache=folder, decisions=folder / "decisions")
    return replace(settings, **changes)


def test_results_come_in_the_order_of_the_items(cluster: str) -> None:
    with connected(workers=3) as engine:
        assert list(engine.run(ray_tasks.square, range(50))) == [at * at for at in range(50)]
        assert list(engine.run(ray_tasks.square, [])) == []


def test_an_item_that_kills_its_workers_is_lost_and_costs_no_other(cluster: str) -> None:
    with connected(workers=2) as engine:
        results = list(engine.run(ray_tasks.Deadly(3), range(8)))
    assert results[3] == Lost("its worker died 4 times")
    assert [it for at, it in enumerate(results) if at != 3] == [at for at in range(8) if at != 3]


def test_an_error_of_the_task_arrives_as_it_is(cluster: str) -> None:
    with connected(workers=1) as engine, pytest.raises(ModelError, match="is missing"):
        list(engine.run(ray_tasks.missing_model, [1]))


def test_a_bug_in_the_task_is_no_curate_error(cluster: str) -> None:
    with connected(workers=1) as engine, pytest.raises(ray.exceptions.RayTaskError, match="ZeroDivisionError"):
        list(engine.run(ray_tasks.divide_by_zero, [1]))


def test_what_cannot_be_sent_is_one_line(cluster: str) -> None:
    lock = threading.Lock()
    with connected() as engine, pytest.raises(EngineError, match="cannot be sent to other machines"):
        list(engine.run(lambda item: lock and item, [1]))


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_ray_says_the_same_byte_for_byte(
    cluster: str, alone: str, sample_folder: Path, tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if workers == 2:
        monkeypatch.setattr(reading, "FEW", 0)  # the workers read too
    told: list[tuple[str, int, int]] = []
    wanted = fresh(tmp_path, engine="ray", workers=workers)
    analysis = curate.scan(sample_folder, wanted, progress=lambda *one: told.append(one))
    assert pages.as_json(analysis) == alone
    measured = [(done, total) for stage, done, total in told if stage == "measuring"]
    assert measured[-1][0] == measured[-1][1] > 0
    assert sorted((tmp_path / "features").rglob("*.parquet"))
    told.clear()
    assert pages.as_json(curate.scan(sample_folder, wanted, progress=lambda *one: told.append(one))) == alone
    broken = len(analysis.catalog.broken)
    assert max((total for stage, _, total in told if stage == "measuring"), default=0) <= broken


def test_a_worker_killed_in_the_middle_changes_nothing(cluster: str, sample_folder: Path, tmp_path: Path) -> None:
    quiet, trap = tmp_path / "quiet", tmp_path / "trap"
    expected = curate.scan(sample_folder, fresh(quiet), model=ray_tasks.Trap(None))
    killed: list[int] = []

    def kill() -> None:
        deadline = time.monotonic() + 120
        while not killed and time.monotonic() < deadline:
            if trap.exists() and (text := trap.read_text(encoding="utf-8")):
                os.kill(int(text), signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
                killed.append(int(text))
            time.sleep(0.05)

    killer = threading.Thread(target=kill)
    killer.start()
    wanted = fresh(tmp_path / "ray", engine="ray", workers=2)
    found = curate.scan(sample_folder, wanted, model=ray_tasks.Trap(trap))
    killer.join()
    assert killed
    assert killed[0] != os.getpid()
    assert pages.as_json(found) == pages.as_json(expected)


def test_a_scan_goes_on_where_a_cluster_died(cluster: str, alone: str, sample_folder: Path, tmp_path: Path) -> None:
    class DiedError(Exception):
        pass

    def die(stage: str, done: int, total: int) -> None:
        if stage == "measuring" and done >= total // 2:
            raise DiedError

    with pytest.raises(DiedError):
        curate.scan(sample_folder, fresh(tmp_path, engine="ray", workers=2), progress=die)
    totals: list[int] = []
    (tmp_path / "other").mkdir()  # the head's own cache is gone too
    again = fresh(tmp_path / "other", engine="ray", workers=2, features=str(tmp_path / "features"))
    analysis = curate.scan(
        sample_folder, again, progress=lambda stage, _, total: totals.append(total) if stage == "measuring" else None
    )
    assert pages.as_json(analysis) == alone
    assert totals[0] <= (len(analysis.catalog.pictures) + 1) // 2 + len(analysis.catalog.broken)


def test_the_command_reaches_a_cluster_and_prints_nothing_but_the_result(
    cluster: str, alone: str, sample_folder: Path, tmp_path: Path
) -> None:
    done = command(sample_folder, tmp_path, "--engine", "ray", "--address", cluster, "--workers", "2")
    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout.rstrip("\n") == alone.rstrip("\n")


def test_a_wrong_address_fails_in_seconds_and_measures_nothing(sample_folder: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes the call and says nothing
        busy = f"127.0.0.1:{mute.getsockname()[1]}"
        for address in ("127.0.0.1:9", busy, "nowhere"):
            start = time.monotonic()
            done = command(sample_folder, tmp_path, "--engine", "ray", "--address", address)
            assert time.monotonic() - start < 60  # Ray itself would try for minutes
            assert done.returncode == 1
            assert done.stdout == ""
            assert done.stderr.startswith(f"curate: Engine 'ray': no cluster of Ray at {address} (")
            assert done.stderr.count("\n") == 1
    assert not list(tmp_path.rglob("*.parquet"))


def test_another_cluster_than_the_connected_one_is_refused(cluster: str) -> None:
    with pytest.raises(EngineError, match=r"is connected to .* already"), connected("127.0.0.1:9"):
        pass
    with connected(cluster) as engine:
        assert engine.most == 4


def test_without_ray_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(CurateError, match=r"pip install 'lora-curate\[ray\]'"), connected():
        pass


def test_pictures_and_features_in_a_bucket_give_the_same(s3: object, sample_folder: Path, tmp_path: Path) -> None:
    fill(s3, f"{BUCKET}/samples", sample_folder)
    here = command(f"s3://{BUCKET}/samples", tmp_path / "here")
    assert here.returncode == 0, here.stderr
    there = command(
        f"s3://{BUCKET}/samples", tmp_path / "there", "--engine", "ray", "--workers", "2",
        "--features", f"s3://{BUCKET}/measured",
    )  # fmt: skip
    assert (there.returncode, there.stderr) == (0, "")
    assert there.stdout == here.stdout
    assert s3.glob(f"{BUCKET}/measured/*/*.parquet")  # type: ignore[attr-defined]
    assert not list((tmp_path / "there").rglob("*.parquet"))


def command(place: Path | str, cache: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`curate scan` in a process of its own."""
    fixed = ("--model", "builtin", "--offline", "--views", "off", "--json", "--cache", str(cache))
    return subprocess.run(
        [sys.executable, "-m", "curate", "scan", str(place), *fixed, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
