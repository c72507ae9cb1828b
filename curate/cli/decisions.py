"""`curate decisions`: list, export, import, undo, clear."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from curate.cli import options
from curate.cli.console import show, tell, told, write

if TYPE_CHECKING:
    from curate.decisions import Journal, Listed
    from curate.settings import ScanSettings


class _ListFirst(TyperGroup):
    """`curate decisions ./folder` lists, without naming the command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ListFirst,
    help="What you decided of a set in `curate review`, which every later run honours: list it, export, import, clear.",
    epilog="Example: curate decisions ./my_dataset",
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
)


@app.command("list", epilog="Example: curate decisions ./my_dataset")
def list_(
    folder: options.LastFolder = None,
    cache: options.Cache = None,
    decisions: options.Decisions = None,
    json: options.Json = False,
) -> None:
    """List the decisions on a set (the command that is meant where none is named)."""
    with told():
        from curate import pages

        _, listed = _listed(folder, options.decision_settings(cache, decisions))
        if json:
            write(pages.decisions_json(listed))
        else:
            show(pages.decisions_page(listed))


@app.command("export", epilog="Example: curate decisions export mine.json ./my_dataset")
def export(
    file: Annotated[Path, typer.Argument(help="JSON file to write; an existing one is refused.", show_default=False)],
    folder: options.LastFolder = None,
    cache: options.Cache = None,
    decisions: options.Decisions = None,
) -> None:
    """Write the decisions on a set to a file, to keep, send, or import where the set lies now."""
    with told():
        from curate import decisions as room
        from curate.errors import DecisionError
        from curate.pages.report import check_place

        _, listed = _listed(folder, options.decision_settings(cache, decisions))
        check_place(file, listed.folder)
        everything = (*listed.decisions, *listed.others)
        try:
            with file.open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(room.written(everything, listed.folder))
        except OSError as error:
            raise DecisionError(file, error.strerror or str(error), "Name a file that can be made") from error
        write(f"{_count(len(everything))} written to {options.printable(str(file))}")


@app.command("import", epilog="Example: curate decisions import mine.json ./my_dataset")
def import_(
    file: Annotated[Path, typer.Argument(help="File that `curate decisions export` wrote.", show_default=False)],
    folder: options.LastFolder = None,
    cache: options.Cache = None,
    decisions: options.Decisions = None,
) -> None:
    """Take over decisions for the pictures of a set, known by their bytes; one `undo` takes them back."""
    with told():
        from curate import decisions as room
        from curate.errors import DecisionError

        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problem = getattr(error, "strerror", None) or "it is no text"
            raise DecisionError(file, problem, "Give a file that `curate decisions export` wrote") from error
        journal, listed = _listed(folder, options.decision_settings(cache, decisions))
        known, unknown = room.known_to(listed.pictures, room.read(text, file))
        journal.add(*known)
        write(f"{_count(len(known))} imported")
        if unknown:
            tell(f"{_count(len(unknown))} passed over: the pictures that they concern are not in {listed.folder}")


@app.command("undo", epilog="Example: curate decisions undo ./my_dataset")
def undo(folder: options.LastFolder = None, cache: options.Cache = None, decisions: options.Decisions = None) -> None:
    """Take back what was decided last: one key press of the review, one import, or one clear."""
    with told():
        journal, _ = _listed(folder, options.decision_settings(cache, decisions))
        taken = journal.undo()
        write(f"{_count(len(taken))} taken back" if taken else "nothing was decided that could be taken back")


@app.command("clear", epilog="Example: curate decisions clear ./my_dataset")
def clear(folder: options.LastFolder = None, cache: options.Cache = None, decisions: options.Decisions = None) -> None:
    """Withdraw all decisions on a set and its pictures; `undo` brings them back."""
    with told():
        journal, listed = _listed(folder, options.decision_settings(cache, decisions))
        everything = (*listed.decisions, *listed.others)
        if not everything:
            write("nothing was decided that could be cleared")
            return
        journal.forget(*everything)
        write(f"{_count(len(everything))} cleared; `curate decisions undo` brings them back")


def _listed(folder: str | None, settings: ScanSettings) -> tuple[Journal, Listed]:
    from curate import pipeline
    from curate.stages import decided

    return decided.listed(pipeline.folder_or_last(folder, settings), settings)


def _count(number: int) -> str:
    return f"{number:,} decision{'' if number == 1 else 's'}"
