"""The page and the JSON of `curate decisions`: what the user decided of a set, kind by kind."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from curate.decisions import Decision, Listed, as_object
from curate.pages.lines import Line, clean, plural, wrap
from curate.records import Picture, View

SHORT = 12  # hex digits of a digest that are shown: enough to tell pictures apart
TITLES = {
    "keep": "KEPT",
    "leave_out": "LEFT OUT",
    "keeper": "KEEPERS OF THEIR GROUPS",
    "not_a_copy": "NOT COPIES OF EACH OTHER, in every set",
    "caption": "CAPTIONS, written on export",
    "view": "VIEWS, in every set",
}


def decisions_page(listed: Listed) -> list[Line]:
    """The page, at most 80 columns."""
    return list(_page(listed))


def decisions_json(listed: Listed) -> str:
    """One object, ASCII."""
    values = {
        "schema": 1,
        "folder": listed.folder,
        "file": listed.file,
        "decisions": [as_object(one) for one in listed.decisions],
        "not_in_the_folder": [as_object(one) for one in listed.others],
        "problems": list(listed.problems),
    }
    return json.dumps(values, indent=1, ensure_ascii=True)


def _page(listed: Listed) -> Iterator[Line]:
    yield from wrap(f"curate decisions {listed.folder}", 0, "title")
    yield from wrap(f"Kept in {listed.file}", 0, "dim")
    for problem in listed.problems:
        yield from wrap(f"Note: {problem}", 0, "warn", hanging=6)
    names = _names(listed.pictures)
    for kind, title in TITLES.items():
        found = [one for one in listed.decisions if one.kind == kind]
        if found:
            yield Line(text="")
            yield Line(text=f"{title}: {len(found):,}", style="head")
            for one in found:
                yield from wrap(_said(one, names), 2, hanging=4)
    if listed.others:
        yield Line(text="")
        yield Line(text=f"ON FILES THAT ARE NOT IN THE FOLDER: {len(listed.others):,}", style="head")
        for one in listed.others:
            yield from wrap(f"{one.kind.replace('_', ' ')}: {_said(one, names)}", 2, "dim", hanging=4)
    if not listed.decisions and not listed.others:
        yield Line(text="")
        yield Line(text="Nothing was decided yet: `curate review` is where to do it.")
    else:
        yield Line(text="")
        yield from wrap(f"{plural(len(listed.decisions), 'decision')} honoured by every run on this folder.", 0)


def _names(pictures: Sequence[Picture]) -> Mapping[str, str]:
    """What to call a digest: the first file that has it, and how many others do."""
    paths: dict[str, list[str]] = {}
    for picture in pictures:
        paths.setdefault(picture.digest, []).append(picture.path)
    return {
        digest: f"{found[0]} (and {len(found) - 1} more with its bytes)" if len(found) > 1 else found[0]
        for digest, found in paths.items()
    }


def _said(one: Decision, names: Mapping[str, str]) -> str:
    name = one.path or names.get(one.digest, one.digest[:SHORT])
    if one.kind == "not_a_copy":
        return f"{name}  and  {names.get(one.other, one.other[:SHORT])}"
    if one.kind == "caption":
        text = " ".join(clean(one.text or "").split())
        return f"{name}: {text[:200]}{' ...' if len(text) > 200 else ''}" if text else f"{name}: no caption"
    if one.view is not None:
        return f"{name}: {_view(one.view)}"
    return name


def _view(view: View) -> str:
    angles = (("yaw", view.yaw_deg), ("pitch", view.pitch_deg))
    said = [f"{name} {value:+.0f}°" for name, value in angles if value is not None]
    return ", ".join([*said, *([view.framing.replace("_", " ")] if view.framing else [])]) or "nothing"
