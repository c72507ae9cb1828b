"""Every file of a folder ends in exactly one place, with its reason, and nothing in the folder is touched."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import unicodedata
from pathlib import Path

import drawn_pictures as drawn
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import FolderError
from curate.pictures import Source, scan

SAMPLES = Path(__file__).parents[2] / "sample_images"
JPEG = drawn.saved(drawn.quarters(), "JPEG")
PNG = drawn.saved(drawn.quarters(), "PNG")
posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX links, pipes or file names")
not_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")


def lay(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def reasons(catalog) -> dict[str, str]:
    return {left.path: left.reason for left in (*catalog.broken, *catalog.ignored)}


def places(catalog) -> list[str]:
    """Every path as often as it has a place; captions and masks that several pictures share count once."""
    shared = {path for one in catalog.pictures for path in (one.caption_path, one.mask_path) if path}
    return [*(one.path for one in catalog.pictures), *shared, *reasons(catalog)]


def by_path(catalog):
    return {one.path: one for one in catalog.pictures}


def test_the_samples_are_25_pictures_with_19_captions():
    catalog = scan(SAMPLES)
    assert len(catalog.pictures) == 25
    assert [one.path for one in catalog.pictures] == sorted(one.path for one in catalog.pictures)
    assert sum(one.caption_problem is None for one in catalog.pictures) == 19
    assert reasons(catalog) == {"SOURCES.md": "not a picture"}
    first = by_path(catalog)["nora_01.jpg"]
    content = (SAMPLES / "nora_01.jpg").read_bytes()
    assert (first.digest, first.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert first.caption == (SAMPLES / "nora_01.txt").read_text("utf-8").strip()


@pytest.mark.parametrize("name", ["a.JPG", "a.PnG", "a.txt", "a", "a.mp4", "a.b.c", "ä ö.jpeg"])
def test_a_picture_is_known_by_its_content_whatever_its_name(tmp_path, name):
    assert [one.path for one in scan(lay(tmp_path, {name: JPEG})).pictures] == [name]


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"])
def test_every_format_is_found_without_a_suffix(tmp_path, name):
    assert len(scan(lay(tmp_path, {"picture": drawn.saved(drawn.quarters(), name)})).pictures) == 1


def test_a_heic_signature_is_enough(tmp_path):
    catalog = scan(lay(tmp_path, {"IMG_1": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"}))
    assert len(catalog.pictures) == 1


@pytest.mark.parametrize(
    ("name", "content", "broken", "reason"),
    [
        ("b.jpg", b"<!DOCTYPE html><title>404</title>", True, "not a picture: the content is HTML text"),
        ("b.PNG", b"", True, "empty file"),
        ("b.jpg", b"\0" * 900, True, "not a picture: the content is nothing but zeros"),
        ("b.webp", b"\0\0\0\x18ftypisom\0\0\0\0", True, "not a picture: the content is a video"),
        ("b.jpg", b"version https://git-lfs.github.com/spec/v1\n", True, "Git LFS pointer"),
        ("b.gif", b"hello", True, "not a picture: the content is text"),
        ("b.mp4", b"\0\0\0\x18ftypisom\0\0\0\0", False, "extract frames first, for example one a second"),
        ("b", b"\0\0\0\x18ftypisom\0\0\0\0", False, "extract frames first"),
        ("b", b" \n\x1a\x45\xdf\xa3matroska", False, "extract frames first"),
        ("b", b"RIFF\0\0\0\0AVI ", False, "extract frames first"),
        ("b.npz", b"PK\x03\x04", False, "cache or weights of a trainer"),
        ("b.safetensors", b"", False, "cache or weights of a trainer"),
        ("b.zip", b"PK\x03\x04", False, "archive: unpack it first"),
        ("b.wav", b"RIFF\0\0\0\0WAVE", False, "audio"),
        ("b.toml", b"[general]", False, "configuration"),
        ("b.nef", b"MM\0*\0\0\0\x08", False, "camera raw"),
        ("b.docx", b"PK\x03\x04", False, "not a picture"),
        (".b.jpg", PNG, False, "hidden"),
        (".git/b.jpg", PNG, False, "in a hidden folder"),
        ("__MACOSX/x/b.jpg", PNG, False, "in a hidden folder"),
        ("Thumbs.db", b"x", False, "hidden"),
        ("set_cache/b.png", PNG, False, "in a trainer's cache folder"),
        ("curate-manifest.json", b"{}", False, "manifest of an export by curate"),
        ("b.txt", b"a caption", False, "caption without a picture"),
        ("b.txt", b"x" * (1 << 20) + b"x", False, "too large for captions: more than 1 MiB"),
        ("a-condlabel.png", PNG, False, "conditioning picture"),
        ("b-masklabel.png", PNG, False, "mask without a picture"),
        ("metadata.jsonl", b'{"file_name": "z.png", "text": "x"}', False, "captions of no picture here"),
        ("metadata.json", b"{", False, "not valid JSON"),
        ("captions.json", b"[]", False, "no captions in it"),
    ],
)
def test_what_is_no_picture_is_listed_with_its_reason(tmp_path, name, content, broken, reason):
    catalog = scan(lay(tmp_path, {"a.png": PNG, name: content}))
    assert [one.path for one in catalog.pictures] == ["a.png"]
    (left,) = catalog.broken if broken else catalog.ignored
    assert left.path == name
    assert reason in left.reason


def test_jpeg_xl_needs_its_plugin(tmp_path, monkeypatch):
    lay(tmp_path, {"a.png": PNG, "b.jxl": b"\xff\x0a" + b"\0" * 20})
    monkeypatch.setattr("curate.pictures.signatures.jxl_plugin", lambda: False)
    assert reasons(scan(tmp_path)) == {"b.jxl": "JPEG XL needs the plugin pillow-jxl-plugin"}
    monkeypatch.setattr("curate.pictures.signatures.jxl_plugin", lambda: True)
    assert len(scan(tmp_path).pictures) == 2


# ---- folders that cannot be scanned


@pytest.mark.parametrize(
    ("name", "problem"),
    [("absent", "no such folder"), ("file", "a file, not a folder"), ("empty", "empty"), ("none", "no picture among")],
)
def test_a_folder_that_cannot_be_scanned_says_what_to_do(tmp_path, name, problem):
    lay(tmp_path, {"file": PNG, "none/a.txt": b"x", "none/b.mp4": b"x", "none/c.mp4": b""})
    (tmp_path / "empty").mkdir()
    with pytest.raises(FolderError) as caught:
        scan(tmp_path / name)
    assert problem in caught.value.problem
    assert caught.value.advice
    if name == "none":
        assert "its 3 files (2 x video: extract frames first" in caught.value.problem


# ---- links and special files


@posix
def test_links_are_followed_to_files_and_never_out_or_round(tmp_path):
    root = lay(tmp_path / "set", {"a/one.png": PNG, ".store/deep/two.png": PNG})
    lay(tmp_path / "outside", {"three.png": PNG})
    (root / "file.png").symlink_to(tmp_path / "outside" / "three.png")
    (root / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (root / "self").symlink_to(root / "self")
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "again").symlink_to(root / "a")
    (root / "a" / "up").symlink_to(root)
    (root / "new").symlink_to(root / ".store" / "deep")
    catalog = scan(root)
    assert [one.path for one in catalog.pictures] == ["a/one.png", "file.png", "new/two.png"]
    assert reasons(catalog) == {
        "gone.png": "link to a missing file",
        "self": "link that leads to itself",
        "out": "link to a folder outside",
        "again": "link to a folder that is scanned already",
        "a/up": "link to a folder that is scanned already",
        ".store/deep/two.png": "in a hidden folder",
    }


@posix
def test_a_scanned_folder_may_itself_be_a_link_or_hidden(tmp_path):
    lay(tmp_path / ".real", {"a.png": PNG})
    (tmp_path / "link").symlink_to(tmp_path / ".real")
    catalog = scan(tmp_path / "link")
    assert catalog.folder == str(tmp_path / "link")
    assert len(catalog.pictures) == len(scan(tmp_path / ".real").pictures) == 1


@posix
def test_a_pipe_is_ignored_and_never_opened(tmp_path):
    os.mkfifo(lay(tmp_path, {"a.png": PNG}) / "pipe.jpg")
    assert reasons(scan(tmp_path)) == {"pipe.jpg": "neither file nor folder (a pipe, socket or device)"}


@posix
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS takes only UTF-8 names and one normal form")
def test_any_bytes_in_names_survive(tmp_path):
    names = [b"\xff\xfe.png", b"a\nb.png", b"back\\slash.png", unicodedata.normalize("NFC", "é.png").encode()]
    names.append(unicodedata.normalize("NFD", "é.png").encode())
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(PNG)
    catalog = scan(tmp_path)
    assert sorted(os.fsencode(one.path) for one in catalog.pictures) == sorted(names)
    source = Source(catalog.folder)
    assert all(source.read(one.path) == PNG for one in catalog.pictures)


# ---- files that cannot be read, or change


@not_root
def test_files_and_folders_without_permission_are_broken(tmp_path):
    lay(tmp_path, {"a.png": PNG, "b.png": PNG, "c/d.png": PNG})
    (tmp_path / "b.png").chmod(0)
    (tmp_path / "c").chmod(0)
    try:
        assert reasons(scan(tmp_path)) == {
            "b.png": "cannot be read: Permission denied",
            "c": "folder cannot be read: Permission denied",
        }
    finally:
        (tmp_path / "c").chmod(0o700)


def test_a_file_that_may_not_be_opened_is_broken(tmp_path, monkeypatch):
    lay(tmp_path, {"a.png": PNG, "b.png": PNG, "c.png": PNG})
    opened = Source.open

    def refuse(self, path):
        if path == "b.png":
            raise PermissionError(13, "Permission denied")
        if path == "c.png":
            (tmp_path / "c.png").unlink()
        return opened(self, path)

    monkeypatch.setattr(Source, "open", refuse)
    assert reasons(scan(tmp_path)) == {
        "b.png": "cannot be read: Permission denied",
        "c.png": "vanished while reading",
    }


def test_a_file_that_changes_while_it_is_read_is_broken(tmp_path, monkeypatch):
    lay(tmp_path, {"a.png": PNG, "b.png": PNG})
    opened = Source.open

    def grow(self, path):
        file = opened(self, path)
        if path == "b.png":
            read = file.read

            class Growing:
                def __enter__(self):
                    return self

                def __exit__(self, *_):
                    file.close()

                def fileno(self):
                    return file.fileno()

                def read(self, size):
                    with (tmp_path / path).open("ab") as more:
                        more.write(b"x")
                    return read(size) if (tmp_path / path).stat().st_size < len(PNG) + 3 else b""

            return Growing()
        return file

    monkeypatch.setattr(Source, "open", grow)
    assert reasons(scan(tmp_path)) == {"b.png": "changed while reading"}


def test_a_source_reads_only_below_its_folder(tmp_path):
    lay(tmp_path, {"set/a.png": PNG, "b.png": PNG})
    source = Source(tmp_path / "set")
    assert source.read("a.png") == PNG
    for path in ("../b.png", str(tmp_path / "b.png")):
        with pytest.raises(ValueError, match="below the folder"):
            source.read(path)
    with pytest.raises(FileNotFoundError):
        source.read("c.png")


# ---- digests that are remembered


class Memory:
    def __init__(self):
        self.kept = {}

    def known(self, path, stat):
        return self.kept.get((path, stat.st_size, stat.st_mtime_ns))

    def remember(self, path, stat, digest):
        self.kept[path, stat.st_size, stat.st_mtime_ns] = digest


def test_an_unchanged_picture_is_not_opened_again(tmp_path, monkeypatch):
    lay(tmp_path, {"a.png": PNG, "b.jpg": JPEG, "b.txt": b"x", "c.mp4": b""})
    for path in tmp_path.iterdir():
        os.utime(path, (1e9, 1e9))
    memory = Memory()
    before = scan(tmp_path, digests=memory)
    assert sorted(Path(path).name for path, *_ in memory.kept) == ["a.png", "b.jpg"]
    opened = []
    true_open = Source.open
    monkeypatch.setattr(Source, "open", lambda self, path: opened.append(path) or true_open(self, path))
    assert scan(tmp_path, digests=memory) == before
    assert opened == ["b.txt", "c.mp4"]


def test_a_file_written_this_very_moment_is_not_remembered(tmp_path):
    """Another write within the same tick of the file system's clock would go unseen."""
    lay(tmp_path, {"a.png": PNG})
    now = __import__("time").time_ns() + 10_000_000_000
    os.utime(tmp_path / "a.png", ns=(now, now))
    memory = Memory()
    scan(tmp_path, digests=memory)
    assert not memory.kept


