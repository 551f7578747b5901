"""The run folder holds what scripts rely on."""

import contextlib
import json
import shutil

import pandas as pd
import pytest

from forecast.app import jobs
from forecast.app.pipeline import QUANTILES, quantile_table, run_all
from forecast.claims.read import read_claims
from forecast.core.errors import ClaimError, DataError, UnknownNameError
from forecast.core.progress import heard_by
from forecast.inference import sampling
from forecast.inference.fitting import child_seed
from forecast.models.registry import figures_of
from forecast.report.sections.companies import FIGURES as COMPANIES_FIGURES
from forecast.store.runs import load_tree, verify
from forecast.tables.shipped import data_dir


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    from conftest import without_sampling

    with pytest.MonkeyPatch.context() as patch:
        without_sampling(patch)
        yield run_all(tmp_path_factory.mktemp("out"), quick=True)


def test_the_folder_is_whole_and_latest_points_to_it(outcome):
    verify(outcome.folder)
    assert (outcome.folder.parent.parent / "latest").resolve() == outcome.folder.resolve()
    names = {p.name for p in outcome.folder.iterdir()}
    assert names >= {"verdicts.json", "forecasts.parquet", "manifest.json", "memo.html", "memo.md",
                     "fits", "figures"}  # fmt: skip
    svg = {p.stem for p in (outcome.folder / "figures").glob("*.svg")}
    assert svg == {p.stem for p in (outcome.folder / "figures").glob("*.png")}
    assert svg >= {"series", "ratio", "strip", "cost_curve", "prior_posterior", *COMPANIES_FIGURES}
    assert svg >= {"quoted", "annual", "earnings", "companies_capex"}


def test_verdicts_json(outcome):
    rows = json.loads((outcome.folder / "verdicts.json").read_text())
    assert len(rows) == sum(len(c.definitions) for c in read_claims())
    assert list(rows[0]) == ["claim", "definition", "kind", "model", "probability", "mcse",
                             "window_start", "window_end", "status", "text", "polarity",
                             "low", "high"]  # fmt: skip
    assert all(row["text"] for row in rows)


def test_pooled_and_variations_json(outcome):
    (pooled,) = json.loads((outcome.folder / "pooled.json").read_text())
    own = {r["definition"]: r["probability"]
           for r in json.loads((outcome.folder / "verdicts.json").read_text())
           if r["claim"] == pooled["claim"]}  # fmt: skip
    weighed = [own[name] for name in pooled["weights"]]
    assert min(weighed) <= pooled["probability"] <= max(weighed)
    assert pooled["probability"] == pytest.approx(
        sum(w * own[name] for name, w in pooled["weights"].items())
    )
    moves = json.loads((outcome.folder / "variations.json").read_text())
    stands = {m["definition"]: m["probability"] for m in moves if m["own"] and m["what"] == "model"}
    assert stands == pytest.approx({name: own[name] for name in stands})
    assert {m["what"] for m in moves} >= {"threshold", "window end", "window start", "model"}


def test_forecasts_parquet(outcome):
    table = pd.read_parquet(outcome.folder / "forecasts.parquet")
    assert list(table.columns) == ["model", "as_of", "entity", "metric", "target_period",
                                   "target_end", "horizon", "quantile", "value", "unit"]  # fmt: skip
    assert len(QUANTILES) >= 39
    assert {0.005, 0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975, 0.995} <= set(table["quantile"])
    market = table[table["model"] == "market"]
    assert sorted(market["target_period"].unique()) == ["2026", "2027", "2028", "2029", "2030"]
    assert set(market["metric"]) == {"ai_investment", "datacenter_capex", "ai_revenue",
                                     "capex_to_revenue"}  # fmt: skip
    first = market[market["target_period"] == "2026"]
    assert (first["horizon"] == 1).all()
    assert (first["target_end"] == "2026-12-31").all()
    for _, group in table.groupby(["model", "entity", "metric", "target_period"]):
        assert group["value"].is_monotonic_increasing
        assert len(group) == len(QUANTILES)


def test_manifest(outcome):
    manifest = json.loads((outcome.folder / "manifest.json").read_text())
    assert manifest["as_of"] == "2026-05-06"
    assert manifest["spec"]["market"]["data_hash"]
    assert manifest["sampler"]["market"] == "nutpie, NUTS, numba"
    assert manifest["gate"]["market"]["passed"] is True
    assert all(s >= 0 for s in manifest["seconds"].values())
    assert {"fit market", "fit benchmark", "draw the figures"} <= set(manifest["seconds"])


def test_fits_are_readable_with_their_spec(outcome):
    tree = load_tree(outcome.folder / "fits" / "market.nc")
    assert "growth_mean" in tree["posterior"]
    assert json.loads(tree.attrs["spec"])["model"] == "market"


