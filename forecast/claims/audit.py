"""Does a table agree with itself and with outside references.

The rules stand in :mod:`forecast.claims.rules`; which statement one is evaluated on, in the claims file.

Invariant: a finding says what was said, what follows, by which rule, how sure that is and where it
can be checked. References reported after the table's own date are not used against it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from forecast.claims.rules import Result, Rule
from forecast.core.errors import ClaimError, DataError
from forecast.tables.shipped import REFERENCE_FILE, data_dir
from forecast.tables.vintages import Known, Table, as_of, read_table, require_known

if TYPE_CHECKING:
    from forecast.claims.records import Claim

VERDICTS = (
    "contradicted",
    "another definition",
    "outdated",
    "unsupported",
    "imprecise",
    "agrees",
    "not in the table",
)
"""From worst to best."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One statement and what a rule says of it.

    Attributes
    ----------
    claim, definition
        The statement's ids in the claims file.
    rule
        The rule's name.
    verdict
        One of :data:`VERDICTS`.
    said, follows
        What was said, and what follows.
    sure
        ``certain`` (arithmetic on the table's own numbers), ``probable`` (rests on a reference) or
        ``possible`` (rests on a pattern).
    source
        Where it can be checked.
    """

    claim: str
    definition: str
    rule: str
    verdict: str
    said: str
    follows: str
    sure: str
    source: str

    @property
    def sentence(self) -> str:
        """Verdict and reason in one sentence."""
        return f"{self.verdict.capitalize()} ({self.sure}): said {self.said}; {self.follows}."


def read_references(path: str | Path | None = None) -> Table:
    """Read the table of outside references, of the vintage schema; the shipped one by default."""
    return read_table(path or data_dir() / REFERENCE_FILE)


def audit_claims(known: Known, references: Table, claims: Sequence[Claim]) -> tuple[Finding, ...]:
    """Put every factual claim to its rule.

    Parameters
    ----------
    known
        The result of :func:`forecast.tables.vintages.as_of`.
    references
        Outside figures of the same schema; only those reported by the claim's date are used.
    claims
        From :func:`forecast.claims.read.read_claims`; those of another kind are passed over.

    Returns
    -------
    tuple of Finding
        At least one a factual definition.

    Raises
    ------
    DataError
        If `known` did not come from ``as_of``.
    ClaimError
        If a parameter of a rule names numbers of another dimension.
    """
    table = require_known(known).rows
    findings: list[Finding] = []
    for claim in claims:
        outside = references
        if claim.kind == "fact":
            outside = as_of(references, claim.source_date).rows
        for definition in claim.definitions:
            if definition.check is None:
                continue
            where = f"claim {claim.id!r}, definition {definition.id!r}"
            results = _results(definition.check, table, outside, claim.text, where)
            findings += [
                Finding(
                    claim.id, definition.id, definition.check.rule,
                    one.verdict, one.said, one.follows, one.sure, one.source,
                )
                for one in results
            ]  # fmt: skip
    return tuple(findings)


def _results(rule: Rule, table: Table, references: Table, text: str, where: str) -> list[Result]:
    """Return what a rule finds, at least one thing."""
    try:
        results = rule.results(table, references)
    except ClaimError as error:
        # A user's own table need not hold the article's rows.
        return [Result("not in the table", text, str(error), "certain", "the table")]
    except ZeroDivisionError:
        why = "a number to divide by is zero"
        return [Result("not in the table", text, why, "certain", "the table")]
    except DataError as error:
        raise ClaimError(f"{where}: {error}") from error
    nothing = Result("agrees", text, "the rule found nothing against it", "possible", "")
    return results or [nothing]


def sentences(findings: Sequence[Finding]) -> dict[tuple[str, str], str]:
    """Return the findings as sentences by (claim id, definition id), worst first."""
    grouped: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        grouped.setdefault((finding.claim, finding.definition), []).append(finding)
    return {
        key: " ".join(f.sentence for f in sorted(group, key=lambda f: VERDICTS.index(f.verdict)))
        for key, group in grouped.items()
    }
