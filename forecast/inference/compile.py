"""A model as machine code for the sampler: compiled once, found again by any later process in a second.

The density with its gradient, and what is stored of a draw, become two C functions. Their data reach
them through a table of addresses and lengths, so neither values nor lengths are part of the code: other
panels, other dates and other prior numbers use it again. Code is kept in a folder of our own under a
hash of what the model's code means, of its graph, of the libraries and of the processor.

Invariant: kept code gives the bits of fresh code. It is taken only if it is the user's own, nobody else
may write there, and a checksum says that it is what was written; otherwise it is compiled anew.
``tests/test_compile.py`` damages it, removes it, and compares.

Two doors of libraries are used that nobody promised to keep open: numba's form of a compiled function
on disk, here, and the constructors of nutpie's sampler, in :mod:`forecast.inference.nuts`. With other
versions than :data:`TRIED` the same functions reach the sampler through its public door, slower.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import importlib.metadata
import logging
import os
import pickle
import platform
import stat
import threading
import types
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pymc.initial_point import make_initial_point_fn
from pymc.pytensorf import compile as compile_graph
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Constant, Variable
from pytensor.graph.fg import FrozenFunctionGraph, FunctionGraph
from pytensor.graph.op import Op
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.graph.traversal import graph_inputs, toposort
from pytensor.graph.type import Type
from scipy import sparse

from forecast.core import lock
from forecast.core.errors import DataError, StoreError
from forecast.core.files import whole

logger = logging.getLogger(__name__)

TRIED = {"numba": ("0.68", "0.69"), "nutpie": ("0.16.11", "0.17")}
"""Versions, from the first and below the second, with which the private doors were tried."""
LIBRARIES = ("pymc", "pytensor", "numba", "llvmlite", "numpy")
"""What makes code of a model: other versions make other code."""
KEPT = 60
"""Pieces of code are kept up to this number; then those that were used longest ago go."""
PATIENCE = 1200.0
"""Seconds to wait for another process that compiles the same; then it is compiled here too."""
_MAGIC = b"forecast code 1\n"
_DIGEST = hashlib.sha256().digest_size


@dataclasses.dataclass(frozen=True)
class Code:
    """Two C functions at their addresses, and what must live as long as they are called."""

    density: int
    expand: int
    keep: object


@dataclasses.dataclass(frozen=True)
class Plain:
    """The same two functions for Python, each of a point of shape (size,).

    Attributes
    ----------
    density
        Gives the log density and its gradient, shape (size,).
    expand
        Gives what is stored of a draw, by name.
    """

    density: Callable[[np.ndarray], tuple[float, np.ndarray]]
    expand: Callable[[np.ndarray], dict[str, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Ready:
    """A model with its data, as the sampler takes it.

    Attributes
    ----------
    size
        Numbers of a point, which has no bounds.
    stored
        By name in order, the shape of what is stored of a draw.
    start
        From a seed to a point to start from, shape (size,).
    table
        What the C functions read: sizes, lengths and addresses, shape (entries,), int64.
    arrays
        The data that the table points to.
    code
        The C functions; None where the private doors are not known.
    plain
        Compiles the functions for Python.
    """

    size: int
    stored: dict[str, tuple[int, ...]]
    start: Callable[[int], np.ndarray]
    table: np.ndarray
    arrays: tuple[np.ndarray, ...]
    code: Code | None
    plain: Callable[[], Plain]


def private_doors() -> bool:
    """Return whether numba and nutpie are of versions whose private doors were tried."""

    def number(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in text.split(".") if part.isdigit())

    return all(
        number(first) <= number(importlib.metadata.version(name)) < number(below)
        for name, (first, below) in TRIED.items()
    )


def make_ready(model: pm.Model, standard: pm.Model, code_hash: str) -> Ready:
    """Return a model of a panel as the sampler takes it; its code is looked up, or compiled.

    Parameters
    ----------
    model
        Of a panel and priors.
    standard
        The same with the default priors: chains start from there, so that where they start depends
        on no number of a prior set.
    code_hash
        Hash of the Python code that the model is built with, and of its own operations.
    """
    read = _read(model)
    arrays = tuple(np.array(v.get_value(borrow=True), order="C") for v in read.data)
    start, shapes = _start(standard)
    stored = {v.name: _shape(model, v) for v in _stored(model)}
    points, draws = (
        [int(np.prod(shape, dtype=int)) for shape in some] for some in (shapes, stored.values())
    )
    table = [sum(points), sum(draws), *(n for shape in (*shapes, *stored.values()) for n in shape)]
    for array in arrays:
        table += [array.ctypes.data, *array.shape]
    graphs = functools.partial(_graphs, model, read)
    return Ready(
        size=table[0],
        stored=stored,
        start=start,
        table=np.array(table, dtype=np.int64),
        arrays=arrays,
        code=_code(_key(read, code_hash), graphs) if private_doors() else None,
        plain=functools.partial(_plain, graphs, shapes, arrays, list(stored)),
    )


@dataclasses.dataclass(frozen=True)
class _Read:
    """What a model computes, in terms of its points and of data.

    Attributes
    ----------
    points
        The sampled variables in the space without bounds.
    densities
        The parts of the log density.
    stored
        What is stored of a draw.
    data
        What these read that is neither a point nor written in the code, and all ``pm.Data``.
    check_bounds
        Whether parameters of laws are checked.
    """

    points: list[Variable]
    densities: list[Variable]
    stored: list[Variable]
    data: list[SharedVariable]
    check_bounds: bool


def _read(model: pm.Model) -> _Read:
    if not model.free_RVs:
        raise DataError("the model has no variable to sample; wanted one that is not observed")
    if model.discrete_value_vars:
        names = ", ".join(str(v.name) for v in model.discrete_value_vars)
        raise DataError(f"{names} cannot be sampled: it is discrete; sum it out of the density")
    densities = model.logp(sum=False)
    stored = model.replace_rvs_by_values(_stored(model))
    found = [v for v in graph_inputs([*densities, *stored]) if isinstance(v, SharedVariable)]
    drawn = [v for v in found if not hasattr(v.type, "ndim")]
    if drawn:
        raise DataError(
            "the density draws random numbers itself, as pm.Minibatch does; wanted one of its "
            "parameters and pm.Data alone"
        )
    data = list(dict.fromkeys([*model.data_vars, *found]))
    points = [model.rvs_to_values[v] for v in model.free_RVs]
    return _Read(points, densities, stored, data, bool(model.check_bounds))


def _stored(model: pm.Model) -> list[Variable]:
    """Return what is stored of a draw: variables without bounds first, as the sampler orders them."""
    bounded = {v for v in model.free_RVs if model.rvs_to_transforms.get(v) is not None}
    free = [v for v in model.free_RVs if v not in bounded]
    return [*free, *(v for v in model.unobserved_RVs if v not in free)]


def _shape(model: pm.Model, variable: Variable) -> tuple[int, ...]:
    dims = model.named_vars_to_dims.get(variable.name) or (None,)
    lengths = [len(model.coords[d]) for d in dims if d is not None and model.coords.get(d)]
    return tuple(lengths) if len(lengths) == variable.ndim else _real_shape(variable)


def _real_shape(variable: Variable) -> tuple[int, ...]:
    return tuple(int(n) for n in variable.shape.eval(mode="FAST_COMPILE"))


def check_shapes(model: pm.Model) -> None:
    """Refuse a model with something stored that is not of the shape its dims say.

    Raises
    ------
    DataError
        Naming it.
    """
    for v in _stored(model):
        got, wanted = _real_shape(v), _shape(model, v)
        if got != wanted:
            dims = model.named_vars_to_dims.get(v.name)
            raise DataError(
                f"{v.name} has the shape {got}, wanted {wanted} of its dims {dims}; correct the dims"
            )


def _start(model: pm.Model) -> tuple[Callable[[int], np.ndarray], list[tuple[int, ...]]]:
    """Return a function from a seed to a starting point, and the shapes of a point's parts."""
    drawn = make_initial_point_fn(
        model=model, jitter_rvs=set(model.free_RVs), return_transformed=True
    )
    names = [model.rvs_to_values[v].name for v in model.free_RVs]
    one_at_a_time = (
        threading.Lock()
    )  # chains are threads, and the function holds its generator's state

    def start(seed: int) -> np.ndarray:
        with one_at_a_time:
            values = drawn(seed)
        return np.concatenate([np.ravel(values[name]) for name in names]).astype(float)

    first = drawn(0)
    return start, [np.shape(first[name]) for name in names]


