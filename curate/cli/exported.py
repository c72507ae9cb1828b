"""What `curate export` and `curate fill` say and ask round the writing itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from curate.cli import options
from curate.cli.console import one_line, tell, write

if TYPE_CHECKING:
    from curate.output import Compared, Written


def offer_leftovers(destination: str, remove: bool) -> None:
    """Removes what killed exports to this place left, if the user wants that; names it otherwise."""
    from curate import addresses, output

    place = addresses.local(destination)
    for path in output.leftovers(place) if place else ():
        told = options.printable(str(path))
        if not remove and sys.stdin.isatty() and sys.stderr.isatty():
            remove_it = typer.confirm(f"A run that was killed left {told}. Remove it?", default=True, err=True)
        else:
            remove_it = remove
        if remove_it:
            output.remove_leftover(path)
            tell(f"removed {told}, left by a run that was killed")
        else:
            tell(f"A run that was killed left {told}; --remove-leftovers removes it.")


def refuse_with_like(context: typer.Context, allowed: frozenset[str]) -> None:
    """Raises typer.BadParameter for options that would change what --like repeats."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in allowed and source is not None and source.name == "COMMANDLINE":
            option = {"format_": "format", "class_word": "class", "list_": "list"}.get(name, name).replace("_", "-")
            raise typer.BadParameter(
                f"it repeats the manifest's own settings, so --{option} cannot be given too", param_hint="--like"
            )


def show(written: Written, compared: Compared | None, json: bool) -> None:
    """The listing and the closing lines, or one JSON object."""
    from curate import output

    if json:
        import json as json_text

        write(json_text.dumps(output.as_json(written, compared), indent=1, ensure_ascii=True))
        return
    for line in written.lines:
        write(options.printable(line))
    for note in written.notes:
        tell(one_line(note))
    if compared:
        write(options.printable(compared.line()))
    write("nothing was written: --dry-run" if written.dry_run else "done")
