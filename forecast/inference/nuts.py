"""The sampler: nutpie's NUTS on a compiled model. The one file that knows nutpie.

Where its private door is known (:func:`forecast.inference.compile.private_doors`), its compiled half is
loaded without its Python half, which imports ArviZ and Matplotlib, two seconds a process, and calls our
C functions. Otherwise its public door takes the same functions from Python, slower.

Invariant: the draws are the same bit for bit by either door, with a bar of progress or without.
``tests/test_compile.py`` compares them.
"""

from __future__ import annotations

import dataclasses
import importlib.machinery
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from forecast.inference.compile import Ready
    from forecast.inference.spec import Spec

NAME = "nutpie, NUTS, numba"
"""As specs and manifests call it."""
_KINDS = {"diag": "Diag", "low_rank": "LowRank"}
_LEFT_OUT = frozenset(
    {
        "chain",
        "draw",
        "gradient",
        "unconstrained_draw",
        "mass_matrix_inv",
        "mass_matrix_eigvals",
        "mass_matrix_stds",
        "divergence_start",
        "divergence_end",
        "divergence_momentum",
        "divergence_start_gradient",
        "transformed_position",
        "transformed_gradient",
        "transformation_mu",
    }
)
"""Statistics that say where a draw stands, or that the sampler fills only when asked."""


@dataclasses.dataclass(frozen=True)
class Drawn:
    """What is stored of the draws, and their statistics: arrays of shape (chain, draw, ...) by name."""

    stored: dict[str, np.ndarray]
    statistics: dict[str, np.ndarray]


def draw(ready: Ready, spec: Spec, *, progress: bool = False) -> Drawn:
    """Sample a model that is ready.

    Parameters
    ----------
    ready
        The model with its data.
    spec
        How: draws, tuning steps, chains, seed, acceptance, adaptation, depth.
    progress
        Show a bar.

    Raises
    ------
    KeyboardInterrupt
        If sampling was interrupted; the sampler itself then returns what there is.
    BaseException
        What the sampler raises, such as a panic where no starting point has a density.
    """
    if ready.code is None:
        trace = _by_public_door(_called(ready), spec, progress)
    elif progress:
        trace = _by_public_door(_Shown(ready), spec, progress)
    else:
        trace = _by_private_door(ready, spec)
    draws, statistics = trace.get_arrow_trace()
    if min(batch.num_rows for batch in draws) < spec.tune + spec.draws:
        raise KeyboardInterrupt("sampling was interrupted before all draws were taken")
    shapes = ready.stored
    return Drawn(
        {name: _array(draws, name, spec.draws, shape) for name, shape in shapes.items()},
        {
            name: _array(statistics, name, spec.draws, ())
            for name in statistics[0].column_names
            if name not in _LEFT_OUT
        },
    )


def _cores(spec: Spec) -> int:
    counted = getattr(os, "process_cpu_count", os.cpu_count)()
    return min(spec.chains, counted or 1)


def _array(batches: Sequence[Any], name: str, last: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return the last rows of one column of all chains, shape (chain, row, ...)."""
    import pyarrow as pa

    chains = []
    for batch in batches:
        column = pa.array(batch.column(name))
        if pa.types.is_integer(column.type):
            column = column.fill_null(0)  # of a draw that did not diverge there is no such number
        flat = column.flatten() if hasattr(column, "flatten") else column
        rows = flat.to_numpy(zero_copy_only=False).reshape((batch.num_rows, *shape))
        chains.append(rows[batch.num_rows - last :])
    return np.stack(chains)


# --- the private door -----------------------------------------------------------------------------
def _compiled_half() -> Any:
    """Return nutpie's compiled module without importing nutpie, which may still be imported later."""
    name = "nutpie._lib"
    if name not in sys.modules:
        package = importlib.util.find_spec("nutpie")
        places = package.submodule_search_locations if package else None
        spec = importlib.machinery.PathFinder.find_spec(name, places)
        if spec is None or spec.loader is None:
            raise ImportError(f"no module {name}; install nutpie again")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def _by_private_door(ready: Ready, spec: Spec) -> Any:
    lib = _compiled_half()
    settings = getattr(lib.PyNutsSettings, _KINDS[spec.adaptation])(spec.seed)
    settings.update(
        {
            "num_draws": spec.draws,
            "num_tune": spec.tune,
            "num_chains": spec.chains,
            "target_accept": spec.target_accept,
            "maxdepth": spec.max_depth,
        }
    )
    sampler = _sampler(
        ready, settings, _cores(spec), lib.ProgressType.none(), None, 500, lib.PyStorage.arrow()
    )
    try:
        sampler.wait(None)
    except BaseException:
        sampler.abort()
        raise
    return sampler.take_results()


def _sampler(
    ready: Ready,
    settings: Any,
    cores: int,
    progress: Any,
    callback: Any,
    rate: int,
    store: Any,
) -> Any:
    """Return nutpie's sampler, started, on our C functions."""
    lib, code = _compiled_half(), ready.code
    assert code is not None  # the caller has looked
    table = ready.table.ctypes.data
    dims = {name: [f"{name} {axis}" for axis in range(len(s))] for name, s in ready.stored.items()}
    sizes = {
        dim: n for name, s in ready.stored.items() for dim, n in zip(dims[name], s, strict=True)
    }
    model = lib.PyMcModel(
        lib.LogpFunc(code.density, table, ready),
        lib.ExpandFunc(ready.size, int(ready.table[1]), code.expand, table, ready),
        lib.PyVariable.new_variables(
            list(dims), ["float64"] * len(dims), list(ready.stored.values()), sizes, dims
        ),
        ready.size,
        sizes,
        {},
        ready.start,
        None,
    )
    return lib.PySampler.from_pymc(settings, cores, model, progress, callback, rate, store)


@dataclasses.dataclass(frozen=True)
class _Shown:
    """Our C functions in the shape that nutpie's own function takes, which shows progress."""

    ready: Ready
    dims: Mapping[str, object] = dataclasses.field(default_factory=dict)
    coords: Mapping[str, object] = dataclasses.field(default_factory=dict)
    reparameterized_names: Sequence[str] = ()

    @property
    def n_dim(self) -> int:
        return self.ready.size

    def _make_sampler(self, settings: Any, _start: np.ndarray, *rest: Any) -> Any:
        return _sampler(self.ready, settings, *rest)


# --- the public door ------------------------------------------------------------------------------
def _called(ready: Ready) -> Any:
    """Return the model as nutpie takes functions of Python."""
    from nutpie.compiled_pyfunc import from_pyfunc

    plain = ready.plain()
    return from_pyfunc(
        ready.size,
        lambda: plain.density,
        lambda *_: plain.expand,
        [np.dtype(np.float64)] * len(ready.stored),
        list(ready.stored.values()),
        list(ready.stored),
        make_initial_point_fn=ready.start,
    )


def _by_public_door(compiled: Any, spec: Spec, progress: bool) -> Any:
    import nutpie

    return nutpie.sample(
        compiled,
        draws=spec.draws,
        tune=spec.tune,
        chains=spec.chains,
        target_accept=spec.target_accept,
        maxdepth=spec.max_depth,
        seed=spec.seed,
        adaptation=spec.adaptation,
        cores=_cores(spec),
        progress_bar=progress,
        return_raw_trace=True,
    )