# --- what decides the code ------------------------------------------------------------------------
def key_of(model: pm.Model, code_hash: str) -> str | None:
    """Return the hash that compiled code is kept under; None where it cannot be told what decides it.

    Two models of one hash differ in numbers and lengths alone: it is of the code that builds them, of
    every operation, type and constant in the graphs of their densities and of what is stored, of the
    libraries and of the processor.
    """
    return _key(_read(model), code_hash)


def _key(read: _Read, code_hash: str) -> str | None:
    from numba.core.registry import cpu_target

    sha = hashlib.sha256()
    try:
        for part in (
            code_hash,
            *(importlib.metadata.version(name) for name in LIBRARIES),
            platform.python_version(),
            cpu_target.target_context.codegen().magic_tuple(),
            read.check_bounds,
            [(v.name, str(v.type)) for v in (*read.points, *read.stored, *read.data)],
            *_lines([*read.densities, *read.stored], [*read.points, *read.data]),
        ):
            sha.update(repr(part).encode() + b"\0")
    except _OpaqueError:
        return None
    return sha.hexdigest()


class _OpaqueError(Exception):
    """Something decides the code that cannot be described."""


def _lines(outputs: Sequence[Variable], inputs: Sequence[Variable]) -> Iterator[object]:
    """Yield a description of each variable and operation of a graph; numbers of inputs are none."""
    places: dict[Variable, object] = {v: ("input", k) for k, v in enumerate(inputs)}

    def place(v: Variable) -> object:
        if v in places:
            return places[v]
        if isinstance(v, Constant):
            return (str(v.type), _repr(v.data))
        raise _OpaqueError(v)

    yield [str(v.type) for v in inputs]
    for n, node in enumerate(toposort(outputs)):
        yield _repr(node.op), [place(v) for v in node.inputs], [str(v.type) for v in node.outputs]
        places.update({v: (n, k) for k, v in enumerate(node.outputs)})
    yield [place(v) for v in outputs]


