"""The article's numbers that went in."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.report.section import Section
from forecast.tables.vintages import as_printed

if TYPE_CHECKING:
    from forecast.report.record import Report


@dataclasses.dataclass(frozen=True)
class Number:
    """A row of the article's tables, as the memo prints it."""

    entity: str
    metric: str
    period: str
    printed: str
    value: float
    unit: str
    qualifier: str
    reported_on: str
    source: str


@dataclasses.dataclass(frozen=True)
class Numbers:
    """The rows."""

    rows: tuple[Number, ...]


def build(report: Report) -> Numbers | None:
    """Return the rows that say how they were printed; None where none does."""
    own = as_printed(report.known.rows)
    if own.empty:
        return None
    names = [field.name for field in dataclasses.fields(Number)]
    rows = tuple(Number(*cells) for cells in own[names].itertuples(index=False, name=None))
    return Numbers(rows)


SECTION = Section("numbers", build, "The numbers that went in")
