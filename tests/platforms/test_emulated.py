"""What other systems lack or do otherwise, played here: no links, no sync, no `resource`, names that are one name."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from curate import output, pictures
from curate.errors import DestinationError
from curate.pages.review import server

ROOT = Path(__file__).parents[2]


def drafted(folder: Path, place: Path, names: tuple[str, ...]) -> output.Draft:
    folder.mkdir()
    for at, name in enumerate(names):
        Image.effect_noise((96 + at, 96), 90).save(folder / name, "PNG")
    catalog = pictures.scan(folder)
    items = tuple(
        output.Item(picture=one, facts=pictures.decode((folder / one.path).read_bytes()).facts)
        for one in catalog.pictures
    )
    export = output.Export(folder=catalog.folder, items=items, settings=output.Settings(trainer="kohya"))
    return output.draft(export, place)


@pytest.mark.parametrize("lacking", ["sync", "symlink", "listxattr", "O_NOFOLLOW", "O_DIRECTORY", "getuid", "fchmod"])
def test_an_export_needs_nothing_that_windows_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    monkeypatch.delattr(os, lacking, raising=False)
    written = output.write(drafted(tmp_path / "set", tmp_path / "out", ("a.png", "b.png")), tmp_path / "out")
    assert written.pictures == 2
    assert not output.verify(tmp_path / "out").missing


@pytest.mark.parametrize("module", ["resource", "pwd"])
def test_modules_of_posix_may_be_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    def without(name: str, *more: Any, **named: Any) -> Any:
        if name == module:
            raise ImportError(name)
        return real(name, *more, **named)

    real = builtins.__import__
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    server.have_files()
    output.write(drafted(tmp_path / "set", tmp_path / "out", ("a.png",)), tmp_path / "out")


def refused(*arguments: Any, **named: Any) -> None:
    raise OSError(1, "a required privilege is not held by the client")


def test_links_that_the_system_refuses_are_told_or_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", refused)
    draft = drafted(tmp_path / "set", tmp_path / "out", ("a.png", "b.png"))
    try:
        output.write(draft, tmp_path / "out", link="hard")
    except DestinationError as error:
        assert "link" in str(error)  # noqa: PT017  (either of the two is right, and nothing between)
        assert not (tmp_path / "out").exists()
    else:
        assert not output.verify(tmp_path / "out").missing


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="both names are one file here")
@pytest.mark.parametrize(
    "names", [("A.png", "a.png"), ("e\u0301.png", "\u00e9.png"), ("STRASSE.png", "stra\u00dfe.png")]
)
def test_names_that_are_one_name_elsewhere_do_not_meet(tmp_path: Path, names: tuple[str, ...]) -> None:
    output.write(drafted(tmp_path / "set", tmp_path / "out", names), tmp_path / "out")
    there = [path.name for path in (tmp_path / "out").rglob("*.png")]
    assert len(there) == 2
    assert len({unicodedata.normalize("NFC", name).casefold() for name in there}) == 2


@pytest.mark.parametrize("name", ["con.png", "NUL.png", "com1.png", "a..png", "lpt9.txt.png", "x" * 240 + ".png"])
def test_no_name_that_windows_keeps_for_itself_or_cuts_is_written(tmp_path: Path, name: str) -> None:
    output.write(drafted(tmp_path / "set", tmp_path / "out", (name,)), tmp_path / "out")
    for path in (tmp_path / "out").rglob("*"):
        stem = path.name.split(".")[0].lower()
        assert stem not in ("con", "nul", "com1", "lpt9")
        assert len(path.name.encode()) <= 200
        assert not path.stem.endswith((".", " "))


def test_the_package_can_be_imported_where_processes_are_spawned(tmp_path: Path) -> None:
    """Spawned children import the main module again: nothing may happen then."""
    script = tmp_path / "script.py"
    script.write_text(
        "import multiprocessing, curate\n"
        "def child(path):\n"
        "    settings = curate.ScanSettings(model='none', use_cache=False)\n"
        "    return curate.scan(path, settings).catalog.folder\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        f"        print(pool.map(child, [{str(tmp_path / 'set')!r}])[0])\n",
        encoding="utf-8",
    )
    (tmp_path / "set").mkdir()
    Image.effect_noise((64, 64), 90).save(tmp_path / "set" / "a.png")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    assert done.stdout.strip() == str(tmp_path / "set"), done.stderr
