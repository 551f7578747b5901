"""What the figures share: colours, type, text that fits, axes, and how draws are read.

Invariant: neutral colours are only :data:`INK`, :data:`MUTED`, :data:`RULE` and :data:`PAPER`, so that
a page can exchange them for its own in a dark mode.
"""

from __future__ import annotations

import bisect
import calendar
import contextlib
import datetime as dt
import functools
import html
import io
import logging
import math
import re
import unicodedata
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from arviz_stats.base import array_stats
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import TextToPath
from matplotlib.ticker import Formatter, MaxNLocator
from scipy.optimize import isotonic_regression

from forecast.core.errors import DataError, UnknownNameError
from forecast.core.files import whole
from forecast.core.periods import period_end
from forecast.core.text import east_asian, one_line, shown, visible

logger = logging.getLogger(__name__)

# --- colours and type ------------------------------------------------------------------------
INK = "#1f2328"
MUTED = "#6e7781"
RULE = "#d8dee4"
PAPER = "#fcfcfd"
"""The only neutral colours; none of them is a hue's lightness step, so a page may replace them."""

METRIC_HUES: Mapping[str, str] = {
    "ai_investment": "#3f90da",
    "datacenter_capex": "#e76300",
    "ai_revenue": "#832db6",
    "capex_to_revenue": "#bd1f01",
    "score": "#a96b59",
    "training_cost": "#ffa90e",
    "capex": "#e76300",
    "revenue": "#832db6",
    "price": "#3f90da",
    "new_price": "#3f90da",
    "h100_rental": "#a96b59",
    "open_weight_share": "#ffa90e",
    "fall": "#bd1f01",
}
"""One hue a metric, the same in the whole memo; from Petroff's ten (arXiv 2107.02270)."""

SPARE_HUES = ("#ffa90e", "#b9ac70")
"""For other metrics. Two greys and a pale cyan of the ten are left out: grey is for the past, and
the lightness steps of the cyan do not survive a copier."""

METRIC_LABELS: Mapping[str, str] = {
    "ai_investment": "AI investment",
    "datacenter_capex": "data-centre capex",
    "ai_revenue": "AI revenue",
    "capex_to_revenue": "capex / revenue",
    "score": "benchmark score",
    "price": "list price",
    "new_price": "list price of new models",
    "h100_rental": "rental price",
    "open_weight_share": "share of open-weight models",
}

BANDS = ((0.95, "95 in 100", 0.22), (0.80, "8 in 10", 0.32), (0.50, "5 in 10", 0.48))
"""Probability, label and opacity of the fan's bands, widest first. They lie on each other, so the
opacities add up to about 0.22, 0.47 and 0.72 of the hue: three steps on any background."""

FONT = "DejaVu Sans"
FALLBACKS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK TC", "Noto Sans CJK KR", "Noto Sans SC",
    "Noto Sans JP", "Noto Sans TC", "Noto Sans KR", "Source Han Sans SC", "Source Han Sans CN",
    "Source Han Sans", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback",
    "AR PL UMing CN", "IPAexGothic", "IPAGothic", "TakaoGothic", "VL Gothic", "NanumGothic",
    "UnDotum", "PingFang SC", "Heiti SC", "Hiragino Sans", "Apple SD Gothic Neo", "Microsoft YaHei",
    "SimHei", "Yu Gothic", "Meiryo", "MS Gothic", "Malgun Gothic", "Arial Unicode MS",
    "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari", "Noto Sans Thai", "Noto Emoji",
)  # fmt: skip
"""Fonts for the characters that :data:`FONT` lacks, tried in this order, as far as installed: those
that Linux distributions, macOS and Windows bring for Chinese, Japanese and Korean, and a few more."""

BOX = "\N{WHITE SQUARE}"
"""Stands for a character that no font has."""

TITLE, SUBTITLE, TICK, LABEL = 11.0, 8.5, 8.0, 7.5  # points
NARROW = 4.0  # inches; a narrower axes has a smaller title and fewer ticks
WIDTH = 7.2  # inches, of a figure made here: the text width of the memo
SIDE, END, FOOT = 0.62, 0.2, 0.34  # inches left and right of the axes and under them
EDGE, NAMED = 0.22, 0.16  # inches left of a strip, and under an axis for its name
ERROR_BARS = "bars: 2 Monte-Carlo s.e.".replace(" ", "\N{NO-BREAK SPACE}")
LEADING = 1.3  # line height over font size
DPI = 200  # of the PNG files
ROW = ("axes fraction", "data")  # at the left end of a row of a strip

