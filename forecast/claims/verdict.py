"""What the draws say of one definition."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from forecast.core.errors import ClaimError
from forecast.core.text import capitalised, one_line, percent, signed

if TYPE_CHECKING:
    import pandas as pd

    from forecast.claims.records import Claim

Status = Literal[
    "judged",
    "decided",
    "not judged",
    "checked",
    "judgement",
    "model not run",
    "gate failed",
]
"""``judged``: from draws. ``decided``: by what has come, whatever may come; the probability is 0 or 1.
``not judged``: what it asks about lies before what the draws of this day hold or further ahead than the
data tell, or too few draws, or no joint ones, tell of its condition. ``checked``: a fact held
against the tables by a rule of the audit. ``judgement``: no draw can decide it; its base rate is stated.
The others say why there is no number."""


@dataclasses.dataclass(frozen=True)
class Given:
    """What a definition with a condition is without it, from the same joint draws.

    Attributes
    ----------
    event
        The condition as it stands in the claims file; empty for a function of a session.
    probability
        Of the condition; None where no joint draws tell of it.
    unconditional
        Of the event without the condition.
    difference, difference_mcse
        Of the event's probability under the condition to that without, and its Monte-Carlo standard
        error; None where there is no probability under the condition.
    """

    event: Mapping[str, Any]
    probability: float | None
    unconditional: float
    difference: float | None
    difference_mcse: float | None

    def beside(self, draws: int) -> str:
        """Return the probability without the condition and the difference as a sentence."""
        plain = f"Without it: {percent(self.unconditional, draws)}"
        if self.difference is None or self.difference_mcse is None:
            return f"{plain}."
        moved = signed(100 * self.difference, f"± {100 * self.difference_mcse:.1f} points")
        return f"{plain}, a difference of {moved}."


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the draws say of one definition of one claim.

    Attributes
    ----------
    claim, definition
        Their ids in the claims file.
    kind
        ``forecast``, ``fact`` or ``judgement``.
    model
        The model that decides it, ``audit`` for facts, ``none`` for judgements.
    probability
        Share of joint draws in which the event happens, or None.
    mcse
        Monte-Carlo standard error of `probability`, from the chains' effective sample size.
    window_start, window_end
        The days between which the event counts, ISO, or None.
    status
        See :data:`Status`.
    text
        One sentence for a reader.
    draws
        Number of joint draws behind `probability`; 0 if there are none.
    polarity
        ``same``, or ``opposite`` if its coming true speaks against the claim.
    low, high
        The ends of the probability over priors, structural alternatives and other models of the event,
        its own included; None where there are none.
    given
        Of a definition with a condition, the probability beside that without it; None for any other.
    caution
        What is to be said beside the number: that its model is too sure, what another model says of the
        same event; "" for nothing. `text` says it too.
    """

    claim: str
    definition: str
    kind: str
    model: str
    probability: float | None
    mcse: float | None
    window_start: str | None
    window_end: str | None
    status: str
    text: str
    draws: int = 0
    polarity: str = "same"
    low: float | None = None
    high: float | None = None
    given: Given | None = None
    caution: str = ""

    def record(self) -> dict[str, Any]:
        """Return the fields of the script interface, and only those."""
        row = dataclasses.asdict(self)
        row.pop("draws")
        given = row.pop("given")
        if not row["caution"]:
            del row["caution"]
        if given is not None:
            row |= {
                "given": given.pop("event"),
                "given_probability": given.pop("probability"),
                **given,
            }
        return row


def _from_record(record: Mapping[str, Any], draws: int) -> Verdict:
    row = dict(record)
    given = None
    if "given" in row:
        given = Given(
            row.pop("given"), row.pop("given_probability"), row.pop("unconditional"),
            row.pop("difference"), row.pop("difference_mcse"),
        )  # fmt: skip
        draws = round(draws * (given.probability or 0.0))
    return Verdict(**row, draws=0 if row["probability"] is None else draws, given=given)


def _beside(one: Verdict, others: Sequence[Verdict]) -> Verdict:
    """Return a verdict with what other models say of its event beside its number."""
    told = [v for v in others if v.probability is not None]
    silent = [v.model for v in others if v.probability is None]
    parts = [f"{v.model} says {percent(v.probability, v.draws)} of the same event" for v in told]
    if silent and not told:
        parts.append(f"rests on {one.model} alone: no number by {one_line(silent)}")
    ends = [p for v in (one, *told) for p in (v.probability, v.low, v.high) if p is not None]
    said = "; ".join(parts)
    return dataclasses.replace(
        one,
        text=f"{one.text} {capitalised(said)}." if said else one.text,
        caution="; ".join(filter(None, (one.caution, said))),
        low=min(ends) if told else one.low,
        high=max(ends) if told else one.high,
    )


ICD_203 = (
    (0.05, "almost no chance", "below 5 %"),
    (0.20, "very unlikely", "5–20 %"),
    (0.45, "unlikely", "20–45 %"),
    (0.55, "roughly even", "45–55 %"),
    (0.80, "likely", "55–80 %"),
    (0.95, "very likely", "80–95 %"),
    (1.01, "almost certain", "95 % or more"),
)
"""Upper bound, words and printed range of the scale of Intelligence Community Directive 203.

The directive's outer ranges are 1 to 5 and 95 to 99 %; here they are open, since draws also give less
than 1 and more than 99 %, and words beside a number must contain it."""


