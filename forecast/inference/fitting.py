"""Model and panel -> run: sampled, checked, stamped, stored.

Invariant: a fit is kept under a hash of all that decides its draws, and read back only if its gate was
stamped on these very draws.
"""

from __future__ import annotations

import dataclasses
import html
import importlib.metadata
import json
import logging
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError, StoreError
from forecast.inference import gate as gates
from forecast.inference import nuts
from forecast.inference.codehash import fit_hash
from forecast.inference.sampling import full_tree, prior_misses
from forecast.inference.spec import Spec
from forecast.models.panels import build_panel
from forecast.models.registry import get_model, room_of
from forecast.store import fits, runs

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from forecast.models.base import AnyModel, Panel
    from forecast.tables.vintages import Known

logger = logging.getLogger(__name__)
VERSIONED = ("pymc", "pytensor", "nutpie", "numba", "numpy", "xarray")


@dataclasses.dataclass(frozen=True)
class Run:
    """A fitted model with all that made it.

    Attributes
    ----------
    spec
        What decided the draws.
    panel
        The inputs.
    tree
        ``xarray.DataTree`` with groups ``posterior`` and ``sample_stats``.
    gate
        The stamp, or None if the run was not checked.
    """

    spec: Spec
    panel: Panel
    tree: xr.DataTree
    gate: gates.Gate | None

    @property
    def posterior(self) -> xr.Dataset:
        """The posterior draws, dims chain, draw and the parameter's own."""
        return self.tree["posterior"].to_dataset()

    def _repr_html_(self) -> str:
        """Show what was fitted, whether it passed, and the parameters."""
        if self.gate is None:
            verdict = "not checked"
        elif self.gate.passed:
            verdict = "gate passed"
        else:
            verdict = "gate FAILED: " + "; ".join(map(str, self.gate.failures))
        head = (
            f"<p><b>{html.escape(self.spec.model)}</b> as of {self.spec.as_of}, "
            f"{self.spec.chains} chains of {self.spec.draws} draws, seed {self.spec.seed}, "
            f"priors {self.spec.variant} &mdash; {html.escape(verdict)}</p>"
        )
        table = summary(self).to_html(index=False, float_format=lambda x: f"{x:.3g}")
        return head + str(table)


def summary(run: Run) -> pd.DataFrame:
    """Return the reported parameters: mean, sd, 90 % interval, R-hat and ESS.

    Returns
    -------
    pandas.DataFrame
        Columns parameter, mean, sd, q05, q95, rhat, ess_bulk, ess_tail; one row a scalar. The
        interval is equal-tailed.
    """
    rows = []
    for name, draws in gates.cells(run.posterior, get_model(run.spec.model).report):
        rhat, bulk, tail = gates.mixing(draws)
        q05, q95 = np.quantile(draws, [0.05, 0.95])
        row = (name, draws.mean(), draws.std(ddof=1), q05, q95, rhat, bulk, tail)
        rows.append((name, *(float(x) for x in row[1:])))
    columns = ["parameter", "mean", "sd", "q05", "q95", "rhat", "ess_bulk", "ess_tail"]
    return pd.DataFrame(rows, columns=columns)


def child_seed(seed: int, *names: str) -> int:
    """Return the seed of one step, the same whatever other steps are run."""
    words = [seed, *(zlib.crc32(name.encode()) for name in names)]
    return int(np.random.SeedSequence(words).generate_state(1)[0])


def prior_set(model: AnyModel, variant: str) -> DataclassInstance:
    """Return a model's prior record by name: ``default`` or one of its variants."""
    if variant == "default":
        return model.priors
    if variant not in model.variants:
        raise DataError(
            f"{model.name} has no prior set {variant!r}; "
            f"there are default, {', '.join(model.variants)}"
        )
    return model.variants[variant]


def priors_of(spec: Spec) -> DataclassInstance:
    """Return the prior record whose numbers a spec holds.

    Raises
    ------
    DataError
        If the model's priors have other names today: the spec is of another version.
    """
    like = prior_set(get_model(spec.model), "default")
    try:
        return _record(like, spec.priors)
    except (TypeError, AttributeError) as error:
        raise DataError(
            f"the priors of this {spec.model} run are not those of the model as it is now ({error})"
        ) from error


def _record(like: DataclassInstance, numbers: Mapping[str, object]) -> DataclassInstance:
    """Return a record like another one with the numbers of :func:`dataclasses.asdict`."""
    values: dict[str, object] = {}
    for name, value in numbers.items():
        now = getattr(like, name)
        if isinstance(value, Mapping):
            nested = dataclasses.is_dataclass(now) and not isinstance(now, type)
            value = _record(now, value) if nested else dict(value)
        if isinstance(now, tuple):
            if not isinstance(value, list | tuple):
                raise TypeError(f"{name} is no list of numbers")
            value = tuple(value)
        values[name] = value
    return dataclasses.replace(like, **values)


def fit(
    model: str,
    panel: Panel,
    *,
    seed: int,
    variant: str = "default",
    draws: int = 1000,
    tune: int | None = None,
    chains: int = 4,
    target_accept: float | None = None,
    progress: bool = True,
) -> Run:
    """Fit a model to a panel and stamp the run.

    Parameters
    ----------
    model
        Name of a model.
    panel
        Its inputs, from :func:`forecast.models.panels.build_panel`.
    seed
        Seed of the sampler.
    variant
        Name of the prior set.
    draws, tune, chains
        Draws kept and tuning steps per chain, and the number of chains. By default tuning takes as
        many steps as there are draws, or as the model needs if that is fewer.
    target_accept
        Acceptance the step size is tuned to; the model's own by default.
    progress
        Show the sampler's progress bar.

    Returns
    -------
    Run
        Stamped by the gate, passed or not; :func:`forecast.inference.predict.forecast` refuses one
        that did not pass.

    Raises
    ------
    DataError
        If the panel is for another model.
    GateError
        If the sampler itself failed.
    """
    spec = spec_of(
        model,
        panel,
        seed=seed,
        variant=variant,
        draws=draws,
        tune=tune,
        chains=chains,
        target_accept=target_accept,
    )
    return fit_spec(spec, panel, progress=progress)


