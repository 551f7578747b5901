"""A user's own series: where it stands, and what is refused."""

import dataclasses
import json

import pytest

from forecast.cli import main
from forecast.core.errors import DataError
from forecast.inference import fitting
from forecast.models.hazard.panel import positions, read_position


@pytest.mark.parametrize(
    "text", ["a", "a:b:c", "a:60", ":60:90", "a:60:90:x", "a/b:60:90", "a:1:2:3:4:5"]
)
def test_a_position_that_cannot_be_read(text):
    with pytest.raises(DataError, match=r"wanted NAME:NET:RAW\[:MONTHS\[:INDUSTRY\]\]"):
        read_position(text, "2026-05-06")


def test_a_position_may_share_an_industry():
    one = read_position("Mine:80:120::Chips", "2026-05-06")
    assert (one.months, one.industry) == (0, "Chips")


def test_the_command_hands_the_position_to_the_model(monkeypatch, capsys):
    seen = []

    def stop(model, panel, **settings):
        seen.append(panel)
        raise DataError("enough seen")

    monkeypatch.setattr(fitting, "fit", stop)
    assert main.main(["fit", "hazard", "--position", "Mine:80:120:3"]) == 1
    assert dataclasses.asdict(positions(seen[0])[-1])["net"] == 80
    assert main.main(["fit", "market", "--position", "Mine:80:120:3"]) == 1
    assert "is for the hazard or the capex_hazard model" in capsys.readouterr().err
    assert main.main(["fit", "hazard", "--position", "Mine:20:120"]) == 1
    assert "net run-up of 20 points" in capsys.readouterr().err


@pytest.mark.parametrize("raw", ["nan", "inf", "-500", "-21", "281", "1e300"])
def test_a_run_up_over_a_market_that_cannot_be(raw, capsys):
    assert main.main(["fit", "hazard", "--position", f"Mine:80:{raw}"]) == 1
    assert "wanted one over a market that moved by" in capsys.readouterr().err


@pytest.mark.slow
def test_the_chances_of_an_own_series(capsys):
    assert main.main(["fit", "hazard", "--position", "Mine:80:120:3", "--json"]) == 0
    falls = json.loads(capsys.readouterr().out)["falls"]
    own = {row["months"]: row for row in falls if row["position"] == "Mine"}
    assert set(own) == {18, 24}
    assert own[18]["fall_20"] < own[24]["fall_20"]
    assert own[24]["fall_20"] > own[24]["fall_30"] > own[24]["fall_40"] > 0