_measure = TextToPath()


# --- words and numbers -----------------------------------------------------------------------
def hue(metric: str) -> str:
    """Return the hue of a metric, the same in every process."""
    bare = re.sub("_(4q|growth)$", "", metric)
    spare = SPARE_HUES[zlib.crc32(bare.encode()) % len(SPARE_HUES)]
    return METRIC_HUES.get(bare, spare)


def number_text(value: float, decimals: int | None = None) -> str:
    """Return a number with thousands separators; without `decimals`, as many as it has."""
    text = f"{value:,.{8 if decimals is None else decimals}f}"
    if decimals is None:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "−")


def words(metric: str) -> str:
    """Return a metric's name for a reader."""
    if metric.endswith("_4q"):
        return f"{words(metric.removesuffix('_4q'))} over four quarters"
    if metric.endswith("_growth"):
        return f"growth of {words(metric.removesuffix('_growth'))} over a year"
    return METRIC_LABELS.get(metric, metric.replace("_", " "))


# --- fonts -----------------------------------------------------------------------------------
@functools.cache
def family() -> tuple[str, ...]:
    """Return the fonts of the figures: :data:`FONT`, and of :data:`FALLBACKS` those installed.

    Matplotlib takes each character from the first that has it.
    """
    there = {font.name for font in font_manager.fontManager.ttflist}
    return (FONT, *(name for name in FALLBACKS if name in there))


