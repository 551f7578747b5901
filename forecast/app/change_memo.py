"""The change memo: one page on what arrived, what surprised, what moved, and what to watch next.

Invariant: every number on it comes from the change it is given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from forecast import plots
from forecast.app.change import Change, change_record
from forecast.core.text import percent
from forecast.news.explain import News
from forecast.news.prospects import Prospect
from forecast.report import memo
from forecast.tables.vintages import Changes

UNEXPECTED = 10.0
"""A number outside the 10 % to 90 % quantiles of its forecast is called a surprise."""

UNTOLD = "no probability, as far as the draws can tell"
"""What stands for a company whose numbers are known to move nothing."""


def write_change(folder: Path, change: Change) -> None:
    """Write ``change.md``, ``change.html`` and ``change.json`` with their figure into a run folder."""
    figures = {}
    if change.splits:
        split, name = most_moved(change.splits)
        ax, alt, caption = waterfall_figure(change, split, name)
        plots.save(ax, folder / "figures" / "change", alt=alt)
        figures["change"] = memo.Figure("figures/change", alt, caption)
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


def waterfall_figure(change: Change, split: News, name: str) -> tuple[Any, str, str]:
    """Return the waterfall of a statistic by report, its alternative text and its caption."""
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
        ends=(f"as of {change.before[1]}", f"as of {change.after[1]}"),
        subtitle=f"{one.why} {one.unit or 'Probability, %'}; by report",
        title=f"{short_name}: {verb}\N{NO-BREAK SPACE}{amount}",
    )
    caption = (
        "Each bar is the change of the estimate when that report becomes known, the mean over two "
        "orders of the reports; thin lines: two Monte-Carlo standard errors, or the range over the "
        "orders where that is wider. The last bar is what no "
        f"number explains. Runs {change.before[0]} and {change.after[0]}."
    )
    return ax, split.sentence(name), caption


def change_markdown(change: Change, figures: Mapping[str, memo.Figure]) -> str:
    """Return the change memo as Markdown."""
    rows = change.rows()
    return memo.render(
        "change.md.j2",
        {
            "c": change,
            "figures": figures,
            "arrived": [r for r in _arrived_rows(change.arrived) if r["where"] or r["was"]],
            "besides": [r for r in _arrived_rows(change.arrived) if not (r["where"] or r["was"])],
            "surprising": _surprising(change.arrived),
            "moved": [r for r in rows if r["clear"]],
            "still": [r for r in rows if not r["clear"] and r["size"] > 0],
            "same": sum(r["size"] == 0 for r in rows),
            "lines": _lines(change, [r for r in rows if r["clear"]]),
            "watch": _watch(change),
            "limit": UNEXPECTED,
        },
    )


def _arrived_rows(arrived: Changes) -> list[dict[str, Any]]:
    rows = []
    for frame in (arrived.new, arrived.revisions):
        for r in frame.to_dict("records"):
            rows.append(
                {
                    "report": f"{r['entity']} {r['reported_on']}",
                    "metric": str(r["metric"]).replace("_", " "),
                    "period": r["period"],
                    "value": f"{r['value']:,.12g} {r['unit']}",
                    "was": f"{r['old_value']:,.12g}" if "old_value" in r else "",
                    "where": r["percentile_text"],
                }
            )
    return sorted(rows, key=lambda r: (r["report"].split()[-1], r["report"]))


def _surprising(arrived: Changes) -> list[str]:
    found = []
    for frame in (arrived.new, arrived.revisions):
        for r in frame.to_dict("records"):
            level = r["percentile"]
            if np.isfinite(level) and not UNEXPECTED <= level <= 100 - UNEXPECTED:
                side = "low" if level < 50 else "high"
                what = f"{r['entity']} {str(r['metric']).replace('_', ' ')} {r['period']}"
                found.append(
                    f"**{what}** came in {side}, at {r['percentile_text']} of its forecast "
                    f"({r['value']:,.12g} {r['unit']})"
                )
    return found


def _lines(change: Change, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each statistic that moved and was split."""
    split_of = {s.name: split for split in change.splits for s in split.statistics}
    names = [row["name"] for row in rows if row["name"] in split_of]
    return [split_of[name].sentence(name) for name in names]


def _watch(change: Change) -> list[dict[str, str]]:
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
        found.append(
            {
                "company": str(r["entity"]),
                "quarter": str(r["quarter"]),
                "day": f"overdue since {r['overdue_since']}"
                if r["overdue_since"]
                else str(r["expected_on"]),
                "range": "–"
                if r["expected_from"] == r["expected_to"]
                else f"{r['expected_from']} to {r['expected_to']}",
                "what": "" if top is None else prospect_text(top) if top.told else UNTOLD,
            }
        )
    return found


def prospect_text(one: Prospect) -> str:
    """Return what a coming number that is told could do, in a line."""
    metric = one.series.split("/")[1].replace("_", " ")
    low, high = np.interp([0.1, 0.9], one.levels, one.prints)
    at = [percent(p) for p in one.at([0.1, 0.9])]
    return (
        f"{metric} of {low:,.3g} or {high:,.3g} {one.unit} (one in ten below, above): "
        f"{one.statistic} at {at[0]} or {at[1]}, now {percent(one.probability)}"
    )
