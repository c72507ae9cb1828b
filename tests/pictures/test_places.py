"""Pictures that lie in a store, in archives, or are named by a table: the same catalog as from a folder."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import tarfile
from pathlib import Path

import pytest
from drawn_pictures import quarters, saved
from stores import BUCKET, fill, pack

from curate import addresses
from curate.errors import FolderError
from curate.features.memory import Store
from curate.pictures import JoinedSource, Source, reading, scan
from curate.pictures.sources import archive_of, remote, tars

PNG, JPEG = saved(quarters(), "PNG"), saved(quarters(), "JPEG")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures with captions, a mask, a subset, regularisation, and what is none of these."""
    files = {
        "a.png": PNG,
        "a.txt": b"a cat",
        "b.JPG": JPEG,
        "10_sks man/c.png": saved(quarters(90, 60), "PNG"),
        "10_sks man/c.caption": "ein Mann, \u00fcber".encode("utf-8"),
        "reg/d.png": saved(quarters(30, 30), "PNG"),
        "masks/a.png": saved(quarters(60, 40), "BMP"),
        "metadata.jsonl": json.dumps({"file_name": "b.JPG", "text": "a dog"}).encode(),
        "broken.png": b"\0" * 500,
        "film.mp4": b"\0\0\0\x18ftypisom" + b"\1" * 100_000,
        ".hidden/e.png": PNG,
        "notes.md": b"# notes",
    }
    for path, data in files.items():
        (tmp_path / "set" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / path).write_bytes(data)
    return tmp_path / "set"


