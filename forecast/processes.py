"""Work spread over processes of this machine.

Invariant: a new process starts empty; a forked one would share compiled code and locks with this one's
threads.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
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
        Number of processes; there are no more than tasks. At the first error, or Ctrl-C, they are ended.
    """
    count = min(workers, len(tasks))
    if count <= 1:
        yield from map(work, tasks)
        return
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    with concurrent.futures.ProcessPoolExecutor(count, mp_context=context) as pool:
        waiting = [pool.submit(work, task) for task in tasks]
        try:
            for future in concurrent.futures.as_completed(waiting):
                yield future.result()
        except BaseException:
            # What has begun cannot be cancelled, and nobody waits for it any more.
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
            raise
