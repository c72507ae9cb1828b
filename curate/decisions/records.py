"""One decision, what all of them say together, and how one is written down.

A picture is named by the digest of its bytes, which survives renames. Where several files share their bytes, a path
says which one is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from curate.records import FRAMINGS, Picture, View

Kind = Literal["keep", "leave_out", "keeper", "not_a_copy", "caption", "view"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FACTS: tuple[Kind, ...] = ("not_a_copy", "view")  # true of the pictures themselves, hence in every set
Key = tuple[str, str]  # digest, path; the path is "" for all files of that digest
_ANGLES = {"yaw_deg": 180.0, "pitch_deg": 90.0}  # degrees, largest either way


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One thing that the user decided. Raises ValueError where a part that its kind needs is missing or wrong."""

    kind: Kind
    digest: str
    path: str = ""  # relative to the set's folder; "": all files of that digest
    other: str = ""  # digest of the other picture, of not_a_copy
    text: str | None = None  # of a caption; "" takes the caption away
    view: View | None = None  # what is None in it stays as it was measured
    at: str = ""  # when, ISO 8601 in UTC

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {self.kind!r}")
        if not self.digest:
            raise ValueError("digest: expected that of a picture, got nothing")
        if (self.kind == "not_a_copy") != bool(self.other) or self.other == self.digest:
            raise ValueError(f"other: {self.kind} of {self.digest[:12]} with {self.other[:12]!r} means nothing")
        if (self.kind == "caption") != (self.text is not None):
            raise ValueError(f"text: does not fit {self.kind}")
        if (self.kind == "view") != (self.view is not None):
            raise ValueError(f"view: does not fit {self.kind}")
        if self.view is not None:
            _check_view(self.view)

    @property
    def slot(self) -> tuple[str, str, str]:
        """What it decides: a later decision of the same slot takes its place."""
        if self.kind == "not_a_copy":
            return ("not_a_copy", *sorted((self.digest, self.other)))  # type: ignore[return-value]
        if self.kind == "view":
            return ("view", self.digest, "")
        return ("kept" if self.kind in ("keep", "leave_out") else self.kind, self.digest, self.path)


def _check_view(view: View) -> None:
    for name, most in _ANGLES.items():
        value = getattr(view, name)
        if value is not None and not (isinstance(value, (int, float)) and -most <= value <= most):
            raise ValueError(f"view: {name} is {value!r}, not between {-most:g} and {most:g}")
    if view.framing is not None and view.framing not in FRAMINGS:
        raise ValueError(f"view: framing is {view.framing!r}, none of {', '.join(FRAMINGS)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What all decisions of a set say together."""

    keep: frozenset[Key] = frozenset()
    left_out: frozenset[Key] = frozenset()
    keepers: Mapping[Key, int] = field(default_factory=dict)  # counts up: of two in one group the later one wins
    apart: frozenset[tuple[str, str]] = frozenset()  # pairs of digests, the lesser first
    captions: Mapping[Key, str] = field(default_factory=dict)
    views: Mapping[str, View] = field(default_factory=dict)  # by digest

    @classmethod
    def of(cls, decisions: Iterable[Decision]) -> Decisions:
        """The state that these lead to, each slot decided once, in their order."""
        by_kind: dict[str, list[Decision]] = {kind: [] for kind in KINDS}
        for decision in decisions:
            by_kind[decision.kind].append(decision)
        keys = {kind: [(one.digest, one.path) for one in found] for kind, found in by_kind.items()}
        return cls(
            keep=frozenset(keys["keep"]),
            left_out=frozenset(keys["leave_out"]),
            keepers={key: rank for rank, key in enumerate(keys["keeper"], start=1)},
            apart=frozenset(_pair(one.digest, one.other) for one in by_kind["not_a_copy"]),
            captions={(one.digest, one.path): one.text or "" for one in by_kind["caption"]},
            views={one.digest: one.view for one in by_kind["view"] if one.view is not None},
        )

    def __bool__(self) -> bool:
        return any((self.keep, self.left_out, self.keepers, self.apart, self.captions, self.views))

    def keep_of(self, picture: Picture) -> bool | None:
        """True: keep it. False: leave it out. None: undecided. What names its path outweighs what names all files."""
        for key in _keys(picture):
            if key in self.keep:
                return True
            if key in self.left_out:
                return False
        return None

    def is_kept_by_path(self, picture: Picture) -> bool:
        """Whether this very file was to be kept, rather than any of its bytes."""
        return (picture.digest, picture.path) in self.keep

    def caption_of(self, picture: Picture) -> str | None:
        """The caption that was decided on; None where none was."""
        return next((self.captions[key] for key in _keys(picture) if key in self.captions), None)

    def keeper_rank(self, picture: Picture) -> int:
        """0 for a picture that was not chosen as keeper; the greater, the later it was."""
        return max(self.keepers.get(key, 0) for key in _keys(picture))

    def view_of(self, digest: str) -> View | None:
        return self.views.get(digest)

    def are_apart(self, a: str, b: str) -> bool:
        """Whether the pictures of two digests are no copies of each other by the user's word."""
        return _pair(a, b) in self.apart

    def of_set(self) -> set[Key]:
        """The files that decisions on this very set name."""
        return {*self.keep, *self.left_out, *self.keepers, *self.captions}

    def number_for(self, pictures: Iterable[Picture]) -> int:
        """How many decisions concern these pictures."""
        there = [key for picture in pictures for key in _keys(picture)]
        digests, keys = {digest for digest, _ in there}, set(there)
        named = sum(len(keys.intersection(some)) for some in (self.keep, self.left_out, self.keepers, self.captions))
        parted = sum(a in digests and b in digests for a, b in self.apart)
        return named + parted + len(digests.intersection(self.views))


NONE = Decisions()


def fold(decisions: Iterable[Decision], onto: Iterable[Decision] = ()) -> tuple[Decision, ...]:
    """The decisions that count, in the order in which they were made: later ones replace those of the same slot, and
    one for all files of a digest replaces those for single files."""
    slots: dict[tuple[str, str], dict[str, Decision]] = {}
    for decision in (*onto, *decisions):
        sort, digest, rest = decision.slot
        inner = slots.pop((sort, digest), {})
        if not rest:
            inner = {}
        inner.pop(rest, None)
        inner[rest] = decision
        slots[sort, digest] = inner
    return tuple(decision for inner in slots.values() for decision in inner.values())


def as_object(decision: Decision) -> dict[str, Any]:
    """A decision as JSON values; what is not set is left away."""
    values: dict[str, Any] = {"kind": decision.kind, "digest": decision.digest}
    values |= {name: value for name in ("path", "other", "at") if (value := getattr(decision, name))}
    if decision.text is not None:
        values["text"] = decision.text
    if decision.view is not None:
        found = {name: getattr(decision.view, name) for name in (*_ANGLES, "framing")}
        values["view"] = {name: value for name, value in found.items() if value is not None}
    return values


def of_object(values: Any) -> Decision:
    """The decision that was written so. Raises ValueError for anything else."""
    if not isinstance(values, dict):
        raise ValueError(f"no decision: {str(values)[:60]!r}")
    given = dict(values)
    view = given.pop("view", None)
    if not all(isinstance(value, str) for value in given.values()):
        raise ValueError("a decision's values are texts")
    try:
        return Decision(**given, view=None if view is None else View(**view, sources=("user",), confidence=1.0))
    except TypeError as error:
        raise ValueError(f"unknown or missing: {error}") from None


def _keys(picture: Picture) -> tuple[Key, Key]:
    return (picture.digest, picture.path), (picture.digest, "")


def _pair(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a <= b else (b, a)
