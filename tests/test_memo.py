"""Every number of the memo is bound to draws or data."""

import dataclasses
import datetime as dt
import html
import re
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import pytest

from forecast.claims.comparisons import Beside
from forecast.claims.page import Page
from forecast.claims.pool import Pooled
from forecast.claims.records import Claim, Definition, Implied
from forecast.claims.scenarios import Conditional, Scenario
from forecast.claims.variations import Depth, Variation
from forecast.claims.verdict import Verdict, Verdicts
from forecast.core.text import significant
from forecast.evaluation.hindcast import Hindcast
from forecast.evaluation.hold_out import Foreseen, Number
from forecast.evaluation.misfit import Misfit
from forecast.evaluation.sensitivity import Sensitivity
from forecast.evaluation.warnings import WarningCheck
from forecast.inference.gate import Check, Gate
from forecast.report import memo
from forecast.report.change_memo import Arrival, Coming, Surprise
from forecast.report.figures import _sensitivity
from forecast.report.memo import SECTIONS, TEMPLATES, markdown, page, render
from forecast.report.record import Figure, Report
from forecast.report.section import Section
from forecast.report.sections import NAMES, sections

DAY = dt.date(2026, 5, 6)


def newest(model, count, held):
    """Return figures of which the bands held some; CRPS 0.03 against 0.04 and a PIT of 0.4."""
    numbers = [
        Number("x", "2025-12-31", 80, 81, 70, 90, 0.4, (k < held,) * 3, 0.03, 0.04)
        for k in range(count)
    ]
    return Foreseen(model, "figures", "log points", False, tuple(numbers))


@pytest.fixture
def report(known):
    definition = Definition("d", "market", "It happens.", None, (DAY, dt.date(2028, 5, 6)))
    other = Definition("later", "payback", "It is earned back.", None, None)
    claim = Claim("c", "forecast", "verbatim", "it will happen", "It happens.", "AINews", DAY,
                  (definition, other))  # fmt: skip
    rows = (
        Verdict("c", "d", "forecast", "market", 0.31, 0.01, "2026-05-06", "2028-05-06", "judged",
                "31 %", 4000),
        Verdict("c", "later", "forecast", "payback", None, None, None, None, "model not run",
                "Not run."),
    )  # fmt: skip
    gate = Gate((Check("R-hat", 1.002, "<= 1.01", True, "a"),), "0")
    return Report(
        run_id="abc",
        as_of="2026-05-06",
        seed=1,
        version="0",
        article="a",
        page=Page("A title", "AINews", ("c",)),
        claims=[claim],
        verdicts=Verdicts(rows),
        sensitivities={
            ("c", "d"): Sensitivity(
                "c", "d", 0.31, 0.02, 0.001, -0.03, 0.002, {"sceptical": 0.44}, 4000
            )
        },
        naive={("c", "d"): 0.22},
        foreseen=[
            newest("market", 2, 1),
            Foreseen("scaling_law", reason="its data carry no dates"),
        ],
        findings=[],
        known=known,
        specs={},
        gates={"market": gate},
        seconds={"fit": 3.0},
        observations={"benchmark": 638},
    )


def prose(template: Path) -> str:
    text = template.read_text(encoding="utf-8")
    for pattern in (r"<style>.*?</style>", r"\{#.*?#\}", r"\{%.*?%\}", r"\{\{.*?\}\}", r"<[^>]+>"):
        text = re.sub(pattern, " ", text, flags=re.DOTALL)
    return text


@pytest.mark.parametrize(
    "template",
    sorted((*TEMPLATES.glob("*.j2"), *SECTIONS.glob("*.j2"))),
    ids=lambda path: path.name,
)
def test_templates_hold_no_number(template):
    assert re.findall(r"\d+", prose(template)) == []
    inside = " ".join(re.findall(r"\{\{.*?\}\}", template.read_text(), re.DOTALL))
    # nor a number smuggled in as a literal that is printed; indices and formats are not printed
    assert re.findall(r"\{\{\s*[\"']?[\d.]+", inside) == []


