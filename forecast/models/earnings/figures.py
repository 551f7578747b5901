"""The figures of the earnings model: sums, every company, cash flows, who is still to report."""

from __future__ import annotations

import xarray as xr

from forecast import plots
from forecast.core.draws import interval, path
from forecast.core.errors import DataError
from forecast.core.text import capitalised, one_line, significant
from forecast.core.words import entity_of, metric_of
from forecast.models.base import Drawn, Figure, Scene
from forecast.models.earnings import paths
from forecast.models.earnings import plots as own
from forecast.models.earnings.calendar import report_calendar, reported_ratio
from forecast.models.earnings.statements import open_said, said_of, said_text
from forecast.tables.names import called

SHOWN = (("capex", "big_five"), ("capex_to_revenue", "big_five"))
"""Metric and entity of the sums that are shown."""
SOURCE = "company filings"


def _sums(scene: Scene) -> Drawn:
    draws = scene.draws
    there = {str(name) for name in draws["series"].values}
    shown = [(m, e) for m, e in SHOWN if f"{e}/{m}" in there]
    if not shown:  # a user's own companies: the first series stands for them
        first = str(draws["series"].values[0])
        entity, metric = entity_of(first), metric_of(first)
        shown = [(metric, entity)]
    figure, axes = plots.small_multiples(len(shown), columns=2, size=(5.0, 3.4))
    end = str(draws["period"].values[-1])
    said = []
    for ax, (metric, entity) in zip(axes, shown, strict=True):
        last = interval(draws["y"].sel(series=f"{entity}/{metric}", period=end))
        words = plots.words(metric)
        title = f"{capitalised(words)} {last.span} in {end}"
        plots.fan(draws, metric, entity, baseline=scene.baseline, title=title, ax=ax)
        middle = significant(last.median)
        said.append(f"{entity}, {words}: median {middle} in {end}, 80 % between {last.between}")
    what = (
        "sums of the five companies' filings (big five: Microsoft, Alphabet, Amazon, Meta, Oracle)"
        if shown[0][1] == "big_five"
        else f"figures of {shown[0][1]}"
    )
    caption = (
        f"Quarterly {what}, from joint draws; titles give the 80 % interval of the last quarter; "
        "dashed: random walk with drift."
    )
    alt = "Fans of the companies' quarterly figures. " + "; ".join(said) + "."
    return Drawn(figure, alt, caption)


def _annual(scene: Scene) -> Drawn:
    """Draw the first of the sums of capex by calendar year."""
    draws = scene.draws
    there = {str(name) for name in draws["series"].values}
    entity = next((e for m, e in SHOWN if m == "capex" and f"{e}/{m}" in there), None)
    if entity is None:
        raise DataError("the companies do not add up to a sum that is shown by year")
    name = f"{entity}/capex"
    totals = _by_year(path(draws, name, total=4))
    observed = _by_year(draws["observed"].sel(series=name).rolling(period=4).sum())
    last = interval(totals.isel(period=-1))
    year = str(totals["period"].values[-1])
    who = entity.replace("_", " ")
    unit = str(draws["unit"].sel(series=name).values)
    title = f"The {who} may spend {last.span} {unit} in {year} (8 in 10)"
    ax = plots.path_fan(
        totals, as_of=scene.as_of, unit=unit, label=f"capex of the {who} by calendar year",
        observed=observed, metric="capex", title=title,
    )  # fmt: skip
    caption = (
        f"Four quarters added up in each joint draw; {who}: Microsoft, Alphabet, Amazon, Meta and "
        "Oracle."
    )
    members = paths.TOTALS[entity]
    if any(open_said(scene.panel, f"{member}/capex") for member in members):
        caption += (
            " What companies have said of their own years is given to the draws, and stands on the "
            "companies' fans."
        )
    alt = (
        f"Capex by calendar year: median {significant(last.median)} {unit} in {year}, 80 % between"
    )
    return Drawn(ax, f"{alt} {last.between}.", caption)


def _by_year(trailing: xr.DataArray) -> xr.DataArray:
    """Return sums of four quarters at the ends of calendar years, with years as labels."""
    quarters = [str(p) for p in trailing["period"].values if str(p).endswith("Q4")]
    chosen = trailing.sel(period=quarters).dropna("period", how="all")
    return chosen.assign_coords(period=[str(p)[:4] for p in chosen["period"].values])


