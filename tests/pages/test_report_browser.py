"""The report in a real browser: no request, no error, readable at every width, its rules of accessibility kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_sets import copy_of, made_up

from curate import pages, pictures, pipeline
from curate.pages import compare_report, report
from curate.pages.report import ReportInputs
from curate.records import Analysis, Group, Member

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "msedge")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser on this machine: none of {', '.join(BROWSERS)}")
    with api.sync_playwright() as driver:
        # a container's root may not start Chromium's own sandbox; the page is ours and asks for nothing
        launched = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def file(samples: Analysis, sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the sample pictures, with a group of look-alikes that they do not have."""
    alike = Group(
        kind="lookalike",
        keeper=2,
        reason="first",
        members=tuple(Member(row=row, kind="lookalike", edit="alike", similarity=0.9) for row in (3, 7)),
    )
    analysis = replace(samples, groups=(*samples.groups, alike))
    made = report.report(
        ReportInputs(
            analysis=analysis,
            plan=pipeline.recommend(analysis, target_steps=3000),
            thumbnails=report.thumbnails(analysis, pictures.Source(sample_folder)),
        )
    )
    path = tmp_path_factory.mktemp("report") / "a report.html"
    path.write_text(made, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def compared(samples: Analysis, sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample pictures against themselves with others left out, and views that they might have."""
    masses = dict.fromkeys(("close_up", "upper_body", "three_quarter", "full_body"), 1.2)
    one = replace(pages.side_of(samples, "before"), matrix={"front": masses, "back": masses}, views=(2, 8))
    other = replace(one, name="after", pictures=dict(list(one.pictures.items())[:-6]), effective_images=9.0)
    other = replace(other, matrix={"front": {**masses, "full_body": 0.0}, "back": masses}, views=(1, 8))
    found = pages.compare(one, other, 1000)
    small = report.drawn_small(compare_report.moved_pictures(found)[0], pictures.Source(sample_folder))
    path = tmp_path_factory.mktemp("compare") / "compare.html"
    inputs = compare_report.ComparisonInputs(found=found, thumbnails=small)
    path.write_text(compare_report.compare_report(inputs), encoding="utf-8")
    return path


def opened(browser: Any, file: Path, **context: object) -> tuple[Any, list[str], list[str]]:
    """A page, what it complained of, and what it asked for besides itself."""
    page = browser.new_context(**context).new_page()
    wrong: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    return page, wrong, [url for url in asked if not url.startswith("data:") and url != file.as_uri()]


def test_it_opens_without_a_request_or_an_error(browser: Any, file: Path) -> None:
    page, wrong, asked = opened(browser, file)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.wait_for_timeout(200)
    assert (wrong, asked) == ([], [])
    page.context.close()


@pytest.mark.parametrize("width", [360, 768, 1920, 3840])
def test_nothing_is_wider_than_the_screen(browser: Any, file: Path, width: int) -> None:
    page, _, _ = opened(browser, file, viewport={"width": width, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1920])
def test_the_rules_of_accessibility_are_kept(browser: Any, file: Path, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page, _, _ = opened(browser, file, color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.evaluate(
        "document.querySelectorAll('.star, .strip, .cards li').forEach(one => one.style.contentVisibility = 'visible')"
    )
    found = axe.Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}}).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:120], one["nodes"][0]["failureSummary"]) for one in found] == []
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1920])
def test_a_comparison_is_as_quiet_and_readable(browser: Any, compared: Path, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    context = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}, "bypass_csp": True}
    page, wrong, asked = opened(browser, compared, **context)
    assert (wrong, asked) == ([], [])
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('.moved li').forEach(one => one.style.contentVisibility = 'visible')")
    found = axe.Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}}).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:120], one["nodes"][0]["failureSummary"]) for one in found] == []
    page.context.close()


def test_an_aligned_pair_is_compared_by_keyboard_alone(browser: Any, file: Path) -> None:
    page, _, _ = opened(browser, file)
    page.locator("details.compare > summary").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # onto the chosen way of showing, which the arrows change
    over = page.locator("details.compare").first.locator(".over")
    assert over.evaluate("one => getComputedStyle(one).clipPath").startswith("inset(")
    page.keyboard.press("ArrowRight")
    assert over.evaluate("one => getComputedStyle(one).animationName") == "blink"
    page.keyboard.press("ArrowRight")
    assert over.evaluate("one => getComputedStyle(one).visibility") == "hidden"
    page.keyboard.press("ArrowRight")
    assert over.evaluate("one => getComputedStyle(one).visibility") == "visible"
    page.context.close()


def test_the_slider_moves_the_split(browser: Any, file: Path) -> None:
    page, _, _ = opened(browser, file)
    page.locator("details.compare > summary").first.click()
    slider = page.locator("details.compare").first.locator(".slide")
    slider.focus()
    page.keyboard.press("Home")
    stage = page.locator("details.compare").first.locator(".stage")
    assert stage.evaluate("one => one.style.getPropertyValue('--x')") == "0%"
    page.context.close()


def test_nothing_blinks_where_less_motion_is_asked_for(browser: Any, file: Path) -> None:
    page, _, _ = opened(browser, file, reduced_motion="reduce")
    page.locator("details.compare > summary").first.click()
    page.locator("details.compare").first.locator("label", has_text="Blink").click()
    over = page.locator("details.compare").first.locator(".over")
    assert over.evaluate("one => getComputedStyle(one).animationName") == "none"
    page.context.close()


def test_without_script_all_of_it_is_there(browser: Any, file: Path) -> None:
    page, _, _ = opened(browser, file, java_script_enabled=False)
    for name in ("verdict", "copies", "lookalikes", "map", "coverage", "plan", "findings", "method"):
        assert page.locator(f"#{name} h1, #{name} h2").first.is_visible()
    page.locator("details.compare > summary").first.click()
    assert page.locator("details.compare").first.locator(".stage").is_visible()
    page.context.close()


def test_hostile_names_and_captions_stay_text(browser: Any, tmp_path: Path) -> None:
    names = [
        "<script>document.title='x'</script>.jpg",
        "\"><img src=1 onerror=document.title='x'>.jpg",
        "\u202egpj.jpg",
    ]
    path = tmp_path / "hostile.html"
    made = made_up(names, captions=names, groups=(copy_of(0, 1, edit=names[1]),), findings=names, notes=tuple(names))
    path.write_text(report.report(ReportInputs(analysis=made, no_plan=names[0])), encoding="utf-8")
    page, wrong, asked = opened(browser, path)
    assert page.title() == "curate report: nora"
    assert page.locator("img, script").count() == 1
    assert (wrong, asked) == ([], [])
    page.context.close()
