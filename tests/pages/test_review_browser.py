"""The review page in a real browser and as a real process: driven by keyboard, killed, and opened again."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from review_server import Faults, present, served, until
from review_sets import HOSTILE

# Where the mirrored copy's right upper corner lies on the screen when it is laid on its keeper, and the keeper's left.
CORNERS = """(() => {
  const keeper = document.querySelector('.blink .high').getBoundingClientRect();
  const over = document.querySelector('.blink .over');
  const laid = new DOMMatrix(getComputedStyle(over).transform).transformPoint({ x: over.offsetWidth, y: 0 });
  const zoom = keeper.width / over.offsetWidth;
  return { keeper: [keeper.left, keeper.top], over: [keeper.left + laid.x * zoom, keeper.top + laid.y * zoom] };
})()"""


def test_a_whole_review_by_keyboard_from_queue_to_export(browser: Any, own: tuple[Path, Path], tmp_path: Path) -> None:
    folder, cache = own
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with served(folder, cache) as (_, address):
        page, faults = browser.new_page(), Faults()
        faults.watch(page, address)
        page.goto(address)
        page.wait_for_selector(".stage img.there")
        assert "token" not in page.url
        key = page.keyboard.press
        for _ in range(30):  # whatever is asked: take the suggestion, and write a caption where one is missing
            if page.locator(".end").count():
                break
            asked = page.locator(".position").inner_text()
            key("Enter")
            if page.locator(".panel textarea").count():
                page.keyboard.type("nora, the fourth")
                key("Enter")
            page.wait_for_function(
                "before => document.querySelector('.end') || document.querySelector('.position').innerText !== before",
                arg=asked,
            )
        page.wait_for_selector(".end")
        key("/")
        page.keyboard.type("scene 2")
        key("Escape")
        until(lambda: page.locator("[role=option]").count() == 1, "the search finds one picture")
        key("x")
        until(lambda: {path for _, path in present(folder, cache).left_out} == {"scene2.png"}, "it is left out")
        key("u")
        until(lambda: not present(folder, cache).left_out, "the decision is undone")
        key("r")
        until(lambda: present(folder, cache).left_out, "and done again")
        key("Escape")
        key("t")
        page.locator("input[aria-label=Find]").fill("in a park")
        page.locator("input[aria-label='Replace with']").fill("outside")
        page.wait_for_selector("text=/changes 3 of/")
        key("Enter")
        until(
            lambda: sum("outside" in text for text in present(folder, cache).captions.values()) == 3, "words replaced"
        )
        key("Escape")
        key("p")
        page.wait_for_selector(".verdict")
        key("e")
        page.wait_for_selector("text=Nothing is written yet")
        key("Enter")
        page.wait_for_selector("text=/written to/", timeout=60_000)
        assert not faults
        page.close()
    out = tmp_path / "out" / "set-clean"
    written = [file.with_suffix(".txt").read_text(encoding="utf-8") for file in out.rglob("*.png")]
    assert len(written) == 4
    assert any("nora, the fourth" in text for text in written)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_nothing_in_names_or_captions_becomes_markup(browser: Any, own: tuple[Path, Path]) -> None:
    folder, cache = own
    name = "a\u202egnp'\"&.png" if os.name == "nt" else "<img src=x onerror=alert(2)>\u202e.png"
    (folder / "scene2.png").rename(folder / name)
    with served(folder, cache) as (_, address):
        page, faults = browser.new_page(), Faults()
        faults.watch(page, address)
        page.goto(address)
        page.wait_for_selector(".stage img.there")
        for key in ("w", "t"):
            page.keyboard.press(key)
            page.wait_for_timeout(300)
        page.wait_for_selector("text=‹202E›")
        assert HOSTILE[:20] in page.locator("body").inner_text()
        assert page.locator("img[src=x]").count() == 0
        assert not faults
        page.close()


def test_blinking_lays_the_copy_exactly_on_its_keeper(browser: Any, own: tuple[Path, Path]) -> None:
    folder, cache = own
    with served(folder, cache) as (_, address):
        page = browser.new_page(reduced_motion="reduce")
        page.goto(address)
        page.wait_for_selector(".stage.pair img.there")
        page.locator(".strip .frame:not(:first-child):has(img:not([alt*=cropped]))").click()  # mirrored, either way
        page.keyboard.press("b")
        page.wait_for_selector(".stage.blink .over.shown")
        page.wait_for_function("document.querySelector('.blink .over').complete")
        corner = page.evaluate(CORNERS)
        assert corner["over"] == pytest.approx(corner["keeper"], abs=2)  # px
        page.keyboard.press("b")
        page.wait_for_selector(".stage.blink .over:not(.shown)", state="attached")
        page.close()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_every_view_obeys_the_rules_of_accessibility(browser: Any, own: tuple[Path, Path], scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    folder, cache = own
    with served(folder, cache) as (_, address):
        context = browser.new_context(bypass_csp=True, color_scheme=scheme)  # axe is script from outside
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector(".stage img.there")
        for key in ("q", "v", "w", "t", "p", "?"):
            page.keyboard.press(key)
            page.wait_for_timeout(300)
            found = axe.Axe().run(page).response["violations"]
            assert [(rule["id"], rule["nodes"][0]["target"]) for rule in found] == [], key
        context.close()


def test_keys_do_nothing_while_a_caption_is_typed(browser: Any, own: tuple[Path, Path]) -> None:
    folder, cache = own
    with served(folder, cache) as (_, address):
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector(".stage img.there")
        page.keyboard.press("c")
        page.keyboard.type("xkdmu?")
        page.keyboard.press("Escape")
        assert not present(folder, cache)
        page.keyboard.press("?")
        page.wait_for_selector("dialog.help")
        page.keyboard.press("x")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog.help", state="detached")
        assert not present(folder, cache)
        page.close()


def test_sixty_decisions_in_a_row_survive_a_kill(own: tuple[Path, Path]) -> None:
    import httpx2

    folder, cache = own
    with served(folder, cache) as (process, address):
        origin = address.split("/?")[0]
        with httpx2.Client(base_url=origin, headers={"origin": origin}) as client:
            client.get("/", params={"token": address.split("token=")[1]})
            ids = [picture["id"] for picture in client.get("/api/set").json()["pictures"]]
            begin = time.monotonic()
            for n in range(60):
                decision = {"kind": "caption", "id": ids[n % len(ids)], "text": f"caption {n}"}
                assert client.post("/api/decide", json={"decisions": [decision]}).json()["saved"] == 1
            spent = time.monotonic() - begin
            process.kill()
    assert spent < 60
    captions = set(present(folder, cache).captions.values())
    assert {f"caption {n}" for n in range(60 - len(ids), 60)} <= captions
    with served(folder, cache) as (_, address):
        origin = address.split("/?")[0]
        with httpx2.Client(base_url=origin) as client:
            client.get("/", params={"token": address.split("token=")[1]})
            pictures = client.get("/api/set").json()["pictures"]
    assert {picture["caption"] for picture in pictures} == captions


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_ends_it_with_a_line(own: tuple[Path, Path]) -> None:
    folder, cache = own
    with served(folder, cache) as (process, _):
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "every decision is kept" in said
    assert "Traceback" not in said


def test_a_busy_port_is_said(own: tuple[Path, Path]) -> None:
    folder, cache = own
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(AssertionError, match=f"127.0.0.1:{port} cannot be served on"),
            served(folder, cache, "--port", str(port)),
        ):
            pass


def test_two_files_of_the_same_bytes_are_both_shown_sharp(browser: Any, own: tuple[Path, Path]) -> None:
    folder, cache = own
    with served(folder, cache) as (_, address):
        page = browser.new_page()
        page.goto(address)
        page.locator(".task", has_text="scene1.png").or_(page.locator(".task", has_text="twin.png")).first.click()
        page.wait_for_selector(".stage.pair img.there")
        page.keyboard.press("s")  # one picture at a time
        for key in ("ArrowUp", "ArrowDown", "ArrowUp"):
            page.keyboard.press(key)
            page.wait_for_selector(".pane:first-child img.high.there")
        page.close()
