"""The journal: saved at once, undone without limit, shared by processes, never lost to a torn line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.decisions import Decision, Decisions, Journal, open_journal
from curate.errors import DecisionError
from curate.records import Picture, View
from curate.settings import ScanSettings


def leave(digest: str, path: str = "") -> Decision:
    return Decision(kind="leave_out", digest=digest, path=path)


def keep(digest: str, path: str = "") -> Decision:
    return Decision(kind="keep", digest=digest, path=path)


def picture(digest: str, path: str = "x.png") -> Picture:
    return Picture(path=path, digest=digest, size_bytes=1)


def journal(folder: Path) -> Journal:
    return Journal(folder / "set.jsonl", folder / "pictures.jsonl")


def told(decisions: Decisions) -> tuple[object, ...]:
    return decisions.keep, decisions.left_out, dict(decisions.keepers), decisions.apart, dict(decisions.captions)


def test_every_kind_of_decision_is_there_after_a_restart(tmp_path: Path) -> None:
    view = View(yaw_deg=-45.0, framing="close_up", sources=("user",), confidence=1.0)
    journal(tmp_path).add(
        keep("a"),
        leave("b", "sub/b \udcff.png"),
        Decision(kind="keeper", digest="c"),
        Decision(kind="not_a_copy", digest="z", other="d"),
        Decision(kind="caption", digest="e", text='<b>"\x00\u202e</b>\n' + "é" * 1000),
        Decision(kind="view", digest="f", view=view),
    )
    present = journal(tmp_path).present
    assert present.keep_of(picture("a")) is True
    assert present.keep_of(picture("b", "sub/b \udcff.png")) is False
    assert present.keep_of(picture("b", "other.png")) is None
    assert present.keeper_rank(picture("c")) == 1
    assert present.are_apart("d", "z")
    assert present.are_apart("z", "d")
    assert present.caption_of(picture("e")) == '<b>"\x00\u202e</b>\n' + "é" * 1000
    assert present.view_of("f") == view


def test_a_later_decision_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    ours = journal(tmp_path)
    ours.add(leave("a"))
    ours.add(keep("a"))
    assert ours.present.keep_of(picture("a")) is True
    assert len(ours.listing()) == 1


def test_a_decision_on_one_file_outweighs_one_on_its_bytes_until_that_is_made_again(tmp_path: Path) -> None:
    ours = journal(tmp_path)
    ours.add(leave("a"), keep("a", "x.png"))
    assert ours.present.keep_of(picture("a", "x.png")) is True
    assert ours.present.keep_of(picture("a", "y.png")) is False
    ours.add(leave("a"))
    assert ours.present.keep_of(picture("a", "x.png")) is False


def test_of_two_chosen_keepers_the_later_one_ranks_higher(tmp_path: Path) -> None:
    ours = journal(tmp_path)
    ours.add(Decision(kind="keeper", digest="a"))
    ours.add(Decision(kind="keeper", digest="b"))
    ours.add(Decision(kind="keeper", digest="a"))
    assert ours.present.keeper_rank(picture("a")) > ours.present.keeper_rank(picture("b")) > 0


def test_a_unit_is_undone_and_redone_whole_and_after_a_restart(tmp_path: Path) -> None:
    ours = journal(tmp_path)
    ours.add(leave("a"), leave("b"))
    ours.add(keep("a"), Decision(kind="not_a_copy", digest="a", other="b"))
    assert {one.kind for one in journal(tmp_path).undo()} == {"keep", "not_a_copy"}
    again = journal(tmp_path)
    assert again.present.left_out == {("a", ""), ("b", "")}
    assert not again.present.apart
    again.redo()
    assert journal(tmp_path).present.keep == {("a", "")}
    assert journal(tmp_path).present.apart == {("a", "b")}


def test_nothing_is_undone_or_redone_where_there_is_nothing(tmp_path: Path) -> None:
    ours = journal(tmp_path)
    assert ours.undo() == ()
    ours.add(leave("a"))
    assert ours.redo() == ()
    ours.undo()
    ours.add(leave("b"))
    assert ours.redo() == ()  # something was decided since
    assert ours.present.left_out == {("b", "")}


def test_what_is_forgotten_is_undecided_and_an_undo_brings_it_back(tmp_path: Path) -> None:
    ours = journal(tmp_path)
    ours.add(leave("a"), leave("b"), Decision(kind="view", digest="a", view=View(yaw_deg=0.0)))
    ours.forget(*ours.listing())
    assert ours.listing() == ()
    assert not ours.present
    ours.undo()
    assert ours.present.left_out == {("a", ""), ("b", "")}
    assert journal(tmp_path).present.view_of("a") is not None


def test_facts_about_pictures_hold_in_every_set_and_decisions_on_a_set_do_not(tmp_path: Path) -> None:
    one = Journal(tmp_path / "one.jsonl", tmp_path / "pictures.jsonl")
    other = Journal(tmp_path / "other.jsonl", tmp_path / "pictures.jsonl")
    one.add(leave("a"), Decision(kind="not_a_copy", digest="a", other="b"))
    assert other.refresh()
    assert other.present.apart == {("a", "b")}
    assert other.present.left_out == frozenset()
    assert other.undo() == ()  # it was not decided there


def test_a_fact_can_be_redone_after_another_set_decided_on_one(tmp_path: Path) -> None:
    one = Journal(tmp_path / "one.jsonl", tmp_path / "pictures.jsonl")
    other = Journal(tmp_path / "other.jsonl", tmp_path / "pictures.jsonl")
    one.add(Decision(kind="not_a_copy", digest="a", other="b"))
    one.undo()
    other.add(Decision(kind="not_a_copy", digest="c", other="d"))
    one.redo()
    one.undo()
    one.redo()
    assert one.present.apart == {("a", "b"), ("c", "d")}


def test_two_journals_on_one_set_merge(tmp_path: Path) -> None:
    one, other = journal(tmp_path), journal(tmp_path)
    one.add(leave("a"))
    other.add(leave("b"))
    one.add(leave("c"))
    assert other.refresh()
    assert not other.refresh()
    assert told(one.present) == told(other.present) == told(journal(tmp_path).present)
    assert {digest for digest, _ in one.present.left_out} == {"a", "b", "c"}
    assert other.undo()[0].digest == "c"  # the set has one history


WRITER = """
import sys
from pathlib import Path
from curate.decisions import Decision, Journal
ours = Journal(Path(sys.argv[1]) / "set.jsonl", Path(sys.argv[1]) / "pictures.jsonl")
for number in range(int(sys.argv[3])):
    ours.add(Decision(kind="leave_out", digest=f"{sys.argv[2]}{number}"),
             Decision(kind="not_a_copy", digest=f"{sys.argv[2]}{number}", other="x"))
    print(number, flush=True)
