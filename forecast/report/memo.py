"""Verdicts and figures -> a memo in Markdown and HTML.

Invariant: every number in the memo comes from the report record it is given; the templates hold
none. ``tests/test_memo.py`` fails on a digit in a template's prose.
"""

from __future__ import annotations

import dataclasses
import html
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import markdown_it

from forecast.claims.audit import Finding
from forecast.claims.comparisons import Beside
from forecast.claims.page import Page
from forecast.claims.pool import Pooled
from forecast.claims.records import Claim
from forecast.claims.scenarios import ENOUGH, Conditional
from forecast.claims.variations import Curve, Depth, Variation
from forecast.claims.verdict import ICD_203, Verdict, Verdicts, answer_text, answer_word, word
from forecast.core.text import percent
from forecast.evaluation.hindcast import Hindcast
from forecast.evaluation.hold_out import HoldOut
from forecast.evaluation.sensitivity import MOSTLY_DATA, MOSTLY_PRIOR, Sensitivity
from forecast.evaluation.warnings import WarningCheck
from forecast.inference.gate import Gate
from forecast.inference.spec import Spec
from forecast.models.hazard.panel import FALLS
from forecast.news.statistics import signed
from forecast.tables.vintages import Known

BANDS = (50, 80, 95)
EARNINGS_FIGURES = (
    "earnings",
    "companies_capex",
    "companies_revenue",
    "cash_ratio",
    "report_calendar",
)
"""Figures of the section on reported spending, in order."""
SCALE_NAME = "Intelligence Community Directive 203"
ANSWERED = ("judged", "decided")
"""Statuses of verdicts that have an answer."""
TEMPLATES = Path(__file__).parent / "templates"


@dataclasses.dataclass(frozen=True)
class Figure:
    """A finished figure: its file stem in the run folder, alternative text and source line."""

    stem: str
    alt: str
    caption: str


@dataclasses.dataclass(frozen=True)
class FirstPage:
    """What the first page says of the first claim, beyond its verdicts.

    Attributes
    ----------
    pooled
        Pooled answers by claim id.
    variations
        Its readings under other thresholds, windows, prior sets and models.
    curves
        Model, and when its readings may come true.
    depths
        Correction against crash.
    others
        What others published, beside ours.
    scenarios
        Conditional answers.
    hindcasts
        The same tools on the boom before.
    warned
        Whether famous warnings added anything to the base rate.
    latest
        By model, the last period or day of its data.
    """

    pooled: Mapping[str, Pooled] = dataclasses.field(default_factory=dict)
    variations: Sequence[Variation] = ()
    curves: Sequence[tuple[str, Curve]] = ()
    depths: Sequence[Depth] = ()
    others: Sequence[Beside] = ()
    scenarios: Sequence[Conditional] = ()
    hindcasts: Sequence[Hindcast] = ()
    warned: Sequence[WarningCheck] = ()
    latest: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Report:
    """All a memo shows.

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
    hold_outs
        The last year, forecast from the years before.
    findings
        The audit's.
    figures
        By section name.
    known
        The rows the models saw, as known on the day.
    specs, gates
        By model.
    seconds
        By stage.
    scores
        Number of public benchmark scores the benchmark model was fitted to.
    observations
        Number of the article's observations the models were fitted to.
    reported
        Number of quarterly figures from companies' reports the earnings model was fitted to.
    first
        What the first page shows besides.
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
    hold_outs: Sequence[HoldOut]
    findings: Sequence[Finding]
    figures: Mapping[str, Figure]
    known: Known
    specs: Mapping[str, Spec]
    gates: Mapping[str, Gate]
    seconds: Mapping[str, float]
    scores: int = 0
    observations: int = 0
    reported: int = 0
    first: FirstPage = dataclasses.field(default_factory=FirstPage)

    @property
    def draft(self) -> tuple[str, ...]:
        """Why the memo is a draft, one reason a model; empty if every gate was passed."""
        return tuple(
            f"{name}: {'; '.join(map(str, gate.failures))}"
            for name, gate in self.gates.items()
            if not gate.passed
        )


# --- numbers for a reader --------------------------------------------------------------------
def significant(value: float, digits: int = 2) -> str:
    """Return a number rounded to significant digits, with thousands separators, no exponent.

    Examples
    --------
    >>> significant(237.4), significant(1732.9), significant(0.0626)
    ('240', '1,700', '0.063')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    return f"{rounded:,.{max(places, 0)}f}"


def points(value: float, error: float) -> str:
    """Return a change of probability in percentage points with its Monte-Carlo error."""
    return signed(100 * value, f"± {100 * error:.1f}")