def test_progress_counts_every_file(tmp_path):
    seen = []
    scan(lay(tmp_path, {"a.png": PNG, "b.txt": b"", "c": b""}), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


# ---- the whole


_NAMES = st.sampled_from(
    [
        "a.png",
        "b.jpg",
        "B.JPG",
        "a.txt",
        "b.caption",
        "a.png.txt",
        "a-masklabel.png",
        "metadata.json",
        "metadata.jsonl",
        "captions.json",
        "x.npz",
        ".h",
        "v.mp4",
        "n.md",
    ]
)
_FOLDERS = st.sampled_from(
    ["", "10_sks man", "reg", "reg/1_man", "masks", "x/Mask", ".git", "x", "x/masks/10_a", "1_cache"]
)
_CONTENTS = st.sampled_from(
    [PNG, JPEG, b"", b"text", b"\xff\xfe\0", b'{"a.png": ["x", "y"]}', b'{"file_name": "a.png", "text": "z"}', b"{}"]
)


@settings(max_examples=150, deadline=None)
@given(tree=st.dictionaries(st.tuples(_FOLDERS, _NAMES), _CONTENTS, max_size=14))
def test_every_file_ends_in_exactly_one_place(tmp_path_factory, tree):
    root = tmp_path_factory.mktemp("tree")
    files = {f"{folder}/{name}" if folder else name: content for (folder, name), content in tree.items()}
    files["always.png"] = PNG
    lay(root, files)
    catalog = scan(root)
    assert sorted(places(catalog)) == sorted(files)
    assert all(left.reason for left in (*catalog.broken, *catalog.ignored))
    assert scan(root) == catalog
    shutil.rmtree(root)


def test_the_folder_is_left_as_it_was(tmp_path):
    shutil.copytree(SAMPLES, tmp_path / "set")

    def state():
        paths = sorted((tmp_path / "set").rglob("*"))
        return [(path, path.stat().st_mtime_ns, path.stat().st_size, path.read_bytes()) for path in paths]

    before, folder = state(), (tmp_path / "set").stat().st_mtime_ns
    scan(tmp_path / "set", digests=Memory())
    assert state() == before
    assert (tmp_path / "set").stat().st_mtime_ns == folder
