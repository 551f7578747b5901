"""A file's content is read and checked once in a process; who asks again gets the same rows.

What a table says depends on its bytes alone, so that a file that was changed is read anew.
"""

from __future__ import annotations

import collections
import hashlib
import threading
from collections.abc import Callable

import pandas as pd

MOST = 128
"""Tables that are held, those asked for last."""
_held: collections.OrderedDict[tuple[str, ...], pd.DataFrame] = collections.OrderedDict()
_guard = threading.Lock()


def read_once(read: Callable[[], pd.DataFrame], content: bytes, *how: str) -> pd.DataFrame:
    """Return what `read` makes of a file's content, from memory where it was asked before.

    Parameters
    ----------
    read
        Reads and checks the content. What it raises is not held.
    content
        The bytes of the file.
    how
        All else that the rows depend on.

    Returns
    -------
    pandas.DataFrame
        The caller's own: what is changed in it is not seen by others.
    """
    key = (hashlib.sha256(content).hexdigest(), *how)
    with _guard:
        if key in _held:
            _held.move_to_end(key)
            return _held[key].copy()
    table = read()
    with _guard:
        _held[key] = table.copy()
        while len(_held) > MOST:
            _held.popitem(last=False)
    return table
