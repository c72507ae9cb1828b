"""An update adds and removes what curate wrote, leaves all else alone, and can be killed at any moment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from output_sets import draw, measured, state

from curate import output
from curate.errors import DestinationError, ManifestError
from curate.output import swap, updating


@pytest.fixture
def some(source: Path) -> Path:
    for number in range(4):
        draw(source / f"p{number}.png", seed=number)
    draw(source / "turned.bmp", seed=9)
    return source


@pytest.fixture(params=["", "two renames"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the system's exchange of two names, and without."""
    if request.param:
        monkeypatch.setattr(swap, "_swapped", lambda one, other: False)
    return str(request.param)


def export(folder: Path, to: Path, *, dry_run: bool = False, link: Any = "", **settings: Any) -> output.Written:
    draft = output.draft(measured(folder, {"trainer": "kohya", **settings}, {}), to)
    return output.write(draft, to, update=True, dry_run=dry_run, link=link)


def partials(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".partial")]


def test_an_update_adds_removes_and_leaves_other_files_alone(some: Path, tmp_path: Path, either_way: str) -> None:
    out = tmp_path / "out"
    export(some, out)
    part = out / "1_nora set"
    for path in (out / "notes.txt", part / "p0.npz", out / "latents" / "deep" / "x.bin"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"mine")
        os.utime(path, ns=(1_600_000_000_000_000_000, 1_500_000_000_000_000_000))
    (out / "empty").mkdir()
    old = state(out)
    (some / "p1.png").unlink()
    (some / "p1.txt").unlink()
    draw(some / "new.png", seed=20)
    (some / "p2.txt").write_text("another caption", encoding="utf-8")
    before = state(some)
    dry = export(some, out, dry_run=True)
    assert state(out) == old
    written = export(some, out)
    assert state(some) == before
    assert dry.lines == written.lines
    assert dry.changes == written.changes
    changes = written.changes
    assert changes is not None
    assert changes.added == ("1_nora set/new.png", "1_nora set/new.txt")
    assert changes.removed == ("1_nora set/p1.png", "1_nora set/p1.txt")
    assert changes.changed == ("1_nora set/p2.txt",)
    assert set(changes.foreign) == {"notes.txt", "1_nora set/p0.npz", "latents/deep/x.bin"}
    assert "update: 2 added, 1 changed, 2 removed, 9 as before; 3 files of yours left alone" in written.lines
    now = state(out)
    for path in (*changes.foreign, *changes.unchanged):
        assert now[str(Path(path))] == old[str(Path(path))]
    assert not (part / "p1.png").exists()
    assert (out / "empty").is_dir()
    assert output.verify(out).added == tuple(sorted(changes.foreign))
    assert not output.verify(out).changed
    assert not output.verify(out).missing
    assert not partials(tmp_path)


def test_an_update_equals_an_export_anew(some: Path, tmp_path: Path) -> None:
    export(some, tmp_path / "out", train_path="/x")
    draw(some / "new.png", seed=20)
    (some / "p0.png").unlink()
    updated = export(some, tmp_path / "out", train_path="/x", format="webp")
    fresh = export(some, tmp_path / "fresh", train_path="/x", format="webp")
    assert fresh.changes is None
    assert updated.files == fresh.files
    assert {k: v[0] for k, v in state(tmp_path / "out").items()} == {
        k: v[0] for k, v in state(tmp_path / "fresh").items()
    }


