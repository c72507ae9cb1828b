"""Many decisions in a row by keyboard alone: quick, in their order, and none lost when the server is killed."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from review_server import Faults, present, served, until
from review_sets import settings

from curate.decisions import Decision, open_journal

MANY = 84  # pictures
PRESSED = 60  # decisions, within a minute


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(folder, cache): pictures of coarse colours with fine noise, each with a caption."""
    home = tmp_path_factory.mktemp("many")
    folder = home / "many"
    folder.mkdir()
    for number in range(MANY):
        random = np.random.default_rng(number)
        coarse = Image.fromarray(random.integers(0, 256, (9, 12, 3)).astype(np.uint8)).resize((400, 300), 0)
        noisy = np.asarray(coarse, np.int16) + random.integers(-9, 10, (300, 400, 1))
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / f"p{number:02}.png")
        (folder / f"p{number:02}.txt").write_text(f"nora, number {number}", encoding="utf-8")
    return folder, home / "cache"


def opened(browser: Any, address: str, faults: Faults) -> Any:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    faults.watch(page, address)
    page.goto(address)
    page.wait_for_selector("nav.views button")
    page.keyboard.press("w")
    page.wait_for_selector("[role=option]")
    page.keyboard.press("Home")
    return page


def all_saved(page: Any) -> None:
    until(lambda: page.locator(".saved").inner_text() == "saved", "everything is saved", seconds=60)


def test_sixty_decisions_by_keyboard_in_a_minute_survive_a_kill(browser: Any, many: tuple[Path, Path]) -> None:
    folder, cache = many
    left_out = {f"p{n:02}.png" for n in range(0, PRESSED, 3)}
    kept = {f"p{n:02}.png" for n in range(PRESSED)} - left_out
    with served(folder, cache) as (process, address):
        faults = Faults()
        page = opened(browser, address, faults)
        begin = time.monotonic()
        for number in range(PRESSED):
            page.keyboard.press("x" if number % 3 == 0 else "k")
        all_saved(page)  # the last one is confirmed
        process.kill()
        spent = time.monotonic() - begin
        assert not faults
        page.close()
    assert spent < 60
    said = present(folder, cache)
    assert {path for _, path in said.left_out} == left_out
    assert {path for _, path in said.keep} == kept
    with served(folder, cache) as (_, address):
        page = opened(browser, address, Faults())
        page.get_by_role("button", name="Decided").click()
        page.wait_for_selector(f"text={PRESSED} of {MANY} pictures")
        page.get_by_role("button", name="Left out").click()
        page.wait_for_selector(f"text={len(left_out)} of {MANY} pictures")
        page.close()


def test_an_undo_never_overtakes_the_decision_before_it(browser: Any, many: tuple[Path, Path]) -> None:
    folder, cache = many
    with served(folder, cache) as (_, address):
        page = opened(browser, address, Faults())
        before = present(folder, cache)
        page.route("**/api/decide", lambda route: (time.sleep(0.4), route.continue_()))  # a slow line
        page.keyboard.press("End")
        page.keyboard.press("x")
        page.keyboard.press("u")
        page.wait_for_selector("text=Undone: leave out")
        assert present(folder, cache) == before
        page.close()


def test_a_decision_is_shown_until_the_server_knows_it(browser: Any, many: tuple[Path, Path]) -> None:
    """News of the time before it does not take it back on the screen."""
    folder, cache = many
    with served(folder, cache) as (_, address):
        page = opened(browser, address, Faults())
        page.route("**/api/decide", lambda route: (time.sleep(1.5), route.continue_()))
        page.keyboard.press("End")
        page.keyboard.press("x")
        assert page.locator("#cell-83.absent").count()
        other = open_journal(folder, settings(cache))  # news of another review, in between
        digest = hashlib.sha256((folder / "p01.png").read_bytes()).hexdigest()
        other.add(Decision(kind="leave_out", digest=digest, path="p01.png"))
        end = time.monotonic() + 4
        while time.monotonic() < end:
            assert page.locator("#cell-83.absent").count()
            page.wait_for_timeout(50)
        until(lambda: "p83.png" in {path for _, path in present(folder, cache).left_out}, "it is saved")
        page.close()


def test_a_page_whose_server_was_followed_by_another_says_so(browser: Any, many: tuple[Path, Path]) -> None:
    folder, cache = many
    with served(folder, cache) as (process, address):
        page = opened(browser, address, Faults())
        process.kill()
        process.wait()
        page.wait_for_selector("text=not connected")
        port = address.split(":")[2].split("/")[0]
        with served(folder, cache, "--port", port):
            page.wait_for_selector("text=This review has ended", timeout=30_000)
            page.keyboard.press("x")
        page.close()
