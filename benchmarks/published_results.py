"""Fit published data, and print the published results beside ours.

    python benchmarks/published_results.py [--points CHINCHILLA.csv] [--costs COSTS.csv]
                                           [--figure STEM]

Training costs: the shipped releases up to May 2024 under the published rule of selection, then all
of them under every rule; with --costs also a table of one's own (model, release_date,
training_cost_musd_mid). The loss law: with --points, the 245 points that Besiroglu et al. 2024 read
off a figure (columns Model Size, Training FLOP, loss). --figure writes the comparison as SVG, PNG.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import forecast as fc
from forecast import plots
from forecast.fitting import Run, fit
from forecast.gate import cells, mixing
from forecast.models import get_model, scaling_law
from forecast.panels import Panel, build_panel
from forecast.sources import read_own_table

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


def row(run: Run, name: str, label: str, published: float, interval, share, unit="", **at):
    draws = run.posterior[name].sel(at) if at else run.posterior[name]
    low, middle, high = draws.quantile([0.5 - share / 2, 0.5, 0.5 + share / 2]).values
    print(
        f"  {label:<58} ours {middle:8.4g} ({low:.4g} to {high:.4g})   published {published:.4g} "
        f"({interval[0]:.4g} to {interval[1]:.4g}), {share:.0%} intervals"
    )
    return plots.ResultRow(label, middle, low, high, published, *interval, unit)


def costs(known, file: str | None) -> list[plots.ResultRow]:
    rows = []
    if file:
        run = fitted(
            "training_cost",
            build_panel(known, "training_cost", read_own_table("frontier_models", file)),
        )
        label = f"Growth of training cost, {file}"
        rows.append(row(run, "growth_per_year", label, 2.40727, (1.969, 2.943), 0.9, "x a year"))
    before = known.copy()
    before.attrs["as_of"] = "2024-05-31"
    run = fitted("training_cost", build_panel(before, "training_cost"))
    label = "Growth of training cost, ten largest, 2016 to May 2024"
    rows.append(row(run, "growth_per_year", label, 2.40727, (1.969, 2.943), 0.9, "x a year"))
    run = fitted("training_cost", build_panel(known, "training_cost"))
    for rule, text, value, interval in (
        ("frontier", "ten largest, 2016 on", 2.93, (2.55, 3.35)),
        ("frontier_since_2020", "ten largest, 2020 on", 4.7, (3.7, 6.0)),
        ("notable", "every release", 2.33, (1.90, 2.87)),
    ):
        label = f"Growth of training cost, {text} (least squares, other rows)"
        row(run, "growth_by_rule", label, value, interval, 0.9, rule=rule)
    return rows


def law(known, file: str) -> list[plots.ResultRow]:
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
    args = parser.parse_args()
    known = fc.as_of(fc.read_vintages(), "2026-05-06")
    found = costs(known, args.costs)
    if args.points:
        found += law(known, args.points)
    if args.figure:
        alt = "; ".join(f"{r.label}: ours {r.ours:.3g}, published {r.published:.3g}" for r in found)
        ax = plots.published_beside_ours(found, interval="90 % (costs) and 95 % (law)")
        plots.save(ax, args.figure, alt=alt)


if __name__ == "__main__":
    main()
