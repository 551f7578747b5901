"""The checks a run must pass before anything is forecast from it.

Invariant: not-a-number fails. Every check is written ``not (value within limit)``, because an
interrupted sampler returns NaN-padded draws on which the usual comparisons are all false.
``tests/test_gate.py`` proves it on such a run.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence

import numpy as np
import xarray as xr

from forecast.core.errors import GateError

MAX_RHAT = 1.01
MIN_ESS = 400.0
MIN_BFMI = 0.3
MAX_PRIOR_MISS = 0.1
"""Limits of Vehtari et al. 2021 (arXiv 1903.08008) and of Betancourt's E-BFMI; the last one is the
share of prior predictive draws that may fall outside a model's stated range."""


@dataclasses.dataclass(frozen=True)
class Check:
    """One check: what was measured, the worst value, the limit, and whether it held."""

    name: str
    value: float
    limit: str
    passed: bool
    where: str = ""

    def __str__(self) -> str:
        """Return one line for a reader."""
        place = f" ({self.where})" if self.where else ""
        return f"{self.name} {self.value:.4g}{place}, wanted {self.limit}"


@dataclasses.dataclass(frozen=True)
class Gate:
    """The stamp of a run: its checks and the digest of the draws they were made on."""

    checks: tuple[Check, ...]
    digest: str

    @property
    def passed(self) -> bool:
        """Whether every check held."""
        return all(check.passed for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that did not hold."""
        return tuple(check for check in self.checks if not check.passed)

    def to_json(self) -> str:
        """Return the stamp as JSON."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Gate:
        """Return the stamp that :meth:`to_json` wrote."""
        raw = json.loads(text)
        return cls(tuple(Check(**check) for check in raw["checks"]), raw["digest"])


def digest(posterior: xr.Dataset) -> str:
    """Return a hash of all posterior draws."""
    sha = hashlib.sha256()
    for name in sorted(str(n) for n in posterior.data_vars):
        sha.update(name.encode())
        sha.update(np.ascontiguousarray(posterior[name].values, dtype=float).tobytes())
    return sha.hexdigest()


def cells(posterior: xr.Dataset, names: Sequence[str]) -> list[tuple[str, np.ndarray]]:
    """Return every scalar parameter with its (chain, draw) array and a readable name."""
    found = []
    for name in names:
        array = posterior[name].transpose("chain", "draw", ...)
        flat = array.values.reshape(*array.shape[:2], -1)
        for k in range(flat.shape[2]):
            index = np.unravel_index(k, array.shape[2:])
            labels = [str(array[d].values[i]) for d, i in zip(array.dims[2:], index, strict=True)]
            found.append((f"{name}[{', '.join(labels)}]" if labels else name, flat[:, :, k]))
    return found


def mixing(array: np.ndarray) -> tuple[float, float, float]:
    """Return R-hat, bulk ESS and tail ESS (of the 5 % and 95 % quantiles) of (chain, draw)."""
    from arviz_stats.base import array_stats  # slow to load, and not needed before there are draws

    axes = {"chain_axis": 0, "draw_axis": 1}
    return (
        float(array_stats.rhat(array, **axes)),
        float(array_stats.ess(array, method="bulk", **axes)),
        float(array_stats.ess(array, method="tail", prob=(0.05, 0.95), **axes)),
    )


def _worst(name: str, measured: list[tuple[str, float]], limit: float, *, at_most: bool) -> Check:
    """Return the check of the worst of several measurements; NaN is worse than anything."""
    values = np.array([value for _, value in measured])
    if not np.isfinite(values).all():
        k = int(np.flatnonzero(~np.isfinite(values))[0])
    else:
        k = int(values.argmax() if at_most else values.argmin())
    value = float(values[k])
    held = value <= limit if at_most else value >= limit
    sign = "<=" if at_most else ">="
    return Check(name, value, f"{sign} {limit:g}", bool(held), measured[k][0])


def inspect_run(
    posterior: xr.Dataset,
    sample_stats: xr.Dataset,
    *,
    names: Sequence[str],
    shape: tuple[int, int],
    prior_misses: Sequence[tuple[str, float]] = (),
) -> Gate:
    """Check a fitted run.

    Parameters
    ----------
    posterior, sample_stats
        Groups of the fitted tree, dims chain, draw first.
    names
        The parameters that are reported.
    shape
        Chains and draws that were asked for.
    prior_misses
        Per stated prior range, the share of prior predictive draws outside it.

    Returns
    -------
    Gate
        The stamp, passed or not.
    """
    got = (posterior.sizes["chain"], posterior.sizes["draw"])
    complete = got == tuple(shape)
    finite = all(bool(np.isfinite(posterior[n].values).all()) for n in posterior.data_vars)
    checks = [
        Check("chains x draws", float(np.prod(got)), f"{shape[0]} x {shape[1]}", complete),
        Check("finite draws", float(finite), "all", finite),
    ]
    if complete and finite:
        scalars = cells(posterior, names)
        with np.errstate(invalid="ignore", divide="ignore"):  # a constant gives NaN, which fails
            measured = [(name, mixing(array)) for name, array in scalars]
        rhat, bulk, tail = ([(name, m[k]) for name, m in measured] for k in (0, 1, 2))
        checks += [
            _worst("R-hat", rhat, MAX_RHAT, at_most=True),
            _worst("bulk ESS", bulk, MIN_ESS, at_most=False),
            _worst("tail ESS", tail, MIN_ESS, at_most=False),
            *_sampler_checks(sample_stats),
        ]
    if prior_misses:
        misses = list(prior_misses)
        checks.append(_worst("prior draws out of range", misses, MAX_PRIOR_MISS, at_most=True))
    return Gate(tuple(checks), digest(posterior))


def _sampler_checks(stats: xr.Dataset) -> list[Check]:
    divergences = float(stats["diverging"].sum())
    # nutpie and pymc name the same statistic differently.
    depth_name = next(n for n in ("maxdepth_reached", "reached_max_treedepth") if n in stats)
    saturated = float(stats[depth_name].sum())
    energy = stats["energy"].transpose("chain", "draw").values
    with np.errstate(invalid="ignore", divide="ignore"):
        bfmi = np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1)
    return [
        Check("divergences", divergences, "0", divergences == 0),
        Check("saturated trees", saturated, "0", saturated == 0),
        _worst(
            "E-BFMI",
            [(f"chain {k}", float(v)) for k, v in enumerate(bfmi)],
            MIN_BFMI,
            at_most=False,
        ),
    ]


def require(gate: Gate | None, posterior: xr.Dataset, model: str) -> None:
    """Refuse a run that carries no stamp, a failed one, or one made on other draws.

    Raises
    ------
    GateError
        Saying what failed and what to do.
    """
    if gate is None:
        raise GateError(
            f"the {model} run carries no gate stamp; make runs with forecast.fit, which checks them"
        )
    if not gate.passed:
        listed = "; ".join(str(check) for check in gate.failures)
        raise GateError(
            f"the {model} run did not pass its gate: {listed}. Nothing is forecast from it; "
            "take more draws or tuning steps, and if that does not help, re-parametrise the model"
        )
    if gate.digest != digest(posterior):
        raise GateError(
            f"the {model} run's draws are not those its gate was stamped on; fit it again"
        )