@dataclasses.dataclass(frozen=True)
class Verdicts(Sequence[Verdict]):
    """The verdicts in the order of the claims file."""

    rows: tuple[Verdict, ...]

    @overload
    def __getitem__(self, index: int) -> Verdict: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Verdict, ...]: ...

    def __getitem__(self, index: int | slice) -> Verdict | tuple[Verdict, ...]:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.rows)

    def of(self, claim: str, definition: str | None = None) -> Verdict:
        """Return one verdict by claim id, and definition id where there are several.

        Raises
        ------
        ClaimError
            If there is none, or more than one.
        """
        found = [v for v in self if v.claim == claim and definition in (None, v.definition)]
        if len(found) != 1:
            raise ClaimError(
                f"{len(found)} verdicts match {claim!r} / {definition!r}; there are "
                + one_line([f"{v.claim} / {v.definition}" for v in self])
            )
        return found[0]

    def with_ranges(self, ranges: Mapping[tuple[str, str], tuple[float, float]]) -> Verdicts:
        """Return them with `low` and `high` by (claim id, definition id)."""
        rows = []
        for v in self:
            low, high = ranges.get((v.claim, v.definition), (v.low, v.high))
            rows.append(dataclasses.replace(v, low=low, high=high))
        return Verdicts(tuple(rows))

    def with_cautions(self, said: Mapping[str, str]) -> Verdicts:
        """Return them with what is to be said beside each number that a model's draws gave, by model."""
        rows = []
        for v in self:
            own = said.get(v.model, "") if v.status == "judged" else ""
            text = f"{v.text} {capitalised(own)}." if own else v.text
            rows.append(dataclasses.replace(v, text=text, caution=own))
        return Verdicts(tuple(rows))

    def with_other_models(self, claims: Sequence[Claim]) -> Verdicts:
        """Return them with what other models say of the same event, where a claim has such definitions.

        `low` and `high` then hold the other models' numbers and ranges too. Where the other models have
        no number, that is said.
        """
        by_claim = {claim.id: claim for claim in claims}
        own = {(v.claim, v.definition): v for v in self}
        rows = []
        for v in self:
            twins = by_claim[v.claim].twins(v.definition) if v.claim in by_claim else ()
            others = [own[v.claim, name] for name in twins if (v.claim, name) in own]
            rows.append(_beside(v, others) if others and v.status == "judged" else v)
        return Verdicts(tuple(rows))

    def frame(self) -> pd.DataFrame:
        """Return one row a definition.

        Columns claim, definition, probability, mcse, low, high, window, model, status.
        """
        import pandas as pd  # what a run has said is printed without

        return pd.DataFrame(
            [
                {
                    "claim": v.claim,
                    "definition": v.definition,
                    "probability": v.probability,
                    "mcse": v.mcse,
                    "low": v.low,
                    "high": v.high,
                    "window": window_text(v),
                    "model": v.model,
                    "status": v.status,
                }
                for v in self
            ]
        )

    def records(self) -> list[dict[str, Any]]:
        """Return the rows of ``verdicts.json``."""
        return [v.record() for v in self]

    @classmethod
    def from_records(cls, records: Sequence[Mapping[str, Any]], draws: int) -> Verdicts:
        """Return the verdicts that :meth:`records` wrote, each from `draws` joint draws.

        Records of before the field ``polarity`` come back as ``same``.

        Raises
        ------
        ClaimError
            If they are not what it writes.
        """
        try:
            return cls(tuple(_from_record(row, draws) for row in records))
        except (TypeError, KeyError) as error:
            raise ClaimError(
                f"got something that is no verdict ({error}); make the run again"
            ) from error

    def _repr_html_(self) -> str:
        """Show the table with probabilities as percent and an ICD 203 word."""
        rows = "".join(
            f"<tr><td>{html.escape(v.claim)}</td><td>{html.escape(v.definition)}</td>"
            f"<td style='text-align:right'>{html.escape(answer_text(v))}</td>"
            f"<td>{html.escape(answer_word(v))}</td><td>{html.escape(window_text(v))}</td>"
            f"<td>{html.escape(v.model)}</td><td>{html.escape(standing_text(v))}</td></tr>"
            for v in self
        )
        heads = ("claim", "definition", "probability", "in words", "window", "model", "status")
        head = "".join(f"<th>{name}</th>" for name in heads)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def word(probability: float | None) -> str:
    r"""Return the ICD 203 words for a probability with their range, or nothing for None.

    The range is that of the number as it is printed, in whole percent, so that it holds what stands
    beside it.

    Examples
    --------
    >>> word(0.31), word(0.0496)
    ('unlikely, 20–45\xa0%', 'very unlikely, 5–20\xa0%')
    """
    if probability is None:
        return ""
    printed = round(100 * probability) / 100
    return next(f"{words}, {span}" for top, words, span in ICD_203 if printed < top)


def answer_text(verdict: Verdict) -> str:
    """Return a verdict's answer: a probability with the bound of its draws, yes or no, or a dash."""
    if verdict.status == "decided":
        return "yes" if verdict.probability else "no"
    return percent(verdict.probability, verdict.draws)


def answer_word(verdict: Verdict) -> str:
    """Return the words for a verdict's probability; nothing for what is decided or has none."""
    return "" if verdict.status == "decided" else word(verdict.probability)


def range_text(verdict: Verdict) -> str:
    """Return the range over priors and structures as text, or a dash."""
    if verdict.low is None or verdict.high is None:
        return "–"
    low, high = (percent(p, verdict.draws) for p in (verdict.low, verdict.high))
    return low if low == high else f"{low} to {high}"


def standing_text(verdict: Verdict) -> str:
    """Return a verdict's status, with what is to be said beside its number."""
    return f"{verdict.status}; {verdict.caution}" if verdict.caution else verdict.status


def window_text(verdict: Verdict) -> str:
    """Return the window as two days, one day, or a dash."""
    start, end = verdict.window_start, verdict.window_end
    if start is None or end is None:
        return "–"
    return start if start == end else f"{start} to {end}"
