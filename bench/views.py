"""How good the views are: python -m bench.views FOLDER [FOLDER ...]

Each FOLDER has a labels.jsonl, a line a picture: {"file", "yaw_deg", "pitch_deg", "shot", "kind": "human" or other}.
A folder without one holds pictures without people. Captions are not read. Prints one table; models are fetched if
missing. Angles in degrees, as in curate.features.views.base.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.errors import BrokenPicture
from curate.features.views import Evidence, combine, open_viewer
from curate.features.views.base import Raw, wrapped
from curate.pictures import decode
from curate.records import View

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
WHITE = (255, 255, 255)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One picture, what is true of it, and what was said."""

    path: Path
    yaw: float | None  # degrees; None: no person
    pitch: float
    shot: str
    raw: Raw
    view: View
    seconds: float  # of one core, for measuring without decoding

    @property
    def error(self) -> float:
        """Degrees that the yaw is off."""
        assert self.yaw is not None
        assert self.view.yaw_deg is not None
        return abs(wrapped(self.view.yaw_deg - self.yaw))

    @property
    def in_bin(self) -> bool:
        assert self.yaw is not None
        assert self.view.yaw_deg is not None
        return _bin(self.view.yaw_deg) == _bin(self.yaw)

    @property
    def answered(self) -> bool:
        return self.view.yaw_deg is not None


def main(folders: Sequence[str]) -> None:
    if not folders:
        sys.exit(__doc__)
    viewer = open_viewer(progress=lambda stage, done, total: print(stage, file=sys.stderr))
    cases = [case for folder in folders for case in read(Path(folder), viewer.measure)]
    for what, value, wanted in table(cases):
        print(f"| {what:<58} | {value:>26} | {wanted:>16} |")


def read(folder: Path, measure: Callable[..., dict[str, float]]) -> list[Case]:
    """Every picture of a folder that can be decoded and, where there are labels, has one."""
    labels = folder / "labels.jsonl"
    truth = {}
    if labels.is_file():
        truth = {one["file"]: one for one in map(json.loads, labels.read_text(encoding="utf-8").splitlines())}
    cases = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES):
        label = truth.get(path.name)
        if truth and label is None:
            continue
        try:
            rgb = decode(path.read_bytes(), background=WHITE).rgb
        except BrokenPicture:
            continue
        start = time.thread_time()  # of this core alone: what else runs does not count
        raw = measure(rgb)
        seconds = time.thread_time() - start
        person = label is not None and label.get("kind", "human") == "human"
        cases.append(
            Case(
                path=path,
                yaw=label["yaw_deg"] if label and person else None,
                pitch=label["pitch_deg"] if label else 0.0,
                shot=label["shot"] if label else "",
                raw=raw,
                view=combine(Evidence(raw=raw)),
                seconds=seconds,
            )
        )
    return cases


def table(cases: Sequence[Case]) -> list[tuple[str, str, str]]:
    """(what, value, wanted) rows."""
    people = [one for one in cases if one.yaw is not None]
    yaw = {id(one): abs(one.yaw) for one in people if one.yaw is not None}
    fronts = [one for one in people if yaw[id(one)] <= 90]
    near = [one for one in fronts if yaw[id(one)] <= 60 and one.answered]
    backs = [one for one in people if yaw[id(one)] > 115]
    nodding = [one for one in fronts if yaw[id(one)] <= 45 and one.view.pitch_deg is not None]
    sided = [one for one in people if 30 < yaw[id(one)] < 150 and one.answered]
    sure = [one for one in people if one.view.confidence > 0.8]
    framed = [one for one in people if one.shot in ("close_up", "upper_body", "full_body")]
    nobody = [one for one in cases if one.yaw is None]
    heard = [one for one in fronts if one.answered]
    off = [one.view.pitch_deg - one.pitch for one in nodding if one.view.pitch_deg is not None]
    swapped = [one for one in sided if one.view.yaw_deg and one.yaw and one.view.yaw_deg * one.yaw < 0]
    called_back = [one for one in backs if one.answered and abs(one.view.yaw_deg or 0) > 112.5]
    called_front = [one for one in backs if one.answered and abs(one.view.yaw_deg or 0) < 67.5]
    clear = [one.seconds for one in cases if one.raw.get("mesh", 0) >= 0.5 and "mirror_flag" not in one.raw]
    unclear = [one.seconds for one in cases if "mirror_flag" in one.raw or "face_score" not in one.raw]
    return [
        ("front to profile: answered", _share(heard, fronts), ">= 95 %"),
        ("front to profile: mean error", _mean([one.error for one in heard]), "<= 8"),
        ("front to profile: right one of 8 bins", _share([one for one in heard if one.in_bin], heard), ">= 80 %"),
        ("yaw within 60: mean error", _mean([one.error for one in near]), "<= 5"),
        ("backs called front or three-quarter", _share(called_front, backs), "<= 3 %"),
        ("backs called back", _share(called_back, backs), ">= 50 %"),
        ("fronts called back", _share([one for one in fronts if abs(one.view.yaw_deg or 0) > 112.5], fronts), ""),
        ("left and right swapped", _share(swapped, sided), "<= 3 %"),
        ("pitch, yaw within 45: bias", _mean(off), "within 3"),
        ("pitch, yaw within 45: mean error", _mean([abs(one) for one in off]), "<= 6"),
        ("framing right", _share([one for one in framed if _framed(one)], framed), ">= 90 %"),
        ("more than 80 % sure: in the right bin", _share([one for one in sure if one.in_bin], sure), ">= 95 %"),
        ("without people: nothing claimed", _share([one for one in nobody if not _claims(one)], nobody), ">= 95 %"),
        ("ms a picture with a clear face, median", _median(clear), "<= 60"),
        ("ms a picture without one, median", _median(unclear), "<= 130"),
    ]


def _bin(yaw: float) -> int:
    return round(yaw / 45.0) % 8


def _framed(case: Case) -> bool:
    said = "upper_body" if case.view.framing == "three_quarter" else case.view.framing
    return said == case.shot


def _claims(case: Case) -> bool:
    return case.answered or case.view.framing is not None


def _share(part: Sequence[object], whole: Sequence[object]) -> str:
    return f"{len(part)} of {len(whole)}, {100 * len(part) / len(whole):.1f} %" if whole else "none to judge"


def _mean(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):.1f} degrees" if values else "none to judge"


def _median(values: Sequence[float]) -> str:
    return f"{1000 * sorted(values)[len(values) // 2]:.0f} ms" if values else "none to judge"


if __name__ == "__main__":
    main(sys.argv[1:])