def five(probability: float) -> str:
    """Return a headline probability to the nearest five points.

    Examples
    --------
    >>> five(0.312), five(0.01)
    ('about 30 %', 'below 5 %')
    """
    step = 5 * round(20 * probability)
    if step == 0:
        return "below 5 %"
    return "above 95 %" if step == 100 else f"about {step} %"


def cell(text: object) -> str:
    """Return text that can stand in a Markdown table."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def short(digest: str) -> str:
    """Return the first characters of a hash, enough to tell two apart."""
    return digest[:12]


def shorter(digest: str) -> str:
    """Return the first six characters of a hash, for a cell of a table."""
    return digest[:6]


def counted(pair: tuple[float | None, int]) -> str:
    """Return a probability and its number of draws as text, with the bound where it is 0 or 1."""
    return percent(pair[0], pair[1])


def capitalised(text: str) -> str:
    """Return text with its first letter as a capital, the rest as it is."""
    return text[:1].upper() + text[1:]


def pairs(mapping: Mapping[str, str]) -> str:
    """Return names and values in a row."""
    return ", ".join(f"{name} {value}" for name, value in mapping.items())


def unbroken(text: str) -> str:
    """Return text whose ranges do not break at the end of a line."""
    return text.replace("–", "\N{WORD JOINER}–\N{WORD JOINER}")


def standing(verdict: Verdict) -> str:
    """Return what became of a definition: a status, a base rate, or the audit's worst finding."""
    if verdict.status == "judgement":
        return verdict.text.split(". ")[0]
    if verdict.status == "checked":
        return f"checked: {verdict.text.split(' (')[0].lower()}"
    return verdict.status


def _judged(report: Report, claim: str) -> list[Verdict]:
    """Return a claim's verdicts with an answer, from draws or by what has come."""
    return [v for v in report.verdicts if v.claim == claim and v.status in ANSWERED]


def _headline(report: Report) -> dict[str, Any]:
    """Return what the first card says of the article's main prediction."""
    claim = next(c for c in report.claims if c.id == report.page.headline[0])
    groups = dict.fromkeys(d.group for d in claim.definitions)
    judged = sorted(_judged(report, claim.id), key=lambda v: v.probability or 0.0)
    open_ = [v for v in judged if v.status == "judged"] or judged
    keys = [(v.claim, v.definition) for v in judged]
    spread = [report.sensitivities[k] for k in keys if k in report.sensitivities]
    return {
        "claim": claim,
        "judged": judged,
        "low": open_[0] if open_ else None,
        "high": open_[-1] if open_ else None,
        "range_low": min((s.low for s in spread), default=None),
        "range_high": max((s.high for s in spread), default=None),
        "grades": sorted({s.grade for s in spread}),
        "naive": [report.naive[k] for k in keys if k in report.naive],
        "gap": max(
            (
                abs(report.naive[v.claim, v.definition] - (v.probability or 0.0))
                for v in judged
                if (v.claim, v.definition) in report.naive
            ),
            default=0.0,
        ),
        "end": max((v.window_end for v in judged if v.window_end), default=None),
        "over": sum(
            v.status == "judged" and (v.window_end or report.as_of) < report.as_of for v in judged
        ),
        "pooled": report.first.pooled.get(claim.id),
        "groups": {
            group: [
                v
                for d in claim.definitions
                for v in judged
                if d.group == group and v.definition == d.id
            ]
            for group in groups
        },
        "moves": [
            _moves(report, v) for d in claim.definitions for v in judged if v.definition == d.id
        ],
    }


def _moves(report: Report, verdict: Verdict) -> dict[str, Any]:
    """Return one reading's probabilities under other settings, as text by what was changed."""
    own = [v for v in report.first.variations if v.definition == verdict.definition]
    found = {
        what: {
            v.setting: percent(v.probability, verdict.draws)
            for v in own
            if v.what == what and not (what == "window start" and v.own)
        }
        for what in ("threshold", "window end", "window start", "prior")
    }
    return {
        "definition": verdict.definition,
        "thresholds": "; ".join(f"{at}: {p}" for at, p in found["threshold"].items()),
        "by_day": found["window end"],
        "late": next(iter(found["window start"].values()), ""),
        "priors": found["prior"],
    }


def answer_days(report: Report) -> list[str]:
    """Return the days at which windows of the first claim's readings end, in order."""
    return sorted({v.setting for v in report.first.variations if v.what == "window end"})


def conditionals(report: Report) -> list[dict[str, Any]]:
    """Return a row for each reading in each scenario, with the answer without the scenario."""
    rows = []
    for one in report.first.scenarios:
        for given in one.verdicts or ():
            if given.probability is None:
                continue
            plain = report.verdicts.of(given.claim, given.definition)
            rows.append({"scenario": one.scenario, "given": given, "plain": plain})
    return rows


