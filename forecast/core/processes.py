"""Work spread over processes of this machine.

Invariant: a new process starts empty; a forked one would share compiled code and locks with this one's
threads. It ends with this one, however that ends. ``tests/test_processes.py`` kills a parent.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence


def each[Task, Result](
    work: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> Iterator[Result]:
    """Yield what `work` makes of each task, in this process in order or, with several, as it comes.

    Parameters
    ----------
    work
        A function of a module.
    tasks
        What it is called with; begun in their order.
    workers
        Number of processes; there are no more than tasks. At the first error, or Ctrl-C, they are ended;
        where this process is killed, they end by themselves.
    """
    with crew(work, min(workers, len(tasks))) as hand_out:
        yield from hand_out(tasks)


@contextlib.contextmanager
def crew[Task, Result](
    work: Callable[[Task], Result], workers: int
) -> Iterator[Callable[[Sequence[Task]], Iterator[Result]]]:
    """Start processes that import what `work` needs; give the function that hands out their tasks.

    So this process can go on while they start, and again while they are at work.

    Parameters
    ----------
    work
        A function of a module.
    workers
        Number of processes; up to one, all is done in this process when its result is asked for.

    Yields
    ------
    Callable
        ``(tasks) -> results``. Tasks are begun at once, in their order; results come as they are
        ready, with one process in order. An error of a task, or one within the context, ends all
        processes.
    """
    if workers <= 1:
        yield lambda tasks: map(work, tasks)
        return
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    with concurrent.futures.ProcessPoolExecutor(workers, context, _watch_parent) as pool:

        def hand_out(tasks: Sequence[Task]) -> Iterator[Result]:
            waiting = [pool.submit(work, task) for task in tasks]
            return (future.result() for future in concurrent.futures.as_completed(waiting))

        try:
            for _ in range(workers):
                pool.submit(_know, work)
            yield hand_out
        except BaseException:
            # What has begun cannot be cancelled, and nobody waits for it any more.
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
            raise


def _know(work: object) -> None:
    """Do nothing: to be given `work`, a process imports its module."""
    del work


def _watch_parent() -> None:
    """End this worker when the process that started it is gone."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # a pipe that the operating system closes, also when the parent is killed
        os._exit(1)  # at once: what is under way is written beside and named last
