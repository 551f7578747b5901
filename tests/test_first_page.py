"""The first page says what the run found: change a number, and the words follow."""

import dataclasses
import datetime as dt
from types import SimpleNamespace

import numpy as np
import pytest

from forecast.claims.page import Page, read_page
from forecast.claims.pool import Pooled
from forecast.claims.read import read_claims
from forecast.claims.records import Claim, Definition, Implied, Pool
from forecast.claims.verdict import Verdict, Verdicts
from forecast.core.errors import ClaimError
from forecast.core.text import frequency, percent
from forecast.evaluation.hindcast import Hindcast
from forecast.evaluation.hold_out import Foreseen, Number
from forecast.evaluation.sensitivity import Sensitivity
from forecast.models.earnings.statements import Against
from forecast.news.prospects import Prospect
from forecast.news.statistics import Statistic
from forecast.report import results
from forecast.report.figures import _quoted
from forecast.report.memo import markdown
from forecast.report.quoted import MOST, finding, quoted
from forecast.report.record import Guided, Report, Watched
from forecast.report.sections.first_page import build
from forecast.tables.articles import data_dir

DAY = dt.date(2026, 5, 6)
WINDOW = (DAY, dt.date(2028, 5, 6))


def definition(name, model="market", **more):
    return Definition(name, model, f"{name} happens.", None, WINDOW, **more)


def verdict(name, probability, model="market", **more):
    status = more.pop("status", "judged")
    return Verdict("c", name, "forecast", model, probability, 0.01, "2026-05-06", "2028-05-06",
                   status, "", 4000, **more)  # fmt: skip


SHARES = definition("shares", "hazard", group="prices", phrase="a fall of a fifth in shares")
SPENDING = definition("spending", "earnings", group="spending", phrase="a cut in spending")
TWIN = definition("twin", "capex_hazard", group="spending", same_event=("spending",))
HARDER = definition("harder", "earnings", group="spending")
REST = definition("rest", "hazard", group="prices", polarity="opposite")


@pytest.fixture
def report(known):
    claim = Claim(
        "c", "forecast", "verbatim", "it will happen", "It happens.", "A paper", DAY,
        (HARDER, SHARES, SPENDING, TWIN, REST),
        Pool({"spending": 2.0, "harder": 1.0, "shares": 3.0}, "w"), Implied(0.95, 0.99, "will"),
    )  # fmt: skip
    rows = (
        verdict("harder", 0.03, "earnings"), verdict("shares", 0.71, "hazard"),
        verdict("spending", 0.08, "earnings"), verdict("twin", 0.36, "capex_hazard"),
        verdict("rest", 0.29, "hazard"),
    )  # fmt: skip
    return Report(
        run_id="abc", as_of="2026-05-06", seed=1, version="0", article="a",
        page=Page("What of it?", "A paper", ("c",)), claims=[claim], verdicts=Verdicts(rows),
        sensitivities={("c", "shares"): Sensitivity("c", "shares", 0.71, 0.0, 0.0, 0.0, 0.0,
                                                    {"sceptical": 0.8, "generous": 0.6}, 4000)},
        naive={("c", "shares"): 0.44, ("c", "spending"): 0.2}, findings=[], known=known, specs={},
        gates={}, seconds={}, coming="NVDA on 2026Q1, about 2026-05-20",
    )  # fmt: skip


def changed(report, **probabilities):
    rows = [
        dataclasses.replace(v, probability=probabilities.get(v.definition, v.probability))
        for v in report.verdicts
    ]
    return dataclasses.replace(report, verdicts=Verdicts(tuple(rows)))


def top(report):
    return markdown(report).split("\n## ")[0]


def test_a_number_is_a_natural_frequency_with_what_stands_beside_it(report):
    lines = top(report).splitlines()
    assert lines[0] == (
        "# A fall of a fifth in shares is likely; a cut in spending, very unlikely to unlikely"
    )
    assert lines[2] == (
        "What of it? · data as of 2026-05-06 · A paper · next report: NVDA on 2026Q1, about 2026-05-20"
    )
    assert "A paper: **“it will happen”**" in lines
    assert (
        "- **About 7 in 10**: a fall of a fifth in shares – 71 %, likely; naive forecast 44 %; other "
        "priors and structures 60 % to 80 %." in lines
    )
    assert (
        "- **About 8 in 100, or about 4 in 10**: a cut in spending – 8 % or 36 %, very unlikely to "
        "unlikely; naive forecast 20 %." in lines
    )
    other = top(changed(report, shares=0.32))
    assert "# A fall of a fifth in shares is unlikely; a cut in spending" in other
    assert "**About 3 in 10**: a fall of a fifth in shares – 32 %, unlikely;" in other


