"""Keeps libraries from starting threads of their own inside threads that already fill the cores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_core_a_thread(*, solving: bool = True) -> Iterator[None]:
    """OpenCV and BLAS keep to the calling thread's core within; what was set before is set again after.

    `solving`: equations are solved within, by SciPy, which takes half a second to load.
    """
    import cv2
    from threadpoolctl import threadpool_limits

    if solving:
        import scipy.linalg  # noqa: F401 - brings a BLAS of its own, which is only limited if it is there already

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            yield
    finally:
        cv2.setNumThreads(threads)