def test_unchanged_inputs_use_the_run_as_it_is(outcome, monkeypatch):
    monkeypatch.setattr(jobs, "fit_stored", None)  # nothing may be fitted
    again = run_all(outcome.folder.parent.parent, quick=True)
    assert again.reused
    assert again.folder == outcome.folder
    assert again.verdicts.records() == outcome.verdicts.records()


def test_a_failed_gate_gives_a_draft_without_that_models_numbers(
    tmp_path, monkeypatch, instant_sampler
):
    import numpy as np
    from conftest import independent_tree, without_pictures

    def diverging(entry, panel, priors, spec, *, progress=False):
        tree = independent_tree(entry, panel, priors, spec)
        if spec.model == "adoption":
            hit = np.zeros(tree["sample_stats"]["diverging"].shape, bool)
            hit[0, 0] = True
            stats = tree["sample_stats"].to_dataset()
            tree["sample_stats"] = stats.assign(diverging=(("chain", "draw"), hit))
        return tree

    monkeypatch.setattr(sampling, "sample_model", diverging)
    without_pictures(monkeypatch)
    outcome = run_all(tmp_path, quick=True, models=["market", "adoption"])
    assert outcome.draft == ("adoption: divergences 1, wanted 0",)
    text = (outcome.folder / "memo.md").read_text()
    assert "DRAFT" in text
    status = {(v.claim, v.definition): (v.status, v.probability) for v in outcome.verdicts}
    own = [d.model == "adoption" for c in read_claims() for d in c.definitions]
    assert sum(own) == list(status.values()).count(("gate failed", None)) > 0
    assert status["value_correction", "article_ratio_below_1.3"][0] == "judged"
    table = pd.read_parquet(outcome.folder / "forecasts.parquet")
    assert set(table["model"]) == {"market"}
    drawn = {p.stem for p in (outcome.folder / "figures").iterdir()}
    assert drawn.isdisjoint(figure.key for figure in figures_of("adoption"))
    assert {figure.key for figure in figures_of("market")} <= drawn


def test_bad_input_writes_nothing(tmp_path):
    data = tmp_path / "data"
    (data / "article").mkdir(parents=True)
    (data / "article" / "market.csv").write_text("entity,metric\nx,y\n")
    with pytest.raises(DataError, match=r"missing column\(s\) period"):
        run_all(tmp_path / "out", data=data)
    with pytest.raises(UnknownNameError, match="no model is called 'tea'"):
        run_all(tmp_path / "out", models=["tea"])
    with pytest.raises(DataError, match="nothing was reported by 1999-01-01"):
        run_all(tmp_path / "out", as_of_date="1999-01-01")
    assert not (tmp_path / "out").exists()


def test_seeds_of_steps_do_not_depend_on_other_steps():
    assert child_seed(1, "market", "fit") == child_seed(1, "market", "fit")
    assert len({child_seed(s, m, k) for s in (1, 2) for m in "ab" for k in "cd"}) == 8


def test_quantiles_of_draws():
    import numpy as np
    from conftest import make_draws

    rng = np.random.default_rng(0)
    draws = make_draws(rng.random((4, 2000, 1, 2)), periods=("2025", "2026"))
    draws["observed"][0, 0] = 0.5
    table = quantile_table([draws])
    assert set(table["target_period"]) == {"2026"}
    np.testing.assert_allclose(table["value"], table["quantile"], atol=0.03)
    draws["observed"][:] = 0.5  # nothing is left to forecast
    over = quantile_table([draws.assign_attrs(as_of="2027-01-01")])
    assert over.empty
    assert over.columns.tolist() == table.columns.tolist()


def test_horizons_count_from_each_series_own_report():
    import numpy as np
    from conftest import make_draws

    quarters = [f"{y}Q{q}" for y in (2024, 2025, 2026) for q in (1, 2, 3, 4)]
    names = ("A/capex", "B/capex", "C/capex", "sum/capex")
    draws = make_draws(np.full((2, 3, 4, 12), 7.0), names=names, periods=quarters, model="earnings")
    draws["observed"][0, :6] = 7.0  # to 2025Q2
    draws["observed"][1, 4:7] = 7.0  # from 2025Q1 to 2025Q3
    draws["y"][:, :, 1, :4] = np.nan  # not begun
    draws["observed"][2, [0, 1, 2, 5]] = 7.0  # with a hole
    table = quantile_table([draws])
    first = table.groupby(["entity", "metric"])[["target_period", "horizon"]].first()
    assert first.loc[("A", "capex")].tolist() == ["2025Q3", 1]
    assert first.loc[("A", "capex_4q")].tolist() == ["2025Q3", 1]
    assert first.loc[("B", "capex")].tolist() == ["2025Q4", 1]
    assert first.loc[("B", "capex_4q")].tolist() == ["2025Q4", 1]
    assert first.loc[("B", "capex_growth")].tolist() == ["2026Q1", 2]  # no year before it yet
    assert first.loc[("C", "capex_growth")].tolist() == ["2025Q3", 1]
    # a sum whose parts were never reported together counts from the last report of all
    assert first.loc[("sum", "capex")].tolist() == ["2025Q4", 1]
    assert table["value"].notna().all()
    assert set(table.loc[table["metric"] == "capex_growth", "value"]) == {0.0}
    assert set(table.loc[table["metric"] == "capex_4q", "value"]) == {28.0}
    units = table.drop_duplicates("metric").set_index("metric")["unit"].to_dict()
    assert units == {"capex": "USD bn", "capex_4q": "USD bn", "capex_growth": "percent"}