def test_one_of_each_group_or_those_that_the_page_names(report):
    (one,) = quoted(report)
    assert [row.definition.id for row in one.rows] == [
        "spending",
        "shares",
    ]  # by weight, no opposite
    named = dataclasses.replace(report.page, quoted=("rest", "harder"))
    (one,) = quoted(dataclasses.replace(report, page=named))
    assert [row.definition.id for row in one.rows] == ["rest", "harder"]
    # Without a pool the first of a group; what nobody can score stands back.
    claim = dataclasses.replace(
        report.claims[0],
        pool=None,
        definitions=(dataclasses.replace(HARDER, unscorable="nobody prints it"), SPENDING, TWIN),
    )
    (one,) = quoted(dataclasses.replace(report, claims=[claim]))
    assert [row.definition.id for row in one.rows] == ["spending"]
    many = tuple(definition(f"d{k}", group=f"g{k}") for k in range(MOST + 2))
    rows = Verdicts(tuple(verdict(d.id, 0.5) for d in many))
    claim = dataclasses.replace(report.claims[0], pool=None, definitions=many)
    (one,) = quoted(dataclasses.replace(report, claims=[claim], verdicts=rows))
    assert len(one.rows) == MOST


@pytest.mark.parametrize(
    ("shares", "spending", "twin", "said"),
    [
        (0.71, 0.08, 0.36, "read as 95 to 99 in 100, claim more than any of these numbers."),
        (0.97, 0.08, 0.36, "claim more than some of these numbers and no more than others."),
        (0.97, 0.96, 0.98, "claim no more than these numbers."),
    ],
)
def test_the_words_are_compared_with_the_numbers(report, shares, spending, twin, said):
    assert said in top(changed(report, shares=shares, spending=spending, twin=twin))
    claim = dataclasses.replace(report.claims[0], implied=None)
    assert "read as" not in top(dataclasses.replace(report, claims=[claim]))


def test_an_opposite_definition_does_not_bear_the_words_out(report):
    page = dataclasses.replace(report.page, quoted=("shares", "rest"))
    told = dataclasses.replace(changed(report, rest=0.98), page=page)
    (one,) = quoted(told)
    assert one.verdict == (
        "The words, read as 95 to 99 in 100, claim more than any of these numbers that would bear them "
        "out."
    )
    assert [row.implied for row in one.rows] == [(0.95, 0.99), pytest.approx((0.01, 0.05))]
    ax = _quoted(told, {}).shown
    bands = [line.get_xdata() for line in ax.lines if line.get_label() == "what the words imply"]
    assert [list(band) for band in bands] == [[95.0, 99.0], pytest.approx([1.0, 5.0])]


def test_what_stands_in_brackets_is_not_in_the_title(report):
    told = [
        dataclasses.replace(d, phrase=d.phrase and f"{d.phrase} (a fifth, 20 %) by 2028")
        for d in report.claims[0].definitions
    ]
    claim = dataclasses.replace(report.claims[0], definitions=tuple(told))
    text = top(dataclasses.replace(report, claims=[claim]))
    assert text.startswith(
        "# A fall of a fifth in shares by 2028 is likely; a cut in spending by 2028, "
    )
    assert "a fall of a fifth in shares (a fifth, 20 %) by 2028 – 71 %" in text


def test_without_a_phrase_the_title_is_the_pages_own_and_the_definition_speaks(report):
    plain = [dataclasses.replace(d, phrase="") for d in report.claims[0].definitions]
    claim = dataclasses.replace(report.claims[0], definitions=tuple(plain))
    text = top(dataclasses.replace(report, claims=[claim]))
    assert text.startswith("# What of it?\n\ndata as of")
    assert "- **About 7 in 10**: shares happens – 71 %, likely;" in text


def test_what_is_decided_is_no_forecast(report):
    rows = [
        dataclasses.replace(v, status="decided", probability=1.0)
        if v.definition in ("spending", "twin")
        else v
        for v in report.verdicts
    ]
    told = dataclasses.replace(report, verdicts=Verdicts(tuple(rows)))
    assert "- **It came**: a cut in spending – decided by what has come." in top(told)
    assert finding(told) == "A fall of a fifth in shares is likely"


