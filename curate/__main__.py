"""`python -m curate` and the command `curate`."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line; Ctrl-C ends it with 130, at whatever point it comes."""
    try:
        from curate.cli import app

        app()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