def spec_of(
    model: str,
    panel: Panel,
    *,
    seed: int,
    variant: str = "default",
    draws: int = 1000,
    tune: int | None = None,
    chains: int = 4,
    target_accept: float | None = None,
) -> Spec:
    """Return all that decides a fit; the arguments are those of :func:`fit`.

    Raises
    ------
    DataError
        If the panel is for another model.
    """
    entry = get_model(model)
    if panel.model != model:
        raise DataError(f"the panel is for {panel.model!r}, not for {model!r}; build its own panel")
    priors = prior_set(entry, variant)
    return Spec(
        model=model,
        variant=variant,
        priors=dataclasses.asdict(priors),
        seed=seed,
        draws=draws,
        tune=min(draws, entry.tune) if tune is None else tune,
        chains=chains,
        target_accept=entry.target_accept if target_accept is None else target_accept,
        sampler=nuts.NAME,
        as_of=panel.as_of,
        data_hash=panel.hash,
        code_hash=fit_hash(room_of(model)),
        versions={name: importlib.metadata.version(name) for name in VERSIONED},
        adaptation=entry.adaptation,
        max_depth=entry.max_depth,
    )


def fit_spec(spec: Spec, panel: Panel, *, progress: bool = False) -> Run:
    """Fit what a spec says, its own prior numbers included, and stamp the run."""
    entry, seed = get_model(spec.model), spec.seed
    priors = priors_of(spec)
    misses = prior_misses(entry, panel, priors, seed=seed)
    tree = full_tree(entry, panel, priors, spec, progress=progress)
    stamp = gates.inspect_run(
        tree["posterior"].to_dataset(),
        tree["sample_stats"].to_dataset(),
        names=entry.reported_of(tree["posterior"].to_dataset()),
        shape=(spec.chains, spec.draws),
        prior_misses=misses,
    )
    tree.attrs.update(spec=spec.to_json(), gate=stamp.to_json())
    return Run(spec, panel, tree, stamp)


def fit_key(spec: Spec, panel: Panel) -> str:
    """Return the name of a stored fit: a hash of all that decides its draws.

    The panel counts with its content. Its date does not: no model looks at it before it draws
    (``tests/test_fitting.py``), and a day on which nothing of a model was reported changes no fit.
    """
    decided = dataclasses.asdict(spec)
    for name in ("as_of", "data_hash"):
        del decided[name]
    return runs.run_id(json.dumps(decided, sort_keys=True), panel.content_hash)


def fit_stored(
    folder: str | Path, spec: Spec, panel: Panel, *, quiet: bool = False
) -> tuple[Run, bool]:
    """Return a fit from the store if it is there, else fit and store it.

    Parameters
    ----------
    folder
        Where fits are kept (:func:`forecast.store.fits.keep_fit`).
    spec
        From :func:`spec_of`.
    panel
        Its inputs.
    quiet
        Do not tell of a stored fit that is damaged.

    Returns
    -------
    tuple of Run and bool
        The run, the same bit for bit either way, and whether it was stored.
    """
    key = fit_key(spec, panel)
    try:
        tree = fits.kept_fit(folder, key)
        if tree is not None:
            return _restored(spec, panel, tree), True
    except StoreError as error:
        if not quiet:
            logger.warning(f"{error}; fitting {spec.model} again")
    run = fit_spec(spec, panel)
    fits.keep_fit(folder, key, run.tree)
    return run, False


def fit_kept(folder: str | Path | None, spec: Spec, panel: Panel) -> Run:
    """Return a fit out of a store, or fit; without a folder nothing is stored.

    A damaged fit is fitted again in silence: that a run's main fits are told of is enough.
    """
    if folder is None:
        return fit_spec(spec, panel)
    return fit_stored(folder, spec, panel, quiet=True)[0]


def _restored(spec: Spec, panel: Panel, tree: xr.DataTree) -> Run:
    try:
        stamp = gates.Gate.from_json(str(tree.attrs["gate"]))
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"the stored {spec.model} fit has no good gate ({error})") from error
    if stamp.digest != gates.digest(tree["posterior"].to_dataset()):
        raise StoreError(f"the stored {spec.model} fit is not the one its gate was stamped on")
    tree.attrs.update(spec=spec.to_json())
    return Run(spec, panel, tree, stamp)


def refit(run: Run, known: Known, table: pd.DataFrame | None = None) -> Run:
    """Fit a run's model again to what is known now, with all else as it was; compiles nothing.

    Parameters
    ----------
    run
        The earlier run.
    known
        The result of :func:`forecast.tables.vintages.as_of`.
    table
        For a model with a table of its own, that table; the shipped one by default.

    Returns
    -------
    Run
        The same as :func:`fit` gives for the new panel; `run` itself if nothing of its panel
        changed.
    """
    panel, spec = build_panel(known, run.spec.model, table), run.spec
    if panel.hash == run.panel.hash:
        return run
    return fit(
        spec.model,
        panel,
        seed=spec.seed,
        variant=spec.variant,
        draws=spec.draws,
        tune=spec.tune,
        chains=spec.chains,
        target_accept=spec.target_accept,
        progress=False,
    )
