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

import pandas as pd

from forecast.claims.audit import read_references
from forecast.claims.comparisons import COMPARISONS_FILE, Nearest, read_comparisons
from forecast.claims.read import read_claims
from forecast.claims.records import Claim
from forecast.claims.scenarios import SCENARIOS_FILE, Scenario, read_scenarios
from forecast.core.files import read_text
from forecast.tables.shipped import (
    CLAIMS_FILE,
    REFERENCE_FILE,
    days_looked_at,
    own_or_shipped,
    read_tables,
    read_vintages,
)
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
    claims: Sequence[Claim]
    scenarios: Sequence[Scenario]
    comparisons: Sequence[Nearest]
    claims_text: str
    looked_at: Sequence[str]
    hash: str


def read_inputs(folder: str | Path | None = None) -> Inputs:
    """Read a data folder, the shipped one by default.

    Raises
    ------
    ForecastError
        If there is no such folder, or any of its files is bad, used or not; the file is named.
    """
    vintages = read_vintages(folder)
    references = read_references(own_or_shipped(REFERENCE_FILE, folder))
    tables = read_tables(folder)
    asked = (CLAIMS_FILE, SCENARIOS_FILE, COMPARISONS_FILE)
    claims, scenarios, comparisons = (own_or_shipped(name, folder) for name in asked)
    found = Inputs(
        vintages=vintages,
        references=references,
        tables=tables,
        claims=read_claims(claims),
        scenarios=read_scenarios(scenarios),
        comparisons=read_comparisons(tables["public_forecasts"], comparisons),
        claims_text=read_text(claims),
        looked_at=days_looked_at(folder),
        hash="",
    )
    cells = {name: frame.to_csv(index=False) for name, frame in sorted(tables.items())}
    texts = [found.claims_text, read_text(scenarios), read_text(comparisons)]
    content = json.dumps([cells, references.to_csv(index=False), texts])
    return dataclasses.replace(found, hash=hashlib.sha256(content.encode()).hexdigest())
