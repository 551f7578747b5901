"""What a run found, in one record: all that the sections of the memo and the figures read.

Invariant: nothing is computed here; each number was given by the function that found it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from forecast.core.text import percent, significant

if TYPE_CHECKING:
    from forecast.claims.audit import Finding
    from forecast.claims.comparisons import Beside
    from forecast.claims.page import Page
    from forecast.claims.pool import Pooled
    from forecast.claims.records import Claim, Definition
    from forecast.claims.scenarios import Conditional
    from forecast.claims.variations import Curve, Depth, Variation
    from forecast.claims.verdict import Verdict, Verdicts
    from forecast.evaluation.hindcast import Hindcast
    from forecast.evaluation.hold_out import Foreseen
    from forecast.evaluation.misfit import Misfit
    from forecast.evaluation.sensitivity import Sensitivity
    from forecast.evaluation.warnings import WarningCheck
    from forecast.inference.gate import Gate
    from forecast.inference.spec import Spec
    from forecast.tables.vintages import Known

ANSWERED = ("judged", "decided")
"""Statuses of verdicts that have an answer."""


@dataclasses.dataclass(frozen=True)
class Figure:
    """A finished figure: its file stem in the run folder, alternative text and source line."""

    stem: str
    alt: str
    caption: str


@dataclasses.dataclass(frozen=True)
class Guided:
    """A forecast beside what a company, or several together, said of the same sum.

    Attributes
    ----------
    gap
        How far the median lies above what was said, as a share of it.
    together
        Whether it is of several companies.
    brief, sentence
        Where the forecast lies and why, for a first page and in full.
    """

    gap: float
    together: bool
    brief: str
    sentence: str


@dataclasses.dataclass(frozen=True)
class Watched:
    """A number that is reported next, and what it would make of a definition on the first page.

    Attributes
    ----------
    company, metric, period, day
        Whose number, as a reader calls it, of what and when, and about the day of the report; empty
        where none is expected.
    asked
        The definition in words that stand alone.
    prints, unit
        The number that one of ten draws lies below, and that one of ten lies above.
    given
        The probability given each of them.
    now, move
        The probability today, and the mean absolute change that the number is expected to bring.
    """

    company: str
    metric: str
    period: str
    day: str
    asked: str
    prints: tuple[float, float]
    unit: str
    given: tuple[float, float]
    now: float
    move: float

    @property
    def brief(self) -> str:
        """The number, and what it would make of the probability, in a few words."""
        (low, high), (down, up) = (
            (significant(one) for one in self.prints),
            map(percent, self.given),
        )
        day = f", about {self.day}" if self.day else ""
        return (
            f"{self.company}, {self.metric} of {self.period}{day}: {down} at {low} {self.unit}, "
            f"{up} at {high}"
        )


@dataclasses.dataclass(frozen=True)
class Report:
    """All that a run found.

    Attributes
    ----------
    run_id, as_of, seed, version
        What identifies the run.
    article, page
        The article's name, and what its memo shows.
    claims, verdicts
        The claims and their verdicts, one a definition.
    sensitivities, naive
        By (claim id, definition id): how far the probability rests on the prior, and what the
        naive forecast gives.
    findings
        The audit's.
    known
        The rows the models saw, as known on the day.
    specs, gates
        By model.
    seconds
        By stage.
    observations
        By model, the number of observations it was fitted to.
    latest
        By model, the last period or day of its data; empty where its panel names none.
    misfits
        By model, the parameters whose posterior lies far from the prior.
    foreseen
        How well each model foresaw its newest figures.
    pooled
        Pooled answers by claim id.
    variations
        The headline claims' definitions under other thresholds, windows, prior sets and models.
    curves
        Model, and when its definitions of the headline claims may come true.
    depths
        Correction against crash.
    others
        What others published, alongside ours.
    scenarios
        Conditional answers.
    hindcasts
        The same tools on the boom before.
    warned
        Whether famous warnings added anything to the base rate.
    guided
        Forecasts of capex beside what companies said of it.
    watched
        The coming numbers that move the first page's definitions most; None where none was asked.
    coming
        Who reports next, on what and about when; empty where nobody's reports are followed.
    figures
        By key; empty until they are drawn.
    """

    run_id: str
    as_of: str
    seed: int
    version: str
    article: str
    page: Page
    claims: Sequence[Claim]
    verdicts: Verdicts
    sensitivities: Mapping[tuple[str, str], Sensitivity]
    naive: Mapping[tuple[str, str], float]
    findings: Sequence[Finding]
    known: Known
    specs: Mapping[str, Spec]
    gates: Mapping[str, Gate]
    seconds: Mapping[str, float]
    observations: Mapping[str, int] = dataclasses.field(default_factory=dict)
    latest: Mapping[str, str] = dataclasses.field(default_factory=dict)
    misfits: Mapping[str, Sequence[Misfit]] = dataclasses.field(default_factory=dict)
    foreseen: Sequence[Foreseen] = ()
    pooled: Mapping[str, Pooled] = dataclasses.field(default_factory=dict)
    variations: Sequence[Variation] = ()
    curves: Sequence[tuple[str, Curve]] = ()
    depths: Sequence[Depth] = ()
    others: Sequence[Beside] = ()
    scenarios: Sequence[Conditional] = ()
    hindcasts: Sequence[Hindcast] = ()
    warned: Sequence[WarningCheck] = ()
    guided: Sequence[Guided] = ()
    watched: Sequence[Watched] | None = None
    coming: str = ""
    figures: Mapping[str, Figure] = dataclasses.field(default_factory=dict)

    @property
    def draft(self) -> tuple[str, ...]:
        """Why the memo is a draft, one reason a model; empty if every gate was passed."""
        return tuple(
            f"{name}: {'; '.join(map(str, gate.failures))}"
            for name, gate in self.gates.items()
            if not gate.passed
        )

    @property
    def headline(self) -> tuple[Claim, ...]:
        """The claims of the first page, in the page's order."""
        by_id = {claim.id: claim for claim in self.claims}
        return tuple(by_id[name] for name in self.page.headline)

    @property
    def answered(self) -> list[Verdict]:
        """The verdicts with an answer, from draws or by what has come."""
        return [v for v in self.verdicts if v.status in ANSWERED]

    def definition(self, one: Verdict) -> Definition:
        """Return the definition that a verdict is about."""
        claim = next(c for c in self.claims if c.id == one.claim)
        return next(d for d in claim.definitions if d.id == one.definition)
