"""The local page on which a set is looked at and decided: `serve` it, or take `app` into a test."""

from curate.pages.review.app import app
from curate.pages.review.guard import Keys
from curate.pages.review.reviewed import Reviewed
from curate.pages.review.server import Place, serve
from curate.pages.review.session import Session

__all__ = ["Keys", "Place", "Reviewed", "Session", "app", "serve"]
