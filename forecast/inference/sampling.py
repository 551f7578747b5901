"""Model, panel and priors -> draws of the sampler, and of the prior.

Invariant: the same spec and panel give the same draws, bit for bit, in any process on the same
machine and library versions, whether the model was compiled now, taken from the disk cache or
re-used with new data. ``tests/test_fitting.py`` proves it in two new processes. It holds because
numba's fast-math, which lets the compiler re-order sums, is switched off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import nutpie
import pymc as pm
import pytensor
import pytensor.tensor as pt
import xarray as xr

from forecast.core.errors import GateError
from forecast.inference.groups import groups
from forecast.models import common

if TYPE_CHECKING:
    from forecast.inference.spec import Spec
    from forecast.models.base import AnyModel, Panel

SAMPLER = "nutpie, NUTS, numba"


class Compiled(Protocol):
    """A model as the sampler takes it."""

    def with_data(self, **data: np.ndarray) -> Compiled:
        """Return the same compiled code with other data."""
        ...


_compiled: dict[tuple[object, ...], Compiled] = {}
"""Compiled models of this process by structure; data and prior numbers are not part of it."""


def _compile(entry: AnyModel, panel: Panel, priors: object) -> tuple[pm.Model, Compiled]:
    """Return a panel's model, and the compiled model carrying its data and prior numbers.

    Only a new structure is compiled. The sampler takes its starting points from the model it was
    compiled from, so that one is always built with the default priors: a re-used compiled model
    then starts where a fresh one would.
    """
    model: pm.Model = entry.build(panel, priors)
    lengths = tuple((dim, len(labels)) for dim, labels in sorted(_stored_labels(model).items()))
    key = (entry.name, lengths, tuple(sorted(v.name for v in model.free_RVs)))
    with pytensor.config.change_flags(numba__fastmath=False):
        if key not in _compiled:
            packed, starts = _packed(entry.build(panel, entry.priors))
            _compiled[key] = nutpie.compile_pymc_model(
                packed, backend="numba", initial_points=starts
            )
        numbers, places = _pack(model)
        return model, _compiled[key].with_data(numbers=numbers, places=places)


def _stored_labels(model: pm.Model) -> dict[str, Sequence[object]]:
    """Return the labels of the dimensions of what is sampled and stored; data may have others."""
    stored = (v.name for v in (*model.free_RVs, *model.deterministics))
    dims = {dim for name in stored for dim in model.named_vars_to_dims.get(name, ())}
    return {dim: labels for dim, labels in model.coords.items() if labels and dim in dims}


def _pack(model: pm.Model) -> tuple[np.ndarray, np.ndarray]:
    """Return all data of a model as one array, and where each begins and its lengths, in order."""
    values = [np.asarray(v.get_value()) for v in model.data_vars]
    begins = np.cumsum([0, *(v.size for v in values)])
    numbers = np.concatenate([v.astype(float).ravel() for v in values])
    places = [n for v, begin in zip(values, begins[:-1], strict=True) for n in (begin, *v.shape)]
    return numbers, np.array(places, dtype=np.int64)


def _packed(model: pm.Model) -> tuple[pm.Model, dict[str, object]]:
    """Return the model with all its data in two arrays, and its starting values.

    In each new process the sampler compiles how data arrive, at about a second an array: with two in
    place of twenty-five the earnings model is ready in 13 seconds instead of 34.
    """
    numbers, places = (
        pytensor.shared(array, name=name, shape=(None,))
        for array, name in zip(_pack(model), ("numbers", "places"), strict=True)
    )
    views, k = {}, 0
    for v in model.data_vars:
        lengths = [places[k + 1 + axis] for axis in range(v.ndim)]
        flat = numbers[places[k] : places[k] + pt.prod(lengths, dtype="int64")]
        views[v] = pt.cast(flat.reshape(lengths), v.dtype) if v.ndim else numbers[places[k]]
        k += 1 + v.ndim
    # PyMC's surgery carries neither starting values over nor the order of the variables.
    starts = {v.name: x for v, x in model.rvs_to_initial_values.items() if x is not None}
    model.rvs_to_initial_values.update(dict.fromkeys(model.rvs_to_initial_values))
    packed = pm.do(model, views)
    for there, here in ((packed.free_RVs, model.free_RVs),
                        (packed.deterministics, model.deterministics)):  # fmt: skip
        order = [v.name for v in here]
        there.sort(key=lambda v, order=order: order.index(v.name))
    return packed, starts


def _sample(compiled: Compiled, spec: Spec, progress: bool) -> xr.DataTree:
    try:
        tree: xr.DataTree = nutpie.sample(
            compiled,
            draws=spec.draws,
            tune=spec.tune,
            chains=spec.chains,
            seed=spec.seed,
            target_accept=spec.target_accept,
            adaptation=spec.adaptation,
            maxdepth=spec.max_depth,
            save_warmup=False,
            progress_bar=progress,
        )
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise GateError(
            f"the sampler stopped on the {spec.model} model: {type(error).__name__}: {error}. "
            "The log density is not finite at the start, or a panel value is out of range"
        ) from error
    return tree


def sample_model(
    entry: AnyModel, panel: Panel, priors: object, spec: Spec, *, progress: bool = False
) -> xr.DataTree:
    """Sample a model of a panel as `spec` says; no checks.

    Raises
    ------
    KeyboardInterrupt
        If sampling was interrupted: the sampler then returns padded draws as if all were well.
    GateError
        If the sampler failed.
    """
    model, compiled = _compile(entry, panel, priors)
    tree = _sample(compiled, spec, progress)
    posterior = tree["posterior"].to_dataset()
    if not all(np.isfinite(posterior[v].values).all() for v in posterior.data_vars):
        raise KeyboardInterrupt("sampling was interrupted before all draws were taken")
    # A re-used compiled model still carries the labels it was compiled with.
    labels = {dim: np.asarray(values) for dim, values in _stored_labels(model).items()}
    return xr.DataTree.from_dict(
        {
            "posterior": posterior.assign_coords(labels),
            "sample_stats": tree["sample_stats"].to_dataset(),
        }
    )


def full_tree(
    entry: AnyModel, panel: Panel, priors: object, spec: Spec, *, progress: bool = False
) -> xr.DataTree:
    """Sample a model as :func:`sample_model`; add what was integrated out, densities and new data."""
    tree = sample_model(entry, panel, priors, spec, progress=progress)
    rng = np.random.default_rng([spec.seed, 1])
    full = entry.completed(tree["posterior"].to_dataset(), panel, priors, rng, given=True)
    tree["posterior"] = xr.DataTree(full)
    rng = np.random.default_rng([spec.seed, 2])
    for name, group in groups(entry, full, panel, priors, rng).items():
        tree[name] = xr.DataTree(group)
    return tree


def prior_draws(
    model: AnyModel, panel: Panel, priors: object, *, size: int, seed: int
) -> xr.Dataset:
    """Draw parameters from the prior, dims chain (one) and draw."""
    built: pm.Model = model.build(panel, priors)
    chosen = [v for v in (*built.free_RVs, *built.deterministics) if v.name not in common.DENSITIES]
    values = pm.draw(chosen, draws=size, random_seed=seed, mode="FAST_COMPILE")
    dims = {str(name): axes for name, axes in built.named_vars_to_dims.items()}
    drawn = xr.Dataset(
        {  # a single draw comes without an axis for it
            v.name: (
                ("chain", "draw", *dims.get(v.name, ())),
                np.reshape(array, (1, size, *np.shape(array)[int(size > 1) :])),
            )
            for v, array in zip(chosen, values, strict=True)
        },
        coords={dim: np.asarray(labels) for dim, labels in _stored_labels(built).items()},
    ).assign_coords(chain=[0], draw=np.arange(size))
    return model.completed(drawn, panel, priors, np.random.default_rng(seed), given=False)


def prior_misses(
    model: AnyModel, panel: Panel, priors: object, *, seed: int, size: int = 1000
) -> list[tuple[str, float]]:
    """Return, for each of a model's prior ranges, the share of prior predictive draws outside."""
    parameters = prior_draws(model, panel, priors, size=size, seed=seed)
    data = model.replicate(parameters, panel, priors, np.random.default_rng(seed))
    misses = []
    for what, statistic, low, high in model.prior_checks:
        drawn = statistic(data, panel)
        if drawn.size == 0:  # the panel holds nothing that this range is about
            continue
        misses.append((what, float(1 - np.mean((drawn >= low) & (drawn <= high)))))
    return misses