class Remembers(Store):
    """A store in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}

    def get(self, part, keys):
        return {key: self.kept[part, key] for key in keys if (part, key) in self.kept}

    def put_later(self, part, key, value):
        self.kept[part, key] = value


def told(catalog) -> tuple[object, ...]:
    return catalog.pictures, catalog.broken, catalog.ignored


def test_a_store_gives_the_same_catalog_as_a_folder(folder: Path, memory) -> None:
    fill(memory, "/set", folder)
    found = scan("memory://set/")
    assert told(found) == told(scan(folder))
    assert found.folder == "memory://set"
    assert len(found.pictures) == 4
    assert len(found.broken) == 1
    assert len(found.ignored) == 3


def test_a_bucket_gives_the_same_catalog_as_a_folder(folder: Path, s3) -> None:
    fill(s3, f"{BUCKET}/same", folder)
    s3.pipe_file(f"{BUCKET}/same/empty/", b"")  # as consoles mark a folder
    assert told(scan(f"s3://{BUCKET}/same")) == told(scan(folder))


def test_an_archive_gives_the_same_catalog_as_a_folder(folder: Path) -> None:
    archive = pack(folder.parent / "set.tar", folder)
    assert told(scan(archive)) == told(scan(folder))
    assert scan(str(archive)).folder == str(archive)


def test_archives_in_a_store_give_the_pictures_of_all(folder: Path, memory) -> None:
    half = ["a.png", "a.txt", "10_sks man/c.png", "10_sks man/c.caption"]
    rest = ["b.JPG", "metadata.jsonl"]
    for number, names in enumerate((half, rest)):
        fill_one = pack(folder.parent / f"{number}.tar", folder, names)
        memory.pipe_file(f"/shards/{number}.tar", fill_one.read_bytes())
    memory.pipe_file("/shards/stats.json", b"{}")
    found = scan("memory://shards")
    plain = {one.path: one for one in scan(folder).pictures}
    assert [one.path for one in found.pictures] == [
        "0.tar/10_sks man/c.png", "0.tar/a.png", "1.tar/b.JPG"
    ]  # fmt: skip
    for one in found.pictures:
        other = plain[one.path[len("0.tar/") :]]
        assert (one.digest, one.caption, one.repeats, one.role) == (
            other.digest, other.caption, other.repeats, other.role
        )  # fmt: skip
    assert [(one.path, one.reason) for one in found.ignored] == [("stats.json", "lies beside archives of pictures")]
    source = Source(found.folder)
    assert source.read("1.tar/b.JPG") == JPEG


def test_a_folder_called_like_an_archive_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "set" / "x.tar").mkdir(parents=True)
    (tmp_path / "set" / "x.tar" / "a.png").write_bytes(PNG)
    found = scan(tmp_path / "set")
    assert [one.path for one in found.pictures] == ["x.tar/a.png"]
    assert Source(found.folder).read("x.tar/a.png") == PNG
    assert [one.path for one in scan(tmp_path / "set" / "x.tar").pictures] == ["a.png"]


def test_archives_beside_pictures_are_left_alone_as_before(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.png").write_bytes(PNG)
    pack(tmp_path / "set" / "b.tar", tmp_path / "set", ["a.png"])
    found = scan(tmp_path / "set")
    assert [one.path for one in found.pictures] == ["a.png"]
    assert [one.path for one in found.ignored] == ["b.tar"]


def _tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def test_members_of_one_name_belong_together_and_json_holds_captions(tmp_path: Path) -> None:
    members = {
        "0.left.png": PNG,
        "0.json": json.dumps({"caption": "from json", "url": "x"}).encode(),
        "1.png": JPEG,
        "1.txt": b"from text",
        "1.json": b'{"caption": "second"}',
        "2.png": saved(quarters(8, 8), "PNG"),
        "2.json": b'{"width": 8}',
        "3.cls": b"7",
    }
    found = scan(_tar(tmp_path / "set.tar", members))
    assert [(one.path, one.caption, one.caption_path) for one in found.pictures] == [
        ("0.left.png", "from json", "0.json"), ("1.png", "from text", "1.txt"), ("2.png", None, None)
    ]  # fmt: skip
    reasons = {one.path: one.reason for one in found.ignored}
    assert reasons["1.json"] == "caption not used: 1.txt comes first"
    assert reasons["2.json"] == "no caption in it"
    assert "3.cls" in reasons


def test_json_in_a_folder_is_no_caption(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(PNG)
    (tmp_path / "1.json").write_bytes(b'{"caption": "second"}')
    assert scan(tmp_path).pictures[0].caption is None


def test_a_damaged_archive_gives_what_lies_before_the_damage_and_says_so(tmp_path: Path) -> None:
    whole = _tar(tmp_path / "set.tar", {"a.png": PNG, "b.png": JPEG, "c.png": PNG + b"\0"})
    data = bytearray(whole.read_bytes())
    at = data.index(b"b.png")
    data[at : at + 512] = b"\xff" * 512
    whole.write_bytes(data)
    found = scan(whole)
    assert [one.path for one in found.pictures] == ["a.png"]
    assert [(one.path, one.reason) for one in found.broken] == [("set.tar", "damaged: what follows cannot be read")]


def test_an_archive_cut_short_names_the_member_that_it_ends_in(tmp_path: Path) -> None:
    whole = _tar(tmp_path / "set.tar", {"a.png": PNG, "b.png": saved(quarters(600, 400), "BMP")})
    whole.write_bytes(whole.read_bytes()[:200_000])
    found = scan(whole)
    assert [one.path for one in found.pictures] == ["a.png"]
    assert [(one.path, one.reason) for one in found.broken] == [
        ("set.tar", "damaged or no tar archive: it ends in the middle of b.png")
    ]


@pytest.mark.parametrize("size", [-512, -1024, 1 << 62])
def test_a_member_of_an_impossible_size_ends_the_archive(tmp_path: Path, size: int) -> None:
    header = bytearray(tarfile.TarInfo("b.png").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = (
        b"\xff" + size.to_bytes(11, "big", signed=True) if size < 0 else b"\x80" + size.to_bytes(11, "big")
    )
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    whole = _tar(tmp_path / "set.tar", {"a.png": PNG})
    at = 512 + -(-len(PNG) // 512) * 512
    data = whole.read_bytes()
    whole.write_bytes(data[:at] + bytes(header) + data[at:])
    found = scan(whole)
    assert [one.path for one in found.pictures] == ["a.png"]
    assert [one.path for one in found.broken] == ["set.tar"]


@pytest.mark.parametrize("seed", range(40))
def test_no_damage_to_an_archive_is_more_than_a_clear_line(tmp_path: Path, seed: int) -> None:
    import random

    random_ = random.Random(seed)
    data = bytearray(_tar(tmp_path / "set.tar", {f"{n}.png": PNG + bytes([n]) for n in range(6)}).read_bytes())
    for _ in range(random_.randint(1, 200)):
        data[random_.randrange(len(data))] = random_.randrange(256)
    (tmp_path / "set.tar").write_bytes(data[: random_.randint(1, len(data))])
    told: list[str] = []
    try:
        told += [one.path for one in scan(tmp_path / "set.tar").pictures]
    except FolderError as error:
        told.append(str(error))
    assert told
    assert not any("\n" in line for line in told)


def test_names_that_lead_out_of_an_archive_are_refused(tmp_path: Path) -> None:
    whole = _tar(tmp_path / "set.tar", {"../up.png": PNG, "/root.png": PNG, "./a.png": PNG})
    found = scan(whole)
    assert [one.path for one in found.pictures] == ["a.png"]
    assert {one.path for one in found.ignored} == {"../up.png", "/root.png"}
    with pytest.raises(ValueError, match="not a path below"):
        Source(whole).read("../up.png")


def test_links_in_an_archive_are_not_followed(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "set.tar", "w") as archive:
        link = tarfile.TarInfo("b.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        member = tarfile.TarInfo("a.png")
        member.size = len(PNG)
        archive.addfile(member, io.BytesIO(PNG))
    found = scan(tmp_path / "set.tar")
    assert [(one.path, one.reason) for one in found.ignored] == [("b.png", "no plain file in the archive")]


@pytest.mark.parametrize("data", [b"", b"x" * 5000, PNG])
def test_what_is_no_archive_is_one_clear_line(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "set.tar").write_bytes(data)
    with pytest.raises(FolderError) as caught:
        scan(tmp_path / "set.tar")
    assert "\n" not in str(caught.value)
    assert "set.tar" in str(caught.value)


@pytest.mark.parametrize("name", ["set.tar.gz", "set.tgz"])
def test_a_compressed_archive_says_what_to_do(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / name, "w:gz") as archive:
        archive.add(__file__, "a.py")
    with pytest.raises(FolderError, match=r"plain \.tar"):
        scan(tmp_path / name)


def _table(file: Path, **columns: list[object]) -> Path:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), file)
    return file


def test_a_table_names_pictures_below_its_own_folder(folder: Path) -> None:
    paths = ["a.png", "10_sks man/c.png", "./b.JPG", "a.png", "gone.png", "../up.png", None]
    table = _table(folder / "some.parquet", path=paths, caption=["one", None, " ", "again", "x", "y", "z"])
    found = scan(table)
    assert [(one.path, one.caption, one.caption_problem) for one in found.pictures] == [
        ("10_sks man/c.png", None, "missing"), ("a.png", "one", None), ("b.JPG", "", "empty")
    ]  # fmt: skip
    assert {one.path: one.reason for one in found.broken} == {
        "gone.png": "vanished while reading",
        "../up.png": "its path leads out of the table's folder",
        "row 7": "the table names no path there",
    }
    assert found.pictures[0].repeats == 10
    assert found.folder == str(table)


def test_a_table_without_captions_takes_those_that_it_names(folder: Path) -> None:
    found = scan(_table(folder / "some.parquet", path=["a.png", "a.txt", "b.JPG"]))
    assert [(one.path, one.caption) for one in found.pictures] == [("a.png", "a cat"), ("b.JPG", None)]


def test_a_table_of_whole_paths_is_told_from_what_they_share(folder: Path, memory) -> None:
    table = _table(folder.parent / "t.parquet", path=[str(folder / "a.png"), str(folder / "10_sks man" / "c.png")])
    assert [one.path for one in scan(table).pictures] == ["10_sks man/c.png", "a.png"]
    fill(memory, "/set", folder)
    there = ["memory://set/a.png", "memory://set/10_sks man/c.png"]
    found = scan(_table(folder.parent / "t.parquet", path=there))
    assert [one.path for one in found.pictures] == ["10_sks man/c.png", "a.png"]
    source = pickle.loads(pickle.dumps(Source(found.folder)))
    assert source.read("a.png") == PNG


def test_a_table_in_a_store_names_pictures_in_it(folder: Path, memory) -> None:
    fill(memory, "/set", folder)
    memory.pipe_file("/set/t.parquet", _table(folder.parent / "t.parquet", path=["a.png"]).read_bytes())
    found = scan("memory://set/t.parquet")
    assert [(one.path, one.digest) for one in found.pictures] == [("a.png", hashlib.sha256(PNG).hexdigest())]


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"picture": ["a.png"]}, "no column 'path' in it"),
        ({"path": [1, 2]}, "no picture among|no Parquet table of texts|vanished"),
        ({"path": ["s3://one/a.png", "s3://other/b.png"]}, "share no folder or bucket"),
        ({"path": ["/data/a.png", "b.png"]}, "share no folder or bucket"),
        ({"path": []}, "empty|no Parquet table"),
    ],
)
def test_a_table_that_names_no_pictures_is_one_clear_line(tmp_path: Path, columns, problem: str) -> None:
    table = _table(tmp_path / "t.parquet", **columns)
    with pytest.raises(FolderError, match=problem) as caught:
        scan(table)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_table_is_one_clear_line(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "t.parquet").write_bytes(b"path\na.png\n")
    with pytest.raises(FolderError, match="no Parquet table"):
        scan(tmp_path / "t.parquet")
    with pytest.raises(FolderError, match="no such table"):
        scan(tmp_path / "absent.parquet")


def test_what_a_bucket_holds_is_known_without_reading_it_again(folder: Path, s3, monkeypatch) -> None:
    fill(s3, f"{BUCKET}/known", folder)
    store, place = Remembers(), f"s3://{BUCKET}/known"
    first = scan(place, digests=store)
    read: list[str] = []
    before = remote.RemoteFiles.read
    monkeypatch.setattr(
        remote.RemoteFiles, "read", lambda self, path, *rest: read.append(path) or before(self, path, *rest)
    )
    assert told(scan(place, digests=store)) == told(first)
    assert not [path for path in read if path.endswith((".JPG", "c.png", "a.png", "d.png"))]
    s3.pipe_file(f"{BUCKET}/known/a.png", JPEG)
    again = {one.path: one.digest for one in scan(place, digests=store).pictures}
    assert again["a.png"] == hashlib.sha256(JPEG).hexdigest()


def test_an_archive_that_changed_is_read_again(tmp_path: Path) -> None:
    store, archive = Remembers(), _tar(tmp_path / "set.tar", {"a.png": PNG})
    import os

    os.utime(archive, (1_600_000_000, 1_600_000_000))
    scan(archive, digests=store)
    assert store.kept
    _tar(archive, {"a.png": JPEG})
    assert scan(archive, digests=store).pictures[0].digest == hashlib.sha256(JPEG).hexdigest()


def test_an_object_that_vanishes_or_changes_between_listing_and_reading_is_listed(folder: Path, memory, monkeypatch):
    fill(memory, "/set", folder)
    before = remote._found

    def listed(system, root):
        found = before(system, root)
        memory.rm_file("/set/a.png")
        memory.pipe_file("/set/b.JPG", JPEG + b"more")
        return found

    monkeypatch.setattr(remote, "_found", listed)
    found = scan("memory://set")
    reasons = {one.path: one.reason for one in found.broken}
    assert reasons["a.png"] == "vanished while reading"
    assert reasons["b.JPG"] == "changed while it was scanned"
    assert "a.png" not in {one.path for one in found.pictures}


def test_a_large_object_is_read_in_pieces(folder: Path, memory, monkeypatch) -> None:
    monkeypatch.setattr(reading, "WHOLE", 1000)
    fill(memory, "/set", folder)
    assert told(scan("memory://set")) == told(scan(folder))


def test_a_large_object_that_changes_between_two_pieces_is_listed(memory, monkeypatch) -> None:
    monkeypatch.setattr(reading, "WHOLE", 100)
    memory.pipe_file("/set/a.png", PNG)
    memory.pipe_file("/set/b.png", JPEG[:90])
    memory.store["/set/a.png"].created -= __import__("datetime").timedelta(hours=1)
    before = remote.RemoteFiles.read

    def read(self, path, start=0, size=None):
        if start:
            memory.pipe_file("/set/a.png", b"\x89PNG\r\n\x1a\n" + PNG[8:])
        return before(self, path, start, size)

    monkeypatch.setattr(remote.RemoteFiles, "read", read)
    found = scan("memory://set")
    assert {one.path: one.reason for one in found.broken} == {"a.png": "changed while it was scanned"}


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("s3://absent-bucket/x", "nothing lies there"),
        (f"s3://{BUCKET}/nothing", "nothing lies there"),
        (f"s3://{BUCKET}/one/file.png", "a file, not a folder"),
        (f"s3://{BUCKET}/one/set.tar", "no such archive"),
        (f"s3://{BUCKET}/one/t.parquet", "no such table"),
    ],
)
def test_an_address_that_gives_no_pictures_is_one_clear_line(s3, place: str, problem: str) -> None:
    s3.pipe_file(f"{BUCKET}/one/file.png", PNG)
    with pytest.raises(FolderError, match=problem) as caught:
        scan(place)
    assert str(caught.value).startswith(place)
    assert "\n" not in str(caught.value)


def test_objects_without_a_picture_are_an_error_that_says_what_they_are(memory) -> None:
    memory.pipe_file("/set/readme.md", b"# x")
    with pytest.raises(FolderError, match=r"no picture among its 1 files \(1 x not a picture\)"):
        scan("memory://set")


def test_a_store_that_cannot_be_reached_and_refused_credentials_are_one_clear_line(s3, monkeypatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(type(s3), "find", refuse)
    with pytest.raises(FolderError, match=r"the store refuses access \(Access Denied\). Check the store's credentials"):
        scan(f"s3://{BUCKET}/x")

    class NoCredentialsError(Exception):
        """As botocore's: no OSError."""

    def absent(*_: object, **__: object) -> None:
        raise NoCredentialsError("Unable to locate credentials\nmore")

    monkeypatch.setattr(type(s3), "find", absent)
    with pytest.raises(FolderError, match=r"cannot be listed .*Unable to locate credentials") as caught:
        scan(f"s3://{BUCKET}/x")
    assert "\n" not in str(caught.value)