def test_the_memo_follows_the_verdict(report):
    text = markdown(report)
    assert "- **About 3 in 10**: It happens – 31 %, unlikely;" in text
    v = dataclasses.replace(report.verdicts[0], probability=0.62)
    other = dataclasses.replace(report, verdicts=Verdicts((v, report.verdicts[1])))
    assert "- **About 6 in 10**: It happens – 62 %, likely;" in markdown(other)
    assert "31 %" not in markdown(dataclasses.replace(other, sensitivities={}))


def test_each_section_is_a_module_in_the_list_with_a_template():
    """A section is added by its two files and its name."""
    found = {path.stem for path in SECTIONS.glob("*.py")} - {"__init__"}
    assert found == set(NAMES)
    assert [one.key for one in sections()] == list(NAMES)
    templates = {one.template or f"{one.key}.md.j2" for one in sections()}
    assert templates == {path.name for path in SECTIONS.glob("*.j2")}


def test_a_new_section_is_printed_in_its_place_and_an_empty_one_is_not(report, monkeypatch):
    def about(template):
        return Section("mine", lambda r: r if r.seed == 1 else None, "Mine", template=template)

    monkeypatch.setattr(memo, "sections", lambda: (sections()[0], about("figures.md.j2")))
    assert markdown(report).splitlines()[-1] == "## Mine"
    assert "Mine" not in markdown(dataclasses.replace(report, seed=2))


def test_the_annex_stands_last_with_contents_after_the_first_page(full, tmp_path):
    text = markdown(full)
    memo_part, annex = text.split("\n# Annex\n")
    assert "## Every definition" in memo_part
    assert "## Every claim of the article" in annex
    assert [name for name in ("Words", "How the answer moves") if name in memo_part] == []
    shown = page(text, {}, tmp_path, draft=False)
    body = shown.split("<body>")[1]
    first, rest = body.split("</div>\n<nav", 1)
    assert "<h2" not in first
    assert rest.index("</nav>") < rest.index("<h2")
    links = re.findall(r'<a href="#([^"]+)">([^<]+)</a>', rest.split("</nav>")[0])
    headings = re.findall(r'<h2 id="([^"]+)">(?:<span[^>]*>)?([^<]+)', body)
    assert [link for link in links if link[0] != "annex"] == headings
    assert ("annex", "Annex") in links
    assert body.count('<section class="annex">') == body.count("</section>") == 1
    assert body.index('<section class="annex">') < body.index('<h1 id="annex">')
    assert "The annex, with every definition in full" in body
    # Without an annex there is neither its heading nor a word of it.
    bare = page(memo_part, {}, tmp_path, draft=False).split("<body>")[1]
    assert "annex" not in re.sub(r"end of the annex", "", bare)
    assert "<nav" in bare


def test_a_percent_sign_stays_with_its_number_on_the_page(report, tmp_path):
    text = markdown(report)
    assert "31 %" in text
    body = page(text, {}, tmp_path, draft=False).split("<body>")[1]
    assert "31\N{NO-BREAK SPACE}%" in body
    assert "31 %" not in body


def test_other_predictions_are_told_from_end_to_end(full):
    claim = dataclasses.replace(full.claims[0], id="o", quote="prices will fall")
    asked = [dataclasses.replace(claim.definitions[0], id=name) for name in ("low", "high", "not")]
    claim = dataclasses.replace(claim, definitions=tuple(asked))
    told = [
        dataclasses.replace(
            full.verdicts[0], claim="o", definition=name, probability=p, polarity=way
        )
        for name, p, way in (("low", 0.12, "same"), ("high", 0.6, "same"), ("not", 0.3, "opposite"))
    ]
    made = dataclasses.replace(
        full,
        claims=[*full.claims, claim],
        verdicts=Verdicts((*full.verdicts, *told)),
        naive={**full.naive, ("o", "low"): 0.2, ("o", "high"): 0.5},
    )
    table = markdown(made).split("### The article's other predictions")[1].split("##")[0]
    row = "| “prices will fall” | 2 | **12 % to 60 %** | very unlikely to likely | 20 % to 50 % | 30 % |"
    assert row in table
    assert "“it will happen”" not in table  # it stands on the first page
    assert "other predictions" not in markdown(full)


