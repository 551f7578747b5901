"""Named conditional paths: what the claims' probabilities become if something else comes true.

A scenario is data: a model, and conditions in the vocabulary of :mod:`forecast.claims.events`. The joint
draws in which every condition holds are kept, so what comes out is a conditional forecast: it says
nothing of how likely the scenario is. That is printed with it, as the share of all draws that were
kept. A scenario may instead fix a parameter: the draws are then made again with it, and how far out
in the posterior the fixed value lies stands in the share's place.

Invariant: a scenario with too few draws left gives no number; it is refused in a sentence.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.claims.events import Event, happens, read_event
from forecast.claims.judge import judge
from forecast.claims.probabilities import ENOUGH, effective
from forecast.claims.read import read_sums, read_window
from forecast.core import fields
from forecast.core.errors import ClaimError
from forecast.core.files import read_toml
from forecast.core.text import one_line
from forecast.core.words import TOLD_UNTIL
from forecast.models import registry
from forecast.models.registry import get_model
from forecast.tables.articles import SCENARIOS_FILE, find_article

if TYPE_CHECKING:
    from forecast.claims.records import Claim
    from forecast.claims.verdict import Verdicts
    from forecast.inference.fitting import Run

MOST = 8
"""Times the draws of a run that a scenario may take."""
GRADES = ((0.20, "plausible"), (0.05, "a stretch"), (0.0, "far out"))
"""Lowest share of draws in which the conditions hold, and how that is called; our rough judgement."""


@dataclasses.dataclass(frozen=True)
class Condition:
    """An event that must happen in its window.

    Attributes
    ----------
    event
        A record of :mod:`forecast.claims.events`.
    window
        Two days.
    """

    event: Event
    window: tuple[dt.date, dt.date]


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A named conditional path.

    Attributes
    ----------
    id, text, why
        Its name, what happens in it, and where that comes from.
    model
        The model whose joint draws it is about.
    conditions
        All of them must hold.
    fixed
        Parameters set to a value instead, by name.
    source
        Where the numbers of its conditions are from.
    """

    id: str
    text: str
    why: str
    model: str
    conditions: tuple[Condition, ...] = ()
    fixed: Mapping[str, float] = dataclasses.field(default_factory=dict)
    source: str = ""


@dataclasses.dataclass(frozen=True)
class Conditional:
    """What a scenario says of the claims; every number is conditional on it.

    Attributes
    ----------
    scenario
        The scenario.
    share
        Share of the draws in which its conditions hold; of a fixed parameter, the two-sided tail
        of the posterior beyond the value.
    left
        Effective number of the draws left.
    verdicts
        Verdicts of the definitions of its model, None where too few draws are left.
    """

    scenario: Scenario
    share: float
    left: float
    verdicts: Verdicts | None

    @property
    def grade(self) -> str:
        """How plausible the scenario is, by its share."""
        return next(word for least, word in GRADES if self.share >= least)

    @property
    def refused(self) -> str:
        """Why there are no numbers; empty if there are."""
        if self.verdicts is not None:
            return ""
        return (
            f"its conditions hold in {100 * self.share:.1f} % of the draws, worth "
            f"{self.left:.0f} independent ones; wanted {ENOUGH:.0f}: ask less of it"
        )


TOP = fields.Keys({}, {"scenario": fields.TABLES, "sums": fields.TABLE})
CONDITION = fields.Keys({"event": fields.TABLE, "window": fields.WINDOW})


def scenario_keys() -> fields.Keys:
    """Return what a scenario may hold; its model is one of those that there are by now."""
    text = dict.fromkeys(("text", "why"), fields.TEXT)
    return fields.Keys(
        {"id": fields.NAME, **text, "model": fields.one_of(*registry.names())},
        {
            "condition": fields.TABLES,
            "fixed": fields.NUMBERS_BY_NAME,
            "source": fields.ANY_TEXT,
        },
    )


def read_scenarios(path: str | Path | None = None) -> tuple[Scenario, ...]:
    """Read a file of scenarios; the shipped one by default.

    Raises
    ------
    ClaimError
        Naming the file, the scenario and the key that cannot be read, and what was wanted.
    """
    path = find_article().file(SCENARIOS_FILE) if path is None else Path(path)
    raw = read_toml(path, "file of scenarios")
    fields.check(raw, TOP, f"{path}, at the top of the file")
    sums = read_sums(raw.get("sums", {}), str(path))
    found = tuple(
        _scenario(entry, sums, f"{path}, scenario {fields.title(entry, n)}")
        for n, entry in enumerate(raw.get("scenario", []), 1)
    )
    twice = sorted({s.id for s in found if sum(o.id == s.id for o in found) > 1})
    if twice:
        raise ClaimError(f"{path}: more than one scenario is called {one_line(twice)}")
    return found


def _scenario(
    entry: Mapping[str, fields.Value], sums: Mapping[str, Sequence[str]], where: str
) -> Scenario:
    fields.check(entry, scenario_keys(), where)
    if ("condition" in entry) == ("fixed" in entry):
        raise ClaimError(f"{where}: wanted either [[scenario.condition]] or [scenario.fixed]")
    conditions = []
    for n, one in enumerate(entry.get("condition", []), 1):
        place = f"{where}, condition {n}"
        fields.check(one, CONDITION, place)
        window = read_window(one["window"], place)
        conditions.append(
            Condition(read_event(one["event"], f"{place}, event", window, sums), window)
        )
    fixed = {name: float(value) for name, value in entry.get("fixed", {}).items()}
    _check_fixed(entry["model"], fixed, where)
    return Scenario(
        entry["id"], entry["text"], entry["why"], entry["model"], tuple(conditions), fixed,
        entry.get("source", ""),
    )  # fmt: skip


