"""The change memo: one page on what arrived, what surprised, what moved, and what to watch next.

Invariant: every number on it comes from the change it is given.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast import plots
from forecast.core.text import percent
from forecast.core.words import guided, metric_of
from forecast.news.change import Change, Shift, change_record
from forecast.report import memo
from forecast.report.record import Figure
from forecast.tables.vintages import value_text

if TYPE_CHECKING:
    from forecast.news.explain import News
    from forecast.news.prospects import Prospect
    from forecast.tables.changes import Changes

UNEXPECTED = 10.0
"""A number outside the 10 % to 90 % quantiles of its forecast is called a surprise."""

UNTOLD = "no probability, as far as the draws can tell"
"""What stands for a company whose numbers are known to move nothing."""


@dataclasses.dataclass(frozen=True)
class Arrival:
    """A new or revised number as text; `was` and `where` are empty if nothing was known or forecast."""

    report: str
    metric: str
    period: str
    value: str
    was: str
    where: str


@dataclasses.dataclass(frozen=True)
class Surprise:
    """A number that came outside its forecast, and what is said of it, as text."""

    what: str
    said: str


@dataclasses.dataclass(frozen=True)
class Coming:
    """A company's next report as text: when it is expected, and what it could do most."""

    company: str
    quarter: str
    day: str
    range: str
    what: str


def write_files(folder: Path, change: Change) -> None:
    """Write ``change.md``, ``change.html``, ``change.json`` and their figure into a folder."""
    figures = {}
    if change.splits:
        (folder / "figures").mkdir()
        split, name = most_moved(change.splits)
        figures["change"] = draw_waterfall(change, split, name, folder)
    text = change_markdown(change, figures)
    (folder / "change.md").write_text(text, encoding="utf-8")
    page = memo.page(text, figures, folder, draft=False)
    (folder / "change.html").write_text(page, encoding="utf-8")
    content = json.dumps(change_record(change), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "change.json").write_text(content + "\n", encoding="utf-8")


def most_moved(splits: Sequence[News]) -> tuple[News, str]:
    """Return the probability that moved most, with its split; without one the first statistic."""
    moved = {
        (n, one.name): abs(float(split.after[k] - split.before[k]))
        for n, split in enumerate(splits)
        for k, one in enumerate(split.statistics)
        if not one.unit
    }
    n, name = max(moved, key=lambda key: moved[key]) if moved else (0, splits[0].statistics[0].name)
    return splits[n], name


def draw_waterfall(change: Change, split: News, name: str, folder: Path) -> Figure:
    """Draw the waterfall of a statistic by report into ``folder/figures``."""
    split = split.by_report()
    k = split.index(name)
    one = split.statistics[k]
    scale = 1.0 if one.unit else 100.0
    rows = [
        plots.WaterfallRow(
            piece.label,
            scale * float(split.change[p, k]),
            scale * float(min(split.low[p, k], split.change[p, k] - 2 * split.error[p, k])),
            scale * float(max(split.high[p, k], split.change[p, k] + 2 * split.error[p, k])),
            noise=piece.kind == "noise",
        )
        for p, piece in enumerate(split.pieces)
    ]
    total = float(split.after[k] - split.before[k])
    short_name = one.name.replace("_", " ").replace("/", ": ", 0 if one.unit else 1)
    verb = "up" if total > 0 else "down"
    amount = one.moved(abs(total)).lstrip("+").replace(" ", "\N{NO-BREAK SPACE}")
    ax = plots.waterfall(
        rows,
        scale * float(split.before[k]),
        scale * float(split.after[k]),
        unit=one.unit or "%",
        step=one.unit or "points",
        ends=(f"as of {change.before.as_of}", f"as of {change.after.as_of}"),
        subtitle=f"{one.why} {one.unit or 'Probability, %'}; by report",
        title=f"{short_name}: {verb}\N{NO-BREAK SPACE}{amount}",
    )
    caption = (
        "Each bar is the change of the estimate when that report becomes known, the mean over two "
        "orders of the reports; thin lines: two Monte-Carlo standard errors, or the range over the "
        "orders where that is wider. The last bar is what no "
        f"number explains. Runs {change.before.run} and {change.after.run}."
    )
    alt = split.sentence(name)
    plots.save(ax, folder / "figures" / "change", alt=alt)
    return Figure("figures/change", alt, caption)


