"""How far a probability rests on the prior, and whether fits recover what is known."""

import numpy as np
import pytest
from scipy import stats

from forecast.evaluation.calibration import calibrate, refill
from forecast.evaluation.sensitivity import Sensitivity, scaling_effect
from forecast.inference.sampling import prior_misses
from forecast.models.base import select
from forecast.models.registry import NAMES, get_model


def test_scaling_effect_is_the_exact_derivative_of_a_conjugate_model():
    """y ~ N(theta, 1), theta ~ N(0, 1): weights a, b give theta | y ~ N(b y / (a + b), 1 / (a + b))."""
    y, limit = 1.2, 0.9

    def probability(a, b):
        return stats.norm.sf(limit, b * y / (a + b), np.sqrt(1 / (a + b)))

    rng = np.random.default_rng(0)
    theta = rng.normal(y / 2, np.sqrt(0.5), size=(4, 50_000))
    hit = theta > limit
    step = 1e-4
    for component, log_density in (
        ("prior", stats.norm.logpdf(theta)),
        ("likelihood", stats.norm.logpdf(y, theta)),
    ):
        a, b = (step, 0.0) if component == "prior" else (0.0, step)
        exact = (probability(1 + a, 1 + b) - probability(1 - a, 1 - b)) / (2 * step) * np.log(2)
        effect, error = scaling_effect(hit, log_density)
        assert effect == pytest.approx(exact, abs=4 * error)
        assert error < 0.01 * 1.0
        assert abs(exact) > 5 * error  # the test could tell it from nought


def test_an_event_of_no_draws_has_no_sensitivity():
    flat = np.zeros((4, 100), dtype=bool)
    assert scaling_effect(flat, np.random.default_rng(0).random((4, 100))) == (0.0, 0.0)


def graded(probability, variants=(), prior=0.0, draws=4000):
    named = dict(zip(("sceptical", "generous"), map(float, variants), strict=False))
    return Sensitivity("c", "d", probability, prior, 0.001, 0, 0, named, draws)


@pytest.mark.parametrize(
    ("probability", "variants", "grade"),
    [
        (0.3, [0.31, 0.29], "mostly data"),
        (0.3, [0.25, 0.35], "data and prior"),
        (0.3, [0.1, 0.6], "mostly prior"),
        (
            0.015,
            [0.005, 0.041],
            "mostly prior",
        ),  # three and a half points, and eight times the odds
        (0.985, [0.995, 0.959], "mostly prior"),
        (0.0005, [0.001, 0.00025], "too rare to grade"),  # two draws, four, and one
    ],
)
def test_the_grade_follows_the_odds_over_priors(probability, variants, grade):
    s = graded(probability, variants)
    assert s.grade == grade
    assert (s.low, s.high) == (min(probability, *variants), max(probability, *variants))


def test_prior_sets_that_touch_nothing_do_not_make_an_answer_data():
    still = graded(0.5, [0.5, 0.5], prior=0.2)
    assert still.grade == "mostly prior"
    assert still.moved_by == "the prior's weight doubled"
    assert still.factor == pytest.approx(np.exp(0.2 / 0.25))
    assert graded(0.5, [0.5, 0.5], prior=0.0015).grade == "mostly data"  # within its error


def test_what_moves_an_answer_most_is_named():
    assert graded(0.3, [0.28, 0.5]).moved_by == "generous"


def test_no_or_all_draws_have_odds():
    assert graded(0.0, [0.0, 0.02]).factor == pytest.approx(
        (0.02 / 0.98) * (2 * 4000 - 1), rel=1e-6
    )
    assert graded(1.0, [1.0]).factor == pytest.approx(1.0)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_prior_predictive_draws_lie_in_the_stated_ranges(name, request):
    """Under every prior set; and the range is not so wide that it says nothing."""
    model, panel = get_model(name), request.getfixturevalue(f"{name}_panel")
    for priors in (model.priors, *model.variants.values()):
        for what, miss in prior_misses(model, panel, priors, seed=1, size=2000):
            assert miss < 0.1, what
    narrow = [(w, f, (2 * lo + hi) / 3, (lo + 2 * hi) / 3) for w, f, lo, hi in model.prior_checks]
    import dataclasses

    tight = dataclasses.replace(model, prior_checks=tuple(narrow))
    assert all(m > 0.1 for _, m in prior_misses(tight, panel, model.priors, seed=1, size=2000))


def test_refill_puts_drawn_values_in_the_cells(market_panel):
    drawn = np.arange(1.0, 1.0 + market_panel.data.sizes["obs"])
    found = refill(market_panel, {"log_value": np.log(drawn)}).data["value"].values
    assert found == pytest.approx(drawn)


CALIBRATED_OFTEN = ("adoption", "market", "scaling_law")
"""Models of which sixty fits take a minute; the others' wait for the proof."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=pytest.mark.slow if n in CALIBRATED_OFTEN else pytest.mark.proof)
        for n in sorted(NAMES)
    ],
)
def test_simulation_based_calibration(name, request):
    """Ranks of the truth are uniform for every reported parameter."""
    panel = request.getfixturevalue(f"{name}_panel")
    if name == "earnings":  # two companies, four years: the whole panel takes ten times as long
        entity = [str(s).split("/")[0] for s in panel.data["series"].values]
        recent = panel.data["quarter"].values >= "2022Q2"
        panel = select(panel, np.isin(entity, ["MSFT", "GOOGL"]) & recent)
    if name == "gpu_rental":  # a drawn number cannot say what bound would have been printed for it
        panel = select(panel, panel.data["bound"].values == 0)
    if name == "hazard":  # a fifth of the industries
        _, which = np.unique(panel.data["industry"].values, return_inverse=True)
        panel = select(panel, which % 5 == 0)
    if name == "capex_hazard":  # every fifth row, and all of the companies' own
        own = np.isin(panel.data["level"].values, ["company", "set"])
        panel = select(panel, own | (np.arange(len(own)) % 5 == 0))
    if name == "benchmark":  # four organisations, one year: the whole panel takes ten times as long
        who = ["OpenAI", "Meta AI", "Alibaba", "DeepSeek"]
        data = panel.data
        year = data["year"].values
        panel = select(
            panel, np.isin(data["organisation"].values, who) & (year >= 2024) & (year < 2025)
        )
    few = 25 if name == "benchmark" else 60  # a fit of it takes seconds
    ranks = calibrate(name, panel, simulations=few, seed=11)
    parameters = [c for c in ranks.columns if c != "diverged"]
    p = [stats.kstest((ranks[c] + 0.5) / 100, "uniform").pvalue for c in parameters]
    assert min(p) * len(p) > 0.01, dict(zip(parameters, p, strict=True))
    assert ranks["diverged"].mean() < 1


@pytest.mark.slow
def test_calibration_would_notice_wrong_noise(market_panel, monkeypatch):
    """Data drawn with twice the reporting error and shocks must show in the ranks."""
    import dataclasses

    from forecast.evaluation import calibration

    model = get_model("market")

    def louder(parameters, panel, priors, rng):
        return model.replicate(
            parameters.assign(shock_sd=2.5 * parameters["shock_sd"]), panel, priors, rng
        )

    wrong = dataclasses.replace(model, replicate=louder)
    monkeypatch.setattr(calibration, "get_model", lambda name: wrong)
    ranks = calibrate("market", market_panel, simulations=60, seed=11)
    assert stats.kstest((ranks["shock_sd"] + 0.5) / 100, "uniform").pvalue < 1e-3