def _companies(scene: Scene, metric: str) -> Drawn:
    draws = scene.draws
    names = own.companies_of(draws, metric)
    if not names:
        raise DataError(f"no company of the table reports {plots.words(metric)}")
    figure, axes = plots.small_multiples(len(names))
    told = {name: open_said(scene.panel, f"{name}/{metric}") for name in names}
    marks = {name: [own.mark_of(one) for one in own_said] for name, own_said in told.items()}
    own.company_fans(draws, metric, baseline=scene.baseline, said=marks, axes=axes)
    end = str(draws["period"].values[-1])
    said = []
    for name in names:
        last = interval(draws["y"].sel(series=f"{name}/{metric}", period=end))
        middle = significant(last.median)
        said.append(f"{called(name)}: median {middle} in {end}, 80 % between {last.between}")
    unit = str(draws["unit"].sel(series=f"{names[0]}/{metric}").values)
    alt = f"Fans of quarterly {plots.words(metric)} by company, {unit}. " + "; ".join(said) + "."
    guided = [
        f"{said_of(one)} on {one.said_on}: {said_text(one)}"
        for own_said in told.values()
        for one in own_said
    ]
    alt += f" Guided: {'; '.join(guided)} (USD bn)." if guided else ""
    caption = (
        f"Quarterly {plots.words(metric)} of each company, joint draws as they would be reported; "
        "titles give the 80 % interval of the last quarter; dashed: random walk with drift, its "
        "median and 80 % interval. The panels have scales of their own."
    )
    if guided:
        caption += (
            " Bars and boxes: what the company has said of a quarter or a year, the year at the average "
            "of its quarters, taken over into the series' own definition; a caret: a bound."
        )
    return Drawn(figure, alt, caption)


def _capex(scene: Scene) -> Drawn:
    return _companies(scene, "capex")


def _revenue(scene: Scene) -> Drawn:
    return _companies(scene, "revenue")


def _cash(scene: Scene) -> Drawn:
    ratios = reported_ratio(scene.known, sums={"big_five": paths.TOTALS["big_five"]})
    latest = ratios.drop_duplicates("entity", keep="last")
    names, quarters = latest["entity"].astype(str), latest["quarter"].astype(str)
    last = dict(zip(names, zip(latest["ratio"].astype(float), quarters, strict=True), strict=True))
    bold = "big_five" if "big_five" in last else next(iter(last))
    value, quarter = last[bold]
    name = "the big five" if bold == "big_five" else bold
    ax = own.ratio_history(
        ratios,
        label="capex over operating cash flow",
        as_of=scene.as_of,
        bold=bold,
        metric="capex",
        title=f"Capex takes {100 * value:.0f} % of the operating cash flow of {name}",
    )
    said = "; ".join(f"{called(n)} {ratio:.2f} to {q}" for n, (ratio, q) in last.items())
    alt = f"Capex over operating cash flow as reported, totals of four quarters. Latest: {said}."
    caption = (
        f"Reported, not forecast; {name} stands at {value:.2f} in the four quarters to {quarter}. "
        "Above one, capex is more than the business brings in and the rest comes from reserves or "
        "lenders. A company whose operating cash flow is not in the table is left out."
    )
    return Drawn(ax, alt, caption)


def _calendar(scene: Scene) -> Drawn:
    calendar = report_calendar(scene.known)
    rows = calendar.out
    last = calendar.rows[calendar.rows["status"] == "reported"].groupby("entity")["quarter"].max()
    rows = rows[rows["quarter"].to_numpy() > rows["entity"].map(last).to_numpy()]
    out = list(dict.fromkeys(rows.loc[rows["status"] == "missing", "entity"]))
    late = rows[rows["overdue_since"] != ""].drop_duplicates("entity")
    coming = rows[rows["expected_on"] != ""].sort_values("expected_on", kind="stable")
    title = "Every quarter that has ended is reported"
    if out:
        title = f"Still to report: {one_line([called(name) for name in out])}"
    if len(coming):
        first = coming.iloc[0]
        title += f"; next expected: {called(str(first['entity']))} on {first['expected_on']}"
    said = [
        f"{called(str(r.entity))} {r.quarter} overdue since {r.overdue_since}"
        for r in late.itertuples()
    ]
    said += [
        f"{called(str(r.entity))} {r.quarter} expected {r.expected_on} "
        f"({r.expected_from} to {r.expected_to})"
        for r in coming.itertuples()
    ]
    alt = f"Report calendar as of {scene.as_of}. {title}. Next reports: {'; '.join(said)}."
    caption = (
        "A quarter counts as reported with its capex or its revenue. Expected days are estimates: "
        "the median of the company's own lags in the same quarter of the last four years, or of "
        "its last eight quarters where there are fewer than three; the range is of the same lags. A "
        "report is overdue when the longest of them has passed."
    )
    return Drawn(own.calendar_grid(calendar, title=title), alt, caption)


FIGURES = (
    Figure("annual", SOURCE, _annual),
    Figure("earnings", SOURCE, _sums),
    Figure("companies_capex", SOURCE, _capex),
    Figure("companies_revenue", SOURCE, _revenue),
    Figure("cash_ratio", SOURCE, _cash),
    Figure("report_calendar", SOURCE, _calendar),
)
