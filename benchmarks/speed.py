"""How long things take: imports and tables, models cold and warm, the memo by stage, others' tools.

    python benchmarks/speed.py imports
    python benchmarks/speed.py models [NAME ...]
    python benchmarks/speed.py memo
    python benchmarks/speed.py peers        (pip install statsmodels statsforecast)

Processor seconds are those of the process and its children; they depend less on what runs beside. Cold
is with empty folders for compiled code, warm is the next process. With ``--also`` and the work tree of
another version both are measured in turn, and the ratio is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
DAY = "2026-05-06"
MODELS = (
    "market", "hazard", "capex_hazard", "benchmark", "earnings", "training_cost", "api_price",
    "gpu_rental", "adoption", "payback",
)  # fmt: skip
IMPORTS = {
    "import forecast": "import forecast",
    "forecast --version": "from forecast.cli.main import main\nmain(['--version'])",
    "forecast claims": "from forecast.cli.main import main\nmain(['claims'])",
    "what a fit imports": "import forecast as fc\nfc.fit, fc.build_panel",
    "the shipped tables": "import forecast as fc\nfc.read_vintages()",
    "all panels of them": (
        "import forecast as fc\n"
        f"known = fc.as_of(fc.read_vintages(), '{DAY}')\n"
        f"[fc.build_panel(known, name) for name in {MODELS}]"
    ),
}
FIT = """
import json, sys, time
start, spent = time.perf_counter(), time.process_time()
laps = {}
def lap(what):
    global start, spent
    laps[what] = (time.perf_counter() - start, time.process_time() - spent)
    start, spent = time.perf_counter(), time.process_time()
import numpy as np
import forecast as fc
from forecast.inference import gate, sampling
from forecast.inference.fitting import spec_of
name = sys.argv[1]
panel = fc.build_panel(fc.as_of(fc.read_vintages(), sys.argv[2]), name)
entry = fc.get_model(name)
spec = spec_of(name, panel, seed=1)
lap("ready")
sampling.prior_misses(entry, panel, entry.priors, seed=1)
lap("prior")
import dataclasses
few = dataclasses.replace(spec, draws=1, tune=1)
sampling.sample_model(entry, panel, entry.priors, few)
lap("compile")
tree = sampling.sample_model(entry, panel, entry.priors, spec)
lap("sample")
full = sampling.full_tree(entry, panel, entry.priors, few)
lap("rest")
posterior = tree["posterior"].to_dataset()
names = [str(name) for name in posterior.data_vars]
bulk = np.nanmin([gate.mixing(draws)[1] for _, draws in gate.cells(posterior, names)])
stats = tree["sample_stats"].to_dataset()
print(json.dumps({"laps": laps, "ess": float(bulk), "steps": float(stats["n_steps"].mean()),
                  "diverging": int(stats["diverging"].sum())}))
"""
PLAIN = """
import sys, time
import numpy as np, pymc as pm, forecast as fc
table = fc.as_of(fc.read_vintages(), sys.argv[1]).rows
table = table[table["metric"].eq("capex") & table["entity"].isin(sys.argv[2].split(","))]
wide = table.pivot_table(index="period", columns="entity", values="value").dropna().map(np.log)
y = wide.to_numpy().T
with pm.Model():
    drift = pm.Normal("drift", 0.05, 0.1, shape=len(y))
    shock = pm.HalfNormal("shock", 0.2, shape=len(y))
    noise = pm.HalfNormal("noise", 0.1, shape=len(y))
    z = pm.Normal("z", 0, 1, shape=y.shape)
    level = y[:, :1] + (drift[:, None] + shock[:, None] * z).cumsum(axis=1)
    pm.Normal("y", level, noise[:, None], observed=y)
    pm.sample(1000, tune=1000, chains=4, random_seed=1, progressbar=False, nuts_sampler="nutpie",
              nuts_sampler_kwargs={"backend": "numba"}, target_accept=0.9)
"""
OTHERS = """
import sys
import numpy as np, forecast as fc
table = fc.as_of(fc.read_vintages(), sys.argv[1]).rows
table = table[table["metric"].eq("capex") & table["entity"].isin(sys.argv[2].split(","))]
wide = table.pivot_table(index="period", columns="entity", values="value").dropna().map(np.log)
if sys.argv[3] == "statsmodels":
    from statsmodels.tsa.statespace.structural import UnobservedComponents
    for name in wide:
        fit = UnobservedComponents(wide[name].to_numpy(), "llevel", seasonal=4).fit(disp=False)
        fit.get_forecast(8).conf_int()
else:
    import pandas as pd
    from statsforecast import StatsForecast
    from statsforecast.models import AutoARIMA, AutoCES, AutoETS
    dates = pd.PeriodIndex(wide.index, freq="Q").to_timestamp()
    long = wide.set_axis(dates).melt(ignore_index=False, var_name="unique_id", value_name="y")
    long = long.rename_axis("ds").reset_index()
    rules = [AutoARIMA(season_length=4), AutoETS(season_length=4), AutoCES(season_length=4)]
    StatsForecast(rules, freq="QS", n_jobs=1).forecast(df=long, h=8, level=[80])
