"""Fit published data, and print the published results alongside ours.

    python benchmarks/published_results.py [--points CHINCHILLA.csv] [--costs COSTS.csv]
                                           [--figure STEM]
    python benchmarks/published_results.py --hindcast

Training costs: the shipped releases up to May 2024 under the published rule of selection, then all
of them under every rule beside plain least squares; with --costs also a table of one's own (model,
release_date, training_cost_musd_mid). The loss law: with --points, the 245 points that Besiroglu et
al. 2024 read off a figure (columns Model Size, Training FLOP, loss). --figure writes the comparison
as SVG and PNG.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import linregress
from scipy.stats import t as student

import forecast as fc
from forecast import plots
from forecast.inference.fitting import Run, fit
from forecast.inference.gate import cells, mixing
from forecast.models.panels import build_panel
from forecast.models.registry import get_model
from forecast.models.scaling_law import model as scaling_law
from forecast.models.training_cost import plots as training_cost_plots
from forecast.tables.shipped import read_own_table

if TYPE_CHECKING:
    from forecast.models.base import Panel

REFIT = {"E": 1.81722, "A": 477.83, "B": 2143.4, "alpha": 0.34731, "beta": 0.36717}
REFIT_95 = {"E": (1.769, 1.871), "A": (285, 744), "B": (1042, 5810), "alpha": (0.317, 0.373),
            "beta": (0.331, 0.415), "compute_exponent": (0.474, 0.552)}  # fmt: skip
"""The optimum of the published objective, and 95 % intervals of its bootstrap (of the exponent of
compute, two of its standard errors)."""
FIRST = {"E": np.exp(0.52672), "A": np.exp(6.00734), "B": np.exp(6.01792), "alpha": 0.33917,
         "beta": 0.28491}  # fmt: skip
"""The original fit, unrounded."""


def fitted(model: str, panel: Panel) -> Run:
    begun = time.perf_counter()
    run = fit(model, panel, seed=1, progress=False)
    seconds = time.perf_counter() - begun
    measured = [mixing(array) for _, array in cells(run.posterior, get_model(model).report)]
    rhat, bulk, tail = (f([m[k] for m in measured]) for k, f in ((0, max), (1, min), (2, min)))
    divergences = int(run.tree["sample_stats"]["diverging"].sum())
    print(
        f"\n{model}, as of {panel.as_of}: {panel.data.sizes['obs']} observations, {seconds:.1f} s "
        f"with compile, R-hat {rhat:.3f}, ESS {bulk:.0f} bulk and {tail:.0f} tail, "
        f"{divergences} divergences, gate {'passed' if run.gate and run.gate.passed else 'FAILED'}"
    )
    return run


def row(run: Run, name: str, label: str, published: float, interval, share, unit=""):
    draws = run.posterior[name]
    low, middle, high = draws.quantile([0.5 - share / 2, 0.5, 0.5 + share / 2]).values
    print(
        f"  {label:<58} ours {middle:8.4g} ({low:.4g} to {high:.4g})   published {published:.4g} "
        f"({interval[0]:.4g} to {interval[1]:.4g}), {share:.0%} intervals"
    )
    return training_cost_plots.ResultRow(label, middle, low, high, published, *interval, unit)


def costs(known, file: str | None) -> list[training_cost_plots.ResultRow]:
    rows = []
    if file:
        run = fitted(
            "training_cost",
            build_panel(known, "training_cost", read_own_table("frontier_models", file)),
        )
        label = f"Growth of training cost, {file}"
        rows.append(row(run, "growth_per_year", label, 2.40727, (1.969, 2.943), 0.9, "x a year"))
    before = dataclasses.replace(known, date="2024-05-31")
    run = fitted("training_cost", build_panel(before, "training_cost"))
    label = "Growth of training cost, ten largest, 2016 to May 2024"
    rows.append(row(run, "growth_per_year", label, 2.40727, (1.969, 2.943), 0.9, "x a year"))
    run = fitted("training_cost", build_panel(known, "training_cost"))
    data = run.panel.data
    for rule in run.posterior["rule"].values:
        own = data["rule"].values == rule
        x, y = data["years"].values[own], np.log(data["value"].values[own])
        slope = linregress(x, y)
        reach = student.ppf(0.95, own.sum() - 2) * slope.stderr
        plain = np.exp([slope.slope, slope.slope - reach, slope.slope + reach])
        ours = run.posterior["growth_by_rule"].sel(rule=rule).quantile([0.5, 0.05, 0.95]).values
        print(
            f"  {rule:<20} {own.sum():3d} releases: "
            + "{:.2f}x a year ({:.2f} to {:.2f}), ".format(*ours)
            + "least squares {:.2f} ({:.2f} to {:.2f})".format(*plain)
        )
    return rows


def hindcast(known) -> None:
    """Fit releases to the end of earlier years, and say where the later records stood."""
    data = build_panel(known, "training_cost").data
    own = data["rule"].values == "frontier"
    released, cost = data["released"].values[own], data["value"].values[own]
    for year in range(2021, 2025):
        before = dataclasses.replace(known, date=f"{year}-12-31")
        run = fitted("training_cost", build_panel(before, "training_cost"))
        draws = fc.forecast(run, until="2026", seed=2)["y"]
        for rule in ("frontier", "frontier_since_2020"):
            for later in range(year + 1, 2026):
                truth = cost[released <= f"{later}-12-31"].max()
                drawn = draws.sel(series=f"{rule}/largest_run", period=str(later))
                share = float((drawn < truth).mean())
                print(f"  {rule}, record by {later}: {truth:.0f} USD m, above {share:.2f} of draws")


def law(known, file: str) -> list[training_cost_plots.ResultRow]:
    run = fitted(
        "scaling_law", build_panel(known, "scaling_law", read_own_table("scaling_runs", file))
    )
    labels = get_model("scaling_law").labels
    values = {**REFIT, "compute_exponent": REFIT["beta"] / (REFIT["alpha"] + REFIT["beta"])}
    rows = [row(run, n, labels[n], v, REFIT_95[n], 0.95) for n, v in values.items()]
    for name, point in (("the published re-fit", REFIT), ("the original fit", FIRST)):
        far, tail = scaling_law.distance(run.posterior, point)
        print(f"  {name} lies {far:.1f} sd (Mahalanobis) from ours, tail probability {tail:.2g}")
        for key, value in point.items():
            below = float((run.posterior[key] < value).mean())
            print(f"    {key:<6} {value:10.5g}: above {below:.4f} of our draws")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--points")
    parser.add_argument("--costs")
    parser.add_argument("--figure")
    parser.add_argument("--hindcast", action="store_true")
    args = parser.parse_args()
    known = fc.as_of(fc.read_vintages(), "2026-05-06")
    if args.hindcast:
        hindcast(known)
        return
    found = costs(known, args.costs)
    if args.points:
        found += law(known, args.points)
    if args.figure:
        alt = "; ".join(f"{r.label}: ours {r.ours:.3g}, published {r.published:.3g}" for r in found)
        ax = training_cost_plots.published_beside_ours(
            found, interval="90 % (costs) and 95 % (law)"
        )
        plots.save(ax, args.figure, alt=alt)


if __name__ == "__main__":
    main()