def test_a_store_that_fails_in_the_middle_ends_the_scan(memory, monkeypatch) -> None:
    for number in range(reading.OUTAGE + 40):
        memory.pipe_file(f"/set/{number:03}.png", PNG + bytes([number]))
    before, read = remote.RemoteFiles.read, []

    def fails(self, path, *rest):
        read.append(path)
        if len(read) > 5:
            raise ConnectionResetError("connection reset")
        return before(self, path, *rest)

    monkeypatch.setattr(remote.RemoteFiles, "read", fails)
    with pytest.raises(FolderError, match=r"20 files in a row could not be read.*connection reset"):
        scan("memory://set")


def test_single_objects_that_may_not_be_read_do_not_end_the_scan(memory, monkeypatch) -> None:
    for number in range(reading.OUTAGE + 10):
        memory.pipe_file(f"/set/{number:03}.png", PNG + bytes([number]))
    before = remote.RemoteFiles.read

    def forbidden(self, path, *rest):
        if path != "000.png":
            raise PermissionError("Access Denied")
        return before(self, path, *rest)

    monkeypatch.setattr(remote.RemoteFiles, "read", forbidden)
    found = scan("memory://set")
    assert len(found.pictures) == 1
    assert {one.reason for one in found.broken} == {"cannot be read: permission denied"}


