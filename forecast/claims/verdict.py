"""What the draws say of one definition."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

Status = Literal[
    "judged",
    "decided",
    "not judged",
    "checked",
    "judgement",
    "model not built yet",
    "model not run",
    "gate failed",
]
"""``judged``: from draws. ``decided``: by what has come, whatever may come; the probability is 0 or 1.
``not judged``: what it asks about lies before what the draws of this day hold. ``checked``: a fact held
against the tables by a rule of the audit. ``judgement``: no draw can decide it; its base rate is stated.
The others say why there is no number."""


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

    def record(self) -> dict[str, Any]:
        """Return the fields of the script interface, and only those."""
        row = dataclasses.asdict(self)
        row.pop("draws")
        return row