def _repr(thing: object) -> object:  # noqa: C901 - one case a kind
    """Describe an operation or a part of one, the same in every process.

    Raises
    ------
    _OpaqueError
        If there is no saying what it does.
    """
    match thing:
        case None | str() | bytes() | bool() | int() | float() | np.dtype():
            return repr(thing)
        case np.ndarray() | np.generic():
            if thing.dtype != object:
                return (str(thing.dtype), thing.shape, hashlib.sha256(thing.tobytes()).hexdigest())
        case type():
            return f"{thing.__module__}.{thing.__qualname__}"
        case tuple() | list():
            return [_repr(part) for part in thing]
        case set() | frozenset():
            return sorted(repr(_repr(part)) for part in thing)
        case Mapping():
            return sorted((repr(_repr(key)), _repr(value)) for key, value in thing.items())
        case slice():
            return [_repr(part) for part in (thing.start, thing.stop, thing.step)]
        case types.FunctionType():
            cells = [cell.cell_contents for cell in thing.__closure__ or ()]
            return [
                f"{thing.__module__}.{thing.__qualname__}",
                _of_code(thing.__code__),
                _repr([cells, thing.__defaults__, thing.__kwdefaults__]),
            ]
        case types.BuiltinFunctionType() | np.ufunc():
            return repr(thing.__name__)
        case FunctionGraph() | FrozenFunctionGraph():
            return [*_lines(thing.outputs, thing.inputs)]
    return _of_object(thing)


def _of_code(code: types.CodeType) -> object:
    constants = [_of_code(c) if isinstance(c, types.CodeType) else repr(c) for c in code.co_consts]
    return code.co_code, code.co_names, constants


def _of_object(thing: Any) -> object:
    """Describe an operation, a type or a record by what it is told apart by, or all that it holds."""
    kind = type(thing)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if sparse.issparse(thing):
        table = sparse.coo_array(thing)
        return name, table.shape, _repr([table.data, *table.coords])
    if dataclasses.is_dataclass(thing):
        return name, [(f.name, _repr(getattr(thing, f.name))) for f in dataclasses.fields(thing)]
    inner = getattr(thing, "inner_outputs", None)
    held = dict.fromkeys(getattr(thing, "__props__", None) or ())
    if held:
        held = {prop: getattr(thing, prop) for prop in held}
    elif isinstance(thing, Op | Type):
        held = getattr(thing, "__dict__", {})
    else:
        raise _OpaqueError(thing)
    # An operation that is a graph keeps what it has derived of it beside it.
    told = [
        (prop, _repr(value))
        for prop, value in sorted(held.items())
        if not (inner and prop.startswith("_"))
    ]
    return name, told, [*_lines(inner, thing.inner_inputs)] if inner else []


