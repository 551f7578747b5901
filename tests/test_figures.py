"""Every room's figures are found, drawn from its draws, and left out where there is nothing to show."""

import dataclasses
import datetime as dt
import subprocess
import sys
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from conftest import make_draws, same_outline

from forecast.claims.events import FirstPassage, Threshold
from forecast.claims.page import Page, Programme
from forecast.claims.records import Claim, Definition
from forecast.claims.verdict import Verdicts
from forecast.core.draws import interval
from forecast.core.errors import DataError, GateError
from forecast.core.periods import period_end
from forecast.core.units import unit_of
from forecast.inference.predict import Fitted, outline
from forecast.inference.sampling import prior_draws
from forecast.models import registry
from forecast.models.base import Crossing, Drawn, Figure, Scene
from forecast.models.panels import build_panel, shipped
from forecast.models.registry import NAMES, figures_of, get_model
from forecast.report import figures as report_figures
from forecast.report.figures import OVERALL, draw_overall, draw_room, scene_of
from forecast.report.record import Figure as Finished
from forecast.report.record import Report

DAY = dt.date(2026, 5, 6)
TOP, BOTTOM = "AI market/datacenter_capex", "AI market/ai_revenue"
SHOWN = [name for name in NAMES if shipped(name)]


@pytest.fixture(scope="module")
def scenes(known):
    """Return a function that gives what a model's figures read, drawn from its prior, once a model."""
    made = {}

    def scene(name):
        if name not in made:
            panel, model = build_panel(known, name), get_model(name)
            until = model.horizon(panel.as_of)
            posterior = prior_draws(model, panel, model.priors, size=40, seed=7)
            rng = np.random.default_rng(7)
            draws = model.draw(posterior, panel, model.priors, until, rng)
            rule = model.baseline
            beside = None if rule is None else rule(panel, until=until, seed=7, draws=40)
            draws = draws.assign_attrs(model=name, as_of=panel.as_of, data_hash=panel.hash)
            made[name] = Scene(panel, posterior, draws, beside, panel.as_of, known)
        return made[name]

    return scene


def test_no_two_figures_have_one_name():
    keys = [one.key for name in NAMES for one in figures_of(name)]
    keys += [one.key for one in OVERALL]
    assert len(set(keys)) == len(keys)
    assert len(keys) > len(NAMES)
    assert all(key.isidentifier() for key in keys)  # a file's stem, and a name in a template


@pytest.mark.parametrize("name", SHOWN)
def test_every_figure_says_what_it_shows(scenes, name):
    for one in figures_of(name):
        drawn = one.draw(scenes(name))
        plt.close("all")
        for text in (drawn.alt, drawn.caption):
            assert text.endswith("."), (one.key, text)
            assert len(text) > 40, one.key
            assert not {"nan", "None"} & set(text.split()), one.key


@pytest.mark.parametrize("name", SHOWN)
def test_the_draws_of_every_model_keep_the_contract(scenes, name):
    scene = scenes(name)
    for draws in (scene.draws, scene.baseline):
        if draws is None:
            continue
        four = {"chain", "draw", "series", "period"}
        assert set(draws["y"].dims) == set(draws["signal"].dims) == four
        assert set(draws["observed"].dims) == {"series", "period"}
        names = draws["series"].values.tolist()
        assert len(set(names)) == len(names)
        both = zip(draws["entity"].values, draws["metric"].values, strict=True)
        assert ["/".join(pair) for pair in both] == names
        assert all(unit_of(str(unit)) for unit in draws["unit"].values)
        ends = [period_end(str(p)) for p in draws["period"].values]
        assert [day.isoformat() for day in ends] == draws["period_end"].values.tolist()
        assert ends == sorted(set(ends))
        assert {"model", "as_of", "data_hash"} <= set(draws.attrs)


@pytest.mark.parametrize("name", SHOWN)
def test_an_outline_is_labelled_as_the_draws_of_every_model(scenes, name):
    same_outline(outline(scenes(name).panel), scenes(name).draws)


def test_interval_is_of_all_draws():
    values = xr.DataArray(np.arange(101.0).reshape(1, 101), dims=("chain", "draw"))
    one = interval(values)
    assert (one.low, one.median, one.high) == pytest.approx((10, 50, 90))
    assert (one.span, one.between) == ("10 to 90", "10 and 90")


