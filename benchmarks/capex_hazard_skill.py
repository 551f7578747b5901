"""Falls of capex from past days: the spending clock against how often such falls come at any time.

Run from the project folder: ``python benchmarks/capex_hazard_skill.py``. Every second year from 2012 the
model is fitted to what was known in mid-February, and asked of each quarter's states of the six
companies and of their sums until the next fit: does the four-quarter total fall by 5, 10, 20 % below the
highest one from then on, within 12 and 24 months? The prior numbers were chosen with the class's rates
in sight, and with the companies' record told in outline.

Windows overlap: of eight quarters of one company few are independent. The standard error is that of
means by calendar year of the state. Climatology is the record of the same level known at the fit
(Jeffreys), and, with hindsight, the share of all windows.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import xarray as xr

from forecast.inference import sampling
from forecast.inference.codehash import fit_hash
from forecast.inference.spec import Spec
from forecast.models.base import Panel
from forecast.models.capex_hazard import baseline, model
from forecast.models.capex_hazard.panel import (
    COVARIATES,
    FALLS,
    LONGEST,
    OWN,
    RECORD,
    SETS,
    State,
    seen,
)
from forecast.models.registry import get_model, room_of
from forecast.tables.shipped import read_reference_table

YEARS = range(2012, 2025, 2)
WITHIN = (12, 24)
NUMBERS = (*COVARIATES, "smallest", "followup", *(f"months{fall}" for fall in FALLS))


def panel_of(table: pd.DataFrame, day: str) -> Panel:
    rows = seen(table[table["fitted"] == 1], day)
    labels = ("level", "entity", "industry", "identified")
    data = xr.Dataset(
        {name: ("obs", rows[name].to_numpy()) for name in NUMBERS},
        coords={name: ("obs", rows[name].to_numpy(str)) for name in labels},
    )
    return Panel("capex_hazard", day, data)


def sampled(panel: Panel, seed: int) -> xr.Dataset:
    entry = get_model("capex_hazard")
    spec = Spec(
        "capex_hazard", "default", {}, seed, 500, 500, 2, entry.target_accept, "", panel.as_of, "",
        fit_hash(room_of("capex_hazard")), {}, entry.adaptation, entry.max_depth,
    )  # fmt: skip
    return sampling.sample_model(entry, panel, entry.priors, spec)["posterior"].to_dataset()


def state_of(row: pd.Series) -> State:
    members = (str(row["entity"]),) if row["level"] == "company" else SETS["big_five"]
    return State(
        f"{row['entity']} {row['identified']}", members, str(row["identified"]), math.nan,
        float(row["growth"]), float(row["runup"]), 0.0 if row["at_record"] else 1.0, float(row["cash"]),
        float(row["members"]), (math.nan,) * RECORD,
    )  # fmt: skip


def main() -> None:
    table = read_reference_table("capex_runups")
    own = table[table["level"].isin(OWN) & (table["followup"] == LONGEST)]
    own = own[own["smallest"] == FALLS[0]]
    found = []
    for year in YEARS:
        first, last = f"{year - 1}Q4", f"{year + 1}Q3"
        asked = own[(own["identified"] >= first) & (own["identified"] <= last)]
        if asked.empty:
            continue
        panel = panel_of(table, f"{year}-02-15")
        draws = sampled(panel, year)
        states = [state_of(row) for _, row in asked.iterrows()]
        named = [
            dataclasses.replace(one, entity=one.entity.rsplit(" ", 1)[0]) for one in states
        ]  # by its name a company has its own effect
        _, chance = model.chances(
            draws, panel, named, LONGEST // 3, np.random.default_rng(year), from_now=True
        )
        for k, (_, row) in enumerate(asked.iterrows()):
            rate = baseline.rates(panel, states[k])
            for s, fall in enumerate(FALLS):
                for within in WITHIN:
                    said = chance[:, k, s, within // 3 - 1].mean()
                    came = float(row[f"months{fall}"] <= within)
                    known = -math.expm1(-rate[s] * within / 12)
                    found.append(
                        (
                            row["level"],
                            row["entity"],
                            row["identified"],
                            fall,
                            within,
                            said,
                            known,
                            came,
                        )
                    )
        print(year, panel.data.sizes["obs"], "rows", flush=True)
    names = ("level", "entity", "quarter", "fall", "within", "model", "known", "came")
    scores = pd.DataFrame(found, columns=list(names))
    scores["year"] = scores["quarter"].str[:4]
    print(
        "| whose | fall, within months | windows | came | said | Brier | at any time | hindsight | "
        "difference (s.e.) |"
    )
    for (level, fall, within), one in scores.groupby(["level", "fall", "within"]):
        brier = (one["model"] - one["came"]) ** 2
        naive = (one["known"] - one["came"]) ** 2
        hindsight = one["came"].mean() * (1 - one["came"].mean())
        by_year = (brier - naive).groupby(one["year"]).mean()
        error = by_year.std() / math.sqrt(len(by_year))
        print(
            f"| {level} | {fall}, {within} | {len(one)} | {one['came'].mean():.2f} | "
            f"{one['model'].mean():.2f} | {brier.mean():.3f} | {naive.mean():.3f} | {hindsight:.3f} | "
            f"{by_year.mean():+.3f} ({error:.3f}) |"
        )


if __name__ == "__main__":
    main()
