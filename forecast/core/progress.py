"""Lines of progress: told to the standard library's loggers, heard by whoever asks.

A module has a logger of its own name, below ``forecast``; a line of progress is INFO, what was left out
or damaged WARNING. Nothing is printed unless somebody listens, such as ``logging.basicConfig``.

Invariant: a line is its text alone, so one stream of them reads the same from one process or many.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator

logger = logging.getLogger(__name__)


class _Listener(logging.Handler):
    """A handler that is a function. What it raises is raised, where others print a trace and go on."""

    def __init__(self, hear: Callable[[logging.LogRecord], None]) -> None:
        super().__init__()
        self._hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        self._hear(record)


@contextlib.contextmanager
def heard_by(hear: Callable[[logging.LogRecord], None]) -> Iterator[None]:
    """Give the lines that are told meanwhile to a function, and to nobody else.

    For who owns the process, such as the command line or a worker: all threads share the loggers.

    Parameters
    ----------
    hear
        Called with each record, from INFO on; ``record.getMessage()`` is the line.
    """
    logger, listener = logging.getLogger("forecast"), _Listener(hear)
    handlers, level, propagate = [*logger.handlers], logger.level, logger.propagate
    for handler in handlers:
        logger.removeHandler(handler)
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(listener)
        listener.close()
        for handler in handlers:
            logger.addHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


@contextlib.contextmanager
def stage(name: str, seconds: dict[str, float], *, quiet: bool = False) -> Iterator[None]:
    """Tell that a stage begins, and how many seconds it took.

    Parameters
    ----------
    name
        What is done.
    seconds
        Takes them under that name, in addition to what stands there.
    quiet
        Whether to keep still.
    """
    if not quiet:
        logger.info(f"{name} ...")
    start = time.perf_counter()
    yield
    took = round(time.perf_counter() - start, 3)
    seconds[name] = round(seconds.get(name, 0.0) + took, 3)
    if not quiet:
        logger.info(f"{name}: {took:.1f} s")


def tell_again(record: logging.LogRecord) -> None:
    """Tell a line that was heard in another process, as if it were told here."""
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)
