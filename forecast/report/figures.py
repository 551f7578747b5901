"""The figures of the main job: those of every model's room, and those over all models.

Invariant: a figure's title and alternative text are computed from the draws it shows.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from forecast import plots
from forecast.claims.events import FirstPassage
from forecast.core.draws import listed
from forecast.core.errors import DataError, GateError
from forecast.core.periods import months_after
from forecast.core.text import capitalised, percent
from forecast.inference.sampling import prior_draws
from forecast.models.base import Crossing, Drawn, Scene
from forecast.models.registry import figures_of, get_model, names
from forecast.report.quoted import finding, quoted
from forecast.report.record import Figure, Report

if TYPE_CHECKING:
    from forecast.claims.records import Claim
    from forecast.inference.predict import Fitted


FILINGS = ("earnings",)
"""Models whose sources a figure over all models names after the article."""


MOST_ROWS = 16
"""Rows of the figure of sensitivities: as many as can be read where it fills a page."""


@dataclasses.dataclass(frozen=True)
class Overall:
    """A figure over all models.

    Attributes
    ----------
    key
        Its name in the memo and the stem of its files.
    draw
        Draws it from the run and the models that passed their gate.
    source
        Where its data come from, where it is not the article and the companies' filings.
    """

    key: str
    draw: Callable[[Report, Mapping[str, Fitted]], Drawn]
    source: str = ""


def draw_room(folder: Path, report: Report, name: str, one: Fitted) -> dict[str, Figure]:
    """Draw the figures of one model into a folder; return them by key.

    What has nothing to show is left out; of a model that did not pass its gate, all.

    Parameters
    ----------
    folder
        Where the SVG and PNG files are written.
    report
        The run, of which nothing is read that its draws decide.
    name, one
        The model, and its runs and draws.

    Raises
    ------
    StoreError
        If a file cannot be written.
    """
    own = figures_of(name) if one.draws is not None else ()
    if not own:
        return {}
    scene = scene_of(report, name, one)
    sources = {figure.key: figure.source or report.claims[0].source for figure in own}
    draws = ((figure.key, functools.partial(figure.draw, scene)) for figure in own)
    return _drawn(folder, report, draws, sources)


def draw_overall(folder: Path, report: Report, fitted: Mapping[str, Fitted]) -> dict[str, Figure]:
    """Draw the figures over all models into a folder; return them by key, as :func:`draw_room`.

    Parameters
    ----------
    folder
        Where the SVG and PNG files are written.
    report
        The run; the figures it may hold already are not read.
    fitted
        The models' runs and draws; those that did not pass their gate are not shown.
    """
    passed = {n: fitted[n] for n in names() if n in fitted and fitted[n].draws is not None}
    sources = {one.key: one.source or _sources(report, one.key, fitted) for one in OVERALL}
    draws = ((one.key, functools.partial(one.draw, report, passed)) for one in OVERALL)
    return _drawn(folder, report, draws, sources)


def _drawn(
    folder: Path,
    report: Report,
    draws: Iterable[tuple[str, Callable[[], Drawn]]],
    sources: Mapping[str, str],
) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for key, draw in draws:
        try:
            drawn = draw()
        except DataError:  # nothing to show: a user's own table may lack it
            continue
        plots.save(drawn.shown, folder / key, alt=drawn.alt)
        caption = f"{drawn.caption} Source: {sources[key]}; data as of {report.as_of}; "
        figures[key] = Figure(f"figures/{key}", drawn.alt, f"{caption}run {report.run_id}.")
    return figures


def scene_of(report: Report, name: str, one: Fitted) -> Scene:
    """Return what the figures of a model that passed its gate may read.

    Raises
    ------
    GateError
        If there are no draws of it.
    """
    if one.draws is None:
        raise GateError(f"{name} did not pass its gate: there are no draws to show")
    programme = report.page.programme
    return Scene(
        panel=one.run.panel,
        posterior=one.run.posterior,
        draws=one.draws,
        baseline=one.baseline,
        as_of=report.as_of,
        known=report.known,
        events=_crossings(report.claims, name),
        focus=(*report.page.positions, *([programme.name] if programme else [])),
    )


def _crossings(claims: Sequence[Claim], model: str) -> tuple[Crossing, ...]:
    """Return the levels of which claims ask when a model's paths first stand beyond them."""
    own = [d.event for c in claims for d in c.definitions if d.model == model]
    return tuple(
        Crossing(tuple(listed(e.series)), tuple(listed(e.over)), e.op, e.value)
        for e in own
        if isinstance(e, FirstPassage)
    )