def test_a_level_that_a_claim_asks_about_is_marked_on_the_ratio(scenes):
    (ratio,) = (one for one in figures_of("market") if one.key == "ratio")
    plain = ratio.draw(scenes("market"))
    assert len(plain.shown.axes) == 1
    assert "below" not in plain.alt
    other = Crossing((TOP,), (), "<", 9.0)  # of spending alone
    asked = dataclasses.replace(
        scenes("market"), events=(other, Crossing((TOP,), (BOTTOM,), "<", 1.25))
    )
    marked = ratio.draw(asked)
    assert len(marked.shown.axes) == 2
    assert "Probability of standing below 1.25: 2026 " in marked.alt
    plt.close("all")


def test_only_what_was_said_is_spoken_of(scenes):
    (yearly,) = [one for one in figures_of("earnings") if one.key == "annual"]
    scene = scenes("earnings")
    silent = dataclasses.replace(scene, panel=dataclasses.replace(scene.panel, drawn=None))
    said = "have said of their own years"
    assert said in yearly.draw(scene).caption
    assert said not in yearly.draw(silent).caption
    plt.close("all")


def test_without_the_articles_two_series_there_is_no_ratio(scenes):
    (ratio,) = (one for one in figures_of("market") if one.key == "ratio")
    draws = scenes("market").draws.isel(series=slice(0, 1))
    with pytest.raises(DataError, match="no ratio to show"):
        ratio.draw(dataclasses.replace(scenes("market"), draws=draws))


def test_an_article_says_whose_falls_and_which_programme_are_shown(scenes):
    falls, severity = figures_of("hazard")
    scene = scenes("hazard")
    there = scene.draws["entity"].values.tolist()
    assert "PHLX semiconductor index" in there
    plain = falls.draw(scene)
    assert "by month, industry up 100." in plain.alt
    assert "stood on" not in plain.caption
    own = dataclasses.replace(scene, focus=("PHLX semiconductor index", "No such index"))
    assert "by month, PHLX semiconductor index." in falls.draw(own).alt
    assert "where PHLX semiconductor index stood on the article's date" in falls.draw(own).caption
    unknown = dataclasses.replace(scene, focus=("Not dated yet", "PHLX semiconductor index"))
    assert severity.draw(unknown).alt.startswith("industry up 100, deepest fall")
    scene = scenes("payback")
    for payback in figures_of("payback"):
        assert "that a 0.6 tn programme is earned back" in payback.draw(scene).alt
        asked = payback.draw(dataclasses.replace(scene, focus=("Tea", "1.0 tn programme")))
        assert "that a 1.0 tn programme is earned back" in asked.alt
    plt.close("all")


# --- rooms -------------------------------------------------------------------------------------
def room(folder, name, **files):
    place = folder / name
    place.mkdir()
    for file in ("__init__", "room", "panel"):
        (place / f"{file}.py").write_text("MODEL = PANEL = None\n")
    for file, text in files.items():
        (place / f"{file}.py").write_text(text)


def test_a_room_has_figures_or_none(tmp_path, monkeypatch, added_rooms):
    monkeypatch.syspath_prepend(tmp_path)
    room(tmp_path, "bare_room")
    room(
        tmp_path,
        "drawing_room",
        figures="from forecast.models.base import Figure\nFIGURES = (Figure('tea', 's', print),)\n",
    )
    room(tmp_path, "broken_room", figures="import no_such_module\n")
    for name in ("bare", "drawing", "broken"):
        registry.add(name, f"{name}_room")
    assert figures_of("bare") == figures_of("scaling_law") == ()
    assert [one.key for one in figures_of("drawing")] == ["tea"]
    with pytest.raises(DataError, match="no_such_module"):  # it is not passed over
        figures_of("broken")


