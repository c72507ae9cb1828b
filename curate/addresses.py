"""Places that pictures lie at or go to: paths of this machine, and addresses of other stores.

An address is a text that fsspec reads: `s3://bucket/pictures`, `gs://...`, `https://...`, `memory://...`; a `Path`
never is one. `file://` names a place of this machine. An address holds no password: it is shown and written down.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from curate.errors import FolderError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+)(?:::[A-Za-z][A-Za-z0-9+.\-]+)*://")  # two letters: C:// is a drive
_ACCOUNT = re.compile(r"(?<=//)[^/?#\s]*@")  # name:password@
_QUERY = re.compile(r"\?\S*")  # signed addresses carry their key there


def is_address(place: str | Path) -> bool:
    """Whether it names another store than this machine's file systems."""
    found = None if isinstance(place, Path) else _SCHEME.match(place)
    return found is not None and found[1].lower() not in ("file", "local")


def local(place: str | Path) -> Path | None:
    """The path on this machine; None for an address."""
    if isinstance(place, Path):
        return place
    if is_address(place):
        return None
    if not _SCHEME.match(place):
        return Path(place)
    path = unquote(urlsplit(place).path)
    return Path(path[1:] if re.match(r"/[A-Za-z]:", path) else path)  # file:///C:/pictures


def place(given: str | Path) -> str | Path:
    """A path where it is one of this machine's, else the address in its one spelling. Raises FolderError as `whole`."""
    here = local(given)
    return whole(given) if here is None else here


def whole(place: str | Path) -> str:
    """The one spelling of a place: a resolved path, or an address without a slash at its end.

    Raises FolderError for an address that holds a password or a key, and for one that names nothing.
    """
    here = local(place)
    if here is not None:
        return str(here.expanduser().resolve())
    text = str(place)
    if shown(text) != text:
        raise FolderError(
            shown(text),
            "the address holds a password or a key, which would be shown and written down",
            "Give it by the store's own means: its environment variables, its profile, or fsspec's configuration file",
        )
    scheme, _, rest = text.partition("://")
    if not rest.strip("/"):
        raise FolderError(text, "names nothing in that store", "Give it as SCHEME://BUCKET/FOLDER")
    return f"{scheme}://{rest.rstrip('/')}"


def shown(text: str) -> str:
    """A text with the passwords and keys in its addresses left out."""
    return _QUERY.sub("?***", _ACCOUNT.sub("***@", text)) if "://" in text else text


def same_or_above(above: str, place: str) -> bool:
    """Whether an address is another one, or that of a folder it lies in."""
    return (place.rstrip("/") + "/").startswith(above.rstrip("/") + "/")
