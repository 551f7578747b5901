"""Draws of all models -> what the memo's first page says of the article's main prediction.

Invariant: nothing here decides a number; every one comes from the functions it puts together, with
the model that gives it. Only the hindcast is fitted; all else are events over existing draws.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import xarray as xr

from forecast.claims.comparisons import Beside, beside_others
from forecast.claims.inputs import Inputs
from forecast.claims.page import Page
from forecast.claims.pool import pool
from forecast.claims.records import Claim
from forecast.claims.scenarios import Conditional, Scenario, conditional
from forecast.claims.variations import DATED, Curve, Depth, Variation, curve, depths, variations
from forecast.claims.verdict import Verdicts
from forecast.core.errors import ClaimError, ForecastError
from forecast.evaluation.hindcast import Hindcast, hindcast
from forecast.evaluation.warnings import warnings_against_base
from forecast.inference.fitting import child_seed
from forecast.models.base import Panel
from forecast.report.figures import Fitted
from forecast.report.memo import FirstPage


def last_figure(panel: Panel) -> str:
    """Return the last period or day of a panel's data, as text; "" if it names none."""
    for name in ("reported_on", "released", "day", "surveyed", "quarter", "identified", "year"):
        if name in panel.data.variables and panel.data[name].size:
            return max(str(value) for value in panel.data[name].values)
    return ""


def assemble(
    inputs: Inputs,
    verdicts: Verdicts,
    naive: Mapping[tuple[str, str], float],
    fitted: Mapping[str, Fitted],
    walks: Mapping[str, xr.Dataset],
    *,
    as_of: str,
    seed: int,
    say: Callable[[str], None],
) -> FirstPage:
    """Put together what the first page shows of the headline claims.

    Parameters
    ----------
    inputs
        The claims, what is supposed, what others published, and which events come nearest to that.
    verdicts, naive
        The claims' verdicts, and the naive forecast's probabilities.
    fitted, walks
        Runs and draws, and draws of the naive forecasts, by model.
    as_of
        The day.
    seed
        Decides the random numbers of scenarios with a fixed parameter.
    say
        Called with what was left out, and why.
    """
    claims, tables, page = inputs.claims, inputs.tables, inputs.page
    headline = [claim for name in page.headline for claim in claims if claim.id == name]
    draws = {name: f.draws for name, f in fitted.items() if f.draws is not None}
    warned = warnings_against_base(tables["warnings"]) if "hazard" in draws else ()
    pooled = {c.id: p for c in claims if (p := pool(c, verdicts, naive)) is not None}
    return FirstPage(
        pooled=pooled,
        variations=_variations(headline, fitted, walks, page.months),
        curves=[one for claim in headline for one in _curves(claim, draws)],
        depths=_depths(draws, walks, page),
        others=_others(inputs, draws, walks, as_of, say),
        scenarios=_scenarios(inputs.scenarios, claims, fitted, seed, say),
        warned=warned,
        latest={name: last_figure(f.run.panel) for name, f in fitted.items()},
    )


def _variations(
    claims: Sequence[Claim],
    fitted: Mapping[str, Fitted],
    walks: Mapping[str, xr.Dataset],
    months: Sequence[int],
) -> tuple[Variation, ...]:
    found: list[Variation] = []
    for claim in claims:
        for definition in claim.definitions:
            one = fitted.get(definition.model)
            if one is None or one.draws is None:
                continue
            walk = walks.get(definition.model)
            found += variations(claim, definition, one.draws, one.variants, walk, months)
    return tuple(found)


def _curves(claim: Claim, draws: Mapping[str, xr.Dataset]) -> tuple[tuple[str, Curve], ...]:
    """Return when the readings that have a label may come, with their models."""
    found: list[tuple[str, Curve]] = []
    for d in claim.definitions:
        if d.label and isinstance(d.event, DATED) and d.model in draws:
            with contextlib.suppress(ClaimError):  # no window, or one that the draws do not reach
                found.append((d.model, curve(d, draws[d.model], d.label)))
    return tuple(found)


def _depths(
    draws: Mapping[str, xr.Dataset], walks: Mapping[str, xr.Dataset], page: Page
) -> tuple[Depth, ...]:
    if "hazard" not in draws:
        return ()
    return depths(draws["hazard"], page.positions, walks.get("hazard"), page.months[-2:])


def _others(
    inputs: Inputs,
    draws: Mapping[str, xr.Dataset],
    walks: Mapping[str, xr.Dataset],
    as_of: str,
    say: Callable[[str], None],
) -> tuple[Beside, ...]:
    table = inputs.tables["public_forecasts"]
    try:
        return beside_others(table, inputs.comparisons, draws, walks, as_of)
    except ClaimError as error:  # draws of another day, or of a user's own run-ups
        say(f"no comparison with others' forecasts: {error}")
        return ()


def _scenarios(
    scenarios: Sequence[Scenario],
    claims: Sequence[Claim],
    fitted: Mapping[str, Fitted],
    seed: int,
    say: Callable[[str], None],
) -> tuple[Conditional, ...]:
    found = []
    for scenario in scenarios:
        one = fitted.get(scenario.model)
        if one is None or one.draws is None:
            continue
        try:
            own = child_seed(seed, "scenario", scenario.id)
            found.append(conditional(scenario, claims, one.run, one.draws, own))
        except ForecastError as error:  # a user's companies may not have the series
            say(f"scenario {scenario.id} left out: {error}")
    return tuple(found)


def telecom_hindcast(
    days: Sequence[str],
    tables: Mapping[str, pd.DataFrame],
    seed: int,
    place: Path,
    say: Callable[[str], None],
) -> tuple[Hindcast, ...]:
    """Fit and judge the telecom hindcast on some days, with fits kept in `place`.

    `say` is told of a gate that said no, and of tables that do not reach so far.
    """
    telecom, runups = tables["telecom_1995_2004"], tables["runups"]
    found: list[Hindcast] = []
    for day in days:
        try:
            own = child_seed(seed, "hindcast", day)
            found += hindcast(telecom, runups, day, seed=own, place=place, tables=tables)
        except ForecastError as error:
            say(f"no hindcast as of {day}: {error}")
    return tuple(found)