def test_nothing_answered_is_nothing_said(report):
    rows = [dataclasses.replace(v, status="model not run") for v in report.verdicts]
    none = dataclasses.replace(report, verdicts=Verdicts(tuple(rows)))
    assert build(none) is None
    assert finding(none) == "What of it?"


def doubts(report):
    page = build(report)
    assert page is not None
    return page.doubts


def test_why_it_could_be_wrong(report):
    (rival,) = doubts(report)
    assert rival.startswith(
        "Two models answer “a cut in spending”. One says 8 % and goes by what the companies report"
    )
    near, far = (Guided(gap, False, f"{gap} off", "In full.") for gap in (0.01, -0.2))
    every = Guided(0.02, True, "all of them", "In full.")
    assert doubts(dataclasses.replace(report, guided=[near, far]))[1:] == ("-0.2 off",)
    told = doubts(dataclasses.replace(report, guided=[near, far, every]))
    assert told[1:] == ("all of them", "-0.2 off")
    numbers = tuple(Number("x", "2025-12-31", 80, 81, 70, 90, 0.4, (True, k < 2, True), 0.1, None)
                    for k in range(6))  # fmt: skip
    newest = [Foreseen(name, "figures", "", False, numbers) for name in ("hazard", "market")]
    told = doubts(dataclasses.replace(report, foreseen=newest))
    assert told[1:] == ("Too sure: its 80 % bands held 2 of 6 newest figures (hazard).",)
    hindcasts = [
        Hindcast("1999-12-31", "Telecom", "capex down", "m", 0.21, 0.01, 0.1, False, "no", ""),
        Hindcast("2000-12-31", "Telecom", "capex down", "m", 0.09, 0.01, 0.1, True, "42 % down", ""),
        *(Hindcast("1999-12-31", s, "price down", "h", 0.01, 0.01, 0.4, True, "it fell", "")
          for s in ("Chips", "Softw")),
    ]  # fmt: skip
    told = doubts(dataclasses.replace(report, hindcasts=hindcasts))
    assert told[1:] == (
        "Asked of an earlier boom (Telecom) as of 2000-12-31, the same tools gave 9 % to “capex down”. "
        "What came: 42 % down.",
    )


def test_guidance_in_brief():
    one = Against("META", "capex", "2026", "range", 125.0, 135.0, 145.0, "2026-04-29", 121.5, 100.0,
                  140.0, 90.0, (0.02, 0.06, 0.04))  # fmt: skip
    assert one.brief == (
        "META: our median for capex of 2026 is 122 USD bn, 10 % below the guidance of 125 to 145 "
        "(2026-04-29); before, it came out 4 % above what had been said (median of 3)."
    )
    assert "no earlier statement tells" in dataclasses.replace(one, past=()).brief


def test_the_figure_has_the_same_rows_and_the_twin_beside(report):
    drawn = _quoted(report, {})
    said = [text.get_text().replace("\n", " ") for text in drawn.shown.texts]
    assert "A cut in spending" in said
    assert "The same, by the capex_hazard model" in said
    assert [t for t in said if t.endswith("%")] == ["8 %", "36 %", "71 %"]
    assert "A fall of a fifth in shares 71 %" in drawn.alt
    names = [t.get_text() for t in drawn.shown.get_legend().get_texts()]
    assert "what the words imply" in names


def test_a_page_that_names_what_is_not_there_is_refused(tmp_path):
    path = tmp_path / "page.toml"
    shipped = (data_dir() / "articles" / "cuban_2026_05" / "page.toml").read_text(encoding="utf-8")
    path.write_text(shipped.replace('"crash",', '"crush",'), encoding="utf-8")
    with pytest.raises(ClaimError, match=r"quoted names crush; wanted ids of definitions"):
        read_page(path, read_claims())


def test_every_phrase_of_the_shipped_article_is_a_noun_that_stands_alone():
    claims = {c.id: c for c in read_claims()}
    page = read_page(data_dir() / "articles" / "cuban_2026_05" / "page.toml", list(claims.values()))
    named = {d.id: d for c in claims.values() for d in c.definitions}
    assert page.quoted
    for name in page.quoted:
        phrase = named[name].phrase
        assert phrase
        assert phrase[0].islower() or phrase[0].isdigit()
        assert not phrase.endswith(".")
        assert "same" not in phrase


