"""Draws of all models -> what the run's record holds besides the verdicts.

Invariant: nothing here decides a number; every one comes from the functions it puts together, with
the model that gives it. Nothing is fitted: all are events over existing draws.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.claims.comparisons import Beside, beside_others
from forecast.claims.pool import pool
from forecast.claims.scenarios import Conditional, Scenario, conditional
from forecast.claims.variations import DATED, Curve, Depth, Variation, curve, depths, variations
from forecast.core.errors import ClaimError, DataError, ForecastError
from forecast.core.words import metric_of
from forecast.evaluation.misfit import misfits
from forecast.evaluation.warnings import warnings_against_base
from forecast.inference.fitting import child_seed, priors_of
from forecast.models.earnings.calendar import report_calendar
from forecast.models.earnings.paths import TOTALS
from forecast.models.earnings.statements import against_guidance
from forecast.models.panels import latest_of
from forecast.models.registry import get_model
from forecast.news.prospects import anticipate, ranked
from forecast.news.statistics import statistics_of
from forecast.report.quoted import quoted
from forecast.report.record import Guided, Watched
from forecast.tables.names import called

if TYPE_CHECKING:
    from forecast.claims.inputs import Inputs
    from forecast.claims.page import Page
    from forecast.claims.records import Claim
    from forecast.inference.predict import Fitted
    from forecast.report.record import Report
    from forecast.tables.vintages import Known

logger = logging.getLogger(__name__)


def complete(
    report: Report,
    inputs: Inputs,
    fitted: Mapping[str, Fitted],
) -> Report:
    """Return a run's record with all that is asked of the draws besides the claims.

    Parameters
    ----------
    report
        The record with its verdicts and the naive forecast's probabilities.
    inputs
        What is supposed, what others published, and which events come nearest to that.
    fitted
        Runs and draws, by model.
    """
    claims, page = report.claims, report.page
    draws = {name: f.draws for name, f in fitted.items() if f.draws is not None}
    baselines = {name: f.baseline for name, f in fitted.items() if f.baseline is not None}
    warned = warnings_against_base(inputs.tables["warnings"]) if "hazard" in draws else ()
    pooled = ((c.id, pool(c, report.verdicts, report.naive)) for c in claims)
    out = _calendar(report.known) if "earnings" in fitted else []
    return dataclasses.replace(
        report,
        pooled={name: one for name, one in pooled if one is not None},
        variations=_variations(report.headline, fitted, page.months),
        curves=[one for claim in report.headline for one in _curves(claim, draws)],
        depths=_depths(draws, baselines, page),
        others=_others(inputs, draws, baselines, report.as_of),
        scenarios=_scenarios(inputs.scenarios, claims, fitted, report.seed),
        warned=warned,
        guided=_guided(fitted.get("earnings")),
        watched=_watched(report, fitted.get("earnings"), out),
        coming=_coming(out),
        misfits={
            name: misfits(f.run.posterior, priors_of(f.run.spec), get_model(name).report)
            for name, f in fitted.items()
        },
        latest={name: latest_of(f.run.panel) for name, f in fitted.items()},
    )


def _guided(fitted: Fitted | None) -> tuple[Guided, ...]:
    if fitted is None or fitted.draws is None:
        return ()
    told = against_guidance(fitted.run.panel, fitted.draws, together=TOTALS["big_five"])
    return tuple(Guided(one.gap, one.together, one.brief, one.sentence) for one in told)


def _calendar(known: Known) -> list[Mapping[str, str]]:
    """Return the reports that are expected, the next one first."""
    try:
        rows = report_calendar(known).out
    except DataError:  # companies without a report
        return []
    rows = rows[rows["expected_on"] != ""].sort_values("expected_on", kind="stable")
    return [{str(k): str(v) for k, v in row.items()} for row in rows.to_dict("records")]


def _coming(out: Sequence[Mapping[str, str]]) -> str:
    if not out:
        return ""
    first = out[0]
    return f"{called(first['entity'])} on {first['quarter']}, about {first['expected_on']}"


WATCHED = 3
"""Coming numbers that are told on the first page."""


def _watched(
    report: Report, one: Fitted | None, out: Sequence[Mapping[str, str]]
) -> tuple[Watched, ...] | None:
    """Return the coming numbers that move the first page's definitions most, one a company."""
    rows = [row for answered in quoted(report) for row in answered.rows]
    asked = {f"{v.claim}/{v.definition}": row for row in rows for v in row.answers}
    if one is None or one.draws is None:
        return None
    followed = statistics_of(report.claims, one.run.spec.model, one.draws, ())
    own = [s for s in followed if s.name in asked]
    if not own:
        return None
    seed = child_seed(report.seed, "watched")
    found = ranked(anticipate(one.draws, own, seed=seed), one.run, own, seed=seed)
    told = sorted((p for p in found if p.told and p.checked), key=lambda p: -p.move)
    days = {(row["entity"], row["quarter"]): row["expected_on"] for row in out}
    return tuple(
        Watched(
            company=called(p.company),
            metric=metric_of(p.series).replace("_", " "),
            period=p.period,
            day=days.get((p.company, p.period), ""),
            asked=asked[p.statistic].headed,
            prints=_pair(np.interp(ENDS, p.levels, p.prints)),
            unit=p.unit,
            given=_pair(p.at(ENDS)),
            now=p.probability,
            move=p.move,
        )
        for p in told[:WATCHED]
    )


