"""Model, panel and priors -> draws of the sampler, and of the prior.

Invariant: the same spec and panel give the same draws, bit for bit, in any process on the same
machine and library versions, whether the model was compiled now or before, for these data or others.
``tests/test_fitting.py`` proves it in two new processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import xarray as xr

from forecast.core.errors import GateError
from forecast.inference import nuts
from forecast.inference.compile import check_shapes, make_ready
from forecast.inference.groups import groups
from forecast.models import common

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from forecast.inference.spec import Spec
    from forecast.models.base import AnyModel, Panel


def _stored_labels(model: pm.Model) -> dict[str, Sequence[object]]:
    """Return the labels of the dimensions of what is sampled and stored; data may have others."""
    stored = (v.name for v in (*model.free_RVs, *model.deterministics))
    dims = {dim for name in stored for dim in model.named_vars_to_dims.get(name, ())}
    return {dim: labels for dim, labels in model.coords.items() if labels and dim in dims}


def _dims(model: pm.Model, name: str, ndim: int) -> tuple[str, ...]:
    """Return the dims of what is stored of a draw; an axis without a name is given one."""
    dims = model.named_vars_to_dims.get(name) or [None] * ndim
    return tuple(str(d) if d else f"{name}_dim_{axis}" for axis, d in enumerate(dims))


def sample_model(
    entry: AnyModel, panel: Panel, priors: object, spec: Spec, *, progress: bool = False
) -> xr.DataTree:
    """Sample a model of a panel as `spec` says; no checks.

    Raises
    ------
    KeyboardInterrupt
        If sampling was interrupted.
    GateError
        If the sampler failed.
    """
    build = entry.compact or entry.build
    model: pm.Model = build(panel, priors)
    ready = make_ready(model, build(panel, entry.priors), spec.code_hash)
    try:
        drawn = nuts.draw(ready, spec, progress=progress)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        check_shapes(model)
        told = str(error).split("\n\nStack backtrace")[0]
        raise GateError(
            f"the sampler stopped on the {spec.model} model: {type(error).__name__}: {told}. "
            "The log density is not finite at the start, or a panel value is out of range"
        ) from error
    labels = {dim: np.asarray(values) for dim, values in _stored_labels(model).items()}
    steps = {"chain": np.arange(spec.chains), "draw": np.arange(spec.draws)}

    def dataset(arrays: Mapping[str, np.ndarray], coords: Mapping[str, np.ndarray]) -> xr.Dataset:
        return xr.Dataset(
            {
                name: (("chain", "draw", *_dims(model, name, array.ndim - 2)), array)
                for name, array in arrays.items()
            },
            coords={**steps, **coords},
        )

    return xr.DataTree.from_dict(
        {
            "posterior": dataset(drawn.stored, labels),
            "sample_stats": dataset(drawn.statistics, {}),
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
    drawn = xr.Dataset(
        {  # a single draw comes without an axis for it
            v.name: (
                ("chain", "draw", *_dims(built, v.name, v.ndim)),
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
