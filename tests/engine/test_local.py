"""Child processes: the same answer whatever their number, and one that dies costs one item."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import engine_tasks as tasks
import pytest

from curate.engine import Lost, children
from curate.engine.child import Raised
from curate.engine.children import end_children
from curate.engine.local import WINDOW, Processes

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def _no_children_stay() -> Iterator[None]:
    yield
    end_children()


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_order_of_the_items_whatever_the_number_of_workers(workers):
    assert list(Processes(workers).run(tasks.double, range(70))) == [2 * item for item in range(70)]


def test_a_slow_item_holds_nobody_up_but_is_given_first():
    assert list(Processes(2).run(tasks.slow_first, range(20))) == list(range(20))


def test_large_items_and_results_do_not_wait_for_each_other():
    items = [bytes([number]) * size for number, size in enumerate([300_000, 10, 5_000_000, 3_000, 400_000] * 6)]
    assert list(Processes(2, seconds=20.0).run(tasks.echo, items)) == items


def test_a_large_item_is_not_lost_with_the_child_that_it_was_to_go_to(tmp_path):
    items = [4, 5, 6 << 100_000, 7, 8]
    results = list(Processes(1).run(tasks.Harmful("exit", tmp_path / "notes"), items))
    assert isinstance(results.pop(1), Lost)
    assert results == [8, 12 << 100_000, 14, 16]


def test_no_items_start_no_child():
    end_children()
    assert list(Processes(2).run(tasks.double, [])) == []
    assert not children._all


def test_children_are_kept_for_the_next_run():
    first = set(Processes(2).run(tasks.child_of, range(30)))
    second = set(Processes(2).run(tasks.child_of, range(30)))
    assert os.getpid() not in first
    assert second <= {child._process.pid for child in children._all}
    assert first & second


def test_items_are_drawn_only_a_little_ahead_of_what_is_taken():
    drawn = []

    def items():
        for item in range(10_000):
            drawn.append(item)
            yield item

    results = Processes(2).run(tasks.double, items())
    for _ in range(10):
        next(results)
    time.sleep(0.3)
    results.close()
    assert len(drawn) <= 10 + 2 * WINDOW


@pytest.mark.parametrize(
    ("how", "reason"),
    [("exit", "its decoder crashed"), ("crash", "its decoder crashed ("), ("hang", "took more than 1 s")],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_an_item_that_ends_its_process_is_tried_again_and_then_lost_alone(tmp_path, how, reason, workers):
    engine = Processes(workers, seconds=1.0)
    results = list(engine.run(tasks.Harmful(how, tmp_path / "notes"), range(40)))
    assert isinstance(results[5], Lost)
    assert results[5].reason.startswith(reason)
    assert [result for at, result in enumerate(results) if at != 5] == [2 * item for item in range(40) if item != 5]
    assert (tmp_path / "notes").read_text(encoding="utf-8") == "xx"
    assert engine.problem == ""


def test_a_process_that_ends_once_loses_nothing(tmp_path):
    results = list(Processes(2).run(tasks.Harmful("exit", tmp_path / "notes", spares=2), range(40)))
    assert results == [2 * item for item in range(40)]


def test_a_child_that_is_killed_from_outside_loses_nothing():
    engine = Processes(2)
    pids = set(engine.run(tasks.child_of, range(20)))
    victim = next(child for child in children._all if child._process.pid in pids)
    victim.kill()
    assert list(engine.run(tasks.double, range(40))) == [2 * item for item in range(40)]


@pytest.mark.parametrize(("how", "error"), [("raise", KeyError), ("raise complicated", RuntimeError)])
def test_what_the_task_raises_is_raised_here_with_where_it_happened(tmp_path, how, error):
    results = Processes(2).run(tasks.Harmful(how, tmp_path / "notes"), range(40))
    with pytest.raises(error) as caught:
        list(results)
    assert "engine_tasks.py" in str(caught.value.__cause__)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_memory_beyond_the_limit_is_an_error_in_the_child_alone(tmp_path):
    with pytest.raises(MemoryError):
        list(Processes(1).run(tasks.Harmful("memory", tmp_path / "notes"), range(8)))


def test_what_items_are_drawn_from_may_fail():
    def items():
        yield 1
        raise OSError("the folder is gone")

    with pytest.raises(OSError, match="the folder is gone"):
        list(Processes(2).run(tasks.double, items()))


def test_what_a_decoder_prints_gets_nowhere(capfd):
    assert list(Processes(2).run(tasks.noisy, range(9))) == list(range(9))
    assert capfd.readouterr() == ("", "")


def test_ctrl_c_is_the_parents():
    assert list(Processes(1).run(tasks.ignores_ctrl_c, range(3))) == [0, 1, 2]


def test_a_task_cannot_take_the_items_for_its_own_input():
    assert list(Processes(1).run(tasks.reads_input, range(3))) == ["", "", ""]


def test_leaving_early_ends_what_nobody_waits_for(tmp_path):
    results = Processes(2).run(tasks.Harmful("hang", tmp_path / "notes", item=3), range(40))
    assert next(results) == 0
    start = time.monotonic()
    results.close()
    assert time.monotonic() - start < 5.0  # of 60
    assert list(Processes(2).run(tasks.double, range(5))) == [0, 2, 4, 6, 8]


def test_a_task_that_cannot_be_sent_is_done_here_and_said():
    engine = Processes(2)
    here = os.getpid()
    assert list(engine.run(lambda item: (item, os.getpid()), range(9))) == [(item, here) for item in range(9)]
    assert "decoded in this process" in engine.problem


@pytest.mark.parametrize("missing", ["frozen", "executable", "broken"])
def test_without_child_processes_it_is_done_here_and_said(monkeypatch, missing, tmp_path):
    end_children()
    if missing == "frozen":
        monkeypatch.setattr(sys, "frozen", True, raising=False)
    elif missing == "executable":
        monkeypatch.setattr(sys, "executable", str(tmp_path / "no python"))
    else:
        monkeypatch.setattr(children, "_CODE", "raise SystemExit(3)  # {path}")
    engine = Processes(2)
    assert list(engine.run(tasks.child_of, range(9))) == [os.getpid()] * 9
    assert "decoded in this process" in engine.problem


def test_two_runs_at_once_have_children_of_their_own():
    found: dict[int, list[int]] = {}

    def one(number: int) -> None:
        found[number] = list(Processes(1).run(tasks.double, range(number, number + 50)))

    threads = [threading.Thread(target=one, args=(number,)) for number in (0, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [2 * item for item in range(number, number + 50)] for number in (0, 100)}


def test_warmed_children_are_the_ones_that_work():
    end_children()
    engine = Processes(2, modules=("json",))
    engine.warm(100)
    warmed = {child._process.pid for child in children._all}
    assert len(warmed) == 2
    assert set(engine.run(tasks.child_of, range(30))) <= warmed


@pytest.mark.skipif(sys.platform == "win32", reason="asks for the state of processes as POSIX does")
def test_children_end_with_their_parent_however_it_ends(tmp_path):
    code = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import engine_tasks
from curate.engine.local import Processes
print(*set(Processes(2).run(engine_tasks.child_of, range(30))), flush=True)
os.kill(os.getpid(), 9)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    pids = [int(pid) for pid in done.stdout.split()]
    assert pids
    deadline = time.monotonic() + 20
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z")


def test_an_error_keeps_its_kind_where_it_can_be_sent():
    import pickle

    assert isinstance(pickle.loads(pickle.dumps(Raised(ValueError("x")))).error, ValueError)
    assert isinstance(pickle.loads(pickle.dumps(Raised(tasks.ComplicatedError(1, 2)))).error, RuntimeError)