@pytest.mark.parametrize(
    "p", [0.0, 1e-4, 0.004, 0.006, 0.19, 0.2, 0.5, 0.8, 0.81, 0.99, 0.996, 1.0]
)
def test_a_frequency_says_the_same_as_the_percentage(p):
    words, number = frequency(p, 4000), percent(p, 4000)
    if number[0] in "<>":
        assert words in ("fewer than 1 in 100", "more than 99 in 100")
        assert (number[0] == "<") == words.startswith("fewer")
    else:
        share = int(words.split()[1]) / int(words.split()[3])
        assert share == pytest.approx(p, abs=0.05 if words.endswith(" 10") else 0.005)
        assert 0 < share < 1
    assert frequency(None) == "–"
    assert np.isfinite(p)


def test_the_pool_stands_in_the_table_and_not_on_the_first_page(report):
    pooled = Pooled("c", 0.27, 0.012, 0.19, {"shares": 1.0}, (), "one only")
    text = markdown(dataclasses.replace(report, pooled={"c": pooled}))
    assert "| A definition drawn by weight | **27 %** |" in text
    assert "27 %" not in text.split("\n## ")[0]


# --- what would change these numbers -----------------------------------------------------------
def test_what_would_change_the_numbers_is_told_by_definition(report):
    heading = "### What would change these numbers"
    assert heading not in top(report)
    none = top(dataclasses.replace(report, watched=()))
    assert "- No single number that is reported next moves these answers" in none.split(heading)[1]
    one = Watched("Meta", "capex", "2026Q2", "2026-07-29", "a cut in spending", (22.41, 31.8),
                  "USD bn", (0.12, 0.061), 0.08, 0.02)  # fmt: skip
    other = dataclasses.replace(one, company="Oracle", day="", prints=(13.2, 25), given=(0.1, 0.05))
    told = top(dataclasses.replace(report, watched=(one, other))).split(heading)[1].strip()
    assert told == (
        "- “A cut in spending”, now 8 %. Meta, capex of 2026Q2, about 2026-07-29: 12 % at 22 USD bn, "
        "6 % at 32; Oracle, capex of 2026Q2: 10 % at 13 USD bn, 5 % at 25: numbers that one of ten "
        "draws lies below, or above."
    )


def test_what_is_watched_is_checked_and_stands_on_the_first_page(report, monkeypatch):
    """Of the first page's definitions, what reweighting bears out, the largest move first."""
    levels = np.array([0.1, 0.5, 0.9])

    def prospect(series, move, **more):
        known = {"checked": {0.5: 0.1}} | more
        return Prospect(series.split("/")[0], series, "2026Q2", "c/spending", "USD bn", 0.08, levels,
                        np.array([20.0, 26.0, 32.0]), np.array([0.12, 0.08, 0.06]), move=move,
                        **known)  # fmt: skip

    found = [
        prospect("META/capex", 0.01), prospect("GOOGL/capex", 0.03),
        prospect("MSFT/capex", 0.09, checked={}), prospect("AMZN/capex", 0.08, reason="noise"),
        prospect("ORCL/capex", 0.02), prospect("NVDA/capex", 0.005),
    ]  # fmt: skip
    asked = []

    def anticipate(draws, statistics, *, seed):
        asked.extend(s.name for s in statistics)
        return found

    monkeypatch.setattr(results, "anticipate", anticipate)
    monkeypatch.setattr(results, "ranked", lambda found, run, own, *, seed: found)
    every = [Statistic(f"c/{name}", lambda draws: draws) for name in ("spending", "harder")]
    monkeypatch.setattr(results, "statistics_of", lambda *a: tuple(every))
    run = SimpleNamespace(spec=SimpleNamespace(model="earnings"))
    fitted = SimpleNamespace(draws="draws", run=run)
    out = [{"entity": "GOOGL", "quarter": "2026Q2", "expected_on": "2026-07-24"}]
    told = results._watched(report, fitted, out)
    assert asked == ["c/spending"]  # the other is not on the first page
    assert [one.company for one in told] == ["Alphabet", "Oracle", "Meta"]
    assert [one.day for one in told] == ["2026-07-24", "", ""]
    assert told[0].asked == "a cut in spending"
    assert (told[0].prints, told[0].given) == ((20.0, 32.0), (0.12, 0.06))
    assert results._watched(report, None, out) is None
    monkeypatch.setattr(results, "statistics_of", lambda *a: ())
    assert results._watched(report, fitted, out) is None