def _sources(report: Report, key: str, fitted: Mapping[str, Fitted]) -> str:
    """Return whose data a figure over all models rests on: above all the article and filings."""
    models = [name for name in FILINGS if name in fitted]
    if key == "clocks":
        models += [name for name, _ in report.curves]
    found = [report.claims[0].source]
    found += [one.source for name in models for one in figures_of(name) if one.source]
    return ", ".join(dict.fromkeys(found))


# --- over all models ---------------------------------------------------------------------------
def _headline(report: Report) -> Claim:
    """Return the article's main prediction."""
    return next(claim for claim in report.claims if claim.id == report.page.headline[0])


def _strip(report: Report, passed: Mapping[str, Fitted]) -> Drawn:
    del passed
    claim = _headline(report)
    verdicts = [v for v in report.verdicts if v.claim == claim.id and v.status == "judged"]
    if not verdicts:
        raise DataError(f"no definition of {claim.id} has been judged")
    reasons = {d.id: d.why for d in claim.definitions}
    rows = []
    for v in verdicts:
        s = report.sensitivities.get((v.claim, v.definition))
        moved = [
            m.probability
            for m in report.variations
            if (m.claim, m.definition) == (v.claim, v.definition)
            and m.what in ("threshold", "window end")
        ]
        moved = moved if len(set(moved)) > 1 else []
        rows.append(
            plots.StripRow(
                label=reasons[v.definition],
                probability=v.probability,
                low=s.low if s else None,
                high=s.high if s else None,
                naive=report.naive.get((v.claim, v.definition)),
                draws=v.draws,
                reach_low=min(moved, default=None),
                reach_high=max(moved, default=None),
            )
        )
    low, high = (f(v.probability or 0.0 for v in verdicts) for f in (min, max))
    title = f"From {percent(low)} to {percent(high)}, depending on what counts"
    said = "; ".join(f"{reasons[v.definition]} {percent(v.probability, v.draws)}" for v in verdicts)
    what = f"“{claim.quote}”" if claim.quote else f"the claim ({claim.text.rstrip('.')})"
    alt = f"Probability of {what} under each definition: {said}."
    decided = sum(v.claim == claim.id and v.status == "decided" for v in report.verdicts)
    waiting = sum(v.claim == claim.id for v in report.verdicts) - len(verdicts) - decided
    caption = f"Claim: {claim.text}"
    if decided:
        caption += f" {decided} more definition(s) are decided by what has come."
    if waiting:
        caption += f" {waiting} more definitions have no number."
    if any(row.reach_low is not None for row in rows):
        caption += " Thin line: other thresholds, and windows that end earlier; see the table."
    return Drawn(plots.definition_strip(rows, title=title), alt, caption)


def _quoted(report: Report, passed: Mapping[str, Fitted]) -> Drawn:
    del passed
    told = quoted(report)
    if not told:
        raise DataError("no definition of a headline claim has an answer")
    one = told[0]
    rows = [
        plots.StripRow(
            label=capitalised(row.what)
            if v is row.verdict
            else f"The same, by the {v.model} model",
            probability=v.probability,
            low=spread.low if spread else None,
            high=spread.high if spread else None,
            naive=report.naive.get((v.claim, v.definition)),
            draws=v.draws,
            implied_low=row.implied[0] if row.implied else None,
            implied_high=row.implied[1] if row.implied else None,
        )
        for row in one.rows
        for v in (row.verdict, *row.twins)
        for spread in [report.sensitivities.get((v.claim, v.definition))]
    ]
    said = "; ".join(f"{r.label} {percent(r.probability, r.draws)}" for r in rows)
    title = one.verdict.rstrip(".") or finding(report)  # the page's own title stands above it
    ax = plots.definition_strip(rows, title=title)
    caption = f"Claim: {one.claim.text} All its definitions stand in the table below."
    return Drawn(ax, f"Probability of the claim under a few of its definitions: {said}.", caption)


