"""What the queue asks, in which order, and when a question counts as answered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from curate.decisions import Decision, Decisions
from curate.pages.review import tasks as room
from curate.pages.review.tasks import ORDER, tasks
from curate.records import Analysis, Region
from curate.stages.deciding import Deciding
from curate.stages.measured import Measured


@pytest.fixture(scope="module")
def analysis(drawn_measured: Measured) -> Analysis:
    return Deciding(drawn_measured)(Decisions())


def with_members(analysis: Analysis, **changes: object) -> Analysis:
    """The same with the first member of the group of copies changed."""
    groups = tuple(
        replace(group, members=(replace(group.members[0], **changes), *group.members[1:]))  # type: ignore[arg-type]
        if group.kind == "copy"
        else group
        for group in analysis.groups
    )
    return replace(analysis, groups=groups)


def test_sorts_come_in_the_order_of_what_a_wrong_answer_costs(analysis: Analysis) -> None:
    order = [ORDER.index(task.sort) for task in tasks(analysis, Decisions())]
    assert order == sorted(order)


@pytest.mark.parametrize(
    "changes",
    [{"correlation": 0.91}, {"changed": Region(left=0.1, top=0.1, right=0.3, bottom=0.3, share=0.04)}],
)
def test_a_doubtful_copy_is_asked_first_and_looked_at_first(analysis: Analysis, changes: dict[str, object]) -> None:
    doubtful = with_members(analysis, **changes)
    first = tasks(doubtful, Decisions())[0]
    assert first.sort == "uncertain"
    assert first.rows[1] == next(group for group in doubtful.groups if group.kind == "copy").members[0].row


def test_a_question_keeps_its_key_when_its_doubt_or_keeper_changes(analysis: Analysis) -> None:
    def keys(found: Analysis) -> set[str]:
        return {task.key for task in tasks(found, Decisions()) if task.sort in ("copies", "uncertain")}

    swapped = []
    for group in analysis.groups:
        first, *others = group.members
        swapped.append(replace(group, keeper=first.row, members=(replace(first, row=group.keeper), *others)))
    assert keys(with_members(analysis, correlation=0.91)) == keys(analysis)
    assert keys(replace(analysis, groups=tuple(swapped))) == keys(analysis)


def test_choosing_the_keeper_answers_a_group(analysis: Analysis) -> None:
    group = next(group for group in analysis.groups if group.kind == "copy")
    picture = analysis.catalog.pictures[group.keeper]
    decisions = Decisions.of([Decision(kind="keeper", digest=picture.digest, path=picture.path)])
    answered = {task.rows[0] for task in tasks(analysis, decisions) if task.done}
    assert group.keeper in answered


def test_many_missing_captions_are_one_question(analysis: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    single = [task for task in tasks(analysis, Decisions()) if task.sort == "no_caption"]
    assert all(len(task.rows) == 1 for task in single)
    assert len(single) > 1
    monkeypatch.setattr(room, "MANY", 1)
    (together,) = [task for task in tasks(analysis, Decisions()) if task.sort == "no_caption"]
    assert set(together.rows) == {task.rows[0] for task in single}


def test_every_key_is_of_one_question(analysis: Analysis) -> None:
    keys = [task.key for task in tasks(analysis, Decisions())]
    assert len(keys) == len(set(keys))