@pytest.mark.parametrize(
    ("place", "advice"), [("gs://x/y", "pip install gcsfs"), ("nostore://x/y", "no store is known")]
)
def test_a_store_whose_library_is_missing_says_how_to_install_it(place: str, advice: str) -> None:
    if place.startswith("gs") and __import__("importlib.util").util.find_spec("gcsfs"):
        pytest.skip("gcsfs is installed")
    with pytest.raises(FolderError, match=advice):
        scan(place)


def test_the_extra_is_named_where_s3fs_is_missing(monkeypatch) -> None:
    import sys

    from fsspec import get_filesystem_class

    monkeypatch.setitem(sys.modules, "s3fs", None)
    found = sys.modules[get_filesystem_class.__module__]._registry  # the classes that were imported before
    monkeypatch.delitem(found, "s3", raising=False)
    with pytest.raises(FolderError, match=r"pip install 'lora-curate\[s3\]'"):
        scan("s3://bucket/x")


@pytest.mark.parametrize(
    "place",
    ["s3://KEY:hush@bucket/x", "https://me:hush@host/x", "https://host/x?sig=hush", "zip://a::s3://KEY:hush@bucket/x"],
)
def test_passwords_in_an_address_are_refused_and_never_shown(place: str) -> None:
    for attempt in (scan, Source, addresses.whole, addresses.place):
        with pytest.raises(FolderError, match="holds a password or a key") as caught:
            attempt(place)
        assert "hush" not in str(caught.value)
        assert "***" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "is_address"),
    [("s3://a/b", True), ("memory://a", True), ("C:\\pics", False), ("C:/pics", False), ("C://pics", False),
     ("file:///tmp", False), ("./a", False), ("a:b", False), ("zip://x::s3://b/c", True), ("/s3://a", False)],
)  # fmt: skip
def test_an_address_is_told_from_a_path(text: str, is_address: bool) -> None:
    assert addresses.is_address(text) is is_address
    assert (addresses.local(text) is None) is is_address


