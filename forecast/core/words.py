"""Names of dims, coordinates and columns; each means the same thing in every file."""

from __future__ import annotations

CHAIN, DRAW = "chain", "draw"


SAMPLE = (CHAIN, DRAW)


SERIES, PERIOD = "series", "period"


def entity_of(series: str) -> str:
    """Return the entity of a series, ``entity/metric``; a company's name may hold a slash.

    Examples
    --------
    >>> entity_of("Novo Nordisk A/S/capex"), metric_of("Novo Nordisk A/S/capex")
    ('Novo Nordisk A/S', 'capex')
    """
    entity, _, metric = series.rpartition("/")
    return entity or metric


def metric_of(series: str) -> str:
    """Return the metric of a series, ``entity/metric``."""
    return series.rpartition("/")[2]


AHEAD_ONLY = "ahead_only"
"""Coordinate along series, where a model has such: whether one is told only of what comes after the
draws' date, from where it stands then. On a later date it is about something else."""


TOLD_UNTIL = "told_until"
"""Coordinate along series, where a model has such: the last day, ISO, of which the data say more than
the prior does. Draws go on, and nothing is judged by them."""


KEY = ("entity", "metric", "period")


COLUMNS = (*KEY, "value", "unit", "reported_on", "source", "confidence", "qualifier")


RANGE = ("low", "high")
"""Columns with the ends of a range, in the unit of the value, which lies between them."""


OPTIONAL_COLUMNS = (*RANGE, "printed", "note")


WITHDRAWN, WITHDRAWS = "withdrawn", "withdraws"
"""The qualifier of a row that takes a report back, and the column in which it says the ``reported_on``
of that report; its key, value and unit are the report's, its own ``reported_on`` the day on which it
goes."""


TABLE_COLUMNS = (*COLUMNS, *OPTIONAL_COLUMNS, WITHDRAWS)


CONFIDENCE = ("A", "B", "C")
"""A: seen in a primary source or two others; B: one secondary source; C: memory or rough."""


QUALIFIERS = ("", "about", "at least", "at most", "estimated", "projected", "range")
"""Words that stood next to the number. Only ``projected`` may be reported before its period ends,
together with ``estimated``, which is how a table prints the running year, and all that is guidance.
A ``range`` has its ends in the columns of :data:`RANGE`."""


GUIDANCE = "_guidance"
"""How the name of a metric ends that is an issuer's statement about a period still open: what comes
before is the metric it is about."""


def guided(metric: str) -> str:
    """Return the metric that a metric of guidance is about; nothing for any other metric.

    Examples
    --------
    >>> guided("capex_guidance"), guided("capex")
    ('capex', '')
    """
    return metric.removesuffix(GUIDANCE) if metric.endswith(GUIDANCE) else ""


SIGNED_METRICS = frozenset(
    {"operating_cash_flow", "free_cash_flow", "cash_flow_projection", "net_income"}
)
"""Metrics that may be negative. Every other one must be above zero."""


FREE_METRICS = frozenset(
    {"api_price", "api_price_input", "api_price_output", "list_price_input", "list_price_output"}
)
"""Metrics that may be zero: free is a price."""