"""
SIX = "MSFT,GOOGL,AMZN,META,ORCL,NVDA"


def measured(
    code: str, arguments: Sequence[str], place: Path, tree: Path = HERE
) -> tuple[float, float, str]:
    """Run code in a new process of a work tree; return its seconds, processor seconds and output."""
    env = {
        **os.environ,
        "PYTENSOR_FLAGS": f"base_compiledir={place / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(place / "numba"),
        "PYTHONPATH": str(tree),
    }
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=env, cwd=tree, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{arguments}: {done.stderr[-2000:]}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, spent, done.stdout


def imports(trees: Sequence[Path]) -> None:
    print(f"{'':<24}" + "".join(f"{'seconds':>10}{'CPU':>8}" for _ in trees))
    with tempfile.TemporaryDirectory() as place:
        for what, code in IMPORTS.items():
            cells = ""
            for tree in trees:
                runs = [measured(code, [], Path(place), tree)[:2] for _ in range(4)][1:]
                wall, spent = (min(column) for column in zip(*runs, strict=True))
                cells += f"{wall:>10.2f}{spent:>8.2f}"
            print(f"{what:<24}{cells}", flush=True)


def models(names: Sequence[str], trees: Sequence[Path]) -> None:
    heads = (
        f"{'process':>8}{'ready':>7}{'prior':>7}{'compile':>9}{'sample':>8}{'ESS/s':>8}{'steps':>7}"
    )
    print(f"{'CPU seconds':<21}{heads}")
    for name in names:
        totals: list[dict[str, float]] = []
        for tree in trees:
            with tempfile.TemporaryDirectory() as place:
                total = {}
                for what in ("cold", "warm"):
                    _, spent, out = measured(FIT, [name, DAY], Path(place), tree)
                    found = json.loads(out.splitlines()[-1])
                    laps = {lap: cpu for lap, (_, cpu) in found["laps"].items()}
                    total[what] = spent - laps["sample"]
                    columns = [
                        spent,
                        *(laps[lap] for lap in ("ready", "prior", "compile", "sample")),
                    ]
                    cells = "".join(f"{cpu:>9.1f}" for cpu in columns)
                    cells += f"{found['ess'] / laps['sample']:>8.0f}{found['steps']:>7.1f}"
                    note = f"  {found['diverging']} DIVERGED" if found["diverging"] else ""
                    print(f"{name:<15}{what:<6}{cells}{note}", flush=True)
                totals.append(total)
        if len(totals) > 1:
            ratios = (
                f"{what} {totals[1][what] / totals[0][what]:.1f}" for what in ("cold", "warm")
            )
            print(f"{'':<15}the other, but for sampling: {' and '.join(ratios)} times as long")


def memo(trees: Sequence[Path]) -> None:
    code = "import sys\nfrom forecast.cli.main import main\nmain(['run', '--out', sys.argv[1]])"
    for tree in trees:
        with tempfile.TemporaryDirectory() as place:
            for what in ("cold", "compiled before"):
                out = Path(place) / what
                wall, spent, _ = measured(code, [str(out)], Path(place), tree)
                print(f"forecast run, {what}: {wall:.0f} s, {spent:.0f} CPU s")
                (manifest,) = out.glob("runs/*/manifest.json")
                stages: Mapping[str, float] = json.loads(manifest.read_text())["seconds"]
                for stage, seconds in stages.items():
                    print(f"    {stage:<40}{seconds:>7.1f} s", flush=True)


def peers() -> None:
    with tempfile.TemporaryDirectory() as place:
        rows = {}
        for what, code, arguments in (
            ("earnings, all 24 series, cold", FIT, ["earnings", DAY]),
            ("earnings, all 24 series, warm", FIT, ["earnings", DAY]),
            ("plain PyMC local level, 6 series, cold", PLAIN, [DAY, SIX]),
            ("plain PyMC local level, 6 series, warm", PLAIN, [DAY, SIX]),
            ("statsmodels UnobservedComponents, 6", OTHERS, [DAY, SIX, "statsmodels"]),
            ("statsforecast ARIMA + ETS + CES, 6, cold", OTHERS, [DAY, SIX, "statsforecast"]),
            ("statsforecast ARIMA + ETS + CES, 6, warm", OTHERS, [DAY, SIX, "statsforecast"]),
        ):
            wall, spent, _ = measured(code, arguments, Path(place))
            rows[what] = spent
            ours = rows[f"earnings, all 24 series, {'cold' if what.endswith('cold') else 'warm'}"]
            cells = f"{wall:>7.1f} s{spent:>7.1f} CPU s, {spent / ours:.2f} of ours"
            print(f"{what:<44}{cells}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=["imports", "models", "memo", "peers"])
    parser.add_argument("names", nargs="*", help="models; all by default")
    parser.add_argument("--also", type=Path, help="work tree of another version")
    args = parser.parse_args()
    trees = [HERE] + ([args.also.resolve()] if args.also else [])
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    print(f"{cores} cores, load {load:.1f}, Python {sys.version.split()[0]}")
    if args.what == "models":
        models(args.names or MODELS, trees)
    elif args.what == "peers":
        peers()
    else:
        {"imports": imports, "memo": memo}[args.what](trees)


if __name__ == "__main__":
    main()
