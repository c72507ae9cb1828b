"""Files of weights that a hub serves: are they on this machine, can they be had, fetch them."""

from __future__ import annotations

import hashlib
import http.client
import inspect
import io
import os
import re
import threading
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.errors import ModelError

if TYPE_CHECKING:
    from curate.features.embed.base import Progress

PATIENCE = 2.5  # s for finding out whether a hub answers; its own client would try for 45 s
CHUNK = 1 << 20  # bytes hashed at once
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # its client tells nobody what this machine runs; read at import
OPEN_CLIP_CACHE = "~/.cache/clip"  # of open_clip, for weights that are on no hub


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where weights come from: a repository of the Hugging Face hub, or an address."""

    repository: str = ""
    files: tuple[str, ...] = ()  # of the repository, best first; one is enough
    address: str = ""


def find(origin: Origin) -> Path | None:
    """The weights on this machine, where the hub's client or open_clip has put them; None if they are not there."""
    if origin.address:
        path = Path(OPEN_CLIP_CACHE).expanduser() / origin.address.rpartition("/")[2]
        return path if path.is_file() else None
    from huggingface_hub import try_to_load_from_cache

    for file in origin.files:
        found = try_to_load_from_cache(origin.repository, file)
        if isinstance(found, str):
            return Path(found)
    return None


def is_reachable(origin: Origin) -> bool:
    """Whether the weights can be fetched, told within PATIENCE. Proxies of the environment are used."""
    answers: list[bool] = []
    asking = threading.Thread(target=lambda: answers.append(_any_answers(origin)), daemon=True)
    asking.start()
    asking.join(PATIENCE)  # a name server that does not answer would hold us longer than any timeout of a socket
    return answers == [True]


def fetch(origin: Origin, name: str, progress: Progress | None) -> Path:
    """The weights, fetched into the cache of the hub's client or of open_clip. Raises ModelError."""
    try:
        return _fetch(origin, f"fetching {name}", progress)
    except Exception as error:  # the hub's client raises its own, requests' or httpx's errors, by its release
        first = str(error).strip().partition("\n")[0] or type(error).__name__
        advice = "Try again: what is there already is kept. --model builtin needs no network"
        raise ModelError(name, f"its weights could not be fetched ({first})", advice) from error


def _any_answers(origin: Origin) -> bool:
    return any(_answers(address) for address in _addresses(origin))


def _addresses(origin: Origin) -> list[str]:
    if origin.address:
        return [origin.address]
    from huggingface_hub import hf_hub_url

    return [hf_hub_url(origin.repository, file) for file in origin.files]


def _answers(address: str) -> bool:
    request = urllib.request.Request(address, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE):
            return True
    except (OSError, ValueError, http.client.HTTPException):  # urllib.error.URLError is an OSError
        return False


def _fetch(origin: Origin, stage: str, progress: Progress | None) -> Path:
    if origin.address:
        from open_clip.pretrained import download_pretrained_from_url

        return Path(download_pretrained_from_url(origin.address))
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    said: dict[str, Any] = {}
    if "tqdm_class" in inspect.signature(hf_hub_download).parameters:
        said["tqdm_class"] = _bar(stage, progress)
    *better, last = origin.files
    for file in better:
        with suppress(EntryNotFoundError):
            return _checked(Path(hf_hub_download(origin.repository, file, **said)), origin.repository, file)
    return _checked(Path(hf_hub_download(origin.repository, last, **said)), origin.repository, last)


def _checked(path: Path, repository: str, file: str) -> Path:
    """The file, if it is what the hub says that it is: its client looks at the size alone. Raises OSError."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    told = get_hf_file_metadata(hf_hub_url(repository, file)).etag or ""
    if not re.fullmatch(r"[0-9a-f]{64}", told):  # SHA-256 of every large file; others have git's own digest
        return path
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != told:
        path.resolve().unlink()
        raise OSError(f"{file} is not the file that the hub tells of (SHA-256 differs)")
    return path


def _bar(stage: str, progress: Progress | None) -> type:
    """A progress bar for the hub's client that draws nothing and tells `progress`."""
    from tqdm.std import tqdm  # type: ignore[import-untyped, unused-ignore]

    class Told(tqdm):  # type: ignore[misc, unused-ignore]
        monitor_interval = 0  # no thread that watches the bar

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": False, "file": io.StringIO()})

        def update(self, n: float | None = 1) -> bool:
            self.n += n or 0
            if progress is not None:
                progress(stage, int(self.n), int(self.total or 0))
            return True

    return Told
