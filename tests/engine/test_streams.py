"""What libraries say from C++ while they start does not reach the terminal, and everything afterwards does."""

from __future__ import annotations

import os
import threading

import pytest

from curate.engine import quiet


def test_what_is_said_inside_is_gone_and_what_is_said_afterwards_is_not(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet():
        os.write(2, b"a greeting")
    os.write(2, b"a message")
    assert capfd.readouterr().err == "a message"


def test_threads_that_leave_in_the_order_they_came_bring_the_stream_back(capfd: pytest.CaptureFixture[str]) -> None:
    second_is_in, first_is_out = threading.Event(), threading.Event()

    def second() -> None:
        with quiet():
            second_is_in.set()
            first_is_out.wait(10)

    thread = threading.Thread(target=second)
    with quiet():
        thread.start()
        assert second_is_in.wait(10)
    os.write(2, b"another greeting")
    first_is_out.set()
    thread.join()
    os.write(2, b"a message")
    assert capfd.readouterr().err == "a message"
