"""Two folders read as one, by the first part of a path."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.pictures import JoinedSource


@pytest.fixture
def source(tmp_path: Path) -> JoinedSource:
    for name in ("one", "other"):
        (tmp_path / name / "in").mkdir(parents=True)
        (tmp_path / name / "in" / "a.png").write_bytes(name.encode())
    return JoinedSource({"set": tmp_path / "one", "pool": tmp_path / "other"})


def test_the_first_part_names_the_folder(source: JoinedSource) -> None:
    assert source.read("set/in/a.png") == b"one"
    assert source.read("pool/in/a.png") == b"other"
    assert source.stat("pool/in/a.png").st_size == 5
    with source.open("set/in/a.png") as stream:
        assert stream.read() == b"one"


def test_a_folder_that_there_is_none_of_and_a_way_out_are_refused(source: JoinedSource) -> None:
    with pytest.raises(KeyError):
        source.read("elsewhere/a.png")
    with pytest.raises(ValueError, match="not a path below the folder"):
        source.read("set/../other/in/a.png")


def test_what_cannot_be_read_is_explained(source: JoinedSource) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        source.read("set/gone.png")
    assert source.why_unreadable("set/gone.png", caught.value) == "vanished while reading"
