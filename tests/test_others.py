"""What others published is their cell of the table, beside an event of ours."""

import dataclasses
import datetime as dt

import numpy as np
import pytest
from conftest import make_draws

from forecast.claims.comparisons import beside_others, read_comparisons
from forecast.core.errors import ClaimError
from forecast.tables.shipped import read_reference_table


@pytest.fixture(scope="module")
def table():
    return read_reference_table("public_forecasts")


def hazard_draws(chance, n=400):
    """Return falls that come in the third month in a share of the draws."""
    entities = ("PHLX semiconductor index", "industry up 50", "industry up 100", "industry up 150")
    months = [f"{2026 + (4 + k) // 12}-{(4 + k) % 12 + 1:02d}" for k in range(24)]
    paths = np.zeros((1, n, 12, 24))
    paths[:, : int(chance * n), :, 2:] = 1
    names = [f"{e}/fall_{f}" for e in entities for f in (20, 30, 40)]
    return make_draws(paths, names=names, periods=months, model="hazard")


def test_every_row_of_the_table_is_shown_and_none_restated(table):
    draws, baselines = {"hazard": hazard_draws(0.25)}, {"hazard": hazard_draws(0.1)}
    found = beside_others(table, read_comparisons(table), draws, baselines, "2026-05-06")
    assert len(found) == len(table)
    assert [f.theirs for f in found] == [None if v != v else v for v in table["value"]]
    for one in found:
        assert one.differs
        assert (one.ours is None) == (one.model == "none")
    told = [f for f in found if f.ours is not None]
    assert len(told) >= 6
    assert {f.ours for f in told} == {0.25}
    assert {f.naive for f in told} == {0.1}


def test_without_a_model_there_is_no_number_of_ours(table):
    found = beside_others(table, read_comparisons(table), {}, {}, "2026-05-06")
    assert all(f.ours is None and f.naive is None for f in found)


def test_what_was_published_later_is_not_known(table):
    found = beside_others(table, read_comparisons(table), {}, {}, "2026-03-31")
    assert not any(f.date == "2026-04-09" for f in found)
    assert any(f.date == "2026-03" for f in found)


ENTRY = '[[comparison]]\nforecaster = "Bain"\ndate = "2025-09-23"\nquestion = "{}"\ndiffers = "d"\n'


def test_a_bad_file_says_where_and_what(tmp_path, table):
    path = tmp_path / "c.toml"
    question = table[table["forecaster"] == "Bain"]["question"].iloc[0]
    for text, message in (
        (ENTRY.format("nobody asked this"), "has no row"),
        (2 * ENTRY.format(question), "more than one comparison names"),
        (ENTRY.format(question) + "colour = 1\n", "unknown colour"),
        (
            ENTRY.format(question) + 'model = "x"\n',
            "comparison 1, 'Bain': got model 'x', wanted one",
        ),
        (ENTRY.format(question) + 'model = "hazard"\n', "wanted model, event and window, or none"),
        ("[[comparisons]]\n", "at the top of the file: unknown comparisons"),
    ):
        path.write_text(text)
        with pytest.raises(ClaimError, match=message):
            read_comparisons(table, path)


def test_an_event_that_cannot_be_asked_names_its_comparison(table):
    (one,) = (c for c in read_comparisons(table) if c.question == "same after 100%")
    late = dataclasses.replace(one, window=(one.window[0], dt.date(2030, 1, 1)))
    draws = {"hazard": hazard_draws(0.25)}
    with pytest.raises(ClaimError, match="'Greenwood-Shleifer-You 2019', 2019: the draws end"):
        beside_others(table, [late], draws, {}, "2026-05-06")
