"""A finished run, read back from its folder.

Invariant: a folder is read whole or refused, and a fit that is read back gives the draws from which the
run's own results were made: the panel is built again from what the run kept, and its hash compared.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from forecast.claims.read import read_claims
from forecast.claims.verdict import Verdicts
from forecast.core.errors import ClaimError, DataError, StoreError
from forecast.core.text import one_line
from forecast.inference.fitting import Run, child_seed
from forecast.inference.gate import Gate
from forecast.inference.predict import forecast
from forecast.inference.spec import Spec
from forecast.models.panels import build_panel
from forecast.news.statistics import totals
from forecast.store import runs
from forecast.store.runs import CLAIMS, KNOWN, TABLES, VINTAGES
from forecast.tables.shipped import read_tables
from forecast.tables.vintages import Known, read_table

if TYPE_CHECKING:
    from forecast.claims.records import Claim


@dataclasses.dataclass(frozen=True)
class Stored:
    """A run folder, read back.

    Attributes
    ----------
    folder
        The folder, found whole.
    manifest
        Its manifest.
    known
        What was known.
    claims, verdicts
        What was asked, and the answers.
    forecasts
        Quantiles, as :func:`forecast.app.pipeline.quantile_table` returns them.
    """

    folder: Path
    manifest: Mapping[str, Any]
    known: Known
    claims: tuple[Claim, ...]
    verdicts: Verdicts
    forecasts: pd.DataFrame

    @property
    def id(self) -> str:
        """The run's id."""
        return str(self.manifest["run"])

    @property
    def as_of(self) -> str:
        """The day up to which reports were known."""
        return str(self.manifest["as_of"])

    def fitted(self, model: str) -> tuple[Run, xr.Dataset]:
        """Return a model's run and its draws, those that the run's own results were made from.

        Raises
        ------
        StoreError
            If the run has no such fit, or the code makes another panel of the same rows today.
        """
        path = self.folder / "fits" / f"{model}.nc"
        if not path.is_file():
            raise StoreError(f"the run {self.id} has no {model} fit")
        tree = runs.load_tree(path)
        try:
            spec = Spec.from_json(str(tree.attrs["spec"]))
            stamp = Gate.from_json(str(tree.attrs["gate"]))
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                f"{path}: no good spec or gate ({error}); make the run again"
            ) from error
        # Runs made before these were kept were made from what is shipped, or are refused below.
        tables, vintages = self.folder / TABLES, self.folder / VINTAGES
        panel = build_panel(
            self.known,
            model,
            tables=read_tables(tables) if tables.is_dir() else None,
            history=read_table(vintages) if vintages.is_file() else None,
        )
        if panel.hash != spec.data_hash:
            raise StoreError(
                f"the {model} panel of the run {self.id} is not what the code makes of its rows now"
            )
        run = Run(spec, panel, tree, stamp)
        until = self.manifest.get("until", {}).get(model)  # runs of version 0.1 name none
        return run, forecast(
            run, until=until, seed=child_seed(self.manifest["seed"], model, "draw")
        )

    def spec(self, model: str) -> Spec | None:
        """Return what decided a model's fit; None if there is none, or if it cannot be read any more."""
        try:
            return Spec.from_json(json.dumps(self.manifest["spec"][model]))
        except (KeyError, TypeError):
            return None

    def digest(self, model: str) -> str | None:
        """Return the digest of a model's fit; None if it was not fitted."""
        digest = self.manifest["gate"].get(model, {}).get("digest")
        return None if digest is None else str(digest)

    def passed(self, model: str) -> bool:
        """Return whether the run has a fit of a model that passed its gate."""
        return bool(self.manifest["gate"].get(model, {}).get("passed"))

    @property
    def series(self) -> tuple[str, ...]:
        """The series whose totals are followed from run to run; a run of version 0.1 names none."""
        return tuple(self.manifest.get("followed", ()))

    def followed(self) -> set[str]:
        """Return the names by which something of the run can be asked for."""
        judged = [v for v in self.verdicts if v.probability is not None]
        names = {f"{v.claim}/{v.definition}" for v in judged}
        names |= {name for v in judged for name in (v.claim, v.definition)}
        return names | {f"{series} {year}" for series, year in totals(self.series, self.as_of)}


def read_run(folder: str | Path) -> Stored:
    """Read a run folder back.

    Raises
    ------
    StoreError
        If it is damaged, or was written by an earlier version that did not keep what was known, or
        whose claims are not read any more.
    """
    folder = runs.verify(folder).resolve()
    manifest = runs.read_manifest(folder)
    if not (folder / KNOWN).is_file():
        raise StoreError(f"{folder}: made by an earlier version, without {KNOWN}; run it again")
    known = Known(str(manifest["as_of"]), read_table(folder / KNOWN))
    try:
        claims = read_claims(folder / CLAIMS)
    except ClaimError as error:
        raise StoreError(f"made by an earlier version; run it again: {error}") from error
    records = runs.read_json(folder / "verdicts.json", list)
    return Stored(
        folder=folder,
        manifest=manifest,
        known=known,
        claims=claims,
        verdicts=Verdicts.from_records(records, manifest["draws"]),
        forecasts=runs.read_frame(folder / "forecasts.parquet"),
    )


def latest(out: str | Path) -> Stored | None:
    """Return the latest run of an output folder, None if there is none.

    Raises
    ------
    StoreError
        If it is damaged, or the link leads elsewhere.
    """
    folder = runs.latest_run(out)
    return None if folder is None else read_run(folder)


def find_run(out: str | Path, name: str | None = None) -> Stored:
    """Return a stored run as :func:`forecast.store.runs.find_run` finds it, the latest by default.

    Raises
    ------
    ForecastError
        If there is none, or it is damaged.
    """
    if name is None:
        found = latest(out)
        if found is None:
            raise DataError(f"no run in {out}; forecast run makes one")
        return found
    return read_run(runs.find_run(out, name))


def run_before(out: str | Path, after: Stored) -> Stored:
    """Return the run from which the newest update to a run began.

    Raises
    ------
    DataError
        If the run was not made by an update.
    StoreError
        If the run before is damaged.
    """
    # Runs of version 0.1 name it themselves.
    names = [*runs.compared_with(out, after.id), after.manifest.get("previous")]
    name = next(filter(None, names), None)
    if name is None:
        others = [other for other in runs.stored_runs(out) if other != after.id]
        there = f"; there are {one_line(others)}" if others else "; there is no other run"
        raise DataError(
            f"the run {after.id} was not made by an update; say what to compare it with: "
            f"forecast news --from RUN{there}"
        )
    return find_run(out, name)