ENDS = (0.1, 0.9)
"""Quantile levels of a coming number at which it is told what it would do."""


def _pair(values: np.ndarray) -> tuple[float, float]:
    low, high = (float(v) for v in values)
    return low, high


def _variations(
    claims: Sequence[Claim],
    fitted: Mapping[str, Fitted],
    months: Sequence[int],
) -> tuple[Variation, ...]:
    found: list[Variation] = []
    for claim in claims:
        for definition in claim.definitions:
            one = fitted.get(definition.model)
            if one is None or one.draws is None:
                continue
            found += variations(claim, definition, one.draws, one.variants, one.baseline, months)
    return tuple(found)


def _curves(claim: Claim, draws: Mapping[str, xr.Dataset]) -> tuple[tuple[str, Curve], ...]:
    """Return when the definitions that have a label may come, with their models."""
    found: list[tuple[str, Curve]] = []
    for d in claim.definitions:
        if d.label and isinstance(d.event, DATED) and d.model in draws:
            with contextlib.suppress(ClaimError):  # no window, or one that the draws do not reach
                found.append((d.model, curve(d, draws[d.model], d.label)))
    return tuple(found)


def _depths(
    draws: Mapping[str, xr.Dataset], baselines: Mapping[str, xr.Dataset], page: Page
) -> tuple[Depth, ...]:
    if "hazard" not in draws:
        return ()
    return depths(draws["hazard"], page.positions, baselines.get("hazard"), page.months[-2:])


def _others(
    inputs: Inputs,
    draws: Mapping[str, xr.Dataset],
    baselines: Mapping[str, xr.Dataset],
    as_of: str,
) -> tuple[Beside, ...]:
    if not inputs.comparisons:  # nobody has said how other questions differ from this article's
        return ()
    table = inputs.tables["public_forecasts"]
    try:
        return beside_others(table, inputs.comparisons, draws, baselines, as_of)
    except ClaimError as error:  # draws of another day, or of a user's own run-ups
        logger.warning(f"no comparison with others' forecasts: {error}")
        return ()


def _scenarios(
    scenarios: Sequence[Scenario],
    claims: Sequence[Claim],
    fitted: Mapping[str, Fitted],
    seed: int,
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
            logger.warning(f"scenario {scenario.id} left out: {error}")
    return tuple(found)
