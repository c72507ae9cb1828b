"""What the page says of views: 80 columns, nothing that was not measured, the same headline as the JSON."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from curate.diversity import CoverageInputs, coverage
from curate.pages.fill_page import gaps_page
from curate.pages.views_section import views_section
from curate.records import Catalog, View


def view(yaw: float | None, **given: object) -> View:
    values = {"yaw_deg": yaw, "pitch_deg": 0.0, "confidence": 0.9, "framing": "close_up", "sources": ("face",)}
    return View(**{**values, **given})  # type: ignore[arg-type]


def analysis(views: list[View | None], **given: object):  # type: ignore[no-untyped-def]
    """As much of an analysis as the section reads."""
    count = len(views)
    found = coverage.measure(
        CoverageInputs(
            views=views,
            weights=np.ones(count),
            captions=given.pop("captions", [None] * count),  # type: ignore[arg-type]
            scene=np.arange(count),
            **given,  # type: ignore[arg-type]
        )
    )
    paths = [SimpleNamespace(path=f"picture {at}.png") for at in range(count)]
    known = tuple(one or View() for one in views) if any(views) else ()
    return SimpleNamespace(
        coverage=found,
        views=known,
        kept=(True,) * count,
        notes=(),
        catalog=Catalog(folder="set", pictures=tuple(paths)),  # type: ignore[arg-type]
    )


def page(found) -> list[str]:  # type: ignore[no-untyped-def]
    lines = [line.text for line in views_section(found, 2)]
    assert all(len(line) <= 80 for line in lines)
    return lines


def test_a_measured_set_has_a_row_for_each_view_and_names_what_it_lacks() -> None:
    found = analysis([view(yaw) for yaw in (0, 0, 5, 45, 90)])
    lines = page(found)
    assert lines[0].startswith("VIEWS: 3 of 8 · largest gap")
    assert [line[2:22].strip() for line in lines if line.startswith("  ")][1:9] == [
        "front", "front right", "right side", "rear right", "back", "rear left", "left side", "front left"
    ]  # fmt: skip
    front = next(line for line in lines if line.startswith("  front  "))
    assert front.split() == ["front", "3.0", "·", "·", "·", "3.0"]
    assert any(line.startswith("  Missing most: ") for line in lines)
    assert "  60 % of the set shows one view: front." in lines


def test_a_set_that_lacks_nothing_has_no_line_of_what_is_missing() -> None:
    every = [
        view(45.0 * turn, pitch_deg=pitch, framing=framing)
        for turn in range(-3, 5)
        for framing in ("close_up", "upper_body", "full_body")
        for pitch in (-30.0, 0.0, 30.0)
    ]
    text = " ".join(page(analysis(every)))
    assert "VIEWS: 8 of 8" in text
    assert "Missing" not in text


def test_left_and_right_are_one_row_where_they_count_as_one() -> None:
    lines = page(analysis([view(yaw) for yaw in (-45, 45, 0)], folded=True))
    rows = [line for line in lines if line.startswith(("  three-quarter  ", "  front"))]
    assert [row.split()[-1] for row in rows] == ["1.0", "2.0"]
    assert not any("left" in line for line in lines if "·" in line)


def test_what_was_not_measured_shows_no_number() -> None:
    never = page(analysis([None, None, None]))
    assert never == []
    unknown = page(analysis([view(None, pitch_deg=None) for _ in range(3)]))
    assert unknown == ["VIEWS: not measured: 100 % of the set shows no view that can be told"]


def test_pictures_whose_view_is_not_known_are_counted() -> None:
    found = analysis([*[view(0)] * 4, view(None)])
    assert "  20 % of the set shows no view that can be told." in page(found)
    assert "20 % of the set shows no view that can be told." in [line.text for line in gaps_page(found)]


def test_a_style_has_no_views_and_is_not_said_to_be_unmeasured() -> None:
    for views in ([view(0), view(90)], [view(None), view(None)]):
        lines = page(analysis(views, preset="style"))
        assert lines[0] == "VIEWS: 2 scenes (a style set has no views to cover)"
        assert not any("front" in line for line in lines)


def test_without_views_what_captions_repeat_is_still_said() -> None:
    lines = page(analysis([None] * 6, captions=["a photo of nora"] * 6))
    assert lines[0] == "WHAT REPEATS"
    assert "all 6 captions are the same" in " ".join(lines).lower()


def test_notes_on_single_pictures_are_few_and_only_of_kept_ones() -> None:
    found = analysis([view(0, notes=("2 faces: the view is that of the largest",)) for _ in range(4)])
    found.kept = (False, True, True, True)
    text = "\n".join(page(found))
    assert "picture 0.png" not in text
    assert text.count("2 faces") == 2
    assert "and 1 more (--all shows them)" in text


def test_names_with_control_characters_reach_no_terminal() -> None:
    found = analysis([view(0, notes=("half of the face lies outside the picture",))])
    found.catalog = replace(found.catalog, pictures=(SimpleNamespace(path="a\x1b[31m\u202egpj.exe"),))
    assert all(line.isprintable() for line in page(found))


@pytest.mark.parametrize("preset", ["character", "face", "object"])
def test_the_shot_list_is_in_order_of_worth_and_80_columns_wide(preset: str) -> None:
    found = analysis([view(0), view(10), view(45, framing="full_body"), view(50)], preset=preset)
    lines = [line.text for line in gaps_page(found)]
    assert all(len(line) <= 80 for line in lines)
    numbers = [int(line.split(".")[0]) for line in lines if line[:4].strip().rstrip(".").isdigit()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers


def test_a_list_without_gaps_says_so_and_has_no_number() -> None:
    every = [
        view(45.0 * turn, pitch_deg=pitch, framing=framing)
        for turn in range(-3, 5)
        for framing in ("close_up", "upper_body", "full_body")
        for pitch in (-30.0, 0.0, 30.0)
    ]
    text = "\n".join(line.text for line in gaps_page(analysis(every)))
    assert "Nothing is missing that a character set is asked for." in text
    assert "TO PHOTOGRAPH" not in text
    unmeasured = "\n".join(line.text for line in gaps_page(analysis([view(None)] * 3)))
    assert "TO PHOTOGRAPH" not in unmeasured
    assert "Nothing is missing" not in unmeasured
