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


app.command("scan", short_help="What is in the set: copies, views, effective images.", epilog=scan.EXAMPLE)(scan.scan)
app.command("recommend", short_help="What to set for a budget, and whether it overfits.", epilog=recommend.EXAMPLE)(
    recommend.recommend
)
app.command("steps", short_help="True steps of all seven trainers side by side.", epilog=recommend.STEPS_EXAMPLE)(
    recommend.steps
)
app.command("gaps", short_help="Which views to photograph or search for.", epilog=fill.GAPS_EXAMPLE)(fill.gaps)
app.command("fill", short_help="Pick from a pool what the set lacks.", epilog=fill.EXAMPLE)(fill.fill)
app.add_typer(models.app, name="models", short_help="The networks that curate uses, and fetching them.")
app.add_typer(decisions.app, name="decisions", short_help="What you decided of a set; list, move, undo.")
app.command("compare", short_help="Two sets side by side: what left and what came.", epilog=compare.EXAMPLE)(
    compare.compare
)
app.command("report", short_help="One HTML file to read, keep and send.", epilog=report.EXAMPLE)(report.report)
app.command("review", short_help="A local page to look, decide and export.", epilog=review.EXAMPLE)(review.review)
app.command("export", short_help="A cleaned copy in the layout of a trainer.", epilog=export.EXAMPLE)(export.export)
app.command("verify", short_help="Check every file of an export by its digest.", epilog=verify.EXAMPLE)(verify.verify)

__all__ = ["app"]