def test_a_scenario_shows_the_first_page_and_what_moves_most(full):
    """Of five definitions under a condition the quoted one, and those that move most beside it."""
    names = ("d", "a", "b", "e", "f")
    asked = [
        dataclasses.replace(full.claims[0].definitions[0], id=n, why=f"It is {n}.") for n in names
    ]
    claim = dataclasses.replace(full.claims[0], definitions=tuple(asked))
    plain = [dataclasses.replace(full.verdicts[0], definition=n, probability=0.3) for n in names]
    given = [
        dataclasses.replace(v, probability=0.3 + moved)
        for v, moved in zip(plain, (0.01, 0.1, -0.25, 0.02, 0.4), strict=True)
    ]
    made = dataclasses.replace(
        full,
        claims=[claim],
        page=dataclasses.replace(full.page, quoted=("d",)),
        verdicts=Verdicts(tuple(plain)),
        scenarios=[dataclasses.replace(full.scenarios[0], verdicts=Verdicts(tuple(given)))],
    )
    text = markdown(made)
    shown, rest = (text.split(f"## {name}")[1].split("\n## ")[0]
                   for name in ("If something else", "Every conditional"))  # fmt: skip
    assert re.findall(r"\| stop \| It is (\w)\.", shown) == ["d", "b", "f"]
    assert re.findall(r"\| stop \| It is (\w)\.", rest) == list(names)


def test_what_the_data_moved_far_from_its_prior_is_told(report):
    misfit = Misfit("error", 0.3, 0.96, 2.33)
    told = dataclasses.replace(report, misfits={"api_price": (misfit,)}, sensitivities={})
    assert "| api_price | error | 0.3 | 0.96 | +2.3 |" in markdown(told)
    assert "standard deviations away" not in markdown(report)


def test_ends_of_several_definitions_stand_under_their_table(report):
    other = dataclasses.replace(report.verdicts[0], definition="later", probability=0.62)
    text = markdown(dataclasses.replace(report, verdicts=Verdicts((report.verdicts[0], other))))
    assert "**31 % to 62 % by 2028-05-06, depending on what counts.**" in text


def test_never_is_printed_as_a_bound(report):
    v = dataclasses.replace(report.verdicts[0], probability=0.0)
    text = markdown(dataclasses.replace(report, verdicts=Verdicts((v, report.verdicts[1]))))
    assert "< 1/4000" in text
    assert "| 0 %" not in text


def test_every_definition_has_a_row_and_one_without_a_number_says_why(report):
    table = markdown(report).split("## Every claim")[1].split("##")[0]
    row = next(line for line in table.splitlines() if "It happens." in line)
    for cell in ("| 31 % |", "unlikely", "| 22 % |", "| 31 % to 44 % |", "| 2028-05-06 | judged |"):
        assert cell in row
    assert "It is earned back. | – |  | – | – | – | – | model not run" in table


def test_naive_sensitivity_and_hold_out_stand_beside_ours(report):
    text = markdown(report)
    assert "22 %" in text
    assert "+2.0 ± 0.1" in text
    assert "−3.0 ± 0.2" in text
    assert "44 %" in text
    row = "| market | figures, as of 2025-12-31 | 2 | 1 of 2 | 1 of 2 | 1 of 2 | 0.40 | CRPS, log points"
    assert f"{row} | 0.03 | 0.04 | too few to grade |" in text
    assert "- **scaling_law**: not asked, for its data carry no dates." in text


@pytest.mark.parametrize(
    ("naive", "words"),
    [(0.30, "says the same"), (0.25, "says much the same"), (0.10, "says something else")],
)
def test_what_is_said_of_the_naive_forecast_follows_its_distance(report, naive, words):
    assert words in markdown(dataclasses.replace(report, naive={("c", "d"): naive}))