def _check_fixed(model: str, fixed: Mapping[str, float], where: str) -> None:
    if not fixed:
        return  # and the room need not be opened, which loads PyMC
    own = get_model(model).report
    strange = sorted(set(fixed) - set(own))
    if strange:
        raise ClaimError(
            f"{where}: the {model} model has no parameter {fields.names(strange)}; there are "
            f"{one_line(own)}"
        )


def condition(scenario: Scenario, draws: xr.Dataset) -> xr.DataArray:
    """Return in which draws all conditions hold, dims chain, draw.

    Raises
    ------
    ClaimError
        If the draws are of another model, or a condition cannot be evaluated on them.
    """
    if draws.attrs.get("model") != scenario.model:
        raise ClaimError(
            f"scenario {scenario.id!r} is about the {scenario.model} model; got draws of "
            f"{draws.attrs.get('model')}"
        )
    try:
        held = [happens(draws, one.event, one.window) for one in scenario.conditions]
    except ClaimError as error:
        raise ClaimError(f"scenario {scenario.id!r}: {error}") from error
    out = held[0]
    for one in held[1:]:
        out = out & one
    return out


def conditional(
    scenario: Scenario, claims: Sequence[Claim], run: Run, draws: xr.Dataset, seed: int = 0
) -> Conditional:
    """Judge the definitions of a scenario's model in the scenario.

    Parameters
    ----------
    scenario
        What is supposed.
    claims
        Whose definitions of that model are judged.
    run, draws
        The model's run, and its joint draws. Where too few of them are left more paths are drawn from
        the same posterior, up to :data:`MOST` times as many.
    seed
        Seed of new draws.

    Returns
    -------
    Conditional
        With verdicts if at least :data:`ENOUGH` effective draws are left.

    Raises
    ------
    ClaimError
        If a condition cannot be evaluated, or the model has no parameter of a fixed name or cannot
        have that value.
    """
    own = [
        dataclasses.replace(
            c, definitions=tuple(d for d in c.definitions if d.model == scenario.model)
        )
        for c in claims
    ]
    own = [c for c in own if c.definitions]
    if scenario.fixed:
        return _fixed(scenario, own, run, draws, seed)
    held: list[np.ndarray] = []
    kept: list[xr.Dataset] = []
    for times in range(MOST):
        if times:  # the same posterior draws, with other paths
            from forecast.inference.predict import forecast  # loads PyMC; reading does without

            draws = forecast(run, until=str(draws["period"].values[-1]), seed=seed + times)
        hit = condition(scenario, draws).transpose("chain", "draw").values
        held.append(hit)
        kept.append(_where(draws, hit))
        # Paths of one posterior draw stand next to each other, so that what they share counts once.
        together = np.stack(held, axis=-1).reshape(hit.shape[0], -1)
        left = effective(together)
        if left >= ENOUGH:
            break
    share = float(together.mean())
    if left < ENOUGH:
        return Conditional(scenario, share, left, None)
    left_over = xr.concat(kept, dim="draw").assign_attrs(draws.attrs)
    left_over = left_over.assign_coords(draw=np.arange(left_over.sizes["draw"]))
    return Conditional(scenario, share, left, judge(own, left_over))


def _where(draws: xr.Dataset, held: np.ndarray) -> xr.Dataset:
    """Return the draws in which a condition holds, as one chain: they are no neighbours any more."""
    own = draws[["y", "signal"]].stack(sample=("chain", "draw"), create_index=False)
    own = own.isel(sample=np.flatnonzero(held.ravel()))
    own = own.drop_vars(["chain", "draw"], errors="ignore").rename(sample="draw")
    return own.expand_dims("chain").assign_coords(chain=[0])


def _fixed(
    scenario: Scenario, claims: Sequence[Claim], run: Run, draws: xr.Dataset, seed: int
) -> Conditional:
    from forecast.inference.fitting import prior_set  # loads PyMC; reading does without

    posterior, model = run.posterior, get_model(scenario.model)
    _check_fixed(scenario.model, scenario.fixed, f"scenario {scenario.id!r}")
    tails = []
    for name, value in scenario.fixed.items():
        below = float((posterior[name] < value).mean())
        tails.append(2 * min(below, 1 - below))
    supposed = posterior.assign(
        {name: posterior[name] * 0 + value for name, value in scenario.fixed.items()}
    )
    try:
        redrawn = model.draw(
            supposed,
            run.panel,
            prior_set(model, run.spec.variant),
            str(draws["period"].values[-1]),
            np.random.default_rng(seed),
        ).assign_attrs(draws.attrs)
    except (ArithmeticError, ValueError) as error:
        got = ", ".join(f"{name} = {value:g}" for name, value in scenario.fixed.items())
        raise ClaimError(
            f"scenario {scenario.id!r}: the {scenario.model} model cannot be drawn with {got}: {error}"
        ) from error
    if TOLD_UNTIL in draws.coords:  # what is supposed makes no data say less
        redrawn = redrawn.assign_coords({TOLD_UNTIL: draws[TOLD_UNTIL]})
    size = posterior.sizes["chain"] * posterior.sizes["draw"]
    return Conditional(scenario, min(tails), float(size), judge(claims, redrawn))