def test_companies_and_sums_have_totals_growth_and_ratios(outcome):
    table = pd.read_parquet(outcome.folder / "forecasts.parquet")
    earnings = table[table["model"] == "earnings"]
    there = set(zip(earnings["entity"], earnings["metric"], strict=True))
    for entity in ("MSFT", "CRWV", "big_four", "big_five"):
        for metric in ("capex", "revenue"):
            assert {
                (entity, metric),
                (entity, f"{metric}_4q"),
                (entity, f"{metric}_growth"),
            } <= there
        assert {(entity, "capex_to_revenue"), (entity, "capex_to_revenue_4q")} <= there


def test_a_definition_that_no_draw_has_is_refused_before_anything_is_fitted(tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "sample_model", None)
    text = (data_dir() / "articles" / "cuban_2026_05" / "claims.toml").read_text()
    for wrong in ("AI market/wages", "AI market/ai_investment"):
        data = tmp_path / wrong.replace("/", " ")
        shutil.copytree(data_dir(), data)
        if wrong.endswith("wages"):
            changed = text.replace('"AI market/ai_investment"', f'"{wrong}"')
        else:  # a window that no draw reaches
            own = 'window = ["2026-05-06", "2028-05-06"]'
            assert own in text
            changed = text.replace(own, 'window = ["2090-01-01", "2091-01-01"]')
        (data / "articles" / "cuban_2026_05" / "claims.toml").write_text(changed)
        with pytest.raises(ClaimError, match="value_correction"):
            run_all(tmp_path / "out", data=data, models=["market"])
    assert not list(tmp_path.glob("out/runs/*"))


def test_fits_handed_over_by_processes_are_the_same(tmp_path, instant_sampler, monkeypatch):
    """The work of the processes, done in this one; a slow test starts them."""
    from conftest import without_pictures

    without_pictures(monkeypatch)
    asked = []

    @contextlib.contextmanager
    def one_by_one(work, workers):
        def hand_out(tasks):
            asked.append((len(tasks), workers))
            return map(work, tasks)

        yield hand_out

    monkeypatch.setattr(jobs, "crew", one_by_one)
    said = {1: [], 2: []}
    found = {}
    for workers, lines in said.items():
        with heard_by(lambda record, lines=lines: lines.append(record.getMessage())):
            found[workers] = run_all(
                tmp_path / str(workers), quick=True, models=["market", "adoption"], workers=workers
            )
    assert asked == [(2, 2)]
    assert found[1].folder.name == found[2].folder.name
    assert found[1].verdicts.records() == found[2].verdicts.records()
    fits = [load_tree(found[k].folder / "fits" / "market.nc")["posterior"] for k in found]
    assert fits[0].identical(fits[1])
    assert "fit 2 models in 2 processes ..." in said[2]
    assert not any("used again" in line for lines in said.values() for line in lines)
    assert sum(line.startswith("fit market: ") for line in said[2]) == 1
    seconds = json.loads((found[2].folder / "manifest.json").read_text())["seconds"]
    assert {"fit market", "fit adoption"} <= set(seconds)
    # Another run of the same fits starts no process.
    run_all(tmp_path / "2", quick=True, models=["adoption", "market"], workers=2)
    assert asked == [(2, 2)]


@pytest.mark.slow
def test_processes_of_their_own_give_the_same_run(tmp_path):
    runs = [
        run_all(tmp_path / str(n), quick=True, models=["adoption", "market"], workers=n)
        for n in (1, 2)
    ]
    assert not any(run.draft for run in runs)
    assert runs[0].folder.name == runs[1].folder.name
    assert runs[0].verdicts.records() == runs[1].verdicts.records()


@pytest.mark.slow
def test_a_whole_run_with_real_fits(tmp_path, monkeypatch):
    from conftest import one_other_prior_set, without_pictures

    one_other_prior_set(monkeypatch)
    without_pictures(monkeypatch)
    outcome = run_all(tmp_path, quick=True)
    assert outcome.draft == ()
    verify(outcome.folder)
    told = {f"{v.claim}/{v.definition}": v for v in outcome.verdicts}
    assert 0 < told["value_correction/sector_price_down_20"].probability < 1
    memo = (outcome.folder / "memo.md").read_text()
    assert "About " in memo[:3000]  # the first page has its numbers
