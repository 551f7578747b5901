"""Another article is another folder: its memo has its own title, first page and sections."""

import json
import re
import shutil

import pytest

from forecast.app.pipeline import run_all
from forecast.claims.inputs import read_inputs
from forecast.claims.page import Page, default_page, page_of, read_page
from forecast.claims.read import read_claims
from forecast.cli import main
from forecast.core.errors import ClaimError, DataError, UnknownNameError
from forecast.inference import fitting, sampling
from forecast.store.runs import verify
from forecast.tables.articles import find_article
from forecast.tables.shipped import data_dir, read_vintages

COLUMNS = "entity,metric,period,value,unit,reported_on,source,confidence,qualifier,printed\n"
PAGE = """
title = "Are the harbours overbuilt? Three sentences, weighed"
publisher = "The Quay Gazette, 3 March 2026"
headline = ["capex_falls", "ferries_grow"]
followed = ["Northport/capex"]
months = [3, 9]
models = ["earnings"]
"""
CLAIMS = """
source = "The Quay Gazette, 3 March 2026"
source_date = "2026-03-03"

[[claim]]
id = "capex_falls"
kind = "forecast"
words = "verbatim"
quote = "the cranes will stop within nine months"
text = "Northport's spending comes down."

[[claim.definition]]
id = "down_10"
model = "earnings"
event = { kind = "peak_to_trough", series = "Northport/capex", total = 4, fall = 10 }
window = ["2026-03-03", "2026-12-31"]
label = "Northport's capex"
group = "spending"
thresholds = [20]
why = "Four-quarter capex of Northport falls 10 % below its peak."

[[claim]]
id = "ferries_grow"
kind = "forecast"
words = "paraphrase"
text = "Southferry earns more than ever."

[[claim.definition]]
id = "revenue_up_5"
model = "earnings"
event = { kind = "growth", series = "Southferry/revenue", op = ">=", value = 5, lag = 4 }
window = ["2026-10-01", "2026-12-31"]
why = "Southferry's revenue of the last quarter of 2026 is 5 % above that of a year before."

[[claim]]
id = "three_cranes"
kind = "fact"
words = "fragment"
quote = "over thirty"
text = "Northport has spent over thirty billion in a year."

[[claim.definition]]
id = "sum"
model = "audit"
why = "The column sums to thirty or more."

[claim.definition.check]
rule = "sum"
entity = "Northport"
metric = "capex_printed"
first = "2022"
last = "2025"
said = 30
unit = "USD bn"
"""
NOT_OURS = ("Cuban", "AINews", "OpenAI", "trillion", "telecom", "Microsoft", "Alphabet", "NVIDIA",
            "MSFT", "big_five", "big five", "AI market", "AI spending", "semiconductor", "GPT",
            "Polymarket", "Epoch", "recalibration", "hyperscaler", "H100", "market table",
            "programme")  # fmt: skip
"""Words of the shipped article, its tables and its claims."""


