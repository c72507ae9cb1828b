"""The command line: parse, call, print. Nothing is decided here.

curate scan FOLDER · recommend · steps · export DEST · verify DEST
"""

from __future__ import annotations

from typing import Annotated

import typer

from curate import __version__
from curate.cli import compare, decisions, export, fill, models, recommend, report, review, scan, verify

app = typer.Typer(
    help="What is really in a LoRA training set: proved copies, effective images, true step counts.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"curate {__version__}")
        raise typer.Exit


@app.callback()
def start(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """What is really in a LoRA training set: proved copies, effective images, true step counts."""


app.command("scan", epilog=scan.EXAMPLE)(scan.scan)
app.command("recommend", epilog=recommend.EXAMPLE)(recommend.recommend)
app.command("steps", epilog=recommend.STEPS_EXAMPLE)(recommend.steps)
app.command("gaps", epilog=fill.GAPS_EXAMPLE)(fill.gaps)
app.command("fill", epilog=fill.EXAMPLE)(fill.fill)
app.add_typer(models.app, name="models")
app.add_typer(decisions.app, name="decisions")
app.command("compare", epilog=compare.EXAMPLE)(compare.compare)
app.command("report", epilog=report.EXAMPLE)(report.report)
app.command("review", epilog=review.EXAMPLE)(review.review)
app.command("export", epilog=export.EXAMPLE)(export.export)
app.command("verify", epilog=verify.EXAMPLE)(verify.verify)

__all__ = ["app"]
