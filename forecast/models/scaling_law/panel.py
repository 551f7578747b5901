"""Loss of training runs against parameters and tokens."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.text import one_line
from forecast.models.base import Panel, PanelSource

HIGHEST_LEFT_OUT = 5
"""How many of the highest losses the published re-fit leaves out (Besiroglu et al. 2024)."""
FEWEST_RUNS = 20


def scaling_law_panel(
    table: pd.DataFrame, as_of: str, drop_highest: int = HIGHEST_LEFT_OUT
) -> Panel:
    """Take runs with their parameters, tokens and final loss.

    Parameters
    ----------
    table
        Columns ``model_size`` (parameters), ``loss`` (nats per token), and ``training_flop`` or
        ``tokens``; without tokens they are compute / (6 parameters).
    as_of
        The day; it decides nothing, for the runs carry no dates.
    drop_highest
        How many of the highest losses to leave out: small, little trained models that the law does
        not describe. Five as in the published re-fit; 0 takes all.

    Returns
    -------
    Panel
        Dim ``obs``: ``value`` (loss), ``params``, ``tokens``; ``notes`` say what was left out.

    Raises
    ------
    DataError
        If a column is missing, a cell is empty or not above zero, or too few runs are left.
    """
    there = set(table.columns)
    missing = [c for c in ("model_size", "loss") if c not in there]
    if not there & {"tokens", "training_flop"}:
        missing.append("training_flop (or tokens)")
    if missing:
        raise DataError(
            "the scaling_law model wants the columns model_size, loss and training_flop or tokens; "
            f"missing: {one_line(missing)}; the table has {one_line(sorted(there))}"
        )
    wanted = ["model_size", "loss", "tokens" if "tokens" in there else "training_flop"]
    bad = [f"{c} in row {k + 1}" for c in wanted for k, v in enumerate(table[c]) if not v > 0]
    if bad:
        raise DataError(f"a run's numbers must be there and above zero; not so: {one_line(bad)}")
    loss = table["loss"].to_numpy(float)
    params = table["model_size"].to_numpy(float)
    if "tokens" in there:
        tokens = table["tokens"].to_numpy(float)
    else:
        tokens = table["training_flop"].to_numpy(float) / (6 * params)
    if len(loss) < drop_highest + FEWEST_RUNS:
        raise DataError(
            f"the scaling_law model wants at least {FEWEST_RUNS} runs besides the {drop_highest} "
            f"of highest loss that are left out; the table has {len(loss)}"
        )
    order = np.lexsort((tokens, params, loss))[: len(loss) - drop_highest]
    order = order[np.lexsort((tokens[order], params[order]))]
    data = xr.Dataset(
        {
            "value": ("obs", loss[order]),
            "params": ("obs", params[order]),
            "tokens": ("obs", tokens[order]),
        },
    )
    units = {"value": "nats per token", "params": "count", "tokens": "count"}
    note = f"{len(order)} of {len(loss)} runs; the {drop_highest} of highest loss left out"
    return Panel("scaling_law", as_of, data, units, notes=(note,))


PANEL = PanelSource(build=scaling_law_panel, table="scaling_runs")
