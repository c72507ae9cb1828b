"""`curate verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.cli import options
from curate.cli.console import ProgressLine, told, write

EXAMPLE = "Example: curate verify ./clean"

Exported = Annotated[Path, typer.Argument(help="Folder that curate export wrote.", show_default=False)]


def verify(destination: Exported, json: options.Json = False) -> None:
    """Check that every file of an exported set is as it was written; exit 1 where one is not."""
    with told():
        from curate import output

        progress = ProgressLine()
        found = output.verify(destination, progress=lambda done, total: progress("checking", done, total))
        progress.clear()
        if json:
            import json as json_text

            write(json_text.dumps(found.as_json(), indent=1, ensure_ascii=True))
        else:
            for line in output.verify_lines(found):
                write(options.printable(line))
    if not found.sound:
        raise typer.Exit(1)
