"""What is stored alongside the posterior of a fit: densities by draw, replicated and observed data.

The groups have ArviZ' names, so that ``arviz.loo``, predictive checks and power-scaling take a fitted
tree as it is:

``log_likelihood``
    One variable for the panel's rows. Where it is a product over them its dims are chain, draw, obs:
    what several observed variables say of one row is added up. Else they are those of the parts into
    which it falls, or chain and draw alone. ``attrs["by"]`` says which: only what is by row, and not
    given the rows before it, is what leave-one-out asks for. A model of two kinds of data has a variable
    for the second besides, added up over all but one of its dims.
``log_prior``
    The density of each parameter whose prior a sensitivity check scales. Latent variables, which are
    part of the process, are left out.
``posterior_predictive``
    New data for the panel's rows from the model's ``replicate``, of evenly chosen draws where those
    of all would be large.
``observed_data``
    The panel's values under the same names.

Invariant: summed over all but the draws, ``log_likelihood`` is the density of the data that the sampler
saw, up to its single precision. ``tests/test_groups.py`` compares it with the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import xarray as xr
from pymc.model.transform.conditioning import remove_value_transforms
from pytensor.graph.replace import vectorize_graph

from forecast.core.draws import sample_first
from forecast.core.words import SAMPLE
from forecast.models import common

if TYPE_CHECKING:
    from forecast.models.base import AnyModel, Panel

BY_ROW, BY_ROW_AHEAD = "row of the panel", "row of the panel given the rows before it"
JOINT = "all data together"
MOST_REPLICATED = 400_000
"""Rows that are replicated, over all draws: 1.6 MB a variable."""
_NORMAL = type(pm.MvNormal.rv_op)
AT_ONCE = 500
"""Draws whose densities are computed at once: enough that no time goes by between them, few enough
that the arrays of a large panel fit in memory."""


def groups(
    entry: AnyModel, posterior: xr.Dataset, panel: Panel, priors: object, rng: np.random.Generator
) -> dict[str, xr.Dataset]:
    """Return the groups of a fit that are stored alongside its posterior.

    Parameters
    ----------
    entry, panel, priors
        What was fitted.
    posterior
        Its draws, completed; dims chain, draw and the parameter's own.
    rng
        Source of the replicated data.

    Returns
    -------
    dict of xarray.Dataset
        By group, in single precision but for the observed data.
    """
    model: pm.Model = entry.build(panel, priors)
    # PyMC's surgery takes no starting values; there is nothing to start here.
    model.rvs_to_initial_values.update(dict.fromkeys(model.rvs_to_initial_values))
    model = remove_value_transforms(model)
    replicated = _replicated(entry, posterior, panel, priors, rng)
    names = [str(name) for name in replicated.data_vars]
    return {
        "log_likelihood": _likelihood(model, posterior, panel, names),
        "log_prior": _prior(entry, model, posterior),
        "posterior_predictive": replicated,
        "observed_data": _observed(panel, names),
    }


def total(group: xr.Dataset) -> xr.DataArray:
    """Return a group of log densities added up, dims chain, draw."""
    parts = [array.astype(float) for array in group.data_vars.values()]
    sums = [a.sum([d for d in a.dims if d not in SAMPLE]).transpose(*SAMPLE) for a in parts]
    return sum(sums[1:], start=sums[0])


def densities(model: pm.Model, posterior: xr.Dataset, graphs: Sequence[Any]) -> list[np.ndarray]:
    """Return log densities at every draw, each of shape (sample, ...).

    Parameters
    ----------
    model
        Without transforms, so that its value variables are the parameters themselves.
    posterior
        Draws of all its free variables.
    graphs
        Densities in terms of the model's value variables.
    """
    values = [model.rvs_to_values[v] for v in model.free_RVs]
    batched = [pt.tensor(v.name, dtype=v.dtype, shape=(None, *v.type.shape)) for v in values]
    # Interpreted, many draws at once: no compile, and no call for every draw.
    compute = pytensor.function(
        batched,
        vectorize_graph(list(graphs), dict(zip(values, batched, strict=True))),
        mode="FAST_COMPILE",
        on_unused_input="ignore",
    )
    flat = [sample_first(posterior, v.name) for v in model.free_RVs]
    parts = []
    with np.errstate(all="ignore"):  # a draw of the prior may have no density at all
        for k in range(0, len(flat[0]), AT_ONCE):
            parts.append(compute(*(array[k : k + AT_ONCE] for array in flat)))
    return [np.concatenate(one) for one in zip(*parts, strict=True)]


def _ahead(model: pm.Model, v: pt.TensorVariable) -> pt.TensorVariable:
    """Return the density of each value of a multivariate normal variable given those before it."""
    mean, cov = model.replace_rvs_by_values(list(v.owner.op.dist_params(v.owner)))
    root = pt.linalg.cholesky(cov, lower=True)
    off = pt.linalg.solve_triangular(root, model.rvs_to_values[v] - mean, lower=True, b_ndim=1)
    return -0.5 * (off**2 + np.log(2 * np.pi)) - pt.log(pt.diagonal(root))


def _likelihood(
    model: pm.Model, posterior: xr.Dataset, panel: Panel, names: Sequence[str]
) -> xr.Dataset:
    if common.LIKELIHOOD in posterior:  # told by what drew the states
        joint = posterior[common.LIKELIHOOD].drop_attrs()
        return xr.Dataset({"panel": joint.astype(np.float32)}, attrs={"by": JOINT})
    parts = [*model.observed_RVs, *model.potentials]
    if not parts:  # a model of its prior alone
        none = _labelled(posterior, np.zeros(np.prod([posterior.sizes[d] for d in SAMPLE])))
        return xr.Dataset({"panel": none}, attrs={"by": JOINT})
    ahead = [v in model.observed_RVs and isinstance(v.owner.op, _NORMAL) for v in parts]
    graphs = model.logp(vars=parts, sum=False)
    found = densities(
        model,
        posterior,
        [_ahead(model, v) if a else g for v, a, g in zip(parts, ahead, graphs, strict=True)],
    )
    by_variable = dict(zip(parts, found, strict=True))
    besides = {}
    for v in parts:
        dim = (model.named_vars_to_dims.get(v.name) or ("",))[0]
        if dim.endswith(common.CELL):
            own = dim.removesuffix(common.CELL)
            summed = np.zeros((len(found[0]), panel.data.sizes[own]))
            where = np.asarray(model.coords[dim], dtype=np.int64)
            np.add.at(summed.T, where, by_variable.pop(v).T)
            besides[v.name] = _labelled(posterior, summed, own)
    rows = _of_rows(model, posterior, panel, names, by_variable, any(ahead))
    return rows.assign(besides)


def _of_rows(
    model: pm.Model,
    posterior: xr.Dataset,
    panel: Panel,
    names: Sequence[str],
    by_variable: Mapping[pt.TensorVariable, np.ndarray],
    ahead: bool,
) -> xr.Dataset:
    """Label densities by the panel's rows, where they fall into such, or by their own parts."""
    parts, found = list(by_variable), list(by_variable.values())
    all_dims = [tuple(model.named_vars_to_dims.get(v.name) or ()) for v in parts]
    by_row_of_panel = all(len(d) == 1 and d[0].endswith(common.ROW) for d in all_dims)
    if not by_row_of_panel and (len(set(all_dims)) > 1 or len(all_dims[0]) != 1):
        return _by_variable(model, posterior, by_variable, ahead)
    dims = [dim for (dim,) in all_dims]
    if not by_row_of_panel:
        (dim,) = set(dims)
        whole = _labelled(posterior, np.sum(found, axis=0), dim)
        return xr.Dataset({"panel": whole}, attrs={"by": dim})
    by_row = np.zeros((len(found[0]), panel.data.sizes["obs"]))
    for dim, values in zip(dims, found, strict=True):
        np.add.at(by_row.T, np.asarray(model.coords[dim], dtype=np.int64), values.T)
    name = names[0] if len(names) == 1 else "row"
    rows = _labelled(posterior, by_row, "obs")
    return xr.Dataset({name: rows}, attrs={"by": BY_ROW_AHEAD if ahead else BY_ROW})