def test_file_addresses_are_folders_of_this_machine(folder: Path) -> None:
    assert told(scan(folder.as_uri())) == told(scan(folder))
    assert scan(folder.as_uri()).folder == str(folder)


def test_a_source_travels_small_and_reads_ahead(folder: Path, memory) -> None:
    fill(memory, "/set", folder)
    source = Source("memory://set", [("reg2", str(folder))])
    carried = pickle.dumps(source)
    assert len(carried) < 2000
    other = pickle.loads(carried)
    other.expect(["a.png", "b.JPG", "gone.png", "reg2/a.png"])
    assert len(other._coming) == 3  # those of a folder on this machine need no reading ahead
    assert other.read("a.png") == PNG
    assert other.read("reg2/a.png") == PNG
    with pytest.raises(FileNotFoundError):
        other.read("gone.png")
    assert other.stat("b.JPG").st_size == len(JPEG)
    with pytest.raises(ValueError, match="no file of this machine"):
        other.whole_path("b.JPG")
    many = [f"{number}.png" for number in range(200)]
    other.expect(many)
    assert len(other._coming) <= 64


def test_a_regularisation_folder_may_lie_in_a_store(folder: Path, memory) -> None:
    memory.pipe_file("/faces/1.png", PNG)
    found = scan(folder, regularisation=["memory://faces"])
    assert {one.path for one in found.pictures if one.role == "regularisation"} == {"reg/d.png", "class/1.png"}
    assert Source(found.folder, found.outside).read("class/1.png") == PNG
    fill(memory, "/set", folder)
    there = scan("memory://set", regularisation=["memory://set/10_sks man"])
    assert {one.path for one in there.pictures if one.role == "regularisation"} == {"reg/d.png", "10_sks man/c.png"}


