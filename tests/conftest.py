"""Shared fixtures: the shipped tables, small draws, and a sampler that costs nothing."""

from __future__ import annotations

import base64
import dataclasses
import logging
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from hypothesis import settings

from forecast.claims.events import read_event
from forecast.cli import main
from forecast.core import lock
from forecast.core.periods import period_end
from forecast.inference import groups, sampling
from forecast.inference.gate import digest
from forecast.models import registry
from forecast.models.panels import build_panel
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of

# No example has a deadline: a machine with other work to do is no defect of what is tested.
settings.register_profile("fast", deadline=None, max_examples=50)
settings.load_profile("fast")

ARTICLE_DAY = "2026-05-06"
SECONDS = 60
"""What takes seconds anywhere ends within these; what grows as the square of its input does not."""
LOGGERS = (logging.getLogger(), logging.getLogger("forecast"))


LONGEST = ("test_pipeline", "test_news", "test_fitting", "test_earnings_day", "test_year",
           "test_inputs", "test_groups", "test_files", "test_diagnose", "test_environment",
           "test_cli", "test_processes", "test_codehash")  # fmt: skip
"""Files that take longest. A file goes to one process: the last to begin should be short."""


def pytest_collection_modifyitems(items):
    """Put the longest files first."""
    place = {name: k for k, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


@pytest.fixture(autouse=True)
def _nothing_left_behind():
    """Fail a test that leaves listeners or added models to the tests after it in its process."""
    before = [([*logger.handlers], logger.level, logger.propagate) for logger in LOGGERS]
    yield
    after = [([*logger.handlers], logger.level, logger.propagate) for logger in LOGGERS]
    assert after == before, "a logger is not as it was before the test"
    assert not registry.added(), "a model was added and not taken away"


@pytest.fixture
def added_rooms(monkeypatch):
    """Let a test add rooms, and forget them and their modules afterwards."""
    before = set(sys.modules)
    monkeypatch.setattr(registry, "_added", {})
    yield
    rooms = {package for _, package in registry.added()}
    for module in set(sys.modules) - before:
        if module.split(".")[0] in rooms:
            del sys.modules[module]


@pytest.fixture(scope="session")
def known():
    return as_of(read_vintages(), ARTICLE_DAY)


@pytest.fixture(scope="session")
def market_panel(known):
    return build_panel(known, "market")


@pytest.fixture(scope="session")
def benchmark_panel(known):
    return build_panel(known, "benchmark")


@pytest.fixture(scope="session")
def earnings_panel(known):
    return build_panel(known, "earnings")


@pytest.fixture(scope="session")
def training_cost_panel(known):
    return build_panel(known, "training_cost")


LAW = {"E": 1.8, "A": 480.0, "B": 2100.0, "alpha": 0.35, "beta": 0.37, "noise": 0.005, "tail": 3.0}


@pytest.fixture(scope="session")
def scaling_law_panel(known):
    """Eighty made-up runs on a grid of sizes and data, by a law near the published one."""
    params, tokens = (a.ravel() for a in np.meshgrid(np.geomspace(5e7, 1.5e10, 10),
                                                     np.geomspace(8e8, 2e11, 8)))  # fmt: skip
    loss = LAW["E"] + LAW["A"] / params ** LAW["alpha"] + LAW["B"] / tokens ** LAW["beta"]
    noise = LAW["noise"] * np.random.default_rng(4).standard_t(LAW["tail"], size=len(loss))
    table = pd.DataFrame({"model_size": params, "tokens": tokens, "loss": loss * np.exp(noise)})
    return build_panel(known, "scaling_law", table)


@pytest.fixture(scope="session")
def api_price_panel(known):
    return build_panel(known, "api_price")


@pytest.fixture(scope="session")
def gpu_rental_panel(known):
    return build_panel(known, "gpu_rental")


@pytest.fixture(scope="session")
def adoption_panel(known):
    return build_panel(known, "adoption")


@pytest.fixture(scope="session")
def hazard_panel(known):
    return build_panel(known, "hazard")


@pytest.fixture(scope="session")
def capex_hazard_panel(known):
    return build_panel(known, "capex_hazard")


@pytest.fixture(scope="session")
def payback_panel(known):
    return build_panel(known, "payback")


_kept: dict[tuple, tuple] = {}
"""What was computed in this process, by all that decides it; what was used longest ago first."""
MOST_KEPT = 40


def once(compute, what, entry, panel, priors, *key):
    """Return what was computed before for the same model, panel, priors and key; not to be changed.

    The model's record is kept too, so that no other takes its place in memory and in the key.
    """
    known = (what, id(entry), panel.hash, repr(priors), *key)
    found = _kept.pop(known, None) or (compute(), entry)
    while len(_kept) >= MOST_KEPT:
        del _kept[next(iter(_kept))]
    _kept[known] = found
    return found[0]


def _drawn_tree(entry, panel, priors, spec):
    model = entry.build(panel, priors)
    chosen = [*model.free_RVs, *model.deterministics]
    shape = (spec.chains, spec.draws)
    # Each draw costs milliseconds: of four hundred, as many as are asked for, with replacement.
    few = min(400, spec.chains * spec.draws)
    some = pm.draw(chosen, draws=few, random_seed=spec.seed, mode="FAST_COMPILE")
    which = np.random.default_rng(spec.seed).integers(few, size=spec.chains * spec.draws)
    drawn = [values[which] for values in some]
    dims = model.named_vars_to_dims
    posterior = xr.Dataset(
        {
            v.name: (
                ("chain", "draw", *dims.get(v.name, ())),
                np.reshape(a, (*shape, *a.shape[1:])),
            )
            for v, a in zip(chosen, drawn, strict=True)
        },
        coords={d: np.asarray(c) for d, c in sampling._stored_labels(model).items()},
    ).assign_coords(chain=np.arange(shape[0]), draw=np.arange(shape[1]))
    rng = np.random.default_rng(spec.seed)
    stats = xr.Dataset(
        {
            "diverging": (("chain", "draw"), np.zeros(shape, dtype=bool)),
            "maxdepth_reached": (("chain", "draw"), np.zeros(shape, dtype=bool)),
            "energy": (("chain", "draw"), rng.standard_normal(shape)),
        }
    )
    return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats})


