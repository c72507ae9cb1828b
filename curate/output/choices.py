"""What the words of an export's settings can be."""

from __future__ import annotations

from typing import Literal

Link = Literal["", "hard", "sym"]
Cause = Literal["copy", "decided", "small", "no caption", "broken", "ignored"]
Location = Literal["", "taken out", "kept"]
Format = Literal["keep", "png", "jpg", "webp"]
Encoding = Literal["png", "jpg", "webp"]
CopyCaptions = Literal["keep", "longest", "merge-tags"]
