"""What the page says of the set itself: subjects, copies as they lie, captions, orientation, settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curate.errors import PlanError
from curate.plan import (
    AsTheyLie,
    Concerned,
    Plan,
    PlanInputs,
    PlanSettings,
    as_json,
    explain,
    page,
    read_config,
    recommend,
    with_config,
)
from curate.records import Subjects

TWO = Subjects(
    groups=(("a.png", "b.png", "c.png"), ("x.png", "y.png", "z.png")),
    odd=("dog.png",),
    findings=("This may be 2 subjects: 3 like a.png; 3 like x.png.", "dog.png may not belong."),
)


def planned(count: int = 20, settings: PlanSettings | None = None, **more: object) -> Plan:
    return recommend(
        PlanInputs(
            sizes=((1024, 1024),) * count,
            paths=tuple(f"{i}.png" for i in range(count)),
            effective_images=15,
            low=13,
            high=17,
            settings=settings or PlanSettings(target_steps=1000, batch_size=1),
            **more,  # type: ignore[arg-type]
        )
    )


def flat(text: str) -> str:
    return " ".join(text.split())


def test_subjects_are_on_the_page_in_the_json_and_in_the_explanation() -> None:
    plan = planned(subjects=TWO)
    printed = page(plan)
    assert "One subject or several" in printed
    assert max(map(len, printed.splitlines())) <= 80
    for text in TWO.findings:
        assert text in flat(printed)
        assert text in flat(explain(plan))
    document = json.loads(json.dumps(as_json(plan)))
    assert document["subjects"]["groups"][1] == ["x.png", "y.png", "z.png"]
    assert document["subjects"]["odd"] == ["dog.png"]


def test_one_subject_takes_no_room_on_the_page() -> None:
    plan = planned(subjects=Subjects())
    assert "One subject or several" not in page(plan)
    assert "nothing in the pictures or their captions speaks for a second subject" in flat(explain(plan))
    assert as_json(planned())["subjects"] is None


def test_one_picture_copied_eighty_times_is_told_what_the_files_would_behave_like() -> None:
    plan = planned(as_they_lie=AsTheyLie(files=100, sampled_diversity=1.6))
    said = flat(page(plan))
    assert "Trained on as they lie, the 100 files would behave like 1.6 different pictures" in said
    assert f"each would be seen {plan.schedule.samples / 1.6:.0f} times" in said
    assert as_json(plan)["as_they_lie"] == {"files": 100, "sampled_diversity": 1.6}


def test_mild_copies_are_not_said_to_take_the_draws() -> None:
    said = flat(page(planned(as_they_lie=AsTheyLie(files=24, sampled_diversity=13.0))))
    assert "would behave like 13.0 different pictures." in said
    assert "take most of the draws" not in said


def test_traps_name_the_pictures_that_they_concern_and_are_silent_without_any() -> None:
    musubi = PlanSettings(target_steps=1000, batch_size=1, trainer="musubi")
    some = Concerned(oriented=("turned.jpg",), uncaptioned=("a\x1b.png", "b.png", "c.png", "d.png", "e.png"))
    said = flat(page(planned(settings=musubi, concerned=some)))
    assert "train lying down. curate export turns them. This concerns: 1 (turned.jpg)." in said
    assert "is left out. Without a caption: 5 (a?.png, b.png, c.png, d.png and 1 more)." in said
    assert "Transparency" not in said
    clean = flat(page(planned(settings=musubi, concerned=Concerned())))
    assert "EXIF" not in clean
    assert "A picture without a caption file is left out." in clean


def test_the_page_names_rate_rank_and_alpha_with_their_product() -> None:
    settings = PlanSettings(target_steps=1000, learning_rate=2e-4, rank=32, alpha=16)
    assert "Learning rate 0.0002, rank 32, alpha 16 (rate x alpha / rank: 0.0001), adamw." in flat(
        page(planned(settings=settings))
    )


def test_a_trainer_without_epochs_is_told_its_steps_also_where_epochs_were_asked() -> None:
    printed = page(planned(settings=PlanSettings(trainer="ai-toolkit", epochs=10, batch_size=1)))
    assert "train.steps" in printed
    assert "200       10 epochs" in printed


def test_many_saved_files_are_listed_round_the_one_to_look_at() -> None:
    plan = planned(settings=PlanSettings(target_steps=4000, batch_size=1))
    printed = page(plan)
    rows = [line for line in printed.splitlines() if ".safetensors" in line]
    assert len(plan.checkpoints) > len(rows) >= 7
    assert sum("<- look first" in line for line in rows) == 1
    assert sum("<- then this" in line for line in rows) == 1
    assert all(any(one.name in line for line in rows) for one in plan.checkpoints if one.look_first)
    assert f"    and {len(plan.checkpoints) - len(rows)} more" in printed


def test_every_trainer_is_told_to_hold_pictures_out() -> None:
    for trainer, words in (("kohya", "validation_split"), ("ai-toolkit", "no held-out loss")):
        plan = planned(settings=PlanSettings(target_steps=6000, batch_size=1, trainer=trainer))
        told = next(remedy for remedy in plan.remedies if remedy.what == "validation")
        assert told.value == 2
        assert words in told.text


def test_repeats_contradict_a_target() -> None:
    with pytest.raises(PlanError, match="Give them with epochs"):
        planned(settings=PlanSettings(target_steps=1000, repeats=10))


@pytest.mark.parametrize(("trainer", "samples"), [("onetrainer", 100), ("diffusion-pipe", 100)])
def test_fractions_of_a_pass_are_counted_where_the_trainer_takes_them(trainer: str, samples: int) -> None:
    plan = planned(settings=PlanSettings(trainer=trainer, epochs=10, repeats=0.5, batch_size=1))
    assert (plan.schedule.samples, plan.schedule.repeats) == (samples, 0.5)
    with pytest.raises(PlanError, match="whole number"):
        planned(settings=PlanSettings(trainer="kohya", epochs=10, repeats=0.5, batch_size=1))


def test_what_the_user_sets_himself_stays_against_a_configuration(tmp_path: Path) -> None:
    file = tmp_path / "train.toml"
    file.write_text("network_dim = 64\nlearning_rate = 5e-5\n", encoding="utf-8")
    config = read_config(file, "kohya")
    assert with_config(PlanSettings(target_steps=1000), config).rank == 64
    assert with_config(PlanSettings(target_steps=1000, rank=16), config, given=["rank"]).rank == 16


def test_what_a_configuration_sets_is_said(tmp_path: Path) -> None:
    file = tmp_path / "set.toml"
    file.write_text(
        "[general]\nresolution = 768\n[[datasets]]\nbatch_size = 2\n"
        '[[datasets.subsets]]\nimage_dir = "a"\nnum_repeats = 3\n[[datasets.subsets]]\nimage_dir = "b"\n',
        encoding="utf-8",
    )
    settings = with_config(PlanSettings(target_steps=1000), read_config(file, "kohya"))
    said = flat(page(planned(settings=settings)))
    assert "From set.toml: resolution 768, batch_size 2, folders 2." in said
