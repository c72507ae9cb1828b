"""The progress line's estimate of the time left, by a given clock."""

from __future__ import annotations

import io
import sys

import pytest

from curate.cli.console import HONEST, ProgressLine, TimeLeft, about


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def last(screen: Terminal) -> str:
    return screen.getvalue().rsplit("\x1b[2K", 1)[1]


def test_at_a_steady_rate_the_estimate_is_exact() -> None:
    left = TimeLeft()
    for second in range(100):
        told = left.after(float(second), 10 * second, 1000)
        if second >= HONEST:
            assert told == pytest.approx(100 - second)
    assert left.after(100.0, 1000, 1000) is None


def test_nothing_is_said_before_it_can_be_honest() -> None:
    left = TimeLeft()
    assert [left.after(at, int(10 * at), 10_000) for at in (0.0, 1.0, 2.9)] == [None] * 3
    assert left.after(3.0, 30, 10_000) is not None


def test_nothing_is_said_while_nothing_is_done_or_the_end_is_not_known() -> None:
    left = TimeLeft()
    assert [left.after(float(at), 0, 100) for at in range(20)] == [None] * 20
    unknown = TimeLeft()
    assert [unknown.after(float(at), at, 0) for at in range(20)] == [None] * 20


def test_a_rate_that_changed_is_believed_within_a_minute() -> None:
    left = TimeLeft()
    for second in range(20):  # 1,000 a second: these were known already
        left.after(float(second), 1000 * second, 40_000)
    told = None
    for second in range(20, 80):  # then 10 a second
        told = left.after(float(second), 20_000 + 10 * (second - 20), 40_000)
    assert told == pytest.approx((40_000 - 20_590) / 10, rel=0.05)


def test_batches_that_come_at_once_do_not_make_it_jump() -> None:
    left, told = TimeLeft(), []
    for second in range(200):
        done = second // 5 * 50  # 50 pictures every 5 s
        told.append(left.after(float(second), done, 2000))
    late = [(second, one) for second, one in enumerate(told) if second > 40 and one is not None]
    assert all(abs(one - (200 - second)) <= 0.25 * (200 - second) + 5 for second, one in late)


def test_a_stage_that_begins_anew_is_estimated_anew() -> None:
    left = TimeLeft()
    for second in range(30):
        left.after(float(second), 100 * second, 3000)
    assert left.after(30.0, 1, 3000) is None
    assert left.after(34.0, 5, 3000) == pytest.approx(4 / 4 * 2995)


def test_the_line_tells_it_and_each_stage_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, screen = Clock(), Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    line = ProgressLine(clock)
    for second in range(11):
        clock.now = 1000.0 + second
        line("measuring", 20 * second, 1000)
    assert last(screen) == "measuring 200 of 1,000, 40 s left"
    line("comparing", 5, 10)
    assert last(screen) == "comparing 5 of 10"
    line("calibrating the model, once", 0, 0)
    assert last(screen) == "calibrating the model, once ..."


def test_where_it_is_piped_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    line = ProgressLine(Clock())
    line("measuring", 1, 2)
    line.clear()
    assert pipe.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (89.4, "89 s"), (90, "2 min"), (3599, "60 min"), (5400, "1 h 30 min"), (36_000, "10 h")],
)
def test_a_time_is_told_no_finer_than_it_is_known(seconds: float, words: str) -> None:
    assert about(seconds) == words
