"""`curate models`: the networks that curate uses, and fetching them ahead of time."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated, Optional

import typer

from curate.cli import options
from curate.cli.console import ProgressLine, tell, told, write

EXAMPLE = "Example: curate models"
GET_EXAMPLE = "Example: curate models get   (with a network; or: curate models get --wheels ./folder)"

Wheels = Annotated[
    Optional[Path],  # noqa: UP045 - typer reads it at run time, on Python 3.10 too
    typer.Option(help="Folder with the wheels or the files themselves, for machines without a network."),
]
app = typer.Typer(
    help="List the networks that curate uses: what each is for, where it lies, its licence.",
    invoke_without_command=True,
    epilog=EXAMPLE,
    rich_markup_mode=None,
)


@app.callback()
def models(context: typer.Context, cache: options.Cache = None, json: options.Json = False) -> None:
    """List the networks that curate uses: what each is for, where it lies, its licence."""
    if context.invoked_subcommand is not None:
        return
    with told():
        from curate.features import models as networks

        found = networks.listed(cache)
        if json:
            write(json_text.dumps([one.as_object() for one in found], indent=1, ensure_ascii=True))
            return
        for one in found:
            write(f"{one.name}  {one.state}")
            write(f"  {one.purpose}; {one.size}; {one.licence}; {one.origin}")
            if one.path:
                write(f"  {one.path}")


@app.command("get", epilog=GET_EXAMPLE)
def get(
    name: Annotated[str, typer.Argument(help="views, clip or all.")] = "all",
    wheels: Wheels = None,
    cache: options.Cache = None,
) -> None:
    """Fetch what is missing, so that later scans need no network."""
    with told():
        from curate.features import models as networks

        progress = ProgressLine()
        for line in networks.get(options.choice("NAME", name, ("all", "views", "clip")), cache, wheels, progress):
            progress.clear()
            tell(line)