def test_what_is_made_in_the_same_way_is_not_made_again(some: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(some, out)
    encoded = out / "1_nora set" / "turned.png"
    stamp = encoded.stat().st_mtime_ns
    again = export(some, out)
    assert again.changes is not None
    assert "1_nora set/turned.png" in again.changes.unchanged
    assert encoded.stat().st_mtime_ns == stamp
    other = export(some, out, background=(0, 0, 0))
    assert other.changes is not None
    assert other.changes.changed == ("1_nora set/turned.png",)


@pytest.mark.parametrize("what", ["edited", "gone"])
def test_a_file_that_was_changed_by_hand_is_named_and_nothing_is_done(some: Path, tmp_path: Path, what: str) -> None:
    out = tmp_path / "out"
    export(some, out)
    caption = out / "1_nora set" / "p2.txt"
    if what == "edited":
        caption.write_text("better words", encoding="utf-8")
    else:
        caption.unlink()
    before = state(tmp_path)
    for dry in (True, False):
        with pytest.raises(DestinationError, match=r"changed by hand.*p2\.txt"):
            export(some, out, dry_run=dry)
    assert state(tmp_path) == before


def test_a_file_of_the_user_in_the_way_is_named(some: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(some, out)
    (out / "1_nora set" / "new.png").write_bytes(b"mine")
    draw(some / "new.png", seed=20)
    with pytest.raises(DestinationError, match=r"new\.png' is not curate's and in the way"):
        export(some, out)
    assert (out / "1_nora set" / "new.png").read_bytes() == b"mine"
    (out / "1_nora set" / "new.png").unlink()
    (out / "1_nora set woman").write_bytes(b"mine")
    with pytest.raises(DestinationError, match="in the way of"):
        export(some, out, class_word="woman")


def test_what_curate_did_not_write_is_not_updated(some: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ManifestError, match="no set of curate's"):
        export(some, tmp_path / "out")
    assert state(tmp_path / "out").keys() == {"a.txt"}


def test_without_update_a_set_of_curate_is_refused_and_the_option_named(some: Path, tmp_path: Path) -> None:
    export(some, tmp_path / "out")
    with pytest.raises(DestinationError, match="Give --update"):
        output.write(output.draft(measured(some, {"trainer": "kohya"}, {}), tmp_path / "out"), tmp_path / "out")


@pytest.mark.parametrize("first", ["", "hard", "sym"])
@pytest.mark.parametrize("second", ["", "hard", "sym"])
def test_an_update_never_writes_through_a_link(some: Path, tmp_path: Path, first: Any, second: Any) -> None:
    out = tmp_path / "out"
    for path in some.iterdir():
        os.utime(path, ns=(1_600_000_000_123_456_789, 1_500_000_000_987_654_321))
    if export(some, out, link=first).notes:
        pytest.skip("this system refuses links")
    draw(some / "new.png", seed=20)
    before = state(some)
    export(some, out, link=second, format="webp")
    assert state(some) == before
    export(some, out, link=second)
    assert state(some) == before
    copy = out / "1_nora set" / "p0.png"
    assert copy.samefile(some / "p0.png") == bool(second)
    assert output.verify(out).sound


def test_a_source_that_was_edited_shows_through_a_link_and_is_no_change_by_hand(some: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    if export(some, out, link="hard").notes:
        pytest.skip("this system refuses links")
    data = draw(tmp_path / "other.png", seed=33).read_bytes()
    (some / "p0.png").write_bytes(data)  # into the same file, so that the set shows it too
    assert output.verify(out).changed == ("1_nora set/p0.png",)
    export(some, out, link="hard")
    assert output.verify(out).sound
    assert (some / "p0.png").read_bytes() == data


def test_what_is_saved_while_an_update_runs_is_kept(
    some: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, either_way: str
) -> None:
    out = tmp_path / "out"
    export(some, out)
    (out / "log.txt").write_text("one", encoding="utf-8")
    real = swap.exchange

    def late(new: Path, destination: Path, old: Path) -> None:
        (destination / "late.txt").write_text("late", encoding="utf-8")
        (destination / "log.new").write_text("two", encoding="utf-8")
        (destination / "log.new").replace(destination / "log.txt")
        real(new, destination, old)

    monkeypatch.setattr(swap, "exchange", late)
    export(some, out, trigger="nora")
    assert (out / "late.txt").read_text(encoding="utf-8") == "late"
    assert (out / "log.txt").read_text(encoding="utf-8") == "two"
    assert not partials(tmp_path)


def test_a_kill_between_the_two_renames_is_mended_by_the_next_update(
    some: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    export(some, out)
    (out / "mine.txt").write_text("mine", encoding="utf-8")
    old = state(out)
    monkeypatch.setattr(swap, "_swapped", lambda one, other: False)

    class Killed(BaseException):
        pass

    def kill(new: Path, destination: Path, aside: Path) -> None:
        destination.rename(aside)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(swap, "exchange", kill)
        with pytest.raises(Killed):
            export(some, out, trigger="nora")
    (left,) = output.leftovers(out)
    assert not out.exists()
    assert state(left / "old") == old
    with pytest.raises(DestinationError, match="holds the only set"):
        output.remove_leftover(left)
    written = export(some, out, trigger="nora")
    assert any("put back" in note for note in written.notes)
    assert (out / "mine.txt").read_text(encoding="utf-8") == "mine"
    assert (out / "1_nora set" / "p0.txt").read_text(encoding="utf-8") == "nora, a picture\n"
    output.remove_leftover(left)
    assert not partials(tmp_path)


def test_an_update_that_fails_leaves_the_old_set(some: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    export(some, out)
    (out / "mine.txt").write_text("mine", encoding="utf-8")
    before = state(tmp_path)
    draft = output.draft(measured(some, {"trainer": "kohya", "trigger": "nora"}, {}), out)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        output.write(draft, out, update=True, progress=interrupt)
    (some / "new.png").write_bytes((some / "p0.png").read_bytes())
    lost = output.draft(measured(some, {"trainer": "kohya"}, {}), out)
    (some / "new.png").unlink()
    with pytest.raises(Exception, match="vanished"):
        output.write(lost, out, update=True)
    assert state(tmp_path) == before


def test_a_file_system_without_hard_links_gets_copies(
    some: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(updating.os, "link", refuse)
    out = tmp_path / "out"
    export(some, out)
    (out / "mine.txt").write_text("mine", encoding="utf-8")
    os.utime(out / "mine.txt", ns=(1_600_000_000_000_000_000, 1_500_000_000_000_000_000))
    old = state(out)
    export(some, out, trigger="nora")
    assert state(out)["mine.txt"] == old["mine.txt"]
    assert not partials(tmp_path)


def test_an_absent_place_is_simply_written(some: Path, tmp_path: Path) -> None:
    written = export(some, tmp_path / "out")
    assert written.changes is None
    assert output.verify(tmp_path / "out").sound
    assert written.pictures == 5
