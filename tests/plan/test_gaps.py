"""The views that a set lacks are named where more pictures are advised, and only there."""

from __future__ import annotations

from curate.plan import Plan, PlanInputs, PlanSettings, RegularisationSet, as_json, explain, page, recommend
from curate.records import Gap

GAPS = (
    Gap(name="rear left", kind="view", has=0, wants=1, worth=0.9, why="no picture shows this view", missing=True),
    Gap(name="full body", kind="framing", has=0.4, wants=2, worth=0.6, why="3 % of the set", missing=False),
    Gap(name="from above", kind="height", has=0, wants=1, worth=0.45, why="no picture", missing=True),
    Gap(name="from below", kind="height", has=0, wants=1, worth=0.4, why="no picture", missing=True),
)


def planned(target: int, gaps: tuple[Gap, ...] = GAPS, **more: object) -> Plan:
    return recommend(
        PlanInputs(
            sizes=((1024, 1024),) * 20,
            effective_images=15,
            low=13,
            high=17,
            settings=PlanSettings(target_steps=target, batch_size=1),
            gaps=gaps,
            **more,  # type: ignore[arg-type]
        )
    )


def flat(text: str) -> str:
    return " ".join(text.split())


def test_more_different_pictures_says_of_which_views() -> None:
    said = flat(page(planned(5000)))
    assert (
        "Views that are wanted most: rear left (none), full body (0.4 of 2 effective images), from above (none)."
        in said
    )
    assert "from below" not in said


def test_the_explanation_names_them_with_the_reason_for_the_worst() -> None:
    said = flat(explain(planned(1000)))
    assert "Most wanted in this set: rear left (none), full body" in said
    assert "Of the first: no picture shows this view." in said


def test_without_gaps_nothing_is_said_of_views() -> None:
    plan = planned(5000, gaps=())
    assert "wanted most" not in page(plan)
    assert "Most wanted" not in explain(plan)
    assert as_json(plan)["gaps"] == []


def test_the_json_holds_every_gap() -> None:
    found = as_json(planned(1000))["gaps"]
    assert [one["name"] for one in found] == [gap.name for gap in GAPS]
    assert found[1] == {"name": "full body", "has": 0.4, "wants": 2, "worth": 0.6, "missing": False}


def test_regularisation_pictures_are_told_apart_from_the_subjects() -> None:
    reg = RegularisationSet(sizes=((1024, 1024),) * 7)
    said = flat(page(planned(1000, regularisation=(reg,))))
    assert "Besides 7 regularisation pictures: 20 of the 40 samples of an epoch are theirs" in said
    assert "entries an epoch, regularisation included" in said
    assert "regularisation" not in flat(page(planned(1000))).lower().replace("overfit", "")


def test_every_number_has_a_way_to_its_source() -> None:
    plan = planned(1000)
    assert "rule of kohya-ss/sd-scripts" in flat(page(plan))
    said = flat(explain(plan))
    assert "Where do the numbers come from?" in said
    assert "100 (40 to 200) exposures of each effective image" in said
    assert as_json(plan)["sources"]["steps"].startswith("kohya-ss/sd-scripts")