def test_a_failed_gate_stamps_the_page(report, tmp_path):
    bad = Gate((Check("divergences", 3, "0", False),), "0")
    draft = dataclasses.replace(report, gates={"market": bad})
    text = markdown(draft)
    assert "DRAFT" in text
    assert "market: divergences 3, wanted 0" in text
    assert 'class="draft"' in page(text, draft.figures, tmp_path, draft=bool(draft.draft))
    assert "DRAFT." not in markdown(report)
    assert 'class="draft"' not in page(
        markdown(report), report.figures, tmp_path, draft=bool(report.draft)
    )


def test_the_page_is_self_contained_and_escapes(report, tmp_path):
    claim = dataclasses.replace(report.claims[0], quote="<script>x</script>")
    report = dataclasses.replace(report, claims=[claim])
    shown = page(markdown(report), report.figures, tmp_path, draft=bool(report.draft))
    assert "<script" not in shown
    assert re.findall(r"(?:src|href)=\"(?!#)", shown) == []
    assert "prefers-color-scheme: dark" in shown
    assert "@media print" in shown


def test_figures_are_put_into_the_page_with_their_own_ids(report, tmp_path):
    (tmp_path / "figures").mkdir()
    svg = '<?xml version="1.0"?><svg width="10pt" height="5pt" viewBox="0 0 10 5"><g id="a"/>'
    svg += '<use href="#a"/><path style="fill: #1f2328"/></svg>'
    (tmp_path / "figures" / "strip.svg").write_text(svg)
    figure = Figure("figures/strip", "what it shows", "caption")
    report = dataclasses.replace(report, figures={"strip": figure})
    shown = page(markdown(report), report.figures, tmp_path, draft=bool(report.draft))
    assert '<figure role="img" aria-label="what it shows"><svg style="--own: 10pt" viewBox' in shown
    assert 'id="figures-strip-a"' in shown
    assert 'href="#figures-strip-a"' in shown
    assert "var(--ink)" in shown
    assert "<img" not in shown


@pytest.mark.parametrize(
    ("value", "text"),
    [(237.4, "240"), (1732.9, "1,700"), (0.0626, "0.063"), (99.6, "100"), (0, "0")],
)
def test_significant(value, text):
    assert significant(value) == text


# --- the first page ----------------------------------------------------------------------------
@pytest.fixture
def full(report):
    """The same report with a group, a pooled answer and all that stands beside it."""
    pooled = Pooled("c", 0.27, 0.012, 0.19, {"d": 1.0}, (), "one definition only")
    claim = dataclasses.replace(
        report.claims[0],
        definitions=(
            dataclasses.replace(report.claims[0].definitions[0], group="prices"),
            report.claims[0].definitions[1],
        ),
        implied=Implied(0.95, 0.99, "it says will"),
    )
    scenario = Scenario("stop", "Money stops.", "A guess.", "market", (), {}, "s")
    given = Verdicts((dataclasses.replace(report.verdicts[0], probability=0.71),))
    return dataclasses.replace(
        report,
        claims=[claim],
        pooled={"c": pooled},
        variations=[
            Variation("c", "d", "market", "threshold", "20", False, 0.12, 0.01),
            Variation("c", "d", "market", "window end", "2027-11-06", False, 0.23, 0.01),
            Variation("c", "d", "market", "window start", "2027-11-06", False, 0.08, 0.01),
            Variation("c", "d", "market", "prior", "sceptical", False, 0.44, 0.01),
        ],
        depths=[Depth("AI", 24, 0.30, 0.45, 0.25, (0.01, 0.01, 0.01), (0.5, 0.3, 0.2))],
        others=[
            Beside("Somebody", "a bust?", "2026-03", "probability", "s", 0.17, 0.13, 0.01, 0.05,
                   "half of it", "theirs needs more", "market", 4000),
            Beside("A bank", "a risk", "2025", "no probability", "s", None, None, None, None, "",
                   "words only", "none"),
        ],
        scenarios=[
            Conditional(scenario, 0.06, 210.0, given),
            Conditional(dataclasses.replace(scenario, id="flood"), 0.001, 4.0, None),
        ],
        hindcasts=[
            Hindcast("1999-12-31", "Telecom", "capex down", "market", 0.21, 0.01, 0.14, False,
                     "9 % below in 2001", "capex of 1996"),
            Hindcast("1999-12-31", "Chips", "price falls 20 %", "hazard", 0.8, 0.01, 0.4, True,
                     "it did", ""),
            Hindcast("1999-12-31", "Softw", "price falls 20 %", "hazard", 0.7, 0.01, 0.4, False,
                     "it did not", ""),
            Hindcast("2000-12-31", "Telecom", "capex down", "market", 0.31, 0.01, 0.1, True,
                     "42 % below in 2002", "capex of 1996"),
        ],
        warned=[WarningCheck(20, 24, 26, 18, 20.8, -0.3, -0.9, 0.3, 0.26)],
        latest={"market": "2025"},
    )  # fmt: skip


