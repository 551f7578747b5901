"""What issuers said, for a reader: what it is about in the model's series, and why a forecast differs.

Invariant: nothing here decides a draw. A statement is compared with the sum of the very quarters it is
about, in the same joint draws, by the definition it was made in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from forecast.core.errors import DataError
from forecast.core.words import entity_of, metric_of
from forecast.models.earnings.guidance import Guidance
from forecast.models.earnings.panel import earnings_panel

if TYPE_CHECKING:
    from forecast.tables.vintages import Known

type Definitions = Mapping[tuple[str, str], tuple[str, float | None]]
"""By company and metric spoken of: the metric of the model's series, and that series over what was
spoken of; None where the two were never reported for one quarter."""


def definitions_of(known: Known) -> Definitions:
    """Return what the metrics that companies guide are in the series of the model.

    Parameters
    ----------
    known
        The result of :func:`forecast.tables.vintages.as_of`.

    Returns
    -------
    mapping
        Empty where no panel can be built.
    """
    try:
        said = earnings_panel(known).drawn
    except DataError:
        return {}
    statements = said.statements if isinstance(said, Guidance) else ()
    return {
        (entity_of(s.series), s.about): (
            metric_of(s.series),
            None if s.offset is None else float(np.exp(s.offset)),
        )
        for s in statements
    }
