"""Work over processes: every result comes, and an error does not wait for the rest."""

import multiprocessing
import os
import time

import pytest

from forecast.processes import each


def place(task):
    return task, os.getpid()


def nap(path):
    if path is None:
        raise ValueError("no nap")
    time.sleep(10)
    path.touch()


def test_one_worker_is_this_process_in_order():
    assert list(each(place, [3, 1, 2], 1)) == [(k, os.getpid()) for k in (3, 1, 2)]
    assert list(each(place, [3], 4)) == [(3, os.getpid())]
    assert list(each(place, [], 4)) == []


def test_several_workers_are_other_processes():
    found = list(each(place, [1, 2, 3, 4], 2))
    assert sorted(task for task, _ in found) == [1, 2, 3, 4]
    assert os.getpid() not in {process for _, process in found}


def test_an_error_ends_the_others(tmp_path):
    with pytest.raises(ValueError, match="no nap"):
        list(each(nap, [tmp_path / "slept", None], 2))
    assert not (tmp_path / "slept").exists()
    assert not multiprocessing.active_children()
