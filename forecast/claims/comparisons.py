"""What others have published on the same or a near question, alongside ours and the naive number.

An article's ``comparisons.toml`` says, for a row of ``public_forecasts.csv``, which event over our draws
comes nearest, and how the two questions differ. A row for which nothing comes near is shown too,
without a number of ours.

Invariant: another's number is the cell of the table, never restated; a comparison that names no row
of the table is refused.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import xarray as xr

from forecast.claims.events import Event, happens, read_event
from forecast.claims.probabilities import probability
from forecast.claims.read import read_window
from forecast.core import fields
from forecast.core.errors import ClaimError, UndefinedError
from forecast.core.files import read_toml
from forecast.core.text import one_line
from forecast.models import registry
from forecast.tables.articles import COMPARISONS_FILE, find_article
from forecast.tables.shipped import read_reference_table


@dataclasses.dataclass(frozen=True)
class Nearest:
    """Which of our events comes nearest to a published question.

    Attributes
    ----------
    forecaster, date, question
        The row of ``public_forecasts.csv``, to the letter.
    model, event, window
        Our event; None where nothing comes near.
    ours
        What our number is about.
    differs
        How the questions differ.
    """

    forecaster: str
    date: str
    question: str
    differs: str
    model: str | None = None
    event: Event | None = None
    window: tuple[dt.date, dt.date] | None = None
    ours: str = ""


@dataclasses.dataclass(frozen=True)
class Beside:
    """One published number, ours and the naive one; shares, None where there is none.

    Attributes
    ----------
    forecaster, question, date, kind, source
        Who said what, when, whether it is a probability or a base rate, and where it stands.
    theirs, ours, naive
        The numbers; `mcse` is the Monte-Carlo standard error of ours, `draws` their number.
    about, differs, model
        What ours is about, how the questions differ, and the model that gives it.
    """

    forecaster: str
    question: str
    date: str
    kind: str
    source: str
    theirs: float | None
    ours: float | None
    mcse: float | None
    naive: float | None
    about: str
    differs: str
    model: str
    draws: int = 0


TOP = fields.Keys({}, {"comparison": fields.TABLES})


def comparison_keys() -> fields.Keys:
    """Return what a comparison may hold; its model is one of those that there are by now."""
    return fields.Keys(
        dict.fromkeys(("forecaster", "date", "question", "differs"), fields.TEXT),
        {
            "model": fields.one_of(*registry.names()),
            "event": fields.TABLE,
            "window": fields.WINDOW,
            "ours": fields.ANY_TEXT,
        },
    )


def read_comparisons(
    table: pd.DataFrame | None = None, path: str | Path | None = None
) -> tuple[Nearest, ...]:
    """Read which events come nearest to published questions; the shipped file by default.

    Parameters
    ----------
    table
        ``public_forecasts``; the shipped one by default.
    path
        The file; that of the shipped article by default.

    Raises
    ------
    ClaimError
        If an entry cannot be read, names no row of the table, or names one twice.
    """
    rows = read_reference_table("public_forecasts") if table is None else table
    path = find_article().file(COMPARISONS_FILE) if path is None else Path(path)
    raw = read_toml(path, "file of comparisons")
    fields.check(raw, TOP, f"{path}, at the top of the file")
    there = list(zip(rows["forecaster"], rows["date"], rows["question"], strict=True))
    found = tuple(
        _nearest(entry, f"{path}, comparison {n}, {fields.title(entry, n, 'forecaster')}")
        for n, entry in enumerate(raw.get("comparison", []), 1)
    )
    named = [(one.forecaster, one.date, one.question) for one in found]
    strange = [key for key in named if key not in there]
    if strange:
        raise ClaimError(
            f"{path}: public_forecasts.csv has no row {' / '.join(strange[0])!r}; there are "
            + one_line([" / ".join(key) for key in there])
        )
    twice = [key for key in named if named.count(key) > 1]
    if twice:
        raise ClaimError(f"{path}: more than one comparison names {' / '.join(twice[0])!r}")
    return found


def _nearest(entry: Mapping[str, fields.Value], where: str) -> Nearest:
    fields.check(entry, comparison_keys(), where)
    ours = {"model", "event", "window"}
    given = sorted(ours & set(entry))
    if not given:
        return Nearest(**entry)
    if len(given) < len(ours):
        raise ClaimError(f"{where}: got {one_line(given)}; wanted model, event and window, or none")
    window = read_window(entry["window"], where)
    event = read_event(entry["event"], f"{where}, event", window)
    return Nearest(**{**entry, "event": event, "window": window})


def beside_others(
    table: pd.DataFrame,
    comparisons: Sequence[Nearest],
    draws: Mapping[str, xr.Dataset],
    baselines: Mapping[str, xr.Dataset],
    as_of: str,
) -> tuple[Beside, ...]:
    """Return every published number known on a day, with ours and the naive one beside it.

    Parameters
    ----------
    table
        ``public_forecasts``. Rows dated later than `as_of` are left out; one of which only the
        month or year is known counts from its first day.
    comparisons
        From :func:`read_comparisons`.
    draws, baselines
        Joint draws, and those of the naive forecast, by model.
    as_of
        The day, ISO.

    Raises
    ------
    ClaimError
        If an event cannot be evaluated on its model's draws. One that draws of another day would
        define has no number of ours, and says why.
    """
    nearest = {(c.forecaster, c.date, c.question): c for c in comparisons}
    found = []
    for row in table.to_dict("records"):
        if (str(row["date"]) + "-01-01")[:10] > as_of:
            continue
        one = nearest.get((row["forecaster"], row["date"], row["question"]))
        ours = mcse = naive = None
        size, untold = 0, ""
        if one is not None and one.event is not None and one.window is not None:
            own, baseline = draws.get(str(one.model)), baselines.get(str(one.model))
            try:
                if own is not None:
                    ours, mcse = probability(happens(own, one.event, one.window))
                    size = own.sizes["chain"] * own.sizes["draw"]
                if own is not None and baseline is not None:
                    naive = probability(happens(baseline, one.event, one.window))[0]
            except UndefinedError as error:
                ours = mcse = naive = None
                untold = f"; no number of ours: {error}"
            except ClaimError as error:
                name = f"comparison {one.forecaster!r}, {one.date}"
                raise ClaimError(f"{name}: {error}") from error
        theirs = float(row["value"])
        found.append(
            Beside(
                str(row["forecaster"]),
                str(row["question"]),
                str(row["date"]),
                str(row["unit"]),
                str(row["source"]),
                theirs if theirs == theirs else None,
                ours,
                mcse,
                naive,
                one.ours if one else "",
                one.differs + untold if one else "nothing that a model here covers comes near",
                str(one.model) if one and one.model else "none",
                size,
            )
        )
    return tuple(found)
