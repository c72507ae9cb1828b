"""Decisions as a file that can be kept, sent, and read for another folder."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from curate.decisions.log import VERSION
from curate.decisions.records import Decision, as_object, of_object
from curate.errors import DecisionError
from curate.records import Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The decisions on one set."""

    folder: str
    file: str  # of the journal
    pictures: tuple[Picture, ...]  # of the folder; () where it is not there
    decisions: tuple[Decision, ...]  # on these pictures
    others: tuple[Decision, ...] = ()  # on files that are not in the folder
    problems: tuple[str, ...] = ()  # a line each


def written(decisions: Iterable[Decision], folder: str = "") -> str:
    """The decisions as JSON, in ASCII whatever captions and names hold. `folder` is told for people."""
    values = {
        "curate": "decisions",
        "version": VERSION,
        "folder": folder,
        "decisions": [as_object(one) for one in decisions],
    }
    return json.dumps(values, indent=1, ensure_ascii=True) + "\n"


def read(text: str, name: object = "") -> tuple[Decision, ...]:
    """The decisions of such a file. Raises DecisionError, with `name` as the file's, for anything else in it."""
    foreign = "Give a file that `curate decisions export` wrote"
    try:
        values = json.loads(text)
        if not isinstance(values, dict) or values.get("curate") != "decisions":
            raise DecisionError(name, "it is no export of curate's decisions", foreign)
        if not isinstance(values.get("version"), int) or values["version"] > VERSION:
            raise DecisionError(name, f"it is of version {values.get('version')}, newer than this", "Update curate")
        return tuple(of_object(one) for one in values["decisions"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DecisionError(name, f"it is damaged ({error})"[:200], foreign) from None


def known_to(
    pictures: Iterable[Picture], decisions: Iterable[Decision]
) -> tuple[tuple[Decision, ...], tuple[Decision, ...]]:
    """(decisions on these pictures, the others). A path that is not there is dropped: then the bytes alone count."""
    paths = defaultdict(set)
    for picture in pictures:
        paths[picture.digest].add(picture.path)
    known, unknown = [], []
    for one in decisions:
        if one.digest not in paths or (one.other and one.other not in paths):
            unknown.append(one)
        elif one.path and one.path not in paths[one.digest]:
            known.append(replace(one, path=""))
        else:
            known.append(one)
    return tuple(known), tuple(unknown)