# --- graphs to functions --------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Graphs:
    """The two functions as PyTensor compiles them: of the parts of a point, then of all data.

    Attributes
    ----------
    density
        Gives the log density and its gradient by each part.
    expand
        Gives what is stored of a draw.
    dims
        Number of axes of each part of a point, of each array of data, and of each stored variable.
    types
        Of each array of data.
    reads
        Of each array of data, whether the density and the expansion read it.
    """

    density: Any
    expand: Any
    dims: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    types: tuple[np.dtype, ...]
    reads: tuple[tuple[bool, ...], tuple[bool, ...]]


def _graphs(model: pm.Model, read: _Read) -> Graphs:
    """Compile a model's density with its gradient, and what is stored of a draw."""
    points, stored, data = read.points, read.stored, read.data
    density = rewrite_graph(model.logp(), include=["canonicalize", "stabilize"])
    gradient = pt.grad(density, points)
    given = {v: v.type() for v in data}
    density_reads, expand_reads = (
        tuple(v in set(graph_inputs(outputs)) for v in data)
        for outputs in ([density, *gradient], stored)
    )

    def compiled(outputs: Sequence[Variable], reads: Sequence[bool]) -> Any:
        some = [given[v] for v, read in zip(data, reads, strict=True) if read]
        # Without fast-math no sum is taken in another order than it is written in.
        with model, pytensor.config.change_flags(numba__fastmath=False):
            return compile_graph(
                [*points, *some], outputs, mode="NUMBA", givens=given, on_unused_input="ignore"
            )

    return Graphs(
        compiled([density, *gradient], density_reads),
        compiled(stored, expand_reads),
        (
            tuple(v.ndim for v in points),
            tuple(v.ndim for v in data),
            tuple(v.ndim for v in stored),
        ),
        tuple(v.type.numpy_dtype for v in data),
        (density_reads, expand_reads),
    )


def _plain(
    graphs: Callable[[], Graphs],
    shapes: Sequence[tuple[int, ...]],
    arrays: Sequence[np.ndarray],
    stored: Sequence[str],
) -> Plain:
    made = graphs()
    ends = np.cumsum([int(np.prod(shape, dtype=int)) for shape in shapes])
    density_reads, expand_reads = (
        [a for a, read in zip(arrays, reads, strict=True) if read] for reads in made.reads
    )

    def parts(point: np.ndarray) -> list[np.ndarray]:
        cut = np.split(point, ends[:-1])
        return [part.reshape(shape) for part, shape in zip(cut, shapes, strict=True)]

    one_at_a_time = (
        threading.Lock()
    )  # chains are threads, and PyTensor's functions are not for several

    def density(point: np.ndarray) -> tuple[float, np.ndarray]:
        with one_at_a_time:
            value, *slopes = made.density(*parts(point), *density_reads)
        return float(value), np.concatenate([np.ravel(slope) for slope in slopes])

    def expand(point: np.ndarray) -> dict[str, np.ndarray]:
        with one_at_a_time:
            values = made.expand(*parts(point), *expand_reads)
        return {name: np.asarray(value, float) for name, value in zip(stored, values, strict=True)}

    return Plain(density, expand)


# --- functions to C functions ---------------------------------------------------------------------
_DENSITY = """
def density(size, x_, out_, value_, table_):
    table = carray(table_, ({entries},), int64)
    if int64(size) != table[0]:
        return -1
    try:
        x = carray(x_, (table[0],))
        out = carray(out_, (table[0],))
{unpack}
        value, {results} = inner({arguments})
        carray(value_, ())[()] = value
        at = 0
{copy}
        for i in range(table[0]):
            if not isfinite(out[i]):
                return 3
        if not isfinite(carray(value_, (1,))[0]):
            return 4
    except Exception:
        return 1
    return 0
"""
_EXPAND = """
def expand(size, stored, x_, out_, table_):
    table = carray(table_, ({entries},), int64)
    if int64(size) != table[0] or int64(stored) != table[1]:
        return -1
    try:
        x = carray(x_, (table[0],))
        out = carray(out_, (table[1],))
{unpack}
        {results}, = inner({arguments})
        at = 0
{check}
{copy}
    except Exception:
        return -2
    return 0
"""


