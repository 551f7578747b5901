"""Claims of any file put to the draws of a finished run, without fitting anything.

Invariant: nothing is written, and a probability is what the run's own results would have been with that
definition, from the same draws: a definition they do not reach has none, and says what would reach it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from forecast.claims.audit import audit_claims, sentences
from forecast.claims.horizon import questions, reach
from forecast.claims.judge import judge
from forecast.claims.outcomes import settled
from forecast.claims.verdict import Verdict, Verdicts
from forecast.core.errors import ClaimError, DataError, GateError, StoreError
from forecast.core.periods import period_end
from forecast.core.text import one_line
from forecast.evaluation.hold_out import FORESEEN, from_records, too_sure
from forecast.store.runs import read_json
from forecast.tables.articles import ARTICLES, CLAIMS_FILE

if TYPE_CHECKING:
    import xarray as xr

    from forecast.claims.records import Claim, Definition
    from forecast.news.stored import Stored
    from forecast.tables.vintages import Table

PLACE = f"DIR/{ARTICLES}/NAME/{CLAIMS_FILE}"


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a finished run says of claims.

    Attributes
    ----------
    verdicts
        One a definition, in order.
    unreached
        A sentence on each definition that its draws do not reach: why, and what to run.
    """

    verdicts: Verdicts
    unreached: tuple[str, ...]


def judge_stored(run: Stored, claims: Sequence[Claim], references: Table) -> Answers:
    """Put claims to the draws of a finished run.

    Parameters
    ----------
    run
        A stored run.
    claims
        From :func:`forecast.claims.read.read_claims`.
    references
        Outside figures, for facts.

    Returns
    -------
    Answers
        Facts are held against what the run knew.
    """
    asked = {d.model for c in claims for d in c.definitions if d.event is not None}
    draws: dict[str, xr.Dataset] = {}
    missing: dict[str, str] = {}
    for model in sorted(asked):
        try:
            draws[model] = _draws(run, model)
        except (StoreError, GateError, DataError) as error:
            missing[model] = str(error)
    verdicts: list[Verdict] = []
    unreached: list[str] = []
    for claim in claims:
        for definition in claim.definitions:
            one = dataclasses.replace(claim, definitions=(definition,), pool=None)
            verdict, why = _answer(run, one, definition, draws, missing, references)
            verdicts.append(verdict)
            if why:
                unreached.append(f"{claim.id}/{definition.id}: {why}")
    found = settled(Verdicts(tuple(verdicts)), claims, list(draws.values()), run.known)
    said = found.with_cautions(_cautions(run)).with_other_models(claims)
    return Answers(said, tuple(unreached))


def _cautions(run: Stored) -> dict[str, str]:
    """Return what a run said beside the numbers of each model; nothing of a run of before that check."""
    if not (run.folder / FORESEEN).is_file():
        return {}
    return too_sure(from_records(read_json(run.folder / FORESEEN, list)))


def _draws(run: Stored, model: str) -> xr.Dataset:
    """Return a model's draws, or say why there are none and what to run."""
    models = [str(name) for name in run.manifest["models"]]
    if model not in models:
        raise StoreError(
            f"the run {run.id} was made without the {model} model: "
            f"forecast run --models {','.join([*models, model])}"
        )
    if not run.passed(model):
        raise StoreError(f"the {model} model did not pass its gate in the run {run.id}")
    try:
        return run.fitted(model)[1]
    except StoreError as error:
        raise StoreError(f"{error}: forecast run makes another") from error


def _answer(
    run: Stored,
    claim: Claim,
    definition: Definition,
    draws: Mapping[str, xr.Dataset],
    missing: Mapping[str, str],
    references: Table,
) -> tuple[Verdict, str]:
    """Return the verdict on the one definition of a claim, and why the draws do not reach it."""
    model = definition.model
    try:
        findings = audit_claims(run.known, references, [claim]) if claim.kind == "fact" else ()
        (verdict,) = judge([claim], list(draws.values()), facts=sentences(findings))
    except ClaimError as error:
        bare = judge([claim], [])[0]
        why = f"{_cause(error, claim, definition)}; {_remedy(run, claim, definition)}"
        return dataclasses.replace(bare, status="not judged", text=f"{why}. {definition.why}"), why
    if model in missing and definition.event is not None:
        failed = model in run.manifest["gate"] and not run.passed(model)
        status = "gate failed" if failed else verdict.status
        text = f"{missing[model]}. {definition.why}"
        return dataclasses.replace(verdict, status=status, text=text), missing[model]
    return verdict, ""


def _cause(error: ClaimError, claim: Claim, definition: Definition) -> str:
    where = f"claim {claim.id!r}, definition {definition.id!r}"
    return str(error).removeprefix(f"{where}: ")


def _remedy(run: Stored, claim: Claim, definition: Definition) -> str:
    """Return what to run where the draws of a run do not reach a definition."""
    until = run.manifest.get("until", {}).get(definition.model)
    further = [q for q in questions([claim]) if q.model == definition.model]
    if until is not None and further:
        to = reach(definition.model, run.as_of, further).until
        if period_end(to) > period_end(until):
            return (
                f"the draws of the run {run.id} end with {until}; a run draws as far as its claims "
                f"ask: put this into {PLACE}, then forecast run --data DIR"
            )
    known = one_line(sorted({str(m) for m in run.manifest["models"]}), 20)
    return (
        f"correct it, or put what it asks about into the tables, this into {PLACE}, then "
        f"forecast run --data DIR (the run {run.id} has {known})"
    )