def change_markdown(change: Change, figures: Mapping[str, Figure]) -> str:
    """Return the change memo as Markdown."""
    shifts, arrived = change.shifts(), _arrivals(change.arrived)
    clear = [s for s in shifts if s.clear]
    return memo.render(
        "change.md.j2",
        {
            "c": change,
            "figures": figures,
            "arrived": [a for a in arrived if a.where or a.was],
            "besides": [a for a in arrived if not (a.where or a.was)],
            "withdrawn": _withdrawn(change.arrived),
            "surprising": _surprising(change.arrived),
            "moved": clear,
            "still": [s for s in shifts if not s.clear and s.size > 0],
            "same": sum(s.size == 0 for s in shifts),
            "lines": _lines(change, clear),
            "watch": _watch(change),
            "limit": UNEXPECTED,
        },
    )


def _arrivals(arrived: Changes) -> list[Arrival]:
    """Return what arrived, in the order of the reports."""
    found = [
        Arrival(
            report=f"{r['entity']} {r['reported_on']}",
            metric=str(r["metric"]).replace("_", " "),
            period=str(r["period"]),
            value=value_text(r) if guided(r["metric"]) else f"{r['value']:,.12g} {r['unit']}",
            was=_was(r) if "old_value" in r else "",
            where=str(r["percentile_text"]),
        )
        for frame in (arrived.new, arrived.revisions)
        for r in frame.to_dict("records")
    ]
    return sorted(found, key=lambda a: (a.report.split()[-1], a.report))


def _was(r: Mapping[Hashable, Any]) -> str:
    if guided(r["metric"]):
        return value_text(r, old=True).removesuffix(f" {r['unit']}")
    return f"{r['old_value']:,.12g}"


def _withdrawn(arrived: Changes) -> list[str]:
    """Return what was taken back, a sentence each."""
    found = []
    for r in arrived.withdrawn.to_dict("records"):
        what = f"{r['entity']} {str(r['metric']).replace('_', ' ')} {r['period']}"
        now = (
            f"{r['now_value']:,.12g} {r['unit']} of {r['now_reported_on']} counts in its place"
            if r["now_reported_on"]
            else "nothing is known of it now"
        )
        found.append(f"{what}, {r['value']:,.12g} {r['unit']} of {r['reported_on']}: {now}")
    return found


def _surprising(arrived: Changes) -> list[Surprise]:
    found = []
    for frame in (arrived.new, arrived.revisions):
        for r in frame.to_dict("records"):
            level = r["percentile"]
            if np.isfinite(level) and not UNEXPECTED <= level <= 100 - UNEXPECTED:
                side = "low" if level < 50 else "high"
                what = f"{r['entity']} {str(r['metric']).replace('_', ' ')} {r['period']}"
                if guided(r["metric"]):
                    at = f"at {r['percentile_text']} of what was forecast ({value_text(r)})"
                    found.append(Surprise(what, f"was said {side}, {at}"))
                    continue
                at = f"at {r['percentile_text']} of its forecast ({r['value']:,.12g} {r['unit']})"
                found.append(Surprise(what, f"came in {side}, {at}"))
    return found


def _lines(change: Change, shifts: Sequence[Shift]) -> list[str]:
    """Return a sentence for each statistic that moved and was split."""
    split_of = {s.name: split for split in change.splits for s in split.statistics}
    return [split_of[s.name].sentence(s.name) for s in shifts if s.name in split_of]


def _watch(change: Change) -> list[Coming]:
    """Return the reports to come, the overdue ones first, with what each could do most."""
    best: dict[str, Prospect] = {}
    for one in change.prospects:  # told ones first, by what they tell
        best.setdefault(one.company, one)
    if change.calendar is None:
        return []
    rows = change.calendar.out
    rows = rows.assign(
        due=rows["overdue_since"].where(rows["overdue_since"] != "", rows["expected_on"])
    )
    rows = rows[rows["due"].astype(bool)].sort_values("due", kind="stable")
    found = []
    for r in rows.drop_duplicates("entity").to_dict("records"):
        top = best.get(str(r["entity"]))
        one_day = r["expected_from"] == r["expected_to"]
        found.append(
            Coming(
                company=str(r["entity"]),
                quarter=str(r["quarter"]),
                day=f"overdue since {r['overdue_since']}"
                if r["overdue_since"]
                else str(r["expected_on"]),
                range="–" if one_day else f"{r['expected_from']} to {r['expected_to']}",
                what="" if top is None else prospect_text(top) if top.told else UNTOLD,
            )
        )
    return found


def prospect_text(one: Prospect) -> str:
    """Return what a coming number that is told could do, in a line."""
    metric = metric_of(one.series).replace("_", " ")
    low, high = np.interp([0.1, 0.9], one.levels, one.prints)
    at = [percent(p) for p in one.at([0.1, 0.9])]
    return (
        f"{metric} of {low:,.3g} or {high:,.3g} {one.unit} (one in ten below, above): "
        f"{one.statistic} at {at[0]} or {at[1]}, now {percent(one.probability)}"
    )
