"""All files that a run is made from, read and checked once, before anything is computed.

Invariant: no file of a data folder is opened for a run but here, so that a hash of what was read is a
hash of what the run was made from. ``tests/test_inputs.py`` watches what is opened.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from forecast.claims.audit import read_references
from forecast.claims.comparisons import Nearest, read_comparisons
from forecast.claims.page import Page, page_of
from forecast.claims.read import read_claims
from forecast.claims.scenarios import Scenario, read_scenarios
from forecast.core.files import read_text
from forecast.tables.articles import CLAIMS_FILE, COMPARISONS_FILE, SCENARIOS_FILE, find_article
from forecast.tables.shipped import (
    REFERENCE_FILE,
    days_looked_at,
    own_or_shipped,
    read_tables,
    read_vintages,
)

if TYPE_CHECKING:
    from forecast.claims.records import Claim
    from forecast.tables.vintages import Table


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What a data folder holds, each file the folder's own if it has it, else the shipped one.

    Attributes
    ----------
    vintages
        Every row of every vintage table.
    references
        Outside references of the audit.
    tables
        The tables with columns of their own, by name.
    article
        The article's name.
    page
        What its memo shows.
    claims, scenarios, comparisons
        What is asked of the draws.
    claims_text
        The claims file, to the letter.
    looked_at
        Days of the folder's own positions, which count for what is known.
    hash
        Hash of all but the vintages, of which only what is known on a day counts.
    """

    vintages: Table
    references: Table
    tables: Mapping[str, pd.DataFrame]
    article: str
    page: Page
    claims: Sequence[Claim]
    scenarios: Sequence[Scenario]
    comparisons: Sequence[Nearest]
    claims_text: str
    looked_at: Sequence[str]
    hash: str


def read_inputs(folder: str | Path | None = None, article: str | None = None) -> Inputs:
    """Read a data folder, the shipped one by default.

    Parameters
    ----------
    folder
        A folder laid out like the shipped ``data/``.
    article
        Which of its articles, where there are several.

    Raises
    ------
    ForecastError
        If there is no such folder or article, or any of its files is bad, used or not; the file is
        named.
    """
    chosen = find_article(folder, article)
    vintages = read_vintages(folder, article)
    references = read_references(own_or_shipped(REFERENCE_FILE, folder))
    tables = read_tables(folder)
    claims = read_claims(chosen.file(CLAIMS_FILE))
    scenarios, comparisons = (
        chosen.file(name) if chosen.has(name) else None
        for name in (SCENARIOS_FILE, COMPARISONS_FILE)
    )
    found = Inputs(
        vintages=vintages,
        references=references,
        tables=tables,
        article=chosen.name,
        page=page_of(chosen, claims),
        claims=claims,
        scenarios=read_scenarios(scenarios) if scenarios else (),
        comparisons=read_comparisons(tables["public_forecasts"], comparisons)
        if comparisons
        else (),
        claims_text=read_text(chosen.file(CLAIMS_FILE)),
        looked_at=days_looked_at(folder),
        hash="",
    )
    cells = {name: frame.to_csv(index=False) for name, frame in sorted(tables.items())}
    texts = [found.claims_text, *(read_text(p) if p else "" for p in (scenarios, comparisons))]
    page = dataclasses.asdict(found.page)
    content = json.dumps([cells, references.to_csv(index=False), texts, page])
    return dataclasses.replace(found, hash=hashlib.sha256(content.encode()).hexdigest())