def lay_out(data, name="harbours"):
    """Write an article of made-up numbers and the quarters of two made-up companies."""
    folder = data / "articles" / name
    folder.mkdir(parents=True)
    (folder / "page.toml").write_text(PAGE)
    (folder / "claims.toml").write_text(CLAIMS)
    printed = [f"Northport,capex_printed,{year},{6 + year - 2022},USD bn,2026-03-03,The Quay Gazette,B,"
               f",{6 + year - 2022}\n" for year in range(2022, 2026)]  # fmt: skip
    (folder / "harbours.csv").write_text(COLUMNS + "".join(printed))
    quarters = []
    for k in range(12):
        year, quarter = 2023 + k // 4, k % 4 + 1
        day = f"{year + quarter // 4}-{(4, 7, 10, 1)[quarter - 1]:02d}-28"
        for entity, base in (("Northport", 2.0), ("Southferry", 5.0)):
            for metric, times in (("capex", 1.0), ("revenue", 4.0)):
                value = base * times * (1 + 0.02 * k + 0.01 * (quarter == 4))
                cells = (entity, metric, f"{year}Q{quarter}", f"{value:.3f}", "USD bn", day)
                quarters.append(",".join((*cells, "report", "A", "", "\n")))
    (data / "earnings.csv").write_text(COLUMNS + "".join(quarters))
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the data folder and the run of the other article, with prior draws for a sampler."""
    from conftest import independent_tree

    place = tmp_path_factory.mktemp("another")
    lay_out(place / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "sample_model", independent_tree)
        patch.setattr(fitting, "prior_misses", lambda *args, **kwargs: [])
        return place, run_all(place / "out", data=place / "data", quick=True)


def test_the_memo_is_of_the_other_article_and_of_no_other(made):
    _, outcome = made
    verify(outcome.folder)
    text = (outcome.folder / "memo.md").read_text(encoding="utf-8")
    assert text.startswith("# Are the harbours overbuilt? Three sentences, weighed\n")
    assert "· The Quay Gazette, 3 March 2026 ·" in text
    found = [word for word in NOT_OURS if re.search(re.escape(word), text, re.IGNORECASE)]
    assert found == []
    page = (outcome.folder / "memo.html").read_text(encoding="utf-8")
    assert "<title>Are the harbours overbuilt?" in page
    # With the figures' own words: captions, alternative texts and titles.
    told = re.sub(r"data:[^\"')]*|<style.*?</style>", "", page, flags=re.DOTALL)
    assert "Quarterly figures of Northport, from joint draws" in told
    assert [w for w in NOT_OURS if re.search(re.escape(w), told, re.IGNORECASE)] == []


def test_each_headline_claim_stands_on_the_first_page_and_has_its_table(made):
    _, outcome = made
    text = (outcome.folder / "memo.md").read_text(encoding="utf-8")
    top, rest = text.split("## Every definition")
    said = [line for line in top.splitlines() if line.endswith("**")]
    assert [line.split(": ", 1)[1] for line in said] == [
        "**“the cranes will stop within nine months”**",
        "**Southferry earns more than ever.**",
    ]
    assert len([line for line in top.splitlines() if line.startswith("- **")]) >= 2
    tables = rest.split("## How to read these numbers")[0]
    assert tables.count("| what counts | probability |") == 2
    assert "Ferries grow: Southferry earns more than ever." in tables
    assert "| Four-quarter capex of Northport falls 10 % below its peak. |" in tables
    assert "What the models saw." in text


def test_it_has_the_sections_that_have_something_to_say(made):
    _, outcome = made
    text = (outcome.folder / "memo.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)", text, re.MULTILINE) == [
        "Every definition",
        "Where reported spending may go",
        "Words",
        "Every claim of the article",
        "The definitions as pictures",
        "How the answer moves",
        "What else the companies report and have said",
        "What does not add up in the article",
        "The numbers that went in",
        "To make this memo again",
    ]
    moves = text.split("## How the answer moves")[1].split("\n## ")[0]
    assert "months 3 to 9 |" in moves
    assert "by 2026-06-03 | by 2026-12-03 |" in moves
    assert "| Northport | capex_printed | 2025 | 9 | 9 | USD bn |" in text
    assert "checked: agrees" in text


def test_what_the_page_says_goes_into_the_run(made):
    place, outcome = made
    manifest = json.loads((outcome.folder / "manifest.json").read_text())
    assert manifest["article"] == "harbours"
    assert manifest["followed"] == ["Northport/capex"]
    assert manifest["models"] == ["earnings"]
    page = place / "data" / "articles" / "harbours" / "page.toml"
    before = read_inputs(place / "data").hash
    page.write_text(PAGE.replace("[3, 9]", "[3, 8]"))
    assert read_inputs(place / "data").hash != before
    page.write_text(PAGE)
    assert read_inputs(place / "data").hash == before


# --- which article ----------------------------------------------------------------------------
def test_of_several_articles_one_must_be_named(tmp_path, capsys):
    data = tmp_path / "data"
    lay_out(data)
    lay_out(data, "canals")
    with pytest.raises(
        DataError, match=r"got the articles canals, harbours; wanted one.*--article"
    ):
        read_inputs(data)
    with pytest.raises(UnknownNameError, match="no article is called 'tea'; there are canals"):
        read_inputs(data, "tea")
    assert read_inputs(data, "canals").article == "canals"
    assert set(read_vintages(data, "canals")["entity"]) == {"Northport", "Southferry"}
    for command in (["run"], ["audit"], ["claims"]):
        assert main.main([*command, "--data", str(data)]) == 1
        assert "--article NAME" in capsys.readouterr().err
    assert main.main(["audit", "--json", "--data", str(data), "--article", "canals"]) == 0
    assert [f["claim"] for f in json.loads(capsys.readouterr().out)] == ["three_cranes"]


def test_a_folder_without_an_article_has_the_shipped_one_without_its_tables(tmp_path):
    lay_out(tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / "articles")
    inputs = read_inputs(tmp_path / "data")
    assert inputs.claims == read_claims()
    assert inputs.page == read_page(find_article().file("page.toml"))
    assert set(inputs.vintages["entity"]) == {"Northport", "Southferry"}


def test_an_article_without_a_page_gets_one_that_names_nobody(tmp_path):
    folder = lay_out(tmp_path / "data")
    (folder / "page.toml").unlink()
    inputs = read_inputs(tmp_path / "data")
    assert inputs.page == default_page(inputs.claims)
    title = "The predictions of The Quay Gazette, 3 March 2026, put to the numbers"
    assert inputs.page == Page(title, "The Quay Gazette, 3 March 2026", ("capex_falls",))
    assert (inputs.scenarios, inputs.comparisons) == ((), ())


def test_a_folder_of_the_older_layout_is_still_read(tmp_path):
    data = tmp_path / "data"
    folder = lay_out(data)
    folder.rename(data / "article")
    (data / "articles").rmdir()
    (data / "article" / "harbours.csv").rename(data / "article" / "market.csv")
    (data / "article" / "page.toml").unlink()
    inputs, shipped = read_inputs(data), read_page(find_article().file("page.toml"))
    assert [claim.id for claim in inputs.claims] == ["capex_falls", "ferries_grow", "three_cranes"]
    assert "capex_printed" in set(inputs.vintages["metric"])
    assert inputs.scenarios  # what it lacks is the shipped article's, as before
    assert (inputs.page.headline, inputs.page.followed) == (("capex_falls",), shipped.followed)
    assert "The Quay Gazette" in inputs.page.title
    (data / "article" / "claims.toml").unlink()
    assert page_of(find_article(data), read_claims()) == shipped


# --- the page's keys --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("title = 3", "got title 3, wanted text in quotes"),
        ("headline = []", r"got headline \[\], wanted a list of claims' ids"),
        ('headline = ["tea"]', "headline names tea; wanted ids of the claims file: capex_falls"),
        ('headline = ["capex_falls", "capex_falls"]', "got headline .*, each once"),
        ("months = [9, 3]", r"got months \[9, 3\], wanted two whole numbers or more, rising"),
        ("months = [3]", "got months"),
        ("months = [true, 3]", "got months"),
        ('followed = ["capex"]', "got followed .*entity/metric"),
        ('hindcast = ["soon"]', "got hindcast"),
        ("hindcast = [1999-12-31]", "got hindcast .*a day in quotes"),
        ('models = ["tea"]', "got models .*one of market"),
        ("positions = 3", "got positions 3, wanted a list"),
        ("colour = 1", "unknown colour; it takes caveat, followed, headline"),
        ("[programme]\nname = 'x'", "page.toml, programme: missing heading"),
    ],
)
def test_a_page_that_cannot_be_read_is_refused_by_file_and_key(tmp_path, line, wanted):
    folder = lay_out(tmp_path / "data")
    kept = [one for one in PAGE.splitlines() if one.split(" ")[0] != line.split(" ")[0]]
    (folder / "page.toml").write_text("\n".join([*kept, line]) + "\n")
    with pytest.raises(ClaimError, match=wanted) as refused:
        read_inputs(tmp_path / "data")
    assert str(folder / "page.toml") in str(refused.value)


def test_the_shipped_page_is_of_the_shipped_claims():
    page = read_inputs().page
    assert page.headline == ("value_correction",)
    assert page.followed == ("big_five/capex",)
    assert page.months == (6, 12, 18, 24)
    assert data_dir() / "articles" / "cuban_2026_05" == find_article().folder
