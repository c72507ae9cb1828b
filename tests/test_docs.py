"""The README's commands and printed output are what really happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import curate
from curate.pages import scan_page
from curate.plan import page

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(mark: str) -> list[str]:
    found = re.search(rf"<!-- {re.escape(mark)} -->\n```\w+\n(.*?)\n```", README, re.DOTALL)
    assert found, f"README.md has no block after <!-- {mark} -->"
    return found[1].splitlines()


def after_the_head(lines: list[str], first: str) -> list[str]:
    """From the first section on: the lines before it name the folder and the machine's embedder."""
    return lines[lines.index(first) :]


def test_the_scan_that_the_readme_shows_is_the_one_that_is_printed(seen_samples: curate.Analysis) -> None:
    printed = [line.text for line in scan_page(seen_samples)]
    shown = block("output: curate scan sample_images")
    assert after_the_head(shown, "WHAT YOU HAVE") == after_the_head(printed, "WHAT YOU HAVE")


def test_without_views_the_scan_that_the_readme_shows_is_printed_but_for_them(samples: curate.Analysis) -> None:
    printed = [line.text for line in scan_page(samples)]
    shown = block("output: curate scan sample_images")
    for one in (printed, shown):
        start = next(at for at, line in enumerate(one) if line.startswith(("VIEWS", "WHAT REPEATS")))
        del one[start : one.index("", start)]
    assert after_the_head(shown, "WHAT YOU HAVE") == after_the_head(printed, "WHAT YOU HAVE")


def test_the_plan_that_the_readme_shows_is_the_one_that_is_printed(samples: curate.Analysis) -> None:
    printed = page(curate.recommend(samples, target_steps=1000)).rstrip().splitlines()
    shown = block("output: curate recommend sample_images --target-steps 1000")
    assert after_the_head(shown, "Set this") == after_the_head(printed, "Set this")


def test_both_commands_are_there() -> None:
    assert block("scan") == ["pip install . && curate scan sample_images"]
    assert block("test") == ["pip install -e '.[dev]' && pytest"]
    assert "<!-- test -->" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!http|#)([^)]+)\)", README))))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_the_library_example_runs(samples: curate.Analysis) -> None:
    plan = curate.recommend(samples, target_steps=1000, trainer="kohya")
    assert plan.schedule.steps > 0
    counted = curate.steps([(1024, 1024)] * 20, "onetrainer", repeats=10, batch_size=4, resolution=1024)
    assert counted.batches_per_epoch == 50


def test_every_name_of_the_face_is_there() -> None:
    for name in curate.__all__:
        assert getattr(curate, name) is not None
    with pytest.raises(AttributeError):
        _ = curate.no_such_name