def _clocks(report: Report, passed: Mapping[str, Fitted]) -> Drawn:
    del passed
    claim, curves = _headline(report), report.curves
    if not curves:
        raise DataError("no definition of a headline claim comes at some time within its window")
    told = [(one.label, get_model(model).hue, one.days, one.probabilities) for model, one in curves]
    last_two = report.page.months[-2:]
    marked = [(months_after(claim.source_date, month), f"{month} months") for month in last_two]
    first, last = (f(told, key=lambda row: row[3][-1]) for f in (max, min))
    title = (
        f"By prices {percent(first[3][-1])}, by spending {percent(last[3][-1])}"
        if (first[1], last[1]) == ("fall", "capex")
        else f"From {percent(last[3][-1])} ({last[0]}) to {percent(first[3][-1])} ({first[0]})"
    )
    said = "; ".join(f"{name} {percent(p[-1])} by {days[-1]}" for name, _, days, p in told)
    ax = plots.clocks(told, start=claim.source_date, marked=marked, title=title)
    caption = (
        "Some definitions that come at some time within the window; prices by month, reported "
        "spending by quarter, the article's series by year. An event counts when its period is over."
    )
    return Drawn(ax, f"Probability that a definition has come true, by date: {said}.", caption)


def _others(report: Report, passed: Mapping[str, Fitted]) -> Drawn:
    del passed
    rows = [
        plots.StripRow(
            label=f"{o.forecaster}, {o.date}: {o.about}",
            probability=o.ours,
            published=o.theirs,
            naive=o.naive,
            draws=o.draws,
        )
        for o in report.others
        if o.theirs is not None and o.ours is not None
    ]
    if not rows:
        raise DataError("nobody else's number can be compared with one of ours")
    gaps = [abs((r.probability or 0.0) - (r.published or 0.0)) for r in rows]
    title = f"Ours and theirs lie {100 * min(gaps):.0f} to {100 * max(gaps):.0f} points apart"
    said = "; ".join(
        f"{r.label}: theirs {percent(r.published)}, ours {percent(r.probability)}" for r in rows
    )
    caption = "The questions differ, see the table: labels say what ours is about."
    alt = f"Published numbers alongside ours. {said}."
    return Drawn(plots.definition_strip(rows, title=title), alt, caption)


def _sensitivity(report: Report, passed: Mapping[str, Fitted]) -> Drawn:
    del passed
    if not report.sensitivities:
        raise DataError("no prior set can be compared with the default one")
    every = list(report.sensitivities.values())
    order = sorted(every, key=lambda s: -abs(s.prior))  # equal ones as in the claims file
    most, told = order[0], order[:MOST_ROWS]
    rows = [
        plots.SensitivityRow(
            f"{s.claim}: {s.definition}".replace("_", " "),
            s.prior,
            s.prior_mcse,
            s.likelihood,
            s.likelihood_mcse,
        )
        for s in every
        if s in told
    ]
    title = f"The prior weighs most on {most.definition.replace('_', ' ')}"
    alt = (
        "Change of each probability when the prior's or the data's weight is doubled: "
        + "; ".join(
            f"{r.label} {100 * r.prior:+.1f} and {100 * r.likelihood:+.1f} points" for r in rows
        )
    )
    caption = "Power-scaling derivative of each probability; bars: two Monte-Carlo standard errors."
    if len(rows) < len(every):
        caption += (
            f" The {len(rows)} definitions of {len(every)} on which the prior weighs most; "
            "the table below has all."
        )
    return Drawn(plots.sensitivity(rows, title=title), alt, caption)


def _prior_posterior(report: Report, passed: Mapping[str, Fitted]) -> Drawn:
    del report
    shown = [(name, parameter) for name in passed for parameter in get_model(name).shown]
    if not shown:
        raise DataError("no model that passed its gate names parameters to show")
    figure, axes = plots.small_multiples(len(shown), columns=2, size=(5.0, 2.8))
    said = []
    for ax, (name, parameter) in zip(axes, shown, strict=True):
        run, model = passed[name].run, get_model(name)
        prior = prior_draws(model, run.panel, model.priors, size=4000, seed=run.spec.seed)
        before, after = (float(d[parameter].std()) for d in (prior, run.posterior))
        words = model.labels[parameter].split(",")[0]
        plots.prior_posterior(
            prior,
            run.posterior,
            parameter,
            label=model.labels[parameter],
            title=f"{capitalised(words)}: sd {before:.2f} to {after:.2f}",
            ax=ax,
        )
        said.append(f"{words}: standard deviation {before:.2f} before, {after:.2f} after the data")
    caption = (
        "Grey: prior; filled: posterior; marks: 90 % intervals. Where the two lie on each other, "
        "the data said nothing."
    )
    return Drawn(figure, "Prior against posterior. " + "; ".join(said) + ".", caption)


OVERALL = (
    Overall("quoted", _quoted),
    Overall("strip", _strip),
    Overall("clocks", _clocks),
    Overall("others", _others, "as named (data/public_forecasts.csv)"),
    Overall("sensitivity", _sensitivity),
    Overall("prior_posterior", _prior_posterior),
)
