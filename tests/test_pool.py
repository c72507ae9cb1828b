"""What a set takes from a pool: what it lacks first, no copies, nothing poor, and both folders as they were."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import curate
from curate import pages
from curate import pool as pools
from curate.errors import DestinationError, ModelError, PlanError
from curate.features import views

SIDE = 256  # px
FACE = {
    "faces": 1.0, "face_rivals": 0.0, "face_score": 0.92, "face_left": 0.4, "face_top": 0.2, "face_right": 0.6,
    "face_bottom": 0.4, "face_px": 150.0, "face_room": 1.0, "face_cut": 0.0, "mesh": 0.99, "mesh_pitch": 0.0,
    "mesh_roll": 0.0, "points_roll": 0.0, "points_error": 0.03,
}  # fmt: skip


class Marked:
    """Eyes that read the yaw of a face's mesh off the first pixel: its red level is half of that and 90."""

    def measure(self, rgb: np.ndarray) -> dict[str, float]:
        yaw = 2.0 * (float(rgb[0, 0, 0]) - 90.0)
        return FACE | {"mesh_yaw": yaw, "points_yaw": yaw}


def draw(path: Path, seed: int, yaw: int = 0, caption: str | None = None) -> Path:
    """Circles of many colours with fine noise: sharp, and like no other seed's."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    rgb = np.empty((SIDE, SIDE, 3), np.int16)
    rgb[:] = random.integers(0, 256, 3)
    for _ in range(14):
        middle, radius = random.integers(0, SIDE, 2), random.integers(10, 60)
        rgb[(x - middle[0]) ** 2 + (y - middle[1]) ** 2 < radius**2] = random.integers(0, 256, 3)
    rgb += random.integers(-6, 7, rgb.shape, dtype=np.int16)
    rgb[0, 0] = (90 + yaw // 2, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rgb.clip(0, 255).astype(np.uint8)).save(path)
    if caption is not None:
        path.with_suffix(".txt").write_bytes(caption.encode())
    return path


@pytest.fixture
def eyes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "open_viewer", lambda *args, **kwargs: Marked())


@pytest.fixture
def no_eyes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise ModelError("views", "the model files are not on this machine", "Run something")

    monkeypatch.setattr(views, "open_viewer", refuse)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """(set, pool). The set is seen from the front alone."""
    mine, pool = tmp_path / "set", tmp_path / "pool"
    for seed in range(4):
        draw(mine / f"{seed}.png", seed, 4 * seed)
    pool.mkdir()
    Image.open(mine / "1.png").resize((200, 200)).save(pool / "copy of the set.jpg", quality=90)
    draw(pool / "behind" / "10.png", 10, 74, "seen from the side")
    draw(pool / "11.png", 11, -74)
    draw(pool / "12.png", 12, 0)
    Image.open(pool / "12.png").resize((220, 220)).save(pool / "12 small.jpg", quality=90)
    Image.fromarray(np.full((SIDE, SIDE, 3), 128, np.uint8)).save(pool / "flat.png")
    (pool / "broken.png").write_bytes((pool / "12.png").read_bytes()[:900])
    return mine, pool


def settings(tmp_path: Path, **given: object) -> curate.ScanSettings:
    values = {"model": "builtin", "offline": True, "cache": tmp_path / "cache", "resolution": SIDE}
    return curate.ScanSettings(**{**values, **given})  # type: ignore[arg-type]


def state(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_closes_gaps_is_picked_first_and_copies_and_poor_pictures_never(
    eyes: None, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    mine, pool = folders
    found = pools.fill(pool, mine, 9, settings(tmp_path))
    paths = [found.path(pick) for pick in found.picks]
    assert set(paths[:2]) == {"behind/10.png", "11.png"}
    assert {*paths} <= {"behind/10.png", "11.png", "12.png"}
    assert {name for pick in found.picks[:2] for name in pick.closes} >= {"right side", "left side"}
    reasons = {one.path: one.reason for one in found.refused}
    assert reasons["copy of the set.jpg"] == "copy of 1.png in the set"
    assert reasons["12 small.jpg"] == "copy of 12.png in the pool"
    assert "one colour" in reasons["flat.png"] or "contrast" in reasons["flat.png"]
    assert "truncated" in reasons["broken.png"]
    assert [one.path for one in found.refused] == sorted(reasons)


def test_what_the_set_holds_is_told_before_and_after(eyes: None, folders: tuple[Path, Path], tmp_path: Path) -> None:
    found = pools.fill(folders[1], folders[0], 2, settings(tmp_path))
    before, after = found.set, found.after
    assert before.coverage is not None
    assert after.coverage is not None
    assert (before.coverage.views_seen, after.coverage.views_seen) == (1, 3)
    assert [pick.views_seen_after for pick in found.picks] == [2, 3]
    assert after.diversity.effective_images == pytest.approx(found.picks[-1].effective_images_after)
    assert after.diversity.effective_images > before.diversity.effective_images


def test_the_json_has_picks_with_paths_below_the_pool(eyes: None, folders: tuple[Path, Path], tmp_path: Path) -> None:
    found = pools.fill(folders[1], folders[0], 3, settings(tmp_path))
    told = json.loads(pages.fill_json(filling(found)))
    assert {"path", "effective_images_after", "closes"} <= set(told["picks"][0])
    assert all((folders[1] / pick["path"]).is_file() for pick in told["picks"])
    assert told["before"]["coverage"]["views_seen"] == 1
    assert told["after"]["effective_images"] == told["picks"][-1]["effective_images_after"]
    assert told["notes"] == []


def filling(found: pools.Filled) -> pages.Filling:
    picks = tuple((found.path(pick), pick) for pick in found.picks)
    return pages.Filling(before=found.set, after=found.after, pool=found.pool, picks=picks, refused=found.refused)


def test_the_page_is_80_columns_wide_and_names_what_was_not_picked_from(
    eyes: None, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    found = pools.fill(folders[1], folders[0], 3, settings(tmp_path))
    lines = [line.text for line in pages.fill_page(filling(found)) if str(tmp_path) not in line.text]
    assert max(map(len, lines[1:])) <= 80
    text = "\n".join(lines)
    assert "NOT PICKED FROM: 2 copies, 2 poor or broken" in text
    assert "the set as it is" in text
    assert "1 of 8" in text


def test_without_networks_pictures_are_picked_by_what_they_add_and_it_is_said_once(
    no_eyes: None, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    found = pools.fill(folders[1], folders[0], 3, settings(tmp_path))
    assert {found.path(pick) for pick in found.picks} == {"behind/10.png", "11.png", "12.png"}
    assert all(pick.closes == () for pick in found.picks)
    text = "\n".join(line.text for line in pages.fill_page(filling(found)))
    assert text.count("views not measured") == 1
    assert " of 8" not in text
    told = json.loads(pages.fill_json(filling(found)))
    assert told["before"]["coverage"]["views_seen"] is None
    assert len(told["notes"]) == 1


def test_picks_are_copied_as_they_are_with_their_captions_and_masks_and_nothing_is_added(
    eyes: None, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    mine, pool = folders
    Image.new("L", (SIDE, SIDE), 255).save(pool / "11-masklabel.png")
    before = state(mine), state(pool)
    found = pools.fill(pool, mine, 2, settings(tmp_path))
    assert pools.copy_to(found, tmp_path / "more") == 2
    wanted = ("behind/10.png", "behind/10.txt", "11.png", "11-masklabel.png")
    assert state(tmp_path / "more") == {path: before[1][path] for path in wanted}
    assert (state(mine), state(pool)) == before


def test_a_caption_from_a_metadata_file_becomes_a_text_file(
    eyes: None, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    mine, pool = folders
    line = json.dumps({"file_name": "11.png", "text": "nora, outside"})
    (pool / "metadata.jsonl").write_text(line, encoding="utf-8")
    pools.copy_to(pools.fill(pool, mine, 2, settings(tmp_path)), tmp_path / "more")
    assert (tmp_path / "more" / "11.txt").read_text(encoding="utf-8") == "nora, outside"
    assert not (tmp_path / "more" / "metadata.jsonl").exists()


@pytest.mark.parametrize("place", ["pool/in", "set/in", "there", "there.txt", "", "set", "pool"])
def test_picks_go_to_a_new_folder_outside_both_or_nowhere(
    folders: tuple[Path, Path], tmp_path: Path, place: str
) -> None:
    mine, pool = folders
    (tmp_path / "there").mkdir()
    (tmp_path / "there.txt").write_bytes(b"x")
    before = state(tmp_path)
    with pytest.raises(DestinationError) as caught:
        pools.check_copy_to(tmp_path / place, pool, mine)
    assert "\n" not in str(caught.value)
    assert state(tmp_path) == before


def test_a_file_that_changed_since_the_scan_is_not_copied_and_nothing_is_left_behind(
    eyes: None, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    mine, pool = folders
    found = pools.fill(pool, mine, 2, settings(tmp_path))
    draw(pool / "11.png", 99)
    with pytest.raises(curate.errors.FolderError, match=r"11\.png"):
        pools.copy_to(found, tmp_path / "more")
    assert not (tmp_path / "more").exists()
    assert not list(tmp_path.glob(".curate*"))


def test_a_full_disk_leaves_nothing_and_gives_advice_that_helps(
    eyes: None, folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from curate.output import destination

    found = pools.fill(folders[1], folders[0], 2, settings(tmp_path))
    usage = destination.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(destination.shutil, "disk_usage", lambda path: usage._replace(free=0))
    with pytest.raises(DestinationError, match="are needed and") as caught:
        pools.copy_to(found, tmp_path / "more")
    assert "--link" not in str(caught.value)
    assert not (tmp_path / "more").exists()


def test_a_pool_that_is_the_set_and_no_pictures_to_pick_are_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="the set itself"):
        pools.fill(folders[0], folders[0], 1, settings(tmp_path))
    with pytest.raises(PlanError, match="0 pictures to pick"):
        pools.fill(folders[1], folders[0], 0, settings(tmp_path))


def test_a_set_of_regularisation_pictures_alone_is_filled_and_a_pool_of_them_gives_nothing(
    eyes: None, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    reg = tmp_path / "other" / "reg"
    draw(reg / "50.png", 50)
    draw(reg / "51.png", 51)
    assert len(pools.fill(folders[1], reg.parent, 2, settings(tmp_path)).picks) == 2
    nothing = pools.fill(reg.parent, folders[0], 2, settings(tmp_path))
    assert nothing.picks == ()
    draw(tmp_path / "third" / "reg" / "52.png", 52)
    both_empty = pools.fill(reg.parent, tmp_path / "third", 2, settings(tmp_path))
    assert both_empty.after.diversity.effective_images == 0


def test_the_command_copies_and_prints_json(eyes: None, folders: tuple[Path, Path], tmp_path: Path) -> None:
    from curate.cli import app

    mine, pool = folders
    options = ["--model", "builtin", "--offline", "--cache", str(tmp_path / "cache"), "--resolution", str(SIDE)]
    call = ["fill", str(pool), str(mine), "-n", "1", "--json", "--copy-to", str(tmp_path / "more"), *options]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    (pick,) = json.loads(done.stdout)["picks"]
    assert (tmp_path / "more" / pick["path"]).read_bytes() == (pool / pick["path"]).read_bytes()
    assert "1 picture copied to" in done.stderr
    again = CliRunner().invoke(app, call)
    assert again.exit_code == 1
    assert "it exists already" in again.stderr
    assert again.stdout == ""


def test_without_networks_a_scan_and_its_gaps_end_well_and_show_no_number(
    no_eyes: None, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    from curate.cli import app

    options = [str(folders[0]), "--model", "builtin", "--offline", "--cache", str(tmp_path / "cache")]
    told = json.loads(CliRunner().invoke(app, ["scan", *options, "--json"]).stdout)
    assert [note.startswith("views not measured: ") for note in told["notes"]] == [True]
    assert {picture["views"] for picture in told["pictures"]} == {None}
    assert told["coverage"]["yaw"] is None
    for command in ("scan", "gaps"):
        done = CliRunner().invoke(app, [command, *options])
        assert done.exit_code == 0
        assert "Note: views not measured: the model files are not on this machine." in " ".join(done.stdout.split())
        assert " of 8" not in done.stdout
        assert "TO PHOTOGRAPH" not in done.stdout
    off = CliRunner().invoke(app, ["scan", *options, "--views", "off"])
    assert "views" not in off.stdout.lower()


def test_gaps_are_listed_as_a_page_and_as_json(eyes: None, folders: tuple[Path, Path], tmp_path: Path) -> None:
    from curate.cli import app

    options = [str(folders[0]), "--model", "builtin", "--offline", "--cache", str(tmp_path / "cache")]
    page = CliRunner().invoke(app, ["gaps", *options]).stdout
    assert "TO PHOTOGRAPH OR SEARCH FOR" in page
    told = json.loads(CliRunner().invoke(app, ["gaps", *options, "--json"]).stdout)
    assert told["measured"] is True
    assert [gap["worth"] for gap in told["gaps"]] == sorted((gap["worth"] for gap in told["gaps"]), reverse=True)
    assert f" 1. {told['gaps'][0]['name']}: " in page


def test_a_picture_that_was_parted_from_the_set_is_not_refused_as_its_copy(
    folders: tuple[Path, Path], tmp_path: Path, no_eyes: None
) -> None:
    import hashlib

    from curate.decisions import Decision, open_journal

    mine, pool = folders
    chosen = curate.ScanSettings(model="builtin", offline=True, cache=tmp_path / "cache", decisions=tmp_path / "said")
    copy, original = (
        hashlib.sha256(path.read_bytes()).hexdigest() for path in (pool / "copy of the set.jpg", mine / "1.png")
    )

    def why() -> str:
        """Why it is refused; it is small too, which is no reason of kinship."""
        return {one.path: one.reason for one in pools.fill(pool, mine, 9, chosen).refused}["copy of the set.jpg"]

    assert why() == "copy of 1.png in the set"
    open_journal(mine, chosen).add(Decision(kind="not_a_copy", digest=copy, other=original))
    assert "copy" not in why()


def test_fill_and_gaps_honour_decisions_in_another_place(
    folders: tuple[Path, Path], tmp_path: Path, no_eyes: None
) -> None:
    import hashlib

    from curate.cli import app
    from curate.decisions import Decision, open_journal

    mine, pool = folders
    said = tmp_path / "said"
    options = [
        "--model",
        "builtin",
        "--offline",
        "--cache",
        str(tmp_path / "cache"),
        "--decisions",
        str(said),
        "--json",
    ]
    settings = curate.ScanSettings(cache=tmp_path / "cache", decisions=said)
    digest = hashlib.sha256((pool / "11.png").read_bytes()).hexdigest()
    open_journal(pool, settings).add(Decision(kind="leave_out", digest=digest, path="11.png"))
    answer = CliRunner().invoke(app, ["fill", str(pool), str(mine), *options])
    assert answer.exit_code == 0, answer.output
    refused = {one["path"]: one["reason"] for one in json.loads(answer.stdout)["refused"]}
    assert refused["11.png"] == "left out by you"
    assert CliRunner().invoke(app, ["gaps", str(mine), *options]).exit_code == 0