def _says_more(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("findfont: Failed to find font weight")


# Few fonts of FALLBACKS have a bold face; Matplotlib takes the plain one, and need not say so each time.
logging.getLogger("matplotlib.font_manager").addFilter(_says_more)


@functools.cache
def font_files() -> tuple[str, ...]:
    """Return the files of :func:`family`."""
    return tuple(font_manager.findfont(FontProperties(family=name)) for name in family())


def is_shipped(file: str) -> bool:
    """Return whether a font file is one that comes with Matplotlib."""
    return Path(file).is_relative_to(mpl.get_data_path())


@functools.cache
def _has(file: str, character: str) -> bool:
    return bool(font_manager.get_font(file).get_char_index(ord(character)))


@functools.cache
def _look_again() -> None:
    """Take in fonts that were installed after Matplotlib had made its list, which it keeps."""
    listed = {font.fname for font in font_manager.fontManager.ttflist}
    for file in sorted(set(font_manager.findSystemFonts()) - listed):
        with contextlib.suppress(OSError, RuntimeError, ValueError):  # not every file is a good one
            font_manager.fontManager.addfont(file)
    family.cache_clear()
    font_files.cache_clear()


def lacking(text: str, files: Sequence[str]) -> str:
    """Return the characters of a text that none of some font files has, each once.

    What takes no room of its own (joiners, marks of direction, variation selectors) is not counted.
    """
    asked = dict.fromkeys(c for c in text if not c.isascii() and not _takes_no_room(c))
    return "".join(c for c in asked if not any(_has(file, c) for file in files))


def _takes_no_room(character: str) -> bool:
    return unicodedata.category(character) in ("Cf", "Mn", "Me", "Zs", "Zl", "Zp")


def _lacking(text: str) -> str:
    """Return the characters of a text that the fonts of the figures lack."""
    found = lacking(text, font_files())
    if found:
        _look_again()
        found = lacking(found, font_files())
    return found


def drawable(text: str) -> str:
    """Return a text as the fonts can draw it; what none has is a box, of which :func:`finish` tells.

    Control characters are "�"; lines stay lines.
    """
    if text.isascii() and text.isprintable():
        return text
    clean = "\n".join(_left_to_right(shown(line)) for line in text.split("\n"))
    boxes = _lacking(clean)
    _boxed.update(dict.fromkeys(boxes))
    files = font_files()
    return "".join(
        BOX
        if c in boxes
        # What takes no room and no font knows is nothing.
        else ""
        if not c.isascii() and _takes_no_room(c) and not any(_has(file, c) for file in files)
        else c
        for c in clean
    )


def _left_to_right(line: str) -> str:
    """Return a line whose parts stand from left to right also where it begins with Arabic.

    Without the mark in front the first letter decides, and "(…: 3 %)" would come apart.
    """
    turned = any(unicodedata.bidirectional(c) in ("R", "AL") for c in line)
    return LEFT_TO_RIGHT + line if turned and not line.startswith(LEFT_TO_RIGHT) else line


LEFT_TO_RIGHT = "\N{LEFT-TO-RIGHT MARK}"

_boxed: dict[str, None] = {}
_said: set[str] = set()
"""The characters that were boxes in this process, and what was said of that: once is enough."""


def _say_boxes() -> None:
    if _boxed:
        what = "figures have boxes in their place, and the text in their alternative"
        say_lacking("".join(_boxed), what)


def say_lacking(characters: str, what: str) -> None:
    """Say once in a process, as a warning to the logger, that no font has these characters.

    Parameters
    ----------
    characters
        The characters.
    what
        What is done about it.
    """
    if what in _said:
        return
    _said.add(what)
    advice = (
        "a font of Chinese, Japanese and Korean such as Noto Sans CJK"
        if east_asian(characters)
        else "a font that has them, such as one of the Noto family"
    )
    logger.warning(
        f"no font that is installed has characters such as {one_line(list(characters), 5)}: {what}; "
        f"install {advice}"
    )


def typeface() -> dict[str, Any]:
    """Return what all text in figures has in common: its fonts, and that dollars are no mathematics."""
    return {"fontfamily": list(family()), "linespacing": LEADING - 0.1, "parse_math": False}


# --- text that fits --------------------------------------------------------------------------
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of one line in points; needs no renderer."""
    font = FontProperties(family=list(family()), size=size, weight=weight)
    return float(_measure.get_text_width_height_descent(drawable(text), font, False)[0])


# An East Asian character with the marks that may not begin a line, or a run of any others.
_UNIT = re.compile(
    "[\u2e80-\u2fff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
    "[\u3001\u3002\u3005\u300b\u300d\u300f\u30fc\uff01\uff09\uff0c\uff0e\uff1a\uff1b\uff1f]*|."
    "[^\u2e80-\u2fff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]*",
    re.DOTALL,
)


def wrap(text: str, width: float, size: float, weight: str = "normal") -> list[str]:
    """Break a text into lines of at most `width` points.

    Lines end at spaces, not at no-break ones, and between East Asian characters; a word that is
    wider than a line ends anywhere.
    """

    def fits(line: str) -> bool:
        return text_width(line, size, weight) <= width

    lines: list[str] = []
    for word in text.split(" ") if text else []:
        for k, unit in enumerate(_UNIT.findall(word) or [""]):
            glue = "" if k else " "
            if lines and fits(lines[-1] + glue + unit):
                lines[-1] += glue + unit
                continue
            lines.append("")
            for piece in [unit] if fits(unit) else unit:
                if lines[-1] and not fits(lines[-1] + piece):
                    lines.append("")
                lines[-1] += piece
    return lines


NAMES = 215.0
"""Points that the names of rows have left of the axes, at most."""


def cut(text: str, width: float, size: float) -> str:
    """Return a text that is at most `width` points wide, its end left out where it is wider."""
    if text_width(text, size) <= width:
        return text
    ends = range(len(text))
    last = bisect.bisect(ends, width, key=lambda n: text_width(f"{text[:n]}…", size)) - 1
    return f"{text[: max(last, 0)].rstrip()}…"


def figure_of(ax: Axes) -> Figure:
    """Return the figure of an axes, also of one in a subfigure."""
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    return figure


def box_of(ax: Axes) -> tuple[float, float]:
    """Return width and height of the axes in points."""
    figure = figure_of(ax)
    box = ax.get_window_extent()
    return box.width * 72 / figure.dpi, box.height * 72 / figure.dpi


def points_of(ax: Axes, x: float, y: float) -> tuple[float, float]:
    """Return a data point's place in points from the lower left corner of the axes."""
    across, up = ax.transAxes.inverted().transform(ax.transData.transform((x, y)))
    width, height = box_of(ax)
    return float(across * width), float(up * height)


LEADER: Mapping[str, Any] = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.6}


