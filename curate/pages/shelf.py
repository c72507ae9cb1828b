"""Small pictures in the cache folder, by the digest of what they show: made once, for report and review page."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

from curate.settings import ScanSettings

FOLDER = "thumbnails-1"  # 1: version of how they are made
GRID = 320  # px, long side of the JPEG previews that the review page keeps: a grid's cell at twice the pixel density


class Shelf:
    """Files named by a digest and by how they were made. Safe to use from several threads and processes."""

    def __init__(self, cache: Path | None, background: tuple[int, int, int] = (255, 255, 255)) -> None:
        """`cache`: a folder of curate's; None: nothing is kept. `background`: RGB 0-255, transparent pictures look
        otherwise on another."""
        self._folder = None if cache is None else cache / FOLDER
        self._background = bytes(background).hex()

    @classmethod
    def of(cls, settings: ScanSettings) -> Shelf:
        """That of the cache which a scan with these settings uses."""
        import platformdirs

        if not settings.use_cache:
            return cls(None)
        folder = settings.cache or Path(platformdirs.user_cache_dir("curate", appauthor=False))
        return cls(folder, settings.background)

    def get(self, digest: str, made: str, ending: str) -> bytes | None:
        """What was kept; None where nothing was."""
        if self._folder is None:
            return None
        try:
            return self._file(self._folder, digest, made, ending).read_bytes()
        except OSError:
            return None

    def put(self, digest: str, made: str, ending: str, data: bytes) -> None:
        """Keeps a file, whole or not at all: a full disk or a read-only cache costs time later, nothing else."""
        if self._folder is None:
            return
        file = self._file(self._folder, digest, made, ending)
        partial = file.with_suffix(f".{secrets.token_hex(4)}.partial")
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                partial.write_bytes(data)
                partial.replace(file)
            except OSError:
                partial.unlink(missing_ok=True)
                raise

    def _file(self, folder: Path, digest: str, made: str, ending: str) -> Path:
        return folder / digest[:2] / f"{digest}-{made}-{self._background}.{ending}"
