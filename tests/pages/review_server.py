"""`curate review` as a process of its own, and what a test asks of it from outside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from review_sets import settings

from curate.decisions import Decisions, open_journal

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
START = 120  # s that a scan of nine small pictures and the start of the server may take on a busy machine
ROOT = Path(__file__).parents[2]


def browser_path() -> str | None:
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


@contextmanager
def served(folder: Path, cache: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running `curate review`, and the address that it printed."""
    command = [sys.executable, "-m", "curate", "review", str(folder), "--no-open", "--model", "builtin", "--offline"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    options = ["--cache", str(cache), "--views", "off", "--trigger", "nora", "--export-to", str(cache.parent / "out")]
    process = subprocess.Popen(
        [*command, *options, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line, process.communicate(timeout=START)
        yield process, line.split()[-1]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=START)


class Faults(list[str]):
    """What a page must not do: errors, refused requests, requests to elsewhere, dialogs of injected script."""

    def watch(self, page: Any, address: str) -> None:
        origin = address.split("/?")[0]
        page.on("console", lambda message: self.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on("dialog", lambda dialog: self.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: None if request.url.startswith(origin) else self.append(request.url))


def present(folder: Path, cache: Path) -> Decisions:
    return open_journal(folder, settings(cache)).present


def until(condition: Any, what: str, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"never happened: {what}")