"""


def writer(folder: Path, name: str, count: int) -> subprocess.Popen[str]:
    root = str(Path(__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), name, str(count)], cwd=root, stdout=subprocess.PIPE, text=True
    )


def test_two_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    both = [writer(tmp_path, name, 40) for name in "ab"]
    for process in both:
        process.communicate(timeout=60)
        assert process.returncode == 0
    present = journal(tmp_path).present
    assert {digest for digest, _ in present.left_out} == {f"{name}{n}" for name in "ab" for n in range(40)}
    assert len(present.apart) == 80
    assert journal(tmp_path).problems == ()


def test_what_was_confirmed_survives_a_kill(tmp_path: Path) -> None:
    process = writer(tmp_path, "a", 10**6)
    assert process.stdout is not None
    confirmed = [process.stdout.readline() for _ in range(20)]
    process.kill()
    confirmed += process.stdout.read().splitlines(keepends=True)
    process.wait()
    process.stdout.close()
    numbers = {int(line) for line in confirmed if line.endswith("\n")}
    assert len(numbers) >= 20
    assert {("a" + str(n), "") for n in numbers} <= journal(tmp_path).present.left_out


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_a_torn_last_line_costs_only_itself(tmp_path: Path, cut: int) -> None:
    ours = journal(tmp_path)
    ours.add(leave("a"))
    ours.add(leave("b"))
    ours.file.write_bytes(ours.file.read_bytes()[:-cut])
    again = journal(tmp_path)
    assert again.present.left_out == {("a", "")}
    again.add(leave("c"))
    assert journal(tmp_path).present.left_out == {("a", ""), ("c", "")}
    assert "1 damaged line was passed over" in journal(tmp_path).problems[0]


@pytest.mark.parametrize("left", [0, 1, 25, 40])
def test_a_torn_first_line_is_begun_anew(tmp_path: Path, left: int) -> None:
    ours = journal(tmp_path)
    ours.add(leave("a"))
    ours.file.write_bytes(ours.file.read_bytes()[:left])
    again = journal(tmp_path)
    again.add(leave("b"))
    assert journal(tmp_path).present.left_out == {("b", "")}


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[1]",
        b'"curate"',
        b"\xff\xfe",
        b'{"unit": "u", "decide": [{"kind": "explode", "digest": "a"}]}',
        b'{"unit": "u", "decide": [{"kind": "keep", "digest": 7}]}',
        b'{"unit": "u", "decide": [{"kind": "view", "digest": "a", "view": {"yaw_deg": 999}}]}',
        b'{"unit": "u", "decide": 3}',
        b'{"undo": "nobody"}',
        b'{"redo": "nobody"}',
        b"[" * 100_000,
    ],
    ids=lambda line: line[:30].decode("latin-1"),
)
def test_damaged_lines_are_passed_over_and_said(tmp_path: Path, line: bytes) -> None:
    ours = journal(tmp_path)
    ours.add(leave("a"))
    ours.file.write_bytes(ours.file.read_bytes() + line + b"\n")
    ours.refresh()
    ours.add(leave("b"))
    assert ours.present.left_out == {("a", ""), ("b", "")}
    assert "damaged" in ours.problems[0]


def test_a_foreign_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    file.write_text("my shopping list\n", encoding="utf-8")
    with pytest.raises(DecisionError, match="no file of curate's decisions"):
        journal(tmp_path)
    assert file.read_text(encoding="utf-8") == "my shopping list\n"


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    head = json.dumps({"curate": "decisions", "version": 99})
    (tmp_path / "set.jsonl").write_text(head + "\n", encoding="utf-8")
    with pytest.raises(DecisionError, match="version 99, newer than this"):
        journal(tmp_path)


def test_a_file_that_was_removed_meanwhile_is_begun_anew(tmp_path: Path) -> None:
    ours = journal(tmp_path)
    ours.add(leave("a"))
    ours.file.unlink()
    assert ours.refresh()
    assert not ours.present
    ours.add(leave("b"))
    assert journal(tmp_path).present.left_out == {("b", "")}


def test_a_set_is_known_by_its_folder_and_lies_where_the_settings_say(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "two" / "one"
    for folder in (one, other):
        folder.mkdir(parents=True)
    cached = ScanSettings(cache=tmp_path / "cache")
    open_journal(one, cached).add(leave("a"))
    assert open_journal(one, cached).present.left_out
    assert not open_journal(other, cached).present
    assert not open_journal(one, ScanSettings(decisions=tmp_path / "mine")).present
    assert not (tmp_path / "mine").exists()  # reading makes nothing
    assert list(one.iterdir()) == []


def test_without_cache_or_place_decisions_lie_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import platformdirs

    monkeypatch.setattr(platformdirs, "user_data_dir", lambda *_, **__: str(tmp_path / "data"))
    assert tmp_path / "data" / "decisions" in open_journal(tmp_path, ScanSettings(use_cache=False)).file.parents


@pytest.mark.parametrize("place", [".", "deep/er"])
def test_decisions_never_lie_in_the_folder_of_pictures(tmp_path: Path, place: str) -> None:
    with pytest.raises(DecisionError, match="lies in the folder of pictures"):
        open_journal(tmp_path, ScanSettings(decisions=tmp_path / place))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "explode", "digest": "a"},
        {"kind": "keep", "digest": ""},
        {"kind": "keep", "digest": "a", "text": "x"},
        {"kind": "caption", "digest": "a"},
        {"kind": "not_a_copy", "digest": "a"},
        {"kind": "not_a_copy", "digest": "a", "other": "a"},
        {"kind": "view", "digest": "a"},
        {"kind": "view", "digest": "a", "view": View(yaw_deg=181.0)},
        {"kind": "view", "digest": "a", "view": View(framing="sideways")},  # type: ignore[arg-type]
    ],
    ids=str,
)
def test_a_decision_without_sense_is_refused_at_birth(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r":"):
        Decision(**wrong)  # type: ignore[arg-type]


ACTIONS = st.lists(
    st.one_of(
        st.just("undo"),
        st.just("redo"),
        st.just("forget"),
        st.builds(keep, st.sampled_from("abc"), st.sampled_from(["", "1", "2"])),
        st.builds(leave, st.sampled_from("abc"), st.sampled_from(["", "1", "2"])),
        st.builds(lambda a: Decision(kind="not_a_copy", digest=a, other="z"), st.sampled_from("abc")),
    ),
    max_size=20,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
def test_undo_and_redo_walk_the_history_both_ways(
    tmp_path_factory: pytest.TempPathFactory, actions: list[object]
) -> None:
    folder = tmp_path_factory.mktemp("history")
    ours, states, future = journal(folder), [told(Decisions())], []
    for action in actions:
        if action == "undo":
            ours.undo()
            if len(states) > 1:
                future.append(states.pop())
        elif action == "redo":
            ours.redo()
            if future:
                states.append(future.pop())
        else:
            if isinstance(action, Decision):
                ours.add(action)
            elif ours.listing():
                ours.forget(ours.listing()[0])
            else:
                continue
            states.append(told(ours.present))
            future = []
        assert told(ours.present) == states[-1]
    assert told(journal(folder).present) == states[-1]
    while ours.undo():
        pass
    assert not ours.present