def note_at(
    ax: Axes,
    text: str,
    xy: tuple[float, float],
    offset: tuple[float, float] = (0, 0),
    *,
    align: str = "left center",
    coords: str | tuple[str, str] = "data",
    color: str = INK,
    size: float = LABEL,
    leader: Mapping[str, Any] | None = None,
) -> None:
    """Write `text` at `xy`, moved by `offset` points; dollars are no mathematics."""
    across, up = align.split()
    ax.annotate(
        drawable(text),
        xy,
        xytext=offset,
        xycoords=coords,
        textcoords="offset points",
        ha=across,
        va=up,
        color=color,
        fontsize=size,
        arrowprops=None if leader is None else {**LEADER, **leader},
        annotation_clip=False,
        zorder=6,
        **typeface(),
    )


def spread_out(wanted: np.ndarray, heights: np.ndarray, room: float) -> np.ndarray:
    """Move labels as little as possible so that none overlap and all lie between 0 and `room`.

    Parameters
    ----------
    wanted, heights
        Wanted centre and height of each label in points, shape (label,).
    room
        Height there is, in points.

    Returns
    -------
    numpy.ndarray
        Centres, shape (label,), in the order given.
    """
    order = np.argsort(wanted, kind="stable")
    high = heights[order]
    # Least squares under "each at least half of both heights above the last" is isotonic.
    stack = np.concatenate([[0.0], np.cumsum((high[1:] + high[:-1]) / 2)])
    fitted = isotonic_regression(wanted[order] - stack).x
    top = max(room - stack[-1] - high[-1] / 2, high[0] / 2)
    centres = np.empty(len(wanted))
    centres[order] = np.clip(fitted, high[0] / 2, top) + stack
    return centres


Rect = tuple[float, float, float, float]  # left, bottom, right, top; points


def overlap(a: Rect, b: Rect) -> float:
    """Return the area that two rectangles share."""
    across = min(a[2], b[2]) - max(a[0], b[0])
    up = min(a[3], b[3]) - max(a[1], b[1])
    return max(across, 0.0) * max(up, 0.0)


# --- axes ------------------------------------------------------------------------------------
def begin(ax: Axes | None, *, height: float, left: float = SIDE) -> tuple[Axes, bool]:
    """Return the axes to draw in, and whether its figure was made here.

    `height` is of the plotting area, in inches; :func:`finish` adds what the title needs.
    """
    own = ax is None
    if ax is None:
        figure, ax = plt.subplots(figsize=(WIDTH, height + FOOT))
        figure.set_facecolor(PAPER)
        place_axes(ax, (left, FOOT, WIDTH - left - END, height), height + FOOT)
    ax.set_facecolor("none")
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.spines["bottom"].set_color(MUTED)
    ax.tick_params(
        which="both", length=0, colors=MUTED, labelsize=TICK, labelfontfamily=list(family()), pad=4
    )
    return ax, own


def place_axes(ax: Axes, box: tuple[float, float, float, float], height: float) -> None:
    """Put the axes at `box` (left, bottom, width, height; inches) of a figure `height` high."""
    figure = figure_of(ax)
    width = figure.get_size_inches()[0]
    figure.set_size_inches(width, height)
    left, bottom, across, up = box
    ax.set_position((left / width, bottom / height, across / width, up / height))


def finish(ax: Axes, own: bool, title: str | None, subtitle: str, foot: float = 0.0) -> None:
    """Write title and subtitle above the axes, and fit the height of a figure made here.

    `foot` is what is needed under the axis labels, in inches.
    """
    width, height = box_of(ax)
    size = TITLE if width > NARROW * 72 else TITLE - 1.5
    small = SUBTITLE if width > NARROW * 72 else SUBTITLE - 1
    below = wrap(subtitle, width, small)
    note_at(
        ax,
        "\n".join(below),
        (0, 1),
        (0, 7),
        align="left bottom",
        coords="axes fraction",
        color=MUTED,
        size=small,
    )
    head = 9 + len(below) * small * LEADING
    if title:
        lines = wrap(title, width, size, "bold")
        ax.set_title(
            drawable("\n".join(lines)),
            loc="left",
            pad=head,
            color=INK,
            fontsize=size,
            fontweight="bold",
            **typeface(),
        )
        head += 3 + len(lines) * size * LEADING
    if own:
        place = ax.get_position()
        left, across = place.x0 * WIDTH, place.width * WIDTH
        total = FOOT + foot + (height + head) / 72
        place_axes(ax, (left, FOOT + foot, across, height / 72), total)
    _say_boxes()


