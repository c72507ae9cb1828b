"""Words that the plan's texts share: names as they may be printed, numbers with their noun, verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from curate.plan.constants import Verdict

VERDICTS: dict[Verdict, str] = {
    "under_trained": "under-trained",
    "sound": "sound",
    "risk": "a risk of overfitting",
    "overfit_likely": "overfitting is likely",
    "uncertain": "uncertain",
}
NAMED = 4  # pictures named before "and n more"
NAME = 28  # characters of a picture's name


def plural(count: int, word: str) -> str:
    """A number with its noun: "1 file", "1,024 files", "2 batches"."""
    ending = "" if count == 1 else "es" if word.endswith("tch") else "s"
    return f"{count:,} {word}{ending}"


def times(often: float) -> str:
    """How often: "once", "68 times"."""
    return "once" if round(often) == 1 else f"{often:,.0f} times"


def listed(pictures: Sequence[str]) -> str:
    """How many, and the first few by name: 3 (a.png, b.png, c.png)."""
    rest = f" and {len(pictures) - NAMED} more" if len(pictures) > NAMED else ""
    return f"{len(pictures)} ({', '.join(shown(path) for path in pictures[:NAMED])}{rest})"


def shown(name: str) -> str:
    """A file's name as it may be printed: no control characters, its end kept when it is long."""
    clean = printable(name)
    return clean if len(clean) <= NAME else "..." + clean[3 - NAME :]


def printable(name: str) -> str:
    """A name with a question mark for each control character."""
    return "".join(c if c.isprintable() else "?" for c in name)


def shortened(text: str, paths: Iterable[str]) -> str:
    """A text in which these paths stand in full, with the long ones cut as everywhere on the page."""
    for path in sorted(paths, key=len, reverse=True):
        text = text.replace(printable(path), shown(path))
    return text
