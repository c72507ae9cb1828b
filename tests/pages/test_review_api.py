"""What the page asks of the server, and what comes of it."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from review_sets import HOSTILE, ORIGIN, Page, settings

from curate.decisions import open_journal
from curate.pages.as_json import as_object
from curate.pages.review.exporting import folder_name
from curate.pages.review.words import Change, replaced


def test_the_page_is_told_what_json_tells(page: Page) -> None:
    state = page.state()
    truth = as_object(page.session.analysis)
    for name in ("groups", "diversity", "coverage", "broken", "ignored", "model", "notes"):
        assert state[name] == truth[name]
    own = [{k: v for k, v in picture.items() if k not in ("id", "yours")} for picture in state["pictures"]]
    assert own == truth["pictures"]
    assert HOSTILE in {picture["caption"] for picture in own}


def test_only_what_changed_is_told(page: Page) -> None:
    before = page.state()
    page.post("/api/decide", {"decisions": [{"kind": "leave_out", "id": page.id_of("scene2.png")}]})
    page.state()
    news = page.client.get(f"/api/set?since={before['version']}").json()
    told = {picture["path"] for picture in news["pictures"]}  # the weights of the photographs beside it change too
    assert "scene2.png" in told
    assert not told & {"twin.png", "scene0_cropped.png"}
    assert news["diversity"]["effective_images"] < before["diversity"]["effective_images"]
    assert "groups" not in news
    assert news["plan"]["pictures"] == before["plan"]["pictures"] - 1


def test_a_decision_is_on_the_disk_when_it_is_confirmed(page: Page, drawn: Path, tmp_path: Path) -> None:
    answer = page.post("/api/decide", {"decisions": [{"kind": "leave_out", "id": page.id_of("scene2.png")}]})
    assert answer.json()["saved"] == 1
    later = open_journal(drawn, settings(tmp_path / "cache"))
    assert {path for _, path in later.present.left_out} == {"scene2.png"}


def test_undo_and_redo_walk_through_all_decisions(page: Page) -> None:
    for path in ("scene2.png", "scene3.png"):
        page.post("/api/decide", {"decisions": [{"kind": "leave_out", "id": page.id_of(path)}]})
    assert page.post("/api/undo", {}).json()["decisions"] == [{"kind": "leave_out", "id": page.id_of("scene3.png")}]
    kept = {picture["path"]: picture["kept"] for picture in page.state()["pictures"]}
    assert kept["scene3.png"]
    assert not kept["scene2.png"]
    page.post("/api/undo", {})
    assert page.post("/api/undo", {}).json()["decisions"] == []
    page.post("/api/redo", {})
    page.post("/api/redo", {})
    kept = {picture["path"]: picture["kept"] for picture in page.state()["pictures"]}
    assert not kept["scene3.png"]
    assert not kept["scene2.png"]


def test_a_pair_that_is_parted_leaves_its_group_and_the_queue(page: Page) -> None:
    state = page.state()
    group = next(g for g in state["groups"] if any(m["path"] == "scene0_cropped.png" for m in g["members"]))
    ids = [page.id_of(group["keeper"]), page.id_of("scene0_cropped.png")]
    page.post("/api/decide", {"decisions": [{"kind": "not_a_copy", "id": ids[0], "other": ids[1]}]})
    after = page.state()
    assert all(
        m["path"] != "scene0_cropped.png" for g in after["groups"] if g["kind"] != "lookalike" for m in g["members"]
    )
    assert {p["path"]: p["kept"] for p in after["pictures"]}["scene0_cropped.png"]


def test_the_aligned_pair_bears_its_map(page: Page) -> None:
    pair = {"scene0.png", "scene0_mirrored.png"}  # either may be the keeper: they are worth the same
    group = next(g for g in page.state()["groups"] if g["keeper"] in pair)
    mirrored = next(m for m in group["members"] if m["path"] in pair)
    xx, xy, x0, yx, yy, y0 = mirrored["map"]
    assert (xx, yy, x0) == pytest.approx((-1, 1, 1), abs=0.02)
    assert (xy, yx, y0) == pytest.approx((0, 0, 0), abs=0.02)


def test_the_queue_asks_of_copies_and_captions_and_counts_what_was_answered(page: Page) -> None:
    state = page.state()
    sorts = [task["sort"] for task in state["tasks"]]
    assert sorts.index("copies") < sorts.index("no_caption")
    assert state["progress"] == {"done": 0, "all": len(state["tasks"])}
    copies = next(task for task in state["tasks"] if task["sort"] in ("copies", "uncertain"))
    page.post("/api/decide", {"decisions": [{"kind": "keeper", "id": copies["ids"][0]}]})
    page.post("/api/decide", {"decisions": [{"kind": "caption", "id": page.id_of("scene4.png"), "text": "a fourth"}]})
    after = page.state()
    assert after["progress"] == {"done": 2, "all": len(state["tasks"])}


def test_files_of_the_same_bytes_are_decided_one_by_one(page: Page) -> None:
    one, other = page.id_of("scene1.png"), page.id_of("twin.png")
    assert one.split("~")[0] == other.split("~")[0]
    assert one != other
    page.post("/api/decide", {"decisions": [{"kind": "leave_out", "id": one}, {"kind": "keep", "id": other}]})
    kept = {picture["path"]: picture["kept"] for picture in page.state()["pictures"]}
    assert kept["twin.png"]
    assert not kept["scene1.png"]


def test_leaving_a_photograph_out_costs_what_it_is_worth_and_a_copy_nothing(page: Page) -> None:
    photograph = page.post("/api/whatif", {"ids": [page.id_of("scene2.png")]}).json()
    copy = page.post("/api/whatif", {"ids": [page.id_of("scene0_cropped.png")]}).json()
    assert photograph["cost"] > 0
    assert copy["cost"] == 0
    assert page.state()["diversity"]["effective_images"] == photograph["effective_images"]
    page.post("/api/decide", {"decisions": [{"kind": "leave_out", "id": page.id_of("scene2.png")}]})
    assert page.state()["diversity"]["effective_images"] == photograph["without"]


def test_find_and_replace_is_one_step_of_undo_and_leaves_the_files_alone(page: Page, drawn: Path) -> None:
    change = {"find": "in a park", "put": "outside", "unit": "tag", "ids": [p["id"] for p in page.state()["pictures"]]}
    assert page.post("/api/replace", change).json()["changed"] == 3
    assert page.state()["pictures"] == page.client.get("/api/set").json()["pictures"]
    page.post("/api/replace", {**change, "dry_run": False})
    captions = [p["caption"] for p in page.state()["pictures"]]
    assert sum("outside" in (caption or "") for caption in captions) == 3
    assert (drawn / "scene0.txt").read_text(encoding="utf-8") == "nora, scene 0, in a park"
    page.post("/api/undo", {})
    assert not any("outside" in (p["caption"] or "") for p in page.state()["pictures"])


@pytest.mark.parametrize(
    ("caption", "change", "expected"),
    [
        ("a red cat, reddish", Change(find="red", put="blue", unit="word"), "a blue cat, reddish"),
        ("red, Red , cat", Change(find="red", put="", unit="tag"), "cat"),
        ("red, blue", Change(find="red", put="blue", unit="tag"), "blue"),
        ("1+1 (x)", Change(find="+1 (", put=r"\1", unit="text"), r"1\1x)"),
        ("  kept,as  is ", Change(find="other", put="x", unit="tag"), "  kept,as  is "),
    ],
)
def test_words_are_replaced_as_typed(caption: str, change: Change, expected: str) -> None:
    assert replaced(caption, change) == expected


@given(st.text(), st.text(), st.sampled_from(["text", "word", "tag"]))
def test_replacing_by_itself_in_text_and_words_changes_at_most_case(caption: str, find: str, unit: str) -> None:
    if unit != "tag" and find == find.strip():
        assert replaced(caption, Change(find=find, put=find, unit=unit)).casefold() == caption.casefold()  # type: ignore[arg-type]


def test_a_view_set_by_hand_is_kept(page: Page) -> None:
    view = {"yaw_deg": 90, "framing": "close_up"}
    page.post("/api/decide", {"decisions": [{"kind": "view", "id": page.id_of("scene2.png"), "view": view}]})
    assert next(p for p in page.state()["pictures"] if p["path"] == "scene2.png")["yours"]["view"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"decisions": []}, 400),
        ({"decisions": [{"kind": "keep", "id": "nobody"}]}, 404),
        ({"decisions": [{"kind": "keep", "id": "../../etc/passwd"}]}, 404),
        ({"decisions": [{"kind": "burn", "id": "SCENE2"}]}, 400),
        ({"decisions": [{"kind": "keep", "id": 7}]}, 404),
        ({"decisions": ["keep"]}, 400),
        ({"decisions": [{"kind": "caption", "id": "SCENE2", "text": "x" * 30_000}]}, 400),
        ({"decisions": [{"kind": "caption", "id": "SCENE2"}]}, 400),
        ({"decisions": [{"kind": "view", "id": "SCENE2", "view": {"yaw_deg": 9999}}]}, 400),
        ({"decisions": [{"kind": "view", "id": "SCENE2", "view": {"yaw_deg": "left"}}]}, 400),
        ({"decisions": [{"kind": "not_a_copy", "id": "SCENE2", "other": "SCENE2"}]}, 400),
        ([], 400),
    ],
)
def test_nonsense_is_refused_in_one_line_and_saves_nothing(page: Page, body: object, status: int) -> None:
    scene = page.id_of("scene2.png")
    if isinstance(body, dict):
        for decision in body["decisions"]:
            if isinstance(decision, dict):
                decision |= {key: scene for key in ("id", "other") if decision.get(key) == "SCENE2"}
    answer = page.post("/api/decide", body)
    assert answer.status_code == status
    assert "\n" not in answer.json()["problem"]
    assert not page.state()["progress"]["done"]
    assert page.post("/api/undo", {}).json()["decisions"] == []


def test_one_wrong_decision_among_many_saves_none(page: Page) -> None:
    good = {"kind": "leave_out", "id": page.id_of("scene2.png")}
    assert page.post("/api/decide", {"decisions": [good, {"kind": "keep", "id": "x"}]}).status_code == 404
    assert page.post("/api/undo", {}).json()["decisions"] == []


def test_control_characters_never_reach_a_caption(page: Page) -> None:
    scene = page.id_of("scene2.png")
    body = '{"decisions": [{"kind": "caption", "id": "ID", "text": "a\\u0000b\\u001b[31m\\ud800"}]}'.replace(
        "ID", scene
    )
    headers = {"origin": ORIGIN, "content-type": "application/json"}
    assert page.client.post("/api/decide", content=body.encode(), headers=headers).json()["saved"] == 1
    assert next(p for p in page.state()["pictures"] if p["id"] == scene)["caption"] == "ab[31m?"


def test_the_plan_follows_its_controls_and_says_why_there_is_none(page: Page) -> None:
    page.post("/api/plan", {"settings": {"target_steps": 200, "trainer": "onetrainer"}})
    plan = page.state()["plan"]
    assert plan["target_steps"] == 200
    assert plan["plan"]["trainer"] == "onetrainer"
    assert page.post("/api/plan", {"settings": {"target_steps": -1}}).status_code == 400
    assert page.post("/api/plan", {"settings": {"notes": ["x"]}}).status_code == 400
    page.post("/api/plan", {"settings": {"trainer": "nobody"}})
    assert "nobody" in page.state()["plan"]["problem"]


def test_previews_are_small_upright_and_made_once(page: Page, drawn: Path, tmp_path: Path) -> None:
    digest = page.id_of("scene0.png")
    answer = page.client.get(f"/picture/thumb/{digest}")
    image = Image.open(io.BytesIO(answer.content))
    assert answer.headers["content-type"] == "image/jpeg"
    assert image.size == (320, 256)
    assert "immutable" in answer.headers["cache-control"]
    kept = list((tmp_path / "cache").rglob("*.jpg"))
    assert [file.name[:64] for file in kept] == [digest]
    assert kept[0].read_bytes() == answer.content
    assert Image.open(io.BytesIO(page.client.get(f"/picture/screen/{digest}").content)).size == (400, 320)


def test_a_picture_that_vanishes_or_changes_is_said(page: Page, drawn: Path) -> None:
    gone, digest = drawn / "scene2.png", page.id_of("scene2.png")
    data = gone.read_bytes()
    try:
        gone.write_bytes((drawn / "scene3.png").read_bytes())
        assert page.client.get(f"/picture/thumb/{digest}").status_code == 410
        gone.unlink()
        assert page.client.get(f"/picture/screen/{digest}").status_code == 410
    finally:
        gone.write_bytes(data)
    assert page.client.get(f"/picture/thumb/{digest}").status_code == 200


def test_an_export_is_listed_first_and_then_written(page: Page, tmp_path: Path) -> None:
    page.post("/api/decide", {"decisions": [{"kind": "leave_out", "id": page.id_of("scene2.png")}]})
    wanted = {"folder": "clean", "trainer": "kohya", "class_word": "scene", "trigger": "nora", "name": "n"}
    listed = page.post("/api/export", wanted).json()
    assert listed["pictures"] == 4
    assert listed["left_out"]["decided"] == 1
    assert not (tmp_path / "exports" / "clean").exists()
    state = page.post("/api/export", {**wanted, "dry_run": False}).json()
    while state["state"] == "writing":
        state = page.client.get("/api/export").json()
    assert state["state"] == "done"
    assert state["pictures"] == 4
    assert len(list((tmp_path / "exports" / "clean").rglob("*.png"))) == 4
    again = page.post("/api/export", wanted)
    assert again.status_code == 409
    assert "clean" in again.json()["problem"]


@pytest.mark.parametrize(
    "name", ["../out", "/etc/x", "a/b", "a\\b", "..", "", ".hidden", "C:", "x.", "nul", "a\nb", "a" * 101, None, 3]
)
def test_an_export_goes_nowhere_but_beside_the_set(name: object) -> None:
    with pytest.raises(ValueError, match=r"name|text"):
        folder_name(name)


def test_what_another_process_decides_appears(page: Page, drawn: Path, tmp_path: Path) -> None:
    from curate.decisions import Decision

    before = page.state()
    other = open_journal(drawn, settings(tmp_path / "cache"))
    other.add(Decision(kind="leave_out", digest=page.id_of("scene2.png"), path="scene2.png"))
    news = page.session.since(before["version"], patience=10)
    assert {p["path"]: p["kept"] for p in news["pictures"]}["scene2.png"] is False


def test_the_page_can_end_the_server(page: Page) -> None:
    page.post("/api/stop", {})
    assert page.stopped == [True]


def test_thumbnails_are_made_ahead_while_nobody_waits(page: Page, drawn: Path, tmp_path: Path) -> None:
    def kept() -> set[str]:
        return {file.name[:64] for file in (tmp_path / "cache").rglob("*.jpg")}

    gone = drawn / "scene2.png"
    data, digest = gone.read_bytes(), page.id_of("scene2.png")
    ended = threading.Event()
    ended.set()
    page.session.previews.make_ahead(ended)
    assert not kept()
    try:
        gone.unlink()
        page.session.previews.make_ahead(threading.Event())
    finally:
        gone.write_bytes(data)
    assert kept() == {picture["digest"] for picture in page.state()["pictures"]} - {digest}


def test_a_caption_that_would_grow_too_long_is_left_as_it_is_and_told(page: Page) -> None:
    long, short = page.id_of("scene1.png"), page.id_of("scene2.png")
    body = [{"kind": "caption", "id": long, "text": "a" * 20_000}, {"kind": "caption", "id": short, "text": "a"}]
    page.post("/api/decide", {"decisions": body})
    page.state()
    change = {"find": "a", "put": "bb", "ids": [long, short], "dry_run": False}
    told = page.post("/api/replace", change).json()
    assert (told["changed"], told["too_long"]) == (1, 1)
    captions = {picture["id"]: picture["caption"] for picture in page.state()["pictures"]}
    assert captions[short] == "bb"
    assert captions[long] == "a" * 20_000


def test_an_exported_caption_that_was_decided_says_so_in_the_manifest(page: Page, tmp_path: Path) -> None:
    page.post("/api/decide", {"decisions": [{"kind": "caption", "id": page.id_of("scene2.png"), "text": "mine"}]})
    state = page.post("/api/export", {"folder": "told", "dry_run": False}).json()
    while state["state"] == "writing":
        state = page.client.get("/api/export").json()
    manifest = json.loads((tmp_path / "exports" / "told" / "curate-manifest.json").read_text(encoding="utf-8"))
    captions = {one["path"]: one["caption"] for one in manifest["pictures"]}
    assert captions["scene2.png"]["text"] == "mine"
    assert captions["scene2.png"]["changes"] == ["decided by you"]
    assert all("decided by you" not in one["changes"] for path, one in captions.items() if path != "scene2.png")