def test_the_first_page_has_every_reading_with_its_model_data_and_error(full):
    text = markdown(full)
    top = text.split("## How to read these numbers")[0]
    assert "The words, read as 95 to 99 in 100, claim more than any of these numbers." in top
    assert "Prices: 31 %, naive 22 %." in top
    assert "| **Prices** |" in top
    row = next(line for line in top.splitlines() if line.startswith("| It happens."))
    for cell in (
        "**31 %**",
        "22 %",
        "31 % to 44 %",
        "data and prior (sceptical)",
        "market, to 2025",
    ):
        assert cell in row
    assert "| A definition drawn by weight | **27 %** | 19 %" in top
    assert "Monte-Carlo standard errors are at most 1.0 points" in top
    assert "| AI, 24 months | 30 % | **45 %** | 25 % | 64 % | 50 %, 30 %, 20 % |" in top
    assert "Within 24 months a correction is the more probable of the two for AI." in top
    crash = dataclasses.replace(full.depths[0], correction=0.2, crash=0.5)
    other = dataclasses.replace(full, depths=[crash])
    assert "Within 24 months a crash is the more probable of the two for AI." in markdown(other)


def test_a_missing_reading_leaves_the_pooled_cell_empty_and_is_named(full):
    none = Pooled("c", None, None, None, {"d": 1.0}, ("d",), "w")
    report = dataclasses.replace(full, pooled={"c": none})
    text = markdown(report)
    assert "No pooled answer: without a number are d." in text


def test_what_nobody_can_score_is_marked_and_is_no_headline(full):
    claim = full.claims[0]
    marked = dataclasses.replace(claim.definitions[0], unscorable="nobody prints it", already=True)
    both = (marked, dataclasses.replace(marked, id="e", unscorable="", why="Somebody prints it."))
    other = dataclasses.replace(full.verdicts[0], definition="e", probability=0.55)
    report = dataclasses.replace(
        full,
        claims=[dataclasses.replace(claim, definitions=both)],
        verdicts=Verdicts((full.verdicts[0], other)),
        pooled={},
    )
    text = markdown(report)
    top = text.split("## How to read these numbers")[0]
    assert "Prices: 55 %" in top
    assert "31 % to 55 %" not in top
    assert "true already on the day of the claim; cannot be scored: nobody prints it" in text


def test_others_scenarios_and_the_hindcast_say_what_they_are(full):
    text = markdown(full)
    assert "| Somebody, 2026-03 (probability) | a bust? | 17 % | 13 % | 5 % | half of it |" in text
    assert "| A bank, 2025 (no probability) | a risk | – | – | – | – | words only |" in text
    assert "Of 26 famous warnings outside this boom, 18 were followed" in text
    assert "lead to expect 20.8" in text
    assert "| 23 % | 8 % |" in text
    assert "| d | – | 44 % | – | 20: 12 % |" in text
    assert "**stop** (conditional; a stretch: 6 % of the draws, 210 effective ones left)" in text
    assert "| stop | It happens. | **71 %** | 1.0 | 31 % |" in text
    assert "**flood** (conditional; far out: < 1 % of the draws" in text
    assert "**No numbers: its conditions hold in 0.1 % of the draws" in text
    assert "| flood |" not in text
    assert "| **no**: 9 % below in 2001 |" in text
    assert (
        "2 industries then after a run-up: price falls 20 % | 1.5 of 2 | – | 0.8 of 2 | 1 of 2"
        in text
    )
    assert "As of 2000-12-31 no industry of the class stood without a fall" in text