def test_a_folder_and_a_store_can_be_read_as_one(folder: Path, memory) -> None:
    fill(memory, "/pool", folder)
    joined = pickle.loads(pickle.dumps(JoinedSource({"set": folder, "pool": "memory://pool"})))
    assert joined.read("set/a.png") == joined.read("pool/a.png") == PNG


def test_the_index_of_an_archive_holds_every_member_once(tmp_path: Path) -> None:
    names = {f"{'long/' * 40}{number}.png": bytes([number]) * number for number in range(30)}
    archive = _tar(tmp_path / "set.tar", names)
    with archive.open("rb") as stream:
        found = tars.index(stream)
    data = archive.read_bytes()
    assert {name: data[at : at + size] for name, (at, size) in found.members.items()} == names
    assert archive_of("a/b.tar/c/d.png") == "a/b.tar"
    assert archive_of("a/b.tar") == ""


def test_keys_that_are_no_paths_are_listed_and_never_read(s3) -> None:
    for key in ("a.png", "b/../../up.png", "/root.png", "c//d.png"):
        s3.pipe_file(f"{BUCKET}/keys/{key}", PNG)
    found = scan(f"s3://{BUCKET}/keys")
    assert {one.path for one in found.pictures} == {"a.png", "c//d.png"}
    assert {one.path: one.reason for one in found.ignored} == {
        "b/../../up.png": "its name is no path below a folder", "/root.png": "its name is no path below a folder"
    }  # fmt: skip
    assert Source(found.folder).read("c//d.png") == PNG