def small_multiples(
    n: int, *, columns: int = 3, size: tuple[float, float] = (3.3, 3.3)
) -> tuple[Figure, list[Axes]]:
    """Return a figure that pyplot does not know, with `n` axes that leave room for their titles.

    Parameters
    ----------
    n
        Number of axes.
    columns
        How many stand side by side.
    size
        Width and height of one with its titles, in inches.

    Returns
    -------
    tuple of matplotlib.figure.Figure and list of matplotlib.axes.Axes
    """
    columns = min(columns, n)
    rows = math.ceil(n / columns)
    width, height = size
    figure = Figure(figsize=(columns * width, rows * height), facecolor=PAPER)
    head, foot, left, gap = 0.95, FOOT + NAMED, 0.55, 0.1
    axes = []
    for k in range(n):
        row, column = divmod(k, columns)
        axes.append(
            figure.add_axes(
                (
                    (column * width + left) / (columns * width),
                    ((rows - 1 - row) * height + foot) / (rows * height),
                    (width - left - gap) / (columns * width),
                    (height - head - foot) / (rows * height),
                )
            )
        )
    return figure, axes


def level_ticks(low: float, high: float) -> list[float]:
    """Return readable levels for a log axis between two positive values."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits, enough in (((1,), 4), ((1, 2, 5), 3), ((1, 1.5, 2, 3, 5, 7), 3)):
        ticks = [d * 10.0**k for k in decades for d in digits if low <= d * 10.0**k <= high]
        if len(ticks) >= enough:
            return ticks
    return even_ticks(low, high, 160)


def even_ticks(low: float, high: float, room: float) -> list[float]:
    """Return round levels between two values, one in about 32 of `room` points."""
    most = min(max(round(room / 32), 3), 8)
    ticks = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(t) for t in ticks if low <= t <= high]


def decimals_of(ticks: Sequence[float]) -> int:
    """Return how many decimals the ticks need, the same for all."""
    return max((len(number_text(t).partition(".")[2]) for t in ticks), default=0)


def grid_lines(ax: Axes, ticks: Sequence[float], labels: Sequence[str], right: float) -> None:
    """Put `ticks` on the y axis with light lines to `right`, where the label column begins."""
    ax.set_yticks(ticks, labels)
    ax.minorticks_off()
    ax.hlines(ticks, ax.get_xlim()[0], right, colors=RULE, linewidths=0.7, zorder=0)


def name_axis(ax: Axes, text: str) -> None:
    """Write what an axis shows under its left end."""
    ax.set_xlabel(drawable(text), loc="left", color=MUTED, fontsize=LABEL, labelpad=2, **typeface())


def label_column(labels: Sequence[str], width: float) -> tuple[list[list[str]], float]:
    """Return the labels broken into lines for a right-hand column, and the column's width."""
    most = max(0.24 * width, 52)
    lines = [wrap(text, most, LABEL) for text in labels]
    widest = max((text_width(line, LABEL) for text in lines for line in text), default=0)
    return lines, min(widest + 16, 0.45 * width)


def make_room(ax: Axes, low: float, high: float, labels: Sequence[str]) -> None:
    """Set the x limits so that the labels fit to the right of `high`, inside the axes."""
    width, _ = box_of(ax)
    share = label_column(labels, width)[1] / width if labels else 0.0
    forward, back = ax.xaxis.get_transform(), ax.xaxis.get_transform().inverted()
    left, right = (float(v) for v in forward.transform(np.array([low, high])))
    right += (right - left) * share / (1 - share)
    ax.set_xlim(low, float(back.transform(np.array([right]))[0]))
    ax.spines["bottom"].set_bounds(low, high)