def _source(template: str, graphs: Graphs, reads: Sequence[bool], results: Sequence[int]) -> str:
    """Return the Python source of a C function.

    It cuts the point into its parts, finds the data, calls the compiled graph, and copies what that
    gives one after the other.

    Parameters
    ----------
    template
        The frame.
    graphs
        The compiled graphs.
    reads
        Which data this one reads.
    results
        Number of axes of each thing that is copied.
    """
    points, data, stored = graphs.dims
    unpack, arguments, check, entry = ["at = 0"], [], ["pass"], 2
    for k, ndim in enumerate(points):
        lengths = [f"table[{entry + axis}]" for axis in range(ndim)]
        size = " * ".join(lengths) or "1"
        shape = f"({''.join(f'{n}, ' for n in lengths)})"
        unpack += [f"p{k} = x[at : at + {size}].reshape({shape})", f"at += {size}"]
        arguments.append(f"p{k}")
        entry += ndim
    for k, ndim in enumerate(stored):
        # What is not of its dims' lengths would be written beyond its place.
        for axis in range(ndim):
            check += [f"if r{k}.shape[{axis}] != table[{entry + axis}]:", "    return -3"]
        entry += ndim
    for k, (ndim, kind, read) in enumerate(zip(data, graphs.types, reads, strict=True)):
        if read:
            shape = "".join(f"table[{entry + 1 + axis}], " for axis in range(ndim))
            unpack.append(f"d{k} = carray(pointer(table[{entry}]), ({shape}), {kind}_)")
            arguments.append(f"d{k}")
        entry += 1 + ndim
    copy = []
    for k, ndim in enumerate(results):
        index = ", ".join(f"i{axis}" for axis in range(ndim))
        for axis in range(ndim):
            copy.append(f"{'    ' * axis}for i{axis} in range(r{k}.shape[{axis}]):")
        step = "    " * ndim
        value = f"r{k}[{index}]" if ndim else f"asarray(r{k}).item()"
        copy += [f"{step}out[at] = {value}", f"{step}at += 1"]
    inset = "        "
    return template.format(
        entries=entry,
        unpack="\n".join(inset + line for line in unpack),
        arguments="*" + " + ".join(_tuples(arguments)),
        results=", ".join(f"r{k}" for k in range(len(results))),
        check="\n".join(inset + line for line in check),
        copy="\n".join(inset + line for line in copy),
    )


def _tuples(names: Sequence[str], most: int = 20) -> Iterator[str]:
    """Yield names in tuples of source; Python makes a long one from a list, which numba refuses."""
    for k in range(0, len(names), most):
        yield f"({', '.join(names[k : k + most])},)"


def _c_functions(graphs: Graphs) -> list[Any]:
    """Return the compile results of the density and of the expansion, as numba has them."""
    import numba
    from numba.core.ccallback import CFunc
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.errors import NumbaWarning
    from numba.core.sigutils import normalize_signature

    f8, address = numba.types.CPointer(numba.types.double), numba.types.voidptr
    size, code = numba.types.uint64, numba.types.int64
    known = {"carray": numba.carray, "int64": numba.int64, "pointer": _pointer()}
    known |= {"isfinite": np.isfinite, "asarray": np.asarray}
    known |= {f"{kind}_": numba.from_dtype(kind) for kind in graphs.types}
    results = []
    for template, function, reads, copied, signature in (
        (
            _DENSITY,
            graphs.density,
            graphs.reads[0],
            graphs.dims[0],
            code(size, f8, f8, f8, address),
        ),
        (
            _EXPAND,
            graphs.expand,
            graphs.reads[1],
            graphs.dims[2],
            code(size, size, f8, f8, address),
        ),
    ):
        # What numba keeps says of which module it is, and that must be found again.
        space = {"__name__": __name__, "inner": function.vm.jit_fn, **known}
        exec(_source(template, graphs, reads, copied), space)
        outer = space["density" if template is _DENSITY else "expand"]
        # Much is compiled only now, so that the switch is set here too.
        with (
            global_compiler_lock,
            pytensor.config.change_flags(numba__fastmath=False),
            warnings.catch_warnings(),
        ):
            # Of an operation on a large constant; so is this function then, and is not kept.
            warnings.filterwarnings("ignore", "Cannot cache compiled function", NumbaWarning)
            c_function = CFunc(outer, normalize_signature(signature), locals={}, options={})
            results.append(c_function._compile_uncached())  # type: ignore[attr-defined]
    return results


