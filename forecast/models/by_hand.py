"""A log density by row of a panel, with its gradient, written by hand: how it stands in a model.

A room's ``kernel.py`` holds the loops, one function without a return value. Here that function becomes
machine code once, kept on disk by numba, and an operation that PyMC's models take. Everything that is
sampled is one vector, and everything known is four tables: compiling takes as long as there are
operations and arrays in a model's graph.

The code is called by a name that is linked: a function of such a length built into the sampler's code
would be optimised again in each layer around it.

Invariant: the second output is the gradient of the sum of the first; the rooms' tests hold both against
the same model written out in PyMC.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import llvmlite.binding
import numba
import numpy as np
import pytensor.tensor as pt
from numba import types
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key
from pytensor.scalar.basic import Second
from pytensor.tensor.elemwise import DimShuffle, Elemwise

_FLOATS, _INTEGERS = types.CPointer(types.float64), types.CPointer(types.int32)
SIGNATURE = types.void(*[types.intp] * 4, *[_FLOATS] * 4, _INTEGERS, _FLOATS, _FLOATS)
"""Of a room's function: lengths of the sampled vector, of `prior`, `table` and `other` along their last
axis; then the addresses of these four and of `index`, and of what is filled, the log density by row and
the gradient."""
_OPTIONS = {"cache": True, "fastmath": False, "error_model": "numpy", "nogil": True}
part = numba.njit(inline="always", **_OPTIONS)
"""Of a function that is part of a room's: not compiled by itself, and then again."""


class RowDensity(Op):  # type: ignore[misc]
    """A room's function in a graph.

    Called with `z` (what is sampled, shape (size,)), `prior` (means and sds, shape (2, names)), `table`
    and `index` (what is known of each row, numbers and places, shapes (columns, row)) and `other` (a
    table of another kind), in the order z, prior, table, other, index. It gives the log density by row,
    and the gradient of its sum by `z`.

    Parameters
    ----------
    symbol
        The name that the code is linked by.
    function
        As :data:`SIGNATURE` says. What it calls stands in its own file, or here.
    """

    __props__ = ("symbol",)

    def __init__(self, symbol: str, function: Callable[..., None]) -> None:
        self.symbol, self.function = symbol, function

    def make_node(self, *inputs: Variable) -> Apply:
        """Take the five arguments."""
        _native(self)  # before any code is linked, be it taken from a cache on disk
        variables = [pt.as_tensor_variable(i) for i in inputs]
        return Apply(self, variables, [pt.dvector(), variables[0].type()])

    def perform(
        self,
        node: Apply,  # noqa: ARG002 - PyTensor gives it
        inputs: Sequence[np.ndarray],
        outputs: Sequence[list[object]],
    ) -> None:
        """Compute outside of compiled code."""
        found = _compiled(self)(*(np.ascontiguousarray(x) for x in inputs))
        for place, value in zip(outputs, found, strict=True):
            place[0] = value

    def pullback(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        cotangents: Sequence[Variable],
    ) -> list[Variable]:
        """Return the derivative of a multiple of the sum over rows.

        Raises
        ------
        NotImplementedError
            If the rows do not all count alike.
        """
        derivative = _of_each(cotangents[0]) * outputs[1]
        return [derivative, *(DisconnectedType()() for _ in inputs[1:])]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Say that data have no derivative, and that only the density has one."""
        return [[k == 0, False] for k in range(len(node.inputs))]


def _of_each(cotangent: Variable) -> Variable:
    """Return the one number that all rows' densities count by, as in their sum."""
    node = cotangent.owner
    if node is not None and isinstance(node.op, Elemwise) and isinstance(node.op.scalar_op, Second):
        spread = node.inputs[1].owner
        if spread is not None and isinstance(spread.op, DimShuffle) and spread.inputs[0].ndim == 0:
            return spread.inputs[0]
    raise NotImplementedError("only the sum of the rows' densities has its gradient at hand")


@functools.cache
def _native(op: RowDensity) -> object:
    """Return the compiled function, which code that is linked from now on finds by its name."""
    made = numba.cfunc(SIGNATURE, cache=True, error_model="numpy", fastmath=False)(op.function)
    llvmlite.binding.add_symbol(op.symbol, made.address)
    return made


@functools.cache
def _compiled(op: RowDensity) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Return the function as one of five arrays that gives two, of the one signature there is."""
    _native(op)
    external = types.ExternalFunction(op.symbol, SIGNATURE)

    def rows(z, prior, table, other, index):  # type: ignore[no-untyped-def]
        by_row, gradient = np.empty(table.shape[1]), np.empty_like(z)
        external(  # numba has the addresses of arrays in `ctypes`
            len(z), prior.shape[1], table.shape[1], other.shape[1],
            z.ctypes, prior.ctypes, table.ctypes, other.ctypes, index.ctypes,
            by_row.ctypes, gradient.ctypes,
        )  # fmt: skip
        return by_row, gradient

    vector, matrix = (types.Array(types.float64, ndim, "C", readonly=True) for ndim in (1, 2))
    places = types.Array(types.int32, 2, "C", readonly=True)
    gives = types.UniTuple(types.Array(types.float64, 1, "C"), 2)
    found: Callable[..., tuple[np.ndarray, np.ndarray]] = numba.njit(
        gives(vector, matrix, matrix, matrix, places), **_OPTIONS
    )(rows)
    return found


@register_funcify_default_op_cache_key(RowDensity)  # type: ignore[untyped-decorator]
def _in_numba(op: RowDensity, node: Apply, **_: object) -> tuple[Callable[..., object], int]:
    """Return the compiled form, and a key of the files for the compile cache on disk."""
    density = _compiled(op)

    @numba_njit
    def rows(z, prior, table, other, index):  # type: ignore[no-untyped-def]
        return density(z, prior, table, other, index)

    sha = hashlib.sha256(op.symbol.encode())
    for file in (op.function.__code__.co_filename, __file__):
        sha.update(Path(file).read_bytes())
    return rows, int.from_bytes(sha.digest()[:4], "big")