def label_right(
    ax: Axes, x: float, labels: Sequence[tuple[str, float]], *, past: float = 0.0
) -> None:
    """Write labels in a column right of `x`, each at its height or led there by a thin line.

    The column begins `past` points right of `x`; the lines keep clear of the marks at `x`.
    """
    if not labels:
        return
    width, room = box_of(ax)
    lines, _ = label_column([text for text, _ in labels], width)
    at = np.array([points_of(ax, x, y)[1] for _, y in labels])
    heights = np.array([len(text) * LABEL * LEADING + 1 for text in lines])
    centres = spread_out(at, heights, room)
    for text, (_, y), here, there in zip(lines, labels, at, centres, strict=True):
        leader = {"relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 6 if past else 0}
        note_at(ax, "\n".join(text), (x, y), (past + 12, there - here), leader=leader)


# --- time ------------------------------------------------------------------------------------
def decimal_year(day: dt.date) -> float:
    """Return a day as a decimal year."""
    length = 366 if calendar.isleap(day.year) else 365
    return day.year + (day.timetuple().tm_yday - 1) / length


def spans_of(labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return where each period starts and ends, in decimal years, shape (period,)."""
    starts, ends = [], []
    for label in labels:
        end = period_end(label)
        months = {4: 12, 6: 3, 7: 1}.get(len(label))  # year, quarter, month; else a day
        start = dt.date(end.year, end.month - months + 1, 1) if months else end
        starts.append(decimal_year(start))
        ends.append(decimal_year(end + dt.timedelta(days=1)))
    return np.array(starts), np.array(ends)


def frequency_of(labels: Sequence[str]) -> str:
    """Return how often the periods come, for a subtitle."""
    return {4: "annual, ", 6: "quarterly, ", 7: "monthly, "}.get(len(labels[0]), "")


def time_axis(ax: Axes, labels: Sequence[str], right: float) -> None:
    """Write years under their periods, as many as fit, the last one always."""
    starts, ends = spans_of(labels)
    years = sorted({int(label[:4]) for label in labels})
    inside = [np.array([int(label[:4]) == year for label in labels]) for year in years]
    middle = [(starts[i].min() + ends[i].max()) / 2 for i in inside]
    width = points_of(ax, right, 1.0)[0]
    every = math.ceil(len(years) * (text_width("2026", TICK) + 7) / max(width, 1))
    keep = slice((len(years) - 1) % every, None, every)
    ax.set_xticks(middle[keep], [str(year) for year in years[keep]])


def as_of_rule(ax: Axes, day: dt.date) -> None:
    """Draw the day the data end, named in the free row at the top of the axes."""
    x = decimal_year(day)
    text = f"data as of {day.isoformat()}"
    ax.axvline(x, color=MUTED, linewidth=0.9, zorder=1)
    left = points_of(ax, x, ax.get_ylim()[0])[0] > text_width(text, LABEL) + 6
    offset, side = ((-4.0, -1.0), "right") if left else ((4.0, -1.0), "left")
    note_at(ax, text, (x, ax.get_ylim()[1]), offset, align=f"{side} top", color=MUTED)


# --- draws -----------------------------------------------------------------------------------
def samples_of(path: xr.DataArray, along: str = "period") -> np.ndarray:
    """Return the draws of a path, shape (sample, period).

    Raises
    ------
    DataError
        If its dims are others than chain, draw and `along`.
    """
    if set(path.dims) != {"chain", "draw", along}:
        raise DataError(
            f"cannot draw an array with dims {one_line(path.dims)}; "
            f"wanted chain, draw, {along}: select one series first"
        )
    values = path.transpose("chain", "draw", along).values
    return np.asarray(values, dtype=float).reshape(-1, path.sizes[along])


def band_edges(probability: float) -> list[float]:
    """Return the lower and upper level of a central interval."""
    return [(1 - probability) / 2, (1 + probability) / 2]


def find_series(draws: xr.Dataset, metric: str, entity: str) -> xr.Dataset:
    """Return one series of the draws."""
    hit = (draws["metric"].values == metric) & (draws["entity"].values == entity)
    if not hit.any():
        names = zip(draws["metric"].values, draws["entity"].values, strict=True)
        raise UnknownNameError(
            f"the draws have no metric {metric!r} of entity {entity!r}; "
            f"there are {one_line([f'{m} of {e}' for m, e in names])}"
        )
    return draws.isel(series=int(np.flatnonzero(hit)[0]))


def naive_label(attrs: Mapping[object, object]) -> str:
    """Return what a naive forecast is called on the figure."""
    name = str(attrs.get("label") or attrs.get("model") or "").replace("_", " ").strip()
    if not name or name == "naive":
        return "naive"
    return name if name.startswith("naive") else f"naive: {name}"


def share_error(hit: np.ndarray) -> np.ndarray:
    """Return the Monte-Carlo standard error of shares; `hit` is (chain, draw, period) of 0 or 1."""
    share = hit.mean(axis=(0, 1))
    errors = np.sqrt(share * (1 - share) / (hit.shape[0] * hit.shape[1]))
    for k in range(hit.shape[2]):
        # Draws that all agree, and chains too short for an effective size, keep the binomial one.
        if 0 < share[k] < 1 and hit.shape[1] >= 8:
            mcse = float(array_stats.mcse(hit[:, :, k], chain_axis=0, draw_axis=1, method="mean"))
            errors[k] = mcse if math.isfinite(mcse) else errors[k]
    return errors


def centres(labels: Sequence[str]) -> np.ndarray:
    """Return the middle of each period in decimal years, shape (period,)."""
    starts, ends = spans_of(labels)
    return (starts + ends) / 2


def band_marks(last: np.ndarray, log: bool) -> list[tuple[str, float]]:
    """Return the names of bands and median, and their heights at the last step.

    A band's name stands at the middle of its upper part, which is seen next to the inner bands; of
    its lower part where the bands are much wider below, as under a ceiling.
    """
    low, middle, high = np.quantile(
        last, [band_edges(BANDS[0][0])[0], 0.5, band_edges(BANDS[0][0])[1]]
    )
    scaled = np.log([low, middle, high]) if log else np.array([low, middle, high])
    down, up = np.diff(scaled)
    side = 0 if down > 1.3 * up else 1
    limits = np.quantile(last, [0.5, *(band_edges(p)[side] for p, _, _ in reversed(BANDS))])
    heights = ((limits[1:] + limits[:-1]) / 2)[::-1]
    marks = [(name, float(y)) for (_, name, _), y in zip(BANDS, heights, strict=True)]
    return [*marks, ("median", float(middle))]


# --- files -----------------------------------------------------------------------------------
def save(ax_or_figure: Axes | Figure, path_stem: str | Path, *, alt: str) -> tuple[Path, Path]:
    """Write a figure as SVG and PNG, the same bytes every time, and close it.

    Parameters
    ----------
    ax_or_figure
        A figure, or any axes of it.
    path_stem
        Path without suffix; folders are made.
    alt
        What the figure says, for those who do not see it.

    Returns
    -------
    tuple of pathlib.Path
        The SVG, transparent, with `alt` as its title and text as outlines; and the PNG at :data:`DPI`
        on :data:`PAPER`, because a picture pasted elsewhere cannot change its ink.

    Raises
    ------
    DataError
        If `alt` is empty.
    StoreError
        If a file cannot be written.
    """
    if not alt.strip():
        raise DataError("a figure wants a text alternative; say in a sentence what it shows")
    figure = ax_or_figure if isinstance(ax_or_figure, Figure) else figure_of(ax_or_figure)
    stem = Path(path_stem)
    # Not with_suffix: a stem such as "claim.v2" would lose its end.
    svg, png = (stem.with_name(stem.name + suffix) for suffix in (".svg", ".png"))
    alt = visible(alt)
    _as_text(figure)
    drawn = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "forecast", "svg.fonttype": "path"}):
        figure.savefig(drawn, format="svg", facecolor="none", metadata={"Date": None, "Title": alt})
    # A screen reader takes an svg for a group of shapes unless it is told that it is one image.
    role = f'<svg role="img" aria-label="{html.escape(alt)}" '
    with whole(svg) as fresh:
        fresh.write_text(drawn.getvalue().replace("<svg ", role, 1), encoding="utf-8")
    told = {"Title": alt, "Description": alt, "Software": None}
    with whole(png) as fresh:
        figure.savefig(fresh, format="png", dpi=DPI, facecolor=PAPER, metadata=told)
    plt.close(figure)
    return svg, png


def _write_drawable(formatter: Formatter) -> None:
    """Let a formatter, which writes the labels of ticks anew when they are drawn, write such text."""
    write = formatter.format_ticks
    formatter.format_ticks = lambda values: [drawable(text) for text in write(values)]  # type: ignore[method-assign]


def _as_text(figure: Figure) -> None:
    """See that all that is written on a figure is plain text in the figures' fonts.

    What was drawn by :func:`note_at` and the others here is so; labels of ticks and keys may not be.
    """
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            for formatter in (axis.get_major_formatter(), axis.get_minor_formatter()):
                _write_drawable(formatter)
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    for text in texts:
        text.set_parse_math(False)
        text.set_text(drawable(text.get_text()))
    for text in texts:  # last: what could not be drawn has made us look for more fonts
        text.set_fontfamily(list(family()))
    _say_boxes()
