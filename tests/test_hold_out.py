"""Newest figures are foretold by fits that have not seen them, and scored by slow definitions."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from conftest import one_other_prior_set, without_pictures
from scipy import stats

from forecast.app.asked import judge_stored
from forecast.app.pipeline import run_all
from forecast.claims.audit import read_references
from forecast.claims.verdict import Verdict, Verdicts, standing_text
from forecast.core.errors import DataError, GateError
from forecast.core.periods import last_close, month_index
from forecast.evaluation import hold_out
from forecast.evaluation.hold_out import (
    Foreseen,
    Sources,
    foreseen,
    from_records,
    left_out,
    too_sure,
)
from forecast.inference.fitting import Run, priors_of, spec_of
from forecast.inference.sampling import prior_draws
from forecast.models import registry
from forecast.models.base import Told, unseen
from forecast.models.baselines import line_in_date
from forecast.models.hazard.ahead import MONTHS, without_newest
from forecast.models.hazard.panel import FALLS, episodes
from forecast.models.hazard.panel import hazard_panel as panel_of_falls
from forecast.models.panels import shipped
from forecast.models.registry import ahead_of, get_model
from forecast.news.stored import read_run
from forecast.tables.shipped import read_reference_table, read_tables, read_vintages

DAY = "2026-05-06"


@pytest.fixture(scope="module")
def sources():
    return Sources(read_vintages(), read_tables())


def told(inside, outside, draws=4000, unit="points"):
    """Standard normal forecasts of numbers, of which the 80 % band holds some and not the others."""
    ours = np.tile(stats.norm.ppf((np.arange(draws) + 0.5) / draws)[:, None], (1, inside + outside))
    truth = np.array([1.2] * inside + [1.4] * outside)  # the band ends at 1.28
    names = tuple(f"n{k}" for k in range(len(truth)))
    return Told("figures", names, truth, ours, 3 * ours, unit)


def found(inside, outside, model="market"):
    numbers = hold_out._scored(told(inside, outside), "2025-12-31")
    return Foreseen(model, "figures", "points", False, tuple(numbers))


@pytest.mark.parametrize(
    ("inside", "outside", "said"),
    [
        (12, 8, {"market": "too sure: its 80 % bands held 12 of 20 newest figures"}),
        (13, 7, {}),  # 65 % are enough
        (3, 2, {"market": "too sure: its 80 % bands held 3 of 5 newest figures"}),
        (0, 4, {}),  # too few for a share
    ],
)
def test_a_table_of_known_coverage_is_graded_as_it_should_be(inside, outside, said):
    one = found(inside, outside)
    assert (one.held(50), one.held(80), one.held(95)) == (0, inside, inside + outside)
    assert one.graded == (inside + outside >= 5)
    assert too_sure([one]) == said
    assert len(one.numbers) == inside + outside
    n = inside + outside
    pit = (inside * stats.norm.cdf(1.2) + outside * stats.norm.cdf(1.4)) / n
    assert one.pit == pytest.approx(pit, abs=1e-3)


def test_all_kinds_of_a_model_count_together_and_events_do_not():
    event = Told("falls", ("a", "b"), np.array([1.0, 0.0]), np.array([[0.7, 0.2]]), None, "", True)
    falls = Foreseen("m", "falls", "", True, tuple(hold_out._scored(event, "2025-12-31")))
    assert not falls.graded
    assert falls.pit is None
    assert falls.score == pytest.approx((0.3**2 + 0.2**2) / 2)
    assert falls.naive is None
    few = [found(1, 3, "m"), found(2, 1, "m"), falls]
    assert too_sure(few) == {"m": "too sure: its 80 % bands held 3 of 7 newest figures"}
    assert too_sure([found(5, 0, "m"), found(1, 3, "m"), falls]) == {}
    assert too_sure([Foreseen("m", reason="none")]) == {}


def test_scores_are_those_of_the_slow_definitions():
    rng = np.random.default_rng(3)
    ours, naive = rng.normal(size=(60, 3)), rng.normal(2, 2, size=(50, 3))
    truth = np.array([0.3, -2.5, 9.0])
    naive[:, 1] = np.nan  # no baseline of one
    one = Told("x", ("a", "b", "c"), truth, ours, naive, "points")
    numbers = hold_out._scored(one, "2025-12-31")

    def crps(draws, came):
        return np.abs(draws - came).mean() - np.abs(draws[:, None] - draws[None]).mean() / 2

    for k, number in enumerate(numbers):
        assert number.score == pytest.approx(crps(ours[:, k], truth[k]))
        assert number.pit == pytest.approx((ours[:, k] < truth[k]).mean())
        low, high = np.quantile(ours[:, k], [0.1, 0.9])
        assert (number.low, number.high) == (pytest.approx(low), pytest.approx(high))
        assert number.inside[1] == (low <= truth[k] <= high)
    assert numbers[0].naive == pytest.approx(crps(naive[:, 0], truth[0]))
    assert numbers[1].naive is None
    whole = Foreseen("m", "x", "points", False, tuple(numbers))
    # Only what both have is compared.
    assert whole.score == pytest.approx((numbers[0].score + numbers[2].score) / 2)
    assert whole.naive == pytest.approx((numbers[0].naive + numbers[2].naive) / 2)
    assert from_records(json.loads(json.dumps([whole.record()]))) == (whole,)


def test_a_price_that_stays_where_it_is_has_a_pit_of_a_half():
    logs = np.log(np.full((100, 1), 5.0))
    (number,) = hold_out._scored(Told("x", ("a",), np.log([5.0]), logs, None, "log points"), DAY)
    assert (number.pit, number.inside) == (0.5, (True, True, True))
    assert number.score == pytest.approx(0.0, abs=1e-12)
    assert (number.truth, number.median) == (pytest.approx(5.0), pytest.approx(5.0))


@pytest.mark.parametrize("bad", [[{"model": "m"}], [1], [{"numbers": [{}]}]])
def test_a_damaged_record_is_refused(bad):
    with pytest.raises(DataError, match="no newest figures"):
        from_records(bad)


# --- what is left out ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("model", "least"), [("adoption", 1), ("training_cost", 45), ("earnings", 60)]
)
def test_the_latest_day_is_taken_on_which_enough_was_not_there(model, least, sources):
    panel = sources.panel(model, DAY)
    wanted = panel.data.sizes["obs"] - least
    then = left_out(panel, sources)
    assert then.data.sizes["obs"] <= wanted
    following = str(np.datetime64(then.as_of) + np.timedelta64(1, "D"))
    assert sources.panel(model, following).data.sizes["obs"] > wanted


@pytest.mark.parametrize("model", ["adoption", "earnings", "payback", "gpu_rental", "api_price"])
def test_no_later_row_enters_the_fit(model, sources):
    panel = sources.panel(model, DAY)
    then = left_out(panel, sources)
    rows = sources.history
    late = rows["reported_on"] > then.as_of
    assert late.any()
    changed = rows.assign(value=rows["value"].where(~late, 0.9 * rows["value"]))
    again = left_out(panel, Sources(changed, sources.tables))
    assert (again.as_of, again.hash) == (then.as_of, then.hash)


def test_a_table_of_its_own_gives_a_panel_before_the_first_report(sources):
    day = "2010-06-15"
    assert day < sources.history["reported_on"].min()
    panel = sources.panel("hazard", day)
    assert panel.as_of == day
    assert panel.data.sizes["obs"] > 100
    with pytest.raises(DataError, match="nothing was reported by 2010-06-15"):
        sources.panel("earnings", day)


def test_data_without_a_date_have_no_newest_figures(scaling_law_panel, sources):
    (one,) = foreseen(scaling_law_panel, sources, seed=1)
    assert (one.model, one.numbers) == ("scaling_law", ())
    assert "no dates" in one.reason


def test_the_market_table_is_held_out_by_its_last_year(market_panel, instant_sampler, sources):
    then = left_out(market_panel, sources)
    assert (then.as_of, int(then.data["year"].max())) == ("2024-12-31", 2024)
    with pytest.raises(DataError, match="fewer than three years"):
        left_out(then, sources)
    (one,) = foreseen(market_panel, sources, seed=1)
    assert [n.name for n in one.numbers] == [
        "AI market (Dell'Oro Group)/datacenter_capex 2025",
        "AI market (Stanford AI Index)/ai_investment 2025",
        *(f"AI market/{m} 2025" for m in ("ai_investment", "ai_revenue", "datacenter_capex")),
    ]
    assert one.days == ("2024-12-31",)
    assert one.graded
    came = market_panel.data["value"].values[market_panel.data["year"].values == 2025]
    assert sorted(n.truth for n in one.numbers) == pytest.approx(sorted(came))
    assert len(one.compared) == 5


@pytest.fixture(scope="module")
def surveys(sources):
    """What was known without a second measure of the open share: one number a report."""
    history = sources.history
    return Sources(history[~history["entity"].str.startswith("open router")], sources.tables)


def test_each_number_counts_once_from_the_origin_before_it(instant_sampler, surveys):
    (one,) = foreseen(surveys.panel("adoption", DAY), surveys, seed=1)
    said = {n.name.split()[-1]: (n.as_of, round(n.truth, 2)) for n in one.numbers}
    assert said == {"2025-12": ("2025-12-30", 0.11), "2025-07": ("2025-07-30", 0.13)}
    assert one.compared == (one.numbers[0],)  # two surveys are no walk


def test_few_draws_that_fail_their_gate_are_followed_by_more(monkeypatch, surveys):
    asked = []

    def fit(place, spec, panel):
        asked.append((spec.draws, panel.as_of))
        return SimpleNamespace(gate=SimpleNamespace(passed=False), posterior=None)

    def refuse(stamp, posterior, model):
        raise GateError("R-hat 1.02, wanted 1.01")

    monkeypatch.setattr(hold_out, "fit_kept", fit)
    monkeypatch.setattr(hold_out.gate, "require", refuse)
    (one,) = foreseen(surveys.panel("adoption", DAY), surveys, seed=1)
    days = ("2025-12-30", "2025-07-30")
    assert asked == [(n, day) for day in days for n in (hold_out.DRAWS, hold_out.MORE)]
    assert (one.numbers, one.reason) == ((), f"as of {days[1]}: R-hat 1.02, wanted 1.01")


SHIPPED = [name for name in registry.NAMES if shipped(name)]


@pytest.mark.parametrize("model", SHIPPED)
def test_every_shipped_model_foretells_something(model, sources, monkeypatch):
    """A few prior draws stand in for a fit: what is asked, and that all of it is scored."""

    def unfitted(panel, seed, place):
        entry = get_model(model)
        drawn = prior_draws(entry, panel, entry.priors, size=40, seed=seed)
        tree = xr.DataTree.from_dict({"posterior": drawn})
        return Run(spec_of(model, panel, seed=seed), panel, tree, None)

    monkeypatch.setattr(hold_out, "_fit", unfitted)
    monkeypatch.setattr(hold_out, "ORIGINS", 1)
    monkeypatch.setattr("forecast.inference.predict.gate.require", lambda *_: None)
    rows = foreseen(sources.panel(model, DAY), sources, seed=1)
    if model == "capex_hazard":
        (one,) = rows
        assert "forecast backtest capex_hazard asks it on past days" in one.reason
        return
    for one in rows:
        assert one.numbers, one.reason
        assert len({n.name for n in one.numbers}) == len(one.numbers)
        assert all(np.isfinite(n.score) for n in one.numbers)
        assert one.event or all(0 <= n.pit <= 1 for n in one.numbers)
        assert one.days[-1] < DAY
    assert any(one.compared for one in rows) or model == "gpu_rental"


# --- what rooms say -----------------------------------------------------------------------------
@pytest.mark.parametrize("day", [DAY, "2001-06-30"])  # few falls in the months before; many
def test_episodes_without_their_newest_months_are_those_of_the_day(day):
    table = read_reference_table("runups")
    panel = panel_of_falls(table, day)
    cut = without_newest(panel)
    assert last_close(cut.as_of) == last_close(panel.as_of) - MONTHS
    wanted = episodes(table, cut.as_of)
    at = {(r["industry"], r["identified"]): r for r in wanted.to_dict("records")}
    rows = cut.frame().to_dict("records")
    assert {(r["industry"], r["identified"]) for r in rows} == set(at)
    columns = ["followup", "net", "raw", *(f"{w}{f}" for f in FALLS for w in ("months", "event"))]
    for row in rows:
        same = at[row["industry"], row["identified"]]
        assert [row[c] for c in columns] == [same[c] for c in columns], row
    if "month" in cut.data.dims:
        assert month_index(str(cut.data["month"].values[-1])) == last_close(cut.as_of)
    whole = {(r["industry"], r["identified"]): r for r in panel.frame().to_dict("records")}
    fell = sum(whole[k]["event20"] != r["event20"] for k, r in at.items() if k in whole)
    assert (fell >= 5) == (day != DAY)


def test_later_returns_do_not_reach_what_is_fitted(hazard_panel):
    data = hazard_panel.data
    late = np.array([month_index(m) for m in data["month"].values])
    late = late > last_close(hazard_panel.as_of) - MONTHS
    changed = data.assign(log_return=data["log_return"].where(~late[:, None], -0.5))
    again = without_newest(dataclasses.replace(hazard_panel, data=changed))
    assert again.hash == without_newest(hazard_panel).hash


@pytest.mark.parametrize("model", ["benchmark", "training_cost", "payback"])
def test_rows_that_are_foretold_are_not_in_the_fit_and_their_values_not_looked_at(
    model, sources, instant_sampler
):
    later = sources.panel(model, DAY)
    then = left_out(later, sources)
    run = hold_out.fit_kept(None, hold_out.spec_of(model, then, seed=1, draws=50), then)
    key = "score" if model == "benchmark" else "value"
    new = unseen(then, later)
    assert 0 < len(new) < later.data.sizes["obs"]
    values = later.data[key].values.copy()
    values[new] *= 0.5
    changed = {key: ("obs", values)}
    if model == "benchmark":  # the error that is stated of a score, or follows from it, tells of it
        error = later.data["score_se"].values.copy()
        error[new] *= 2
        changed["score_se"] = ("obs", error)
    altered = dataclasses.replace(later, data=later.data.assign(changed))
    first, second = (
        ahead_of(model).tell(
            run.posterior, then, one, priors_of(run.spec), np.random.default_rng(1)
        )
        for one in (later, altered)
    )
    for a, b in zip(first, second, strict=True):
        assert a.names == b.names
        np.testing.assert_array_equal(a.draws, b.draws)
        assert not np.allclose(a.truth, b.truth)
        assert a.draws.shape[1] == len(a.truth) == len(a.names)


def test_a_line_in_date_has_the_closed_form_of_its_law():
    rng = np.random.default_rng(0)
    when, at = np.array([0.0, 0.5, 1.0, 2.0, 3.5]), np.array([4.0, 6.0])
    values = np.array([1.0, 1.4, 2.1, 2.9, 4.8])
    drawn = line_in_date(when, values, at, 200_000, rng)
    slope, start, *_ = stats.linregress(when, values)
    left = values - start - slope * when
    s = np.sqrt((left**2).sum() / 3)
    for k, x in enumerate(at):
        spread = s * np.sqrt(1 + 1 / 5 + (x - when.mean()) ** 2 / ((when - when.mean()) ** 2).sum())
        law = stats.t(3, start + slope * x, spread)
        for q in (0.1, 0.5, 0.9):
            assert np.quantile(drawn[:, k], q) == pytest.approx(law.ppf(q), abs=0.02)
    assert np.isnan(line_in_date(when[:3], values[:3], at, 5, rng)).all()


# --- in a run -----------------------------------------------------------------------------------
def test_a_whole_run_keeps_and_tells_what_was_foreseen(tmp_path, instant_sampler, monkeypatch):
    """One number is no share; where one is enough it is, and the bands held none."""
    without_pictures(monkeypatch)
    one_other_prior_set(monkeypatch)
    monkeypatch.setattr(hold_out, "FEWEST", 1)
    missed = lambda told, day: [dataclasses.replace(n, inside=(False,) * 3)  # noqa: E731
                                for n in scored(told, day)]  # fmt: skip
    scored = hold_out._scored
    monkeypatch.setattr(hold_out, "_scored", missed)
    outcome = run_all(tmp_path, models=["adoption", "market"])
    rows = from_records(json.loads((outcome.folder / "foreseen.json").read_text()))
    assert {one.model: len(one.numbers) for one in rows} == {"adoption": 1, "market": 5}
    memo = (outcome.folder / "memo.md").read_text()
    table = memo.split("## Did it foresee the newest figures?")[1].split("##")[0]
    assert "| adoption | open weight share, as of 2025-12-30 | 1 | 0 % | 0 % |" in table
    words = "too sure: its 80 % bands held 0 of 1 newest figures"
    own = [v for v in outcome.verdicts if v.model == "adoption" and v.status == "judged"]
    assert own
    assert {v.caution for v in own} == {words}
    assert all(v.text.endswith(f" T{words[1:]}.") for v in own)
    claims = memo.split("## Every claim of the article")[1]
    assert claims.count(f" ({words}) |") == len(own)
    # Other claims put to the run say it too.
    run = read_run(outcome.folder)
    said = judge_stored(run, run.claims, read_references()).verdicts
    assert {v.caution for v in said if v.model == "adoption" and v.status == "judged"} == {words}


# --- beside each number -------------------------------------------------------------------------
def test_a_model_that_is_too_sure_says_so_beside_each_of_its_numbers():
    def row(model, status="judged"):
        return Verdict("c", model, "forecast", model, 0.3, 0.01, None, None, status, "30 %. So.")

    said = too_sure([found(2, 3)])
    rows = Verdicts((row("market"), row("earnings"), row("market", "decided"))).with_cautions(said)
    words = "too sure: its 80 % bands held 2 of 5 newest figures"
    assert [v.caution for v in rows] == [words, "", ""]
    assert rows[0].text == f"30 %. So. T{words[1:]}."
    assert rows[1].text == "30 %. So."
    assert standing_text(rows[0]) == f"judged; {words}"
    assert rows.records()[0]["caution"] == words
    assert "caution" not in rows.records()[1]
    assert Verdicts.from_records(rows.records(), 0) == rows
    assert words in rows._repr_html_()


@pytest.mark.slow
def test_a_fit_of_the_market_table_foretells_its_last_year(market_panel, sources):
    (one,) = foreseen(market_panel, sources, seed=1)
    for n in one.numbers:
        assert n.low < n.median < n.high
        # What publishers print swings more: investment by the AI Index more than doubled in 2025.
        most = 0.8 if "(" in n.name else 0.3
        assert 0 < n.score < most
        assert 0 < n.naive < most
