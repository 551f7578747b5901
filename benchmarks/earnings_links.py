"""Say whether shocks to capex and to revenue come together, and whether capex leads cloud revenue.

    python benchmarks/earnings_links.py [--as-of 2026-05-06]

Correlations, company by company, of changes of yearly log growth from one quarter to the next: what is
left when level, season and growth are taken out by differences. No model is fitted.
"""

from __future__ import annotations

import argparse

import numpy as np

import forecast as fc
from forecast.models.earnings import model as earnings
from forecast.models.earnings.panel import CLOUD_METRICS
from forecast.models.earnings.paths import TOTALS


def link(first: np.ndarray, second: np.ndarray, lag: int) -> tuple[float, int]:
    """Return the correlation of a series with another `lag` quarters later, and the pairs behind it."""
    first, second = first[: len(first) - lag], second[lag:]
    both = np.isfinite(first) & np.isfinite(second)
    return float(np.corrcoef(first[both], second[both])[0, 1]), int(both.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--as-of", default="2026-05-06")
    panel = fc.build_panel(fc.as_of(fc.read_vintages(), parser.parse_args().as_of), "earnings")
    flat = earnings.layout(panel)
    y = np.where(flat.seen, flat.y, np.nan)
    change = dict(zip(flat.names, np.diff(y[4:] - y[:-4], axis=0).T, strict=True))
    cloud = {n.split("/")[0]: n for n in flat.names if n.split("/")[1] in CLOUD_METRICS}
    companies = [*TOTALS["big_five"], "NVDA"]
    rows = [("capex with revenue, same quarter", companies, "revenue", 0)]
    spenders = [e for e in TOTALS["big_five"] if e in cloud]
    rows += [(f"capex with cloud revenue {k} quarters later", spenders, "", k) for k in range(7)]
    for what, entities, metric, lag in rows:
        found = [
            link(change[f"{e}/capex"], change[f"{e}/{metric}" if metric else cloud[e]], lag)
            for e in entities
        ]
        mean, pairs = np.mean([r for r, _ in found]), sum(n for _, n in found)
        each = "  ".join(f"{e} {r:+.2f}" for e, (r, _) in zip(entities, found, strict=True))
        print(f"{what}: mean {mean:+.2f}, s.e. about {pairs**-0.5:.2f}, {pairs} pairs;  {each}")


if __name__ == "__main__":
    main()