def test_without_the_models_the_sections_are_not_there(report):
    text = markdown(report)
    for heading in ("What others say", "How the answer moves", "conditional", "telecom"):
        assert heading not in text


# --- nothing to show, and foreign text ---------------------------------------------------------
def empty_tables(text):
    """Return the headers of tables without a row."""
    lines = text.splitlines()
    ends = [k for k, line in enumerate(lines) if re.fullmatch(r"\|(:?-+:?\|)+", line)]
    return [lines[k - 1] for k in ends if not "".join(lines[k + 1 : k + 2]).startswith("|")]


def test_no_section_has_a_table_without_rows(full, report):
    """Whatever of a run is missing: its facts, numbers, variations, everything."""
    bare = {
        field.name: type(getattr(full, field.name))()
        for field in dataclasses.fields(full)
        if isinstance(getattr(full, field.name), list | tuple | dict) and field.name != "claims"
    }
    unanswered = Verdicts(
        tuple(dataclasses.replace(v, status="model not run") for v in full.verdicts)
    )
    undated = [v for v in full.variations if v.what == "threshold"]
    cases = [
        *({name: nothing} for name, nothing in bare.items()),
        bare,
        {"verdicts": unanswered},
        {"verdicts": unanswered, "pooled": {}},
        {"variations": undated},
        {"page": dataclasses.replace(full.page, headline=())},
        {"scenarios": full.scenarios[1:]},
    ]
    for case in cases:
        text = markdown(dataclasses.replace(full, **case))
        assert empty_tables(text) == [], case
        assert "## Every claim of the article" in text
    assert empty_tables("| a |\n|---|\n\nafter") == ["| a |"]
    assert "By the end" not in markdown(dataclasses.replace(full, variations=undated))


def test_an_article_of_one_claim_without_an_answer_has_its_claim_and_nothing_empty(report):
    one = dataclasses.replace(
        report,
        verdicts=Verdicts(tuple(dataclasses.replace(v, status="model not run", probability=None)
                                for v in report.verdicts)),
        naive={}, sensitivities={}, foreseen=[],
    )  # fmt: skip
    text = markdown(one)
    assert "Every definition" not in text
    assert "other predictions" not in text
    assert "| | It happens. | – |  | – | – | – | 2028-05-06 | model not run |" in text


def test_foreign_text_is_the_same_text_wherever_it_stands(full, tmp_path):
    """In titles, ids, sources, groups, reasons, series and what others said; and it begins nothing."""
    text = "**a**(b) <AI> | `c` ![q](http://127.0.0.1:9911/q.png)\n\n# heading _i_ &amp; \\"
    seen = "**a**(b) <AI> | `c` ![q](http://127.0.0.1:9911/q.png) # heading _i_ &amp; \\"

    def foreign(thing):
        """Return a record whose texts, but for those that the program itself compares, are foreign."""
        own = ("model", "status", "kind", "words", "day", "what", "setting", "window_start",
               "window_end", "definition", "claim", "id", "as_of", "grade")  # fmt: skip
        changed = {
            field.name: text
            for field in dataclasses.fields(thing)
            if isinstance(getattr(thing, field.name), str) and field.name not in own and field.init
        }
        return dataclasses.replace(thing, **changed)

    definitions = tuple(map(foreign, full.claims[0].definitions))
    claim = dataclasses.replace(foreign(full.claims[0]), definitions=definitions, source=text)
    figure = Figure("figures/a b(c)*", text, text)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "a b(c)*.svg").write_text('<svg width="1" height="1"></svg>')
    made = dataclasses.replace(
        full,
        page=dataclasses.replace(foreign(full.page), headline=("c",)),
        claims=[claim],
        others=list(map(foreign, full.others)),
        hindcasts=[dataclasses.replace(h, came=text) for h in full.hindcasts],
        depths=[dataclasses.replace(full.depths[0], entity=text)],
        scenarios=[dataclasses.replace(c, scenario=foreign(c.scenario)) for c in full.scenarios],
        gates={text: full.gates["market"]},
        figures={"strip": figure, "others": figure},
    )
    memo_text = markdown(made)
    assert empty_tables(memo_text) == []
    shown = page(memo_text, made.figures, tmp_path, draft=False)
    assert shown.count("<h1") == 2  # the title and the annex
    title = re.sub(r"\s*\([^()]*\)", "", seen)  # brackets are not in a title
    assert "<h1>**a** " in shown
    assert f"<title>{html.escape(title)} is unlikely</title>".replace("&#x27;", "'") in shown
    assert "<img" not in shown
    told = html.unescape(re.sub(r"<[^>]+>", "", shown.split("<body>")[1]))
    assert told.count(seen) >= 20
    # Each time that it begins it is all of it: nothing of it has become anything else.
    assert told.count("**a**(b)") == told.count(seen)
    assert f'aria-label="{html.escape(seen)}"' in shown
    assert shown.count("<figcaption>") == 2