@functools.cache
def _pointer() -> Any:
    """Return numba's way from an address, an integer, to a pointer."""
    from numba.core import cgutils, types
    from numba.extending import intrinsic

    @intrinsic  # type: ignore[untyped-decorator]
    def pointer(typing: Any, address: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.inttoptr(values[0], cgutils.voidptr_t)

        return types.voidptr(address), code

    return pointer


# --- kept code ------------------------------------------------------------------------------------
_codes: dict[str, Code] = {}
"""Code that this process has loaded, by its key."""


def folder() -> Path:
    """Return where code is kept: below PyTensor's own folder, which ``PYTENSOR_FLAGS`` can move."""
    return Path(pytensor.config.base_compiledir) / "forecast"


def _code(key: str | None, graphs: Callable[[], Graphs]) -> Code:
    """Return the code of a key: of this process, from the folder, or compiled now and kept."""
    if key is None:
        return _addressed(_c_functions(graphs()))
    if key not in _codes:
        _codes[key] = _loaded(key) or _compiled_once(key, graphs)
    return _codes[key]


def _compiled_once(key: str, graphs: Callable[[], Graphs]) -> Code:
    """Compile and keep; of several processes that want the same, one does and the others wait."""
    place, results = folder(), None
    if not _own(place, make=True):
        logger.warning(
            f"compiled code is not kept: {place} is not this user's alone; remove it, or set "
            "another base_compiledir in PYTENSOR_FLAGS"
        )
        return _addressed(_c_functions(graphs()))
    try:
        with lock.hold(place / f"{key}.lock", f"the code {key[:12]}", patience=PATIENCE):
            found = _loaded(key)
            if found is None:
                results = _c_functions(graphs())
                _keep(key, results)
                found = _addressed(results)
            return found
    except (StoreError, OSError) as error:
        logger.warning(f"compiled code is not kept: {error}")
        return _addressed(results or _c_functions(graphs()))


def _addressed(results: Sequence[Any]) -> Code:
    from numba.core.compiler_lock import global_compiler_lock

    with global_compiler_lock:
        density, expand = (
            one.library.get_pointer_to_function(one.fndesc.llvm_cfunc_wrapper_name)
            for one in results
        )
    return Code(density, expand, tuple(results))


def _keep(key: str, results: Sequence[Any]) -> None:
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.serialize import dumps

    with global_compiler_lock:
        # Of a large constant the code has the address, which is of this process.
        if any(one.library.has_dynamic_globals for one in results):
            return
        body = dumps([one._reduce() for one in results])
    with whole(folder() / f"{key}.code") as fresh:
        fresh.write_bytes(_MAGIC + hashlib.sha256(body).digest() + body)
    with contextlib.suppress(OSError):  # another process tidies up too
        by_use = sorted(folder().glob("*.code"), key=lambda path: path.stat().st_mtime_ns)
        for old in by_use[:-KEPT]:
            old.unlink(missing_ok=True)
            old.with_suffix(".lock").unlink(missing_ok=True)


def _loaded(key: str) -> Code | None:
    """Return kept code, or None if there is none that may be trusted."""
    path = folder() / f"{key}.code"
    if not (_own(folder()) and _own(path)):
        return None
    try:
        text = path.read_bytes()
    except OSError:  # gone meanwhile
        return None
    digest, body = text[len(_MAGIC) :][:_DIGEST], text[len(_MAGIC) + _DIGEST :]
    if not text.startswith(_MAGIC) or hashlib.sha256(body).digest() != digest:
        logger.warning(f"the compiled code {path} is damaged; it is made again")
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    return _addressed(_rebuilt(body))


def _rebuilt(body: bytes) -> list[Any]:
    """Return the compile results that :func:`_keep` wrote; of our own files alone, for it runs them."""
    from numba.core.compiler import CompileResult
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.registry import cpu_target

    context = cpu_target.target_context
    with global_compiler_lock:
        context.refresh()
        return [CompileResult._rebuild(context, *part) for part in pickle.loads(body)]


def _own(path: Path, *, make: bool = False) -> bool:
    """Return whether a file or folder is this user's and nobody else may write to it."""
    try:
        if make:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = path.lstat()
    except OSError:
        return False
    own = not hasattr(os, "getuid") or held.st_uid == os.getuid()
    return own and not held.st_mode & 0o022 and not stat.S_ISLNK(held.st_mode)