def _by_variable(
    model: pm.Model,
    posterior: xr.Dataset,
    found: Mapping[pt.TensorVariable, np.ndarray],
    ahead: bool,
) -> xr.Dataset:
    """Label densities by the dims of their variables, or as ArviZ names those of one without."""
    labelled = {}
    for v, values in found.items():
        dims = tuple(model.named_vars_to_dims.get(v.name) or ())
        if len(dims) != values.ndim - 1:
            dims = tuple(f"{v.name}_dim_{k}" for k in range(values.ndim - 1))
        labelled[v.name] = _labelled(posterior, values, *dims)
    by_row = BY_ROW_AHEAD if ahead else BY_ROW
    joint = any(v in model.potentials for v in found)
    return xr.Dataset(labelled, attrs={"by": JOINT if joint else by_row})


def _labelled(posterior: xr.Dataset, values: np.ndarray, *dims: str) -> xr.DataArray:
    shape = tuple(posterior.sizes[d] for d in SAMPLE)
    return xr.DataArray(
        values.reshape(*shape, *values.shape[1:]).astype(np.float32),
        {d: posterior[d].values for d in (*SAMPLE, *dims) if d in posterior.coords},
        (*SAMPLE, *dims),
    )


def _prior(entry: AnyModel, model: pm.Model, posterior: xr.Dataset) -> xr.Dataset:
    if common.HYPER in posterior:
        return posterior[[common.HYPER]].astype(np.float32).drop_attrs()
    scaled = [v for v in model.free_RVs if v.name not in entry.latent]
    found = densities(model, posterior, model.logp(vars=scaled, sum=False))
    dims = {v.name: model.named_vars_to_dims.get(v.name, ()) for v in scaled}
    return xr.Dataset(
        {
            v.name: _labelled(posterior, values, *dims[v.name])
            for v, values in zip(scaled, found, strict=True)
        }
    )


def _replicated(
    entry: AnyModel, posterior: xr.Dataset, panel: Panel, priors: object, rng: np.random.Generator
) -> xr.Dataset:
    largest = max(variable.size for variable in panel.data.data_vars.values())
    most = MOST_REPLICATED // (largest * posterior.sizes["chain"])
    count = posterior.sizes["draw"]
    at = np.linspace(0, count - 1, max(min(count, most), 1)).round().astype(int)
    some = posterior.isel(draw=at)
    drawn = entry.replicate(some, panel, priors, rng)
    known = {str(n): [str(d) for d in v.dims] for n, v in panel.data.data_vars.items()}
    dims = {n: known.get(n, ["obs"]) for n in drawn}
    return xr.Dataset({n: _labelled(some, values, *dims[n]) for n, values in drawn.items()})


def _observed(panel: Panel, names: Sequence[str]) -> xr.Dataset:
    data = panel.data
    with np.errstate(divide="ignore"):
        values = {
            name: data[name].values if name in data else np.log(data["value"].values)
            for name in names
        }
    dims = {n: data[n].dims if n in data else ("obs",) for n in names}
    used = {d for own in dims.values() for d in own}
    labels = {str(n): c.variable for n, c in data.coords.items() if used.issuperset(c.dims)}
    return xr.Dataset({n: (dims[n], v) for n, v in values.items()}, labels)