def independent_tree(entry, panel, priors, spec, *, progress: bool = False) -> xr.DataTree:
    """Return independent prior draws in the shape of a fitted tree: a stand-in for the sampler."""
    del progress
    tree = once(
        lambda: _drawn_tree(entry, panel, priors, spec), "tree", entry, panel, priors,
        spec.seed, spec.draws, spec.chains,
    )  # fmt: skip
    return tree.copy(deep=True)


_groups, _prior_draws = sampling.groups, sampling.prior_draws


def groups_once(entry, posterior, panel, priors, rng):
    """Return the groups of a fit; those of the same draws are the same."""
    found = once(
        lambda: _groups(entry, posterior, panel, priors, rng), "groups", entry, panel, priors,
        digest(posterior), str(rng.bit_generator.state), groups.MOST_REPLICATED,
    )  # fmt: skip
    return {name: group.copy(deep=True) for name, group in found.items()}


def prior_draws_once(model, panel, priors, *, size, seed):
    """Return draws from the prior; those of the same seed are the same."""
    drawn = once(
        lambda: _prior_draws(model, panel, priors, size=size, seed=seed), "prior", model, panel,
        priors, size, seed,
    )  # fmt: skip
    return drawn.copy(deep=True)


def outline_once(panel, until=None):
    """Return the outline of a panel's draws; that to the same period is the same."""
    from forecast.inference.predict import outline

    entry = registry.get_model(panel.model)
    told = once(lambda: outline(panel, until), "outline", entry, panel, entry.priors, until)
    return told.copy(deep=True)


def without_sampling(patch):
    """Put prior draws in the sampler's place, and compute what follows from the same draws once."""
    patch.setattr(sampling, "sample_model", independent_tree)
    patch.setattr(sampling, "groups", groups_once)
    patch.setattr(sampling, "prior_draws", prior_draws_once)
    # By their names: most tests need none of what these modules load.
    patch.setattr("forecast.report.figures.prior_draws", prior_draws_once)
    patch.setattr("forecast.app.pipeline.outline", outline_once)