def test_a_web_servers_listing_gives_the_same_pictures(folder: Path) -> None:
    pytest.importorskip("aiohttp", reason="aiohttp is not installed: pip install 'lora-curate[s3]'")
    import functools
    import http.server
    import threading

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing."""

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_address[1]}"
            found = scan(address)
            assert told(found) == told(scan(folder))
            with pytest.raises(FolderError, match="nothing lies there"):
                scan(f"{address}/absent")
        finally:
            server.shutdown()
            thread.join()


def test_an_archive_in_a_store_is_read_in_place(folder: Path, memory) -> None:
    memory.pipe_file("/set.tar", pack(folder.parent / "set.tar", folder).read_bytes())
    assert told(scan("memory://set.tar")) == told(scan(folder))


def test_an_archive_inside_an_archive_chain_is_what_fsspec_makes_of_it(folder: Path) -> None:
    import zipfile

    with zipfile.ZipFile(folder.parent / "set.zip", "w") as archive:
        archive.write(folder / "a.png", "a.png")
        archive.write(folder / "a.txt", "a.txt")
    found = scan(f"zip://::{(folder.parent / 'set.zip').as_uri()}")
    assert [(one.path, one.caption) for one in found.pictures] == [("a.png", "a cat")]


def test_a_bucket_without_credentials_says_how_to_give_them(s3, monkeypatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "absent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "absent")
    type(s3).clear_instance_cache()
    try:
        with pytest.raises(FolderError, match=r"Unable to locate credentials.*Set AWS_PROFILE") as caught:
            scan(f"s3://{BUCKET}/x")
    finally:
        type(s3).clear_instance_cache()
    assert "\n" not in str(caught.value)


def test_two_readers_of_one_object_do_not_move_each_other(memory) -> None:
    memory.pipe_file("/set/a.png", bytes(range(256)) * 20_000)
    source = Source("memory://set")
    with source.open("a.png") as one, source.open("a.png") as other:
        assert one.read(10) == other.read(10) == bytes(range(10))
        one.seek(-3, 2)
        assert one.read(10) == bytes((253, 254, 255))
        assert one.read(10) == b""
        assert other.read(2) == bytes((10, 11))
    assert source.digest("a.png") == hashlib.sha256(bytes(range(256)) * 20_000).hexdigest()