def test_figures_are_imported_when_they_are_asked_for():
    code = (
        "import sys\n"
        "from forecast.models.panels import build_panel\n"
        "from forecast.models.registry import NAMES, figures_of, get_model\n"
        "assert [get_model(name) for name in NAMES]\n"
        "assert 'matplotlib' not in sys.modules\n"
        "assert figures_of('adoption')\n"
        "assert 'forecast.models.adoption.figures' in sys.modules\n"
        "assert 'forecast.models.market.figures' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- the figures of a run ----------------------------------------------------------------------
@pytest.fixture
def report(known):
    window = (DAY, dt.date(2028, 5, 6))
    definitions = (
        Definition("a", "market", "It falls.", FirstPassage(TOP, "<", 1.3, BOTTOM), window),
        Definition("b", "adoption", "It falls.", FirstPassage(TOP, "<", 7, BOTTOM), window),
        Definition("c", "market", "It is low.", Threshold(TOP, "<", 2, "2027", BOTTOM), window),
        Definition("d", "market", "Who knows."),
    )
    claim = Claim("c", "forecast", "verbatim", "it will", "It will.", "The Paper", DAY, definitions)
    page = Page("A title", "The Paper", ("c",), positions=("Tea",), programme=Programme("T", "Tea"))
    return Report(
        run_id="abc", as_of="2026-05-06", seed=1, version="0", article="a", page=page, claims=[claim],
        verdicts=Verdicts(()), sensitivities={}, naive={}, foreseen=[], findings=[], figures={},
        known=known, specs={}, gates={}, seconds={},
    )  # fmt: skip


def draw_figures(folder, report, models):
    """Draw those of each model, then those over all."""
    own = [draw_room(folder, report, name, one) for name, one in models.items()]
    return {k: v for some in (*own, draw_overall(folder, report, models)) for k, v in some.items()}


def fitted(passed=True):
    draws = make_draws(np.ones((1, 9, 1, 4)))
    run = SimpleNamespace(panel=None, posterior=xr.Dataset(), spec=None)
    return Fitted(run, "2027", draws if passed else None, {})


@pytest.fixture
def rooms(monkeypatch):
    """Give two rooms figures of their own; return what their scenes held."""
    held = []

    def draws(words):
        def draw(scene):
            held.append(scene)
            return Drawn(plt.figure(), words, "Shows it.")

        return draw

    def nothing(scene):
        raise DataError("the table is empty")

    def wrong(scene):
        raise KeyError("a mistake of ours")

    own = {
        "market": (
            Figure("first", "", draws("One.")),
            Figure("empty", "a book", nothing),
            Figure("last", "a book", draws("Two.")),
        ),
        "adoption": (Figure("share", "surveys", draws("Three.")),),
        "hazard": (Figure("falls", "prices", wrong),),
        "payback": (Figure("mute", "prices", draws(" ")),),
    }
    monkeypatch.setattr(report_figures, "figures_of", lambda name: own.get(name, ()))
    monkeypatch.setattr(report_figures, "OVERALL", OVERALL[:-1])  # priors want a model
    return held


def test_what_has_nothing_to_show_is_left_out(report, rooms, tmp_path):
    found = draw_figures(tmp_path, report, {"adoption": fitted(), "market": fitted()})
    assert list(found) == ["share", "first", "last"]
    assert {p.name for p in tmp_path.glob("*.svg")} == {"first.svg", "last.svg", "share.svg"}
    tail = "data as of 2026-05-06; run abc."
    assert found["first"] == Finished(
        "figures/first", "One.", f"Shows it. Source: The Paper; {tail}"
    )
    assert found["last"].caption == f"Shows it. Source: a book; {tail}"


def test_a_room_is_told_what_claims_ask_of_its_model(report, rooms, tmp_path):
    draw_figures(tmp_path, report, {"adoption": fitted(), "market": fitted()})
    share, first, _ = rooms
    assert first.events == (Crossing((TOP,), (BOTTOM,), "<", 1.3),)
    assert share.events == (Crossing((TOP,), (BOTTOM,), "<", 7),)
    assert first.known is report.known
    assert first.focus == share.focus == ("Tea", "T")


def test_a_model_that_failed_its_gate_draws_nothing(report, rooms, tmp_path):
    found = draw_figures(tmp_path, report, {"market": fitted(passed=False), "adoption": fitted()})
    assert list(found) == ["share"]
    with pytest.raises(GateError, match="market did not pass its gate"):
        scene_of(report, "market", fitted(passed=False))


def test_a_mistake_and_a_figure_without_words_are_no_lack_of_data(report, rooms, tmp_path):
    with pytest.raises(KeyError, match="a mistake of ours"):
        draw_figures(tmp_path, report, {"hazard": fitted()})
    with pytest.raises(DataError, match="text alternative"):
        draw_figures(tmp_path, report, {"payback": fitted()})
    plt.close("all")