SKETCH = {
    ".svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>',
    ".png": base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
        "AAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    ),
}
"""A picture of one point in each kind of file that a figure is written to."""


def sketch(ax_or_figure, path_stem, *, alt):
    """Write a picture of one point in a figure's place; what is drawn and said is still asked for."""
    import matplotlib.pyplot as plt

    assert alt.strip()
    figure = getattr(ax_or_figure, "figure", ax_or_figure)
    plt.close(figure.get_figure(root=True))
    files = tuple(Path(f"{path_stem}{kind}") for kind in SKETCH)
    for file, content in zip(files, SKETCH.values(), strict=True):
        file.write_bytes(content)
    return files


def without_pictures(patch):
    """Let figures be laid out and described but not rendered, which is about a tenth of a run."""
    patch.setattr("forecast.plots.save", sketch)


def one_other_prior_set(patch):
    """Let a run fit one prior set besides the default one: what a set does, the first one does."""

    def of(name):
        entry = registry.get_model(name)
        first = next(iter(entry.variants.items()), None)
        return dataclasses.replace(entry, variants=dict([first] if first else []))

    patch.setattr("forecast.app.pipeline.get_model", of)


@pytest.fixture
def instant_sampler(monkeypatch):
    """Take the sampling away: everything else is real."""
    without_sampling(monkeypatch)


def shared(tmp_path_factory, worker_id, name, make):
    """Return the folder that `make` fills, made by the first process that wants it.

    Processes of one test run have their temporary folders in a common one; without several it is
    the only process's own. What one makes the others only read, or copy.
    """
    own = tmp_path_factory.getbasetemp()
    place = (own if worker_id == "master" else own.parent) / name
    with lock.hold(place.with_suffix(".lock"), f"the shared {name}", patience=600):
        if not place.exists():  # it has its name only when it is whole
            fresh = Path(tempfile.mkdtemp(dir=place.parent))
            make(fresh)
            fresh.rename(place)
    return place


@pytest.fixture(scope="session")
def adoption_run(tmp_path_factory, worker_id):
    """Return an output folder with a run of the adoption model, to be copied or only read."""

    def make(folder):
        with pytest.MonkeyPatch.context() as patch:
            without_sampling(patch)
            without_pictures(patch)
            line = ["run", "--quick", "--models", "adoption", "--out", str(folder / "out")]
            assert main.main(line) == 0

    return shared(tmp_path_factory, worker_id, "adoption", make) / "out"


def event_of(table, window=None):
    """Return the event that a table of a claims file stands for; a function or None as it is."""
    return read_event(table, "event", window) if isinstance(table, dict) else table


def same_outline(told, draws):
    """An outline has the variables, dims, kinds and labels of draws from its panel, and the reports."""
    assert list(told.variables) == list(draws.variables)
    for name, wanted in draws.variables.items():
        got = told.variables[name]
        assert (got.dims, got.dtype) == (wanted.dims, wanted.dtype), name
        if not {"chain", "draw"} & set(wanted.dims):
            np.testing.assert_array_equal(got.values, wanted.values, err_msg=name)
    assert {**told.sizes, "chain": 0, "draw": 0} == {**draws.sizes, "chain": 0, "draw": 0}


def make_draws(paths, *, names=("A/x",), periods=("2024", "2025", "2026", "2027"), model="market"):
    """Return draws from an array (chain, draw, series, period); one unit, nothing observed."""
    paths = np.asarray(paths, dtype=float)
    coords = {
        "chain": np.arange(paths.shape[0]),
        "draw": np.arange(paths.shape[1]),
        "series": list(names),
        "period": list(periods),
    }
    y = xr.DataArray(paths, coords, tuple(coords))
    return (
        xr.Dataset(
            {
                "y": y,
                "signal": y * 1.0,
                "observed": (("series", "period"), np.full(paths.shape[2:], np.nan)),
            }
        )
        .assign_coords(
            entity=("series", [n.split("/")[0] for n in names]),
            metric=("series", [n.split("/")[1] for n in names]),
            unit=("series", ["USD bn"] * len(names)),
            period_end=("period", [period_end(p).isoformat() for p in periods]),
        )
        .assign_attrs(model=model, as_of=ARTICLE_DAY, data_hash="0" * 64)
    )
