"""Claims, their definitions and pools, as frozen records."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forecast.claims.events import Event, EventFunction
    from forecast.claims.rules import Rule

KINDS = ("forecast", "fact", "judgement")


WORDS = ("verbatim", "fragment", "paraphrase")


POLARITIES = ("same", "opposite")


@dataclasses.dataclass(frozen=True)
class BaseRate:
    """How often such a thing happened: events in an exposure, and the horizon asked about.

    Attributes
    ----------
    events
        Number of events seen.
    exposure, horizon
        Time, or time times things, over which they were counted and are asked about, in `unit`.
    how, source
        What was counted, and where it can be checked.
    """

    events: float
    exposure: float
    horizon: float
    unit: str
    how: str
    source: str

    @property
    def probability(self) -> float:
        """Chance of at least one more event within the horizon.

        A Poisson process with Jeffreys' prior, Gamma(1/2, 0), on its rate: after k events in T the
        chance of none in h is ``(T / (T + h)) ** (k + 1/2)``.
        """
        none = (1 + self.horizon / self.exposure) ** -(self.events + 0.5)
        return 1.0 - none


@dataclasses.dataclass(frozen=True)
class Resolution:
    """How an outsider can tell whether a definition came true.

    Attributes
    ----------
    series, publisher
        What is looked at, and who prints it.
    rule
        What makes it a yes.
    on
        The day on which it can be looked up at the latest.
    """

    series: str
    publisher: str
    rule: str
    on: dt.date


@dataclasses.dataclass(frozen=True)
class Definition:
    """One operational definition of a claim.

    Attributes
    ----------
    id
        Unique within the claim.
    model
        The model that decides it; ``audit`` for facts, ``none`` for judgements.
    event
        A record of :mod:`forecast.claims.events`, or in a session a function of draws that leaves only
        chain and draw; None where no model decides.
    window
        Two days, or None.
    why
        The definition in words.
    check
        For facts, a rule of the audit with its parameters.
    base_rate
        For judgements, or alongside a model.
    group
        What it looks at, such as prices or spending; definitions of one group stand together.
    label
        A few words for a figure; "" for one that is not drawn when it may come.
    phrase
        The event as a noun that stands alone, for a sentence and a title; "" where `why` is taken.
    thresholds
        Other values of the event's ``fall`` or ``value``, for the table of how the answer moves.
    polarity
        ``same``, or ``opposite`` if its coming true speaks against the claim.
    excludes
        Definitions of the claim that cannot come true if this one does, and the other way round.
    same_event
        Definitions of the claim that ask the same event of another model: neither stands alone.
    resolution
        How an outsider can tell its outcome; None where the file does not say.
    unscorable
        Why nobody can tell its outcome; "" where somebody can. Such a definition stays, is marked, and
        weighs nothing in a headline.
    already
        Whether it was true already on the day of the claim.
    given
        A condition: another event. The answer is then the probability where it happens too, from the
        same joint draws.
    given_window
        Two days in which the condition counts; None for the definition's own window.
    given_model
        The model whose draws tell of the condition; "" for the definition's own. Where it is another
        one, there is no joint set of draws, and the definition has no number.
    """

    id: str
    model: str
    why: str
    event: Event | EventFunction | None = None
    window: tuple[dt.date, dt.date] | None = None
    check: Rule | None = None
    base_rate: BaseRate | None = None
    group: str = ""
    label: str = ""
    phrase: str = ""
    thresholds: tuple[float, ...] = ()
    polarity: str = "same"
    excludes: tuple[str, ...] = ()
    same_event: tuple[str, ...] = ()
    resolution: Resolution | None = None
    unscorable: str = ""
    already: bool = False
    given: Event | EventFunction | None = None
    given_window: tuple[dt.date, dt.date] | None = None
    given_model: str = ""


@dataclasses.dataclass(frozen=True)
class Pool:
    """How much each definition of a claim weighs in its pooled answer.

    Attributes
    ----------
    weights
        By definition id, above zero; they are divided by their sum.
    why
        Why these definitions and these weights.
    """

    weights: Mapping[str, float]
    why: str


@dataclasses.dataclass(frozen=True)
class Implied:
    """The probability that a claim's own words imply.

    Attributes
    ----------
    low, high
        Range, shares.
    how
        How it is read off the words.
    """

    low: float
    high: float
    how: str


@dataclasses.dataclass(frozen=True)
class Claim:
    """A prediction or statement with the words it was made in and its definitions.

    Attributes
    ----------
    id
        Unique in the file.
    kind
        ``forecast``, ``fact`` or ``judgement``.
    quote
        The words at hand, empty for a paraphrase; `words` says how complete they are.
    text
        The claim in our words.
    source, source_date
        Who said it and when.
    definitions
        Its definitions, at least one.
    pool
        Weights of a pooled answer, None for none.
    implied
        The probability that its words imply, None where they name none.
    """

    id: str
    kind: str
    words: str
    quote: str
    text: str
    source: str
    source_date: dt.date
    definitions: tuple[Definition, ...]
    pool: Pool | None = None
    implied: Implied | None = None

    def twins(self, name: str) -> tuple[str, ...]:
        """Return the ids of the definitions that ask the event of another one of other models.

        Whoever names whom: what two definitions say of each other is said of both.
        """
        own = next(d for d in self.definitions if d.id == name)
        return tuple(
            d.id for d in self.definitions if d.id in own.same_event or name in d.same_event
        )