def test_the_figure_of_sensitivities_shows_those_that_the_prior_weighs_on_and_fits_a_page(report):
    """Of 56 definitions it was two pages high."""
    ids = [f"d_{k}" for k in range(56)]
    many = {
        ("c", name): Sensitivity("c", name, 0.3, (-1) ** k * k / 1000, 0.001, 0.5, 0.001, {}, 4000)
        for k, name in enumerate(ids)
    }
    drawn = _sensitivity(dataclasses.replace(report, sensitivities=many), {})
    figure = drawn.shown.figure
    assert figure.get_size_inches()[1] < 8.8  # 22 cm
    rows = [text.get_text() for text in drawn.shown.texts if text.get_text().startswith("c: ")]
    assert rows == [f"c: d {k}" for k in range(40, 56)]
    assert drawn.shown.get_title(loc="left") == "The prior weighs most on d 55"
    assert "The 16 definitions of 56 on which the prior weighs most" in drawn.caption
    few = dataclasses.replace(report, sensitivities=dict([*many.items()][:16]))
    assert "the table below has all" not in _sensitivity(few, {}).caption
    plt.close("all")


@pytest.mark.parametrize("number", [1, 2])
def test_a_change_memo_says_what_came_in_as_text(number):
    text = "**a** | <b>\n\n# c"
    seen = r"\*\*a\*\* \| \<b> # c"
    arrival = Arrival(text, text, "2026Q1", "1 USD bn", "", "")
    moved = SimpleNamespace(name=text, before="1 %", after="2 %", change="+1", noise="0", why=text)
    change = SimpleNamespace(
        before=SimpleNamespace(run="r1", as_of="2026-05-06"),
        after=SimpleNamespace(run="r2", as_of="2026-06-06"),
        splits=(),
    )
    told = render(
        "change.md.j2",
        {
            "c": change, "figures": {"change": Figure("figures/change", text, text)},
            "arrived": [arrival] * number, "besides": [arrival] * number,
            "surprising": [Surprise(text, text)] * number, "moved": [moved] * number,
            "still": [moved] * number, "same": number, "lines": [text] * number,
            "watch": [Coming(text, "2026Q2", "2026-07-30", "–", text)] * number, "limit": 10.0,
            "withdrawn": [text] * number,
        },
    )  # fmt: skip
    assert text not in told
    assert told.count(seen) == 2 + 13 * number - number
    assert f"- **{seen}** {seen}\n" in told
    assert f"![{seen}](figures/change.svg)\\\n{seen}\n" in told
    first = f"{seen.split()[0]} {seen} 2026Q1 1 USD bn"
    assert f"run: {'; '.join([first] * number)}.\n" in told
    assert f"noise: {'; '.join([f'{seen} 2 % (+1)'] * number)}.\n" in told
    assert f"{number} definition{'s' if number > 1 else ''} of models" in told
    assert empty_tables(told) == []
