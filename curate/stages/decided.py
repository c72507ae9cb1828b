"""The user's decisions applied to what was measured; what the user did not decide stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from curate import addresses
from curate.decisions import Decisions, Journal, Kind, Listed, known_to, open_journal
from curate.records import Catalog, Picture
from curate.settings import ScanSettings

if TYPE_CHECKING:
    from curate.copies import Evidence
    from curate.features.views import Correction


def catalog(found: Catalog, decisions: Decisions) -> Catalog:
    """The catalog with the captions that were decided on; they come from no file."""
    if not decisions.captions:
        return found
    return replace(found, pictures=tuple(_captioned(one, decisions.caption_of(one)) for one in found.pictures))


def _captioned(picture: Picture, text: str | None) -> Picture:
    if text is None:
        return picture
    kept = replace(picture, caption=text, caption_path=None, caption_digest=None)
    return replace(kept, caption_problem=None if text.strip() else "empty")


def evidence(found: Evidence, pictures: Sequence[Picture], decisions: Decisions) -> Evidence:
    """The evidence on copies with the pairs that were parted, the keepers that were chosen, and these captions."""
    ranks = {row: rank for row, one in enumerate(pictures) if (rank := decisions.keeper_rank(one))}
    return replace(found, pictures=pictures, not_copies=found.not_copies | decisions.apart, chosen=ranks)


def corrections(decisions: Decisions) -> dict[str, Correction]:
    """The views that were set by hand, by digest."""
    from curate.features.views import Correction

    return {
        digest: Correction(yaw_deg=view.yaw_deg, pitch_deg=view.pitch_deg, framing=view.framing)
        for digest, view in decisions.views.items()
    }


def kept(proposed: tuple[bool, ...], pictures: Sequence[Picture], decisions: Decisions) -> tuple[bool, ...]:
    """Which pictures stay. To keep a picture whose bytes several files share brings back only the file that is named,
    or none where one of them stays anyway."""
    if not decisions.keep and not decisions.left_out:
        return proposed
    wanted = [decisions.keep_of(one) for one in pictures]
    result = [one is not False and stays for one, stays in zip(wanted, proposed, strict=True)]
    there = {one.digest for one, stays in zip(pictures, result, strict=True) if stays}
    for row, (one, want) in enumerate(zip(pictures, wanted, strict=True)):
        if want and not result[row] and (decisions.is_kept_by_path(one) or one.digest not in there):
            result[row] = True
            there.add(one.digest)
    return tuple(result)


def kinds(pictures: Sequence[Picture], decisions: Decisions) -> tuple[tuple[str, ...], ...]:
    """Of each picture, the kinds of the decisions on it; () where nothing was decided of any."""
    if not decisions:
        return ()
    here = {one.digest for one in pictures}
    parted = {digest for pair in decisions.apart if here.issuperset(pair) for digest in pair}
    touched = {*parted, *decisions.views, *(digest for digest, _ in decisions.of_set())}
    return tuple(_kinds(one, decisions, one.digest in parted) if one.digest in touched else () for one in pictures)


def _kinds(picture: Picture, decisions: Decisions, parted: bool) -> tuple[str, ...]:
    stays = decisions.keep_of(picture)
    found: dict[Kind, bool] = {
        "keep": stays is True,
        "leave_out": stays is False,
        "keeper": decisions.keeper_rank(picture) > 0,
        "not_a_copy": parted,
        "caption": decisions.caption_of(picture) is not None,
        "view": decisions.view_of(picture.digest) is not None,
    }
    return tuple(kind for kind, there in found.items() if there)


def notes(pictures: Sequence[Picture], decisions: Decisions) -> tuple[str, ...]:
    """What to say of decisions on this set that concern none of its pictures."""
    keys = {(one.digest, path) for one in pictures for path in (one.path, "")}
    lost = len(decisions.of_set() - keys)
    if not lost:
        return ()
    which = "1 decision concerns a file that is" if lost == 1 else f"{lost} decisions concern files that are"
    return (f"{which} not here any more, or changed; `curate decisions` lists all",)


def listed(folder: str | Path, settings: ScanSettings) -> tuple[Journal, Listed]:
    """The journal of a set, and its decisions by the pictures that lie there now; nothing is measured.

    A folder that is gone has no pictures; what was decided there is told all the same. Raises FolderError for what is
    no folder, and DecisionError.
    """
    from curate import features, pictures

    journal = open_journal(folder, settings)
    here: tuple[Picture, ...] = ()
    local = addresses.local(folder)
    if local is None or local.exists():
        with features.open_store(settings) as store:
            here = pictures.scan(folder, regularisation=settings.regularisation, digests=store).pictures
    return journal, Listed(
        folder=addresses.whole(folder),
        file=str(journal.file),
        pictures=here,
        decisions=known_to(here, journal.listing())[0],
        others=known_to(here, journal.made_here())[1],
        problems=journal.problems,
    )
