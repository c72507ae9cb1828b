"""The house's rules: who may import whom, and behind which door each library stays."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "curate"
FILES = sorted(PACKAGE.rglob("*.py"))

# lowest first; a room imports only from lines above its own, or from itself
LEVELS = (
    ("errors",),
    ("records", "settings", "addresses"),
    ("pictures", "trainers", "engine", "decisions"),
    ("features",),
    ("copies",),
    ("diversity",),
    ("plan", "output"),
    ("stages",),
    ("pages",),
    ("pipeline",),
    ("pool",),
    ("cli",),
    ("__main__", "__init__"),
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
LEVEL["__init__"] = 0  # `from curate import x` names a room, which is looked at by itself

DOORS = {
    "PIL": ("pictures/pixels", "features/hashes.py", "diversity/edits.py"),
    "pillow_heif": ("pictures/pixels",),
    "xxhash": ("pictures/pixels",),
    "imagehash": ("features/hashes.py",),
    "faiss": ("copies/propose.py",),
    "cv2": (
        "copies/align.py",
        "copies/glance.py",
        "copies/overlap.py",
        "features/checks",
        "features/shrink.py",
        "features/cores.py",
        "features/views",
        "pictures/pixels/plain.py",  # JPEG in less time
        "pictures/pixels/floats.py",  # float pictures that Pillow cannot read
    ),
    "torch": ("features/embed",),
    "open_clip": ("features/embed",),
    "timm": ("features/embed",),
    "huggingface_hub": ("features/embed",),
    "ai_edge_litert": ("features/views", "features/embed"),
    "flatbuffers": ("features/embed/flatbuffer.py",),
    "urllib.request": ("features/wheels.py", "features/embed/hub.py"),
    "subprocess": ("features/wheels.py", "features/embed/devices.py", "engine/children.py"),
    "sqlite3": ("features/store.py",),
    "fsspec": ("pictures/sources/remote.py", "features/parquet.py"),
    "pyarrow": ("pictures/sources/table.py", "features/parquet.py"),
    "tarfile": ("pictures/sources/tars.py",),
    "filelock": ("decisions/log.py",),
    "ray": ("engine/ray.py",),
    "typer": ("cli",),
    "rich": ("cli",),
    "jinja2": ("pages",),
    "starlette": ("pages/review",),
    "uvicorn": ("pages/review",),
}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str, bool]]:
    """(line, module, at the top of the module and not only for types)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lazy = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, id(node) not in lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "curate":
                names = [f"curate.{alias.name}" for alias in node.names]
            yield from ((node.lineno, name, id(node) not in lazy) for name in names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_rooms_import_only_from_below(path: Path) -> None:
    own = room(path)
    for line, module, _ in imports(path):
        if module.startswith("curate.") and own not in ("__init__", "__main__"):
            other = module.split(".")[1]
            if other in LEVEL and other != own:
                assert LEVEL[other] < LEVEL[own], f"{path.name}:{line} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_libraries_stay_behind_their_doors(path: Path) -> None:
    place = path.relative_to(PACKAGE).as_posix()
    for line, module, _ in imports(path):
        doors = DOORS.get(module) or DOORS.get(module.split(".")[0])
        if doors is not None:
            assert place.startswith(doors), f"{place}:{line} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_heavy_libraries_are_imported_when_called(path: Path) -> None:
    heavy = {"PIL", "cv2", "faiss", "torch", "open_clip", "timm", "scipy", "ai_edge_litert", "ray", "jinja2", "rich"}
    heavy |= {"starlette", "uvicorn", "fsspec", "pyarrow"}
    for line, module, at_top in imports(path):
        assert not (at_top and module.split(".")[0] in heavy), f"{path.name}:{line} imports {module} at the top"


def test_every_room_has_a_level() -> None:
    assert {room(path) for path in FILES} <= set(LEVEL)


def test_there_is_no_room_for_leftovers() -> None:
    assert not [path for path in FILES if path.stem in {"utils", "util", "helpers", "common", "misc"}]
