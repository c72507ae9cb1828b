"""From where a picture shows its subject: yaw, pitch, roll and framing, from several sources.

An estimator is a module that obeys base.Estimator. To add one, write the file and name it in combine.ESTIMATORS; what
it measures in pixels joins viewer.Viewer, and its place among the others is a line of combine's table.
"""

from curate.features.views.base import Correction, Evidence, Raw
from curate.features.views.clip import TextReader, classes, scores
from curate.features.views.combine import ESTIMATORS, combine
from curate.features.views.face import box as face_box
from curate.features.views.rows import class_vectors, of_pictures
from curate.features.views.viewer import LateViewer, Viewer, open_viewer

__all__ = [
    "ESTIMATORS",
    "Correction",
    "Evidence",
    "LateViewer",
    "Raw",
    "TextReader",
    "Viewer",
    "class_vectors",
    "classes",
    "combine",
    "face_box",
    "of_pictures",
    "open_viewer",
    "scores",
]
