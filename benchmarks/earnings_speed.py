"""Time the earnings model: compile, refit, sample; against the sampled form; by panel size.

    python benchmarks/earnings_speed.py [--reference] [--sizes] [--sample-up-to 32]

``--reference`` also samples the usual form with every state sampled (minutes). ``--sizes`` times the
density and gradient for 8 to 512 series of 28 and 80 quarters, and samples the smaller ones.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import forecast as fc
from forecast.core.periods import quarter_index, quarter_name
from forecast.inference import compile, gate, sampling
from forecast.models.base import Panel
from forecast.models.earnings import kernel
from forecast.models.earnings import model as earnings
from forecast.models.panels import build_panel
from forecast.models.registry import get_model

PRIORS = earnings.Priors()
CHILD = """
import time, forecast as fc
from forecast.inference.compile import make_ready
from forecast.models.registry import get_model
entry = get_model("earnings")
model = entry.build(fc.build_panel(fc.as_of(fc.read_vintages(), "2026-05-06"), "earnings"), entry.priors)
start = time.perf_counter()
make_ready(model, model, "")
print(time.perf_counter() - start)
"""


def smallest_ess(posterior: xr.Dataset, names: list[str]) -> tuple[float, float]:
    """Return the smallest bulk and tail ESS of the named parameters."""
    found = [gate.mixing(draws)[1:] for _, draws in gate.cells(posterior, names)]
    bulk, tail = np.min(found, axis=0)
    return float(bulk), float(tail)


def compile_times() -> None:
    with tempfile.TemporaryDirectory() as place:
        env = {**os.environ, "PYTENSOR_FLAGS": f"base_compiledir={place}/pytensor",
               "NUMBA_CACHE_DIR": f"{place}/numba"}  # fmt: skip
        for what in ("cold", "from the cache on disk"):
            done = subprocess.run([sys.executable, "-c", CHILD], env=env, capture_output=True,
                                  text=True, check=True)  # fmt: skip
            print(f"compile in a new process, {what}: {float(done.stdout):.1f} s", flush=True)


def spent() -> tuple[float, float]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), usage.ru_utime + usage.ru_stime


def sample(panel: Panel, what: str, tune: int, draws: int = 1000) -> xr.Dataset:
    entry = get_model("earnings")
    model = entry.build(panel, PRIORS)
    compile.make_ready(model, model, "")
    spec = fc.Spec(
        "earnings", "default", {}, 1, draws, tune, 4, entry.target_accept, "", "", "", "", {},
        entry.adaptation, entry.max_depth,
    )  # fmt: skip
    before = spent()
    tree = sampling.sample_model(entry, panel, PRIORS, spec)
    wall, cpu = (b - a for a, b in zip(before, spent(), strict=True))
    posterior = tree["posterior"].to_dataset()
    bulk, tail = smallest_ess(posterior, [*earnings.HYPER_NAMES, "scale"])
    stats = tree["sample_stats"].to_dataset()
    print(
        f"{what}: 4 x ({tune} + {draws}) in {wall:.1f} s ({cpu:.1f} CPU s), "
        f"{float(stats['n_steps'].mean()):.1f} gradients a draw, "
        f"{int(stats['diverging'].sum())} divergences, min bulk ESS {bulk:.0f}, "
        f"tail ESS {tail:.0f}, {bulk / wall:.0f} a second, {bulk / cpu:.0f} a CPU second",
        flush=True,
    )
    return posterior.assign_attrs(rate=bulk / cpu)


def reference(panel: Panel, rate: float) -> None:
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    import earnings_reference
    import nutpie

    compiled = nutpie.compile_pymc_model(
        earnings_reference.build(panel, PRIORS, 4), backend="numba"
    )
    before = spent()
    tree = nutpie.sample(compiled, draws=1000, tune=1000, chains=4, seed=1, target_accept=0.9,
                         progress_bar=False, save_warmup=False)  # fmt: skip
    wall, cpu = (b - a for a, b in zip(before, spent(), strict=True))
    ess, _ = smallest_ess(tree["posterior"].to_dataset(), [*earnings.HYPER_NAMES, "scale"])
    stats = tree["sample_stats"].to_dataset()
    print(
        f"every state sampled: 4 x (1000 + 1000) in {wall:.0f} s ({cpu:.0f} CPU s), "
        f"{float(stats['n_steps'].mean()):.0f} gradients a draw, "
        f"{int(stats['diverging'].sum())} divergences, min bulk ESS {ess:.0f}, {ess / cpu:.2f} a CPU "
        f"second; the collapsed form has {rate / (ess / cpu):.0f} times as many"
    )


def made_up(series: int, quarters: int) -> Panel:
    """Return a panel of random walks with two in a hundred cells missing."""
    rng = np.random.default_rng(series + quarters)
    last = quarter_index("2026Q1")
    rows = []
    for s in range(series):
        metric = ("capex", "revenue")[s % 2]
        y = np.exp(
            1 + rng.standard_normal() + np.cumsum(0.05 + 0.1 * rng.standard_normal(quarters))
        )
        for t in np.flatnonzero(rng.random(quarters) > 0.02):
            rows.append(
                (f"E{s // 2:03d}/{metric}", metric, quarter_name(last - quarters + 1 + t), y[t])
            )
    frame = pd.DataFrame(rows, columns=["series", "group", "quarter", "value"])
    data = xr.Dataset(
        {"value": ("obs", frame["value"].to_numpy())},
        coords={c: ("obs", frame[c].to_numpy(str)) for c in ("series", "group", "quarter")},
    )
    return Panel("earnings", "2026-05-06", data)


def sizes(most: int) -> None:
    for quarters in (28, 80):
        for series in (8, 32, 128, 512):
            panel = made_up(series, quarters)
            flat = earnings.layout(panel)
            of = {f: earnings._numbers(PRIORS, f)[flat.group] for f in
                  ("damping", "shock", "noise", "factor", "growth_spread", "season_spread")}  # fmt: skip
            arguments = (
                flat.y, flat.seen, earnings.regressors(flat.first, quarters), flat.group,
                flat.start, 25.0, *(earnings._numbers(PRIORS, f) for f in
                ("growth", "growth_sd", "season_sd")),
                of["damping"], of["shock"] ** 2, of["noise"] ** 2, of["factor"],
                of["growth_spread"] ** 2, of["season_spread"] ** 2, np.full(3, 0.8),
            )  # fmt: skip
            kernel.panel_logp_grad(*arguments)
            best = np.inf
            for _ in range(5):
                start = time.perf_counter()
                kernel.panel_logp_grad(*arguments)
                best = min(best, time.perf_counter() - start)
            print(f"{series} series x {quarters} quarters: {1e6 * best:.0f} us a gradient, "
                  f"{1e6 * best / series:.0f} a series", flush=True)  # fmt: skip
            if series <= most and quarters == 28:
                sample(panel, "  sampled", 300)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", action="store_true")
    parser.add_argument("--sizes", action="store_true")
    parser.add_argument("--sample-up-to", type=int, default=32)
    args = parser.parse_args()
    print(f"{len(os.sched_getaffinity(0))} cores")
    compile_times()
    table = fc.read_vintages()
    panel = build_panel(fc.as_of(table, "2026-05-06"), "earnings")
    tune = get_model("earnings").tune
    posterior = sample(panel, "19 series x 29 quarters", tune)
    sample(panel, "the same, fewer draws", tune, 400)
    before = len(compile._codes)
    for day in ("2021-02-14", "2024-02-14"):
        sample(build_panel(fc.as_of(table, day), "earnings"), f"as of {day}", tune)
    print(f"compiled for the other dates: {len(compile._codes) - before}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB")
    if args.sizes:
        sizes(args.sample_up_to)
    if args.reference:
        reference(panel, posterior.attrs["rate"])


if __name__ == "__main__":
    main()