def expected_falls(report: Report) -> list[dict[str, Any]]:
    """Return by date and size of fall how many industries were expected to fall, and did."""
    prices = [h for h in report.first.hindcasts if h.model == "hazard"]
    keys = dict.fromkeys((h.as_of, h.reading.split(": ")[1]) for h in prices)
    rows = []
    for day, reading in keys:
        own = [h for h in prices if h.as_of == day and h.reading.endswith(reading)]
        rows.append(
            {
                "as_of": day,
                "reading": reading,
                "number": len(own),
                "expected": sum(h.probability for h in own),
                "naive": sum(h.naive or 0.0 for h in own),
                "fell": sum(h.happened for h in own),
            }
        )
    return rows


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # Markdown; the HTML page is made from it by a parser that escapes
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        share=percent,
        five=five,
        cell=cell,
        significant=significant,
        percent=answer_text,
        in_words=answer_word,
        word=word,
        short=short,
        shorter=shorter,
        counted=counted,
        capitalised=capitalised,
        pairs=pairs,
        unbroken=unbroken,
    )
    environment.globals.update(points=points, standing=standing)
    return environment


def render(template: str, content: Mapping[str, Any]) -> str:
    """Return a template filled with what it names."""
    return _environment().get_template(template).render(content)


def markdown(report: Report) -> str:
    """Return the memo as Markdown, with links to the figures' SVG files."""
    rows = report.known.rows
    series = rows[rows["printed"].astype(str) != ""]
    return (
        _environment()
        .get_template("memo.md.j2")
        .render(
            r=report,
            head=_headline(report),
            claims={c.id: c for c in report.claims},
            definitions={(c.id, d.id): d for c in report.claims for d in c.definitions},
            judged=[v for v in report.verdicts if v.status in ANSWERED],
            days=answer_days(report),
            conditionals=conditionals(report),
            expected_falls=expected_falls(report),
            bets=[d for d in report.first.depths if d.months == report.page.months[-1]],
            empty_dates=sorted(
                {h.as_of for h in report.first.hindcasts}
                - {h.as_of for h in report.first.hindcasts if h.model == "hazard"}
            ),
            months=report.page.months,
            falls=FALLS,
            enough=ENOUGH,
            variants=list(
                dict.fromkeys(n for s in report.sensitivities.values() for n in s.variants)
            ),
            wins=sum(h.crps < h.naive_crps for h in report.hold_outs),
            limits={
                "data": round(100 * MOSTLY_DATA),
                "prior": round(100 * MOSTLY_PRIOR),
                "close": 0.03,
                "far": 0.10,
            },
            scale_name=SCALE_NAME,
            printed=list(series.itertuples()),
            bands=BANDS,
            earnings_figures=EARNINGS_FIGURES,
            scale=ICD_203,
            statuses=_counts([v.status for v in report.verdicts]),
            total_seconds=sum(report.seconds.values()),
        )
    )


def _counts(values: Sequence[str]) -> dict[str, int]:
    return {value: values.count(value) for value in dict.fromkeys(values)}


# --- HTML ------------------------------------------------------------------------------------
def page(text: str, figures: Mapping[str, Figure], folder: Path, *, draft: bool) -> str:
    """Return a memo as one self-contained HTML page.

    Parameters
    ----------
    text
        The memo in Markdown, such as from :func:`markdown`.
    figures
        The figures it shows.
    folder
        Where the figures' SVG files lie; they are put into the page.
    draft
        Whether to stamp it.
    """
    parser = markdown_it.MarkdownIt("commonmark", {"html": False}).enable("table")
    body = parser.render(text)
    body = re.sub(r"<table>.*?</table>", r'<div class="wide">\g<0></div>', body, flags=re.DOTALL)
    for figure in figures.values():
        svg = _inline(folder / f"{figure.stem}.svg", figure)
        shown = f'<figure role="img" aria-label="{html.escape(figure.alt, quote=True)}">{svg}'
        shown += f"<figcaption>{html.escape(figure.caption)}</figcaption></figure>"
        source = re.escape(f"{figure.stem}.svg")
        body = re.sub(rf'<p><img src="{source}"[^>]*></p>', shown.replace("\\", r"\\"), body)
    title = re.search(r"<h1>(.*?)</h1>", body)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(title=title.group(1) if title else "", body=body, draft=draft)
    )


def _inline(path: Path, figure: Figure) -> str:
    """Return an SVG that can stand in a page beside others, in the page's own colours."""
    from forecast import plots

    svg = path.read_text(encoding="utf-8")
    svg = svg[svg.index("<svg") :]
    prefix = re.sub(r"\W", "-", figure.stem)
    # Two figures of one page must not share ids: a clip path would be taken from the other one.
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    for name in ("INK", "MUTED", "RULE", "PAPER"):
        colour = getattr(plots, name)
        svg = svg.replace(colour.lower(), f"var(--{name.lower()})")
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    return re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
