"""How an outsider tells a definition's outcome, or why nobody can."""

from __future__ import annotations

import datetime as dt

import pytest

from forecast.claims.read import read_claims
from forecast.core.errors import ClaimError

FILE = """
source = "s"
source_date = "2026-05-06"

[[claim]]
id = "c"
kind = "forecast"
words = "paraphrase"
text = "t"
MORE
[[claim.definition]]
id = "d"
model = "market"
event = { kind = "threshold", series = "AI market/ai_revenue", at = "2027", op = ">", value = 30 }
window = ["2026-05-06", "2027-12-31"]
why = "w"
"""
TOLD = 'resolution = { series = "x", publisher = "y", rule = "above 30", on = "2028-03-31" }'


def read(tmp_path, *lines, more=""):
    path = tmp_path / "claims.toml"
    path.write_text("\n".join([FILE.replace("MORE", more), *lines]))
    return read_claims(path)[0].definitions[0]


def test_the_series_publisher_rule_and_day_are_read(tmp_path):
    one = read(tmp_path, TOLD, "already = true")
    assert (one.resolution.series, one.resolution.publisher) == ("x", "y")
    assert (one.resolution.rule, one.resolution.on) == ("above 30", dt.date(2028, 3, 31))
    assert one.already
    plain = read(tmp_path)
    assert (plain.resolution, plain.unscorable, plain.already) == (None, "", False)


@pytest.mark.parametrize(
    ("lines", "more", "said"),
    [
        ([TOLD.replace("2028-03-31", "2027-03-31")], "", "before the window ends on 2027-12-31"),
        ([TOLD.replace('publisher = "y", ', "")], "", "missing publisher"),
        ([TOLD, 'unscorable = "nobody prints it"'], "", "got resolution and unscorable"),
        (['unscorable = ""'], "", "unscorable"),
        (["already = 1"], "", "already"),
        (
            ['unscorable = "nobody prints it"'],
            '[claim.pool]\nwhy = "w"\nweights = { d = 1 }\n',
            "nobody can score d; .*leave it out",
        ),
    ],
)
def test_what_does_not_tell_an_outcome_is_refused(tmp_path, lines, more, said):
    with pytest.raises(ClaimError, match=said):
        read(tmp_path, *lines, more=more)
