"""Work spread over processes of this machine.

Invariant: a new process starts empty; a forked one would share compiled code and locks with this one's
threads. It ends with this one, however that ends. ``tests/test_processes.py`` kills a parent.
"""

from __future__ import annotations

import concurrent.futures
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
    count = min(workers, len(tasks))
    if count <= 1:
        yield from map(work, tasks)
        return
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    with concurrent.futures.ProcessPoolExecutor(count, context, _watch_parent) as pool:
        try:
            waiting = [pool.submit(work, task) for task in tasks]
            for future in concurrent.futures.as_completed(waiting):
                yield future.result()
        except BaseException:
            # What has begun cannot be cancelled, and nobody waits for it any more.
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
            raise


def _watch_parent() -> None:
    """End this worker when the process that started it is gone."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # a pipe that the operating system closes, also when the parent is killed
        os._exit(1)  # at once: what is under way is written beside and named last
