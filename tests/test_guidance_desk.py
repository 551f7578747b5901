"""Guidance in a user's sheet: ranges, bounds, two columns, years, and what is refused."""

import pytest

from forecast.core.errors import DataError
from forecast.core.words import guided
from forecast.tables.desk.user_file import read_user_table
from forecast.tables.desk.user_rows import Reading
from forecast.tables.names import metrics
from forecast.tables.vintages import read_table

HEAD = "ticker,metric,period,value,unit,reported,source"
COLUMNS = ["value", "unit", "qualifier", "low", "high"]


@pytest.fixture
def read(tmp_path):
    def of(text, **said):
        path = tmp_path / "guidance.csv"
        path.write_text(text, encoding="utf-8")
        return read_user_table(path, None, {}, None, Reading(**said))

    return of


def first(table):
    row = table.rows.iloc[0].to_dict()
    ends = [float(row[c]) for c in ("low", "high") if row.get(c)]
    return row["value"], row["unit"], row["qualifier"], ends


@pytest.mark.parametrize(
    ("cell", "unit", "wanted"),
    [
        ("125-145", "USD bn", (135, "USD bn", "range", [125, 145])),
        ("125 – 145", "USD bn", (135, "USD bn", "range", [125, 145])),
        ("$125bn to $145bn", "", (135, "USD bn", "range", [125, 145])),
        ("$125-145bn", "", (135, "USD bn", "range", [125, 145])),
        ("between 125 and 145", "USD bn", (135, "USD bn", "range", [125, 145])),
        ("$900m-$1.1bn", "", (1.0, "USD bn", "range", [0.9, 1.1])),
        ("$65.0 billion plus or minus 2%", "", (65, "USD bn", "range", [63.7, 66.3])),
        ("$65bn ± $500m", "", (65, "USD bn", "range", [64.5, 65.5])),
        ("about $200 billion", "", (200, "USD bn", "about", [])),
        ("~200", "USD bn", (200, "USD bn", "about", [])),
        ("at least $80bn", "", (80, "USD bn", "at least", [])),
        (">80", "USD bn", (80, "USD bn", "at least", [])),
        ("80+", "USD bn", (80, "USD bn", "at least", [])),
        ("up to 80", "USD bn", (80, "USD bn", "at most", [])),
        ("80", "USD bn", (80, "USD bn", "", [])),
    ],
)
def test_a_cell_says_a_range_or_a_bound(read, cell, unit, wanted):
    found = read(f"{HEAD}\nMETA,capex guidance,2026,{cell},{unit},2026-04-29,call\n")
    value, its_unit, qualifier, ends = first(found)
    assert (value, its_unit, qualifier) == (pytest.approx(wanted[0]), *wanted[1:3])
    assert ends == pytest.approx(wanted[3])
    assert found.rows["metric"].tolist() == ["capex_guidance"]


def test_low_and_high_are_two_columns(read):
    found = read(
        "company,metric,period,low,high,unit,issued on,source\n"
        "META,Capex guidance,2026,125,145,USD bn,2026-04-29,call\n"
        "GOOGL,Capex guidance,2026,80,,USD bn,2026-04-29,call\n"
        "AMZN,Capex guidance,2026,,200,USD bn,2026-04-29,call\n"
    )
    rows = found.rows.set_index("entity")
    assert rows["value"].to_dict() == {"META": 135, "GOOGL": 80, "AMZN": 200}
    assert rows["qualifier"].to_dict() == {"META": "range", "GOOGL": "at least", "AMZN": "at most"}
    assert rows.loc["GOOGL", ["low", "high"]].tolist() == ["", ""]


def test_ends_are_read_by_the_decimal_sign_of_the_file(read):
    found = read(
        "company;metric;period;low;high;unit;reported;source\n"
        "META;capex guidance;2026;125,5;145,25;USD bn;2026-04-29;call\n"
        "NVDA;revenue guidance;2026;1.250,5;1.450,5;USD m;2026-04-29;call\n",
        quarters="calendar",
    )
    assert found.rows["low"].astype(float).tolist() == [125.5, 1250.5]
    assert found.rows["value"].tolist() == [135.375, 1350.5]
    one = read(
        "company;metric;period;value;unit;reported;source\n"
        "META;capex guidance;2026;1.250,5-1.450,5;USD m;2026-04-29;call\n"
    )
    assert first(one) == (1350.5, "USD m", "range", [1250.5, 1450.5])


def test_a_fiscal_year_is_its_days_and_an_estimate_of_one_is_kept(read):
    found = read(
        f"{HEAD}\nMSFT,Capex guidance,FY26,100,USD bn,2025-07-30,call\n"
        "META,Capex guidance,2026E,125-145,USD bn,2026-04-29,call\n"
    )
    assert found.rows["period"].tolist() == ["2025-07-01/2026-06-30", "2026"]
    with pytest.raises(DataError, match="--quarters fiscal or --quarters calendar"):
        read("company,metric,year,value,unit,reported,source\n"
             "MSFT,Capex guidance,2026,100,USD bn,2025-07-30,call\n")  # fmt: skip


def test_years_as_columns_hold_ranges(read):
    found = read(
        "META (USD bn),FY2025,FY2026\nReport date,2026-01-28,2026-04-29\nSource,call,call\n"
        "Capex guidance,70-72,$125bn to $145bn\n"
    )
    assert found.rows["low"].astype(float).tolist() == [70, 125]
    assert found.rows["period"].tolist() == ["2025", "2026"]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("145-125", "a range from its low end to its high one"),
        ("strong growth", "a number, a range such as 125-145, or a bound such as at least 80"),
        ("125-145-150", "a range such as 125-145"),
        ("$125bn ± $3", "the same unit on both sides of the sign"),
    ],
)
def test_what_is_no_statement_is_refused_with_its_cell(read, cell, said):
    with pytest.raises(DataError, match=said):
        read(f"{HEAD}\nMETA,capex guidance,2026,{cell},USD bn,2026-04-29,call\n")


def test_a_reported_number_is_no_range(read):
    with pytest.raises(DataError, match=r"125-145.*a number"):
        read(f"{HEAD}\nMETA,capex,2026Q1,125-145,USD bn,2026-04-29,10-Q\n")


def test_the_ends_of_a_range_agree_with_its_words(read):
    head = "ticker,metric,period,value,low,high,kind of bound,unit,reported,source"
    head = head.replace("kind of bound", "qualifier")
    row = "META,capex guidance,2026,{},USD bn,2026-04-29,call\n"
    assert first(read(f"{head}\n{row.format('135,125,145,')}"))[2] == "range"
    assert first(read(f"{head}\n{row.format('80,,,Floor')}"))[2] == "at least"
    for cells, said in [
        ("135,125,,", "the other end of the range"),
        ("160,125,145,", "a number from 125.0 to 145.0"),
        ("125-145,125,145,", "one range"),
        ("at least 80,,,at most", "at least, as its number says"),
        ("80,,,range", "numbers in low and high"),
    ]:
        with pytest.raises(DataError, match=said):
            read(f"{head}\n{row.format(cells)}")


def test_low_and_high_of_a_reported_number_are_not_read(read):
    """A table of prices has them too."""
    found = read(
        "ticker,metric,period,value,low,high,unit,reported,source\n"
        "META,capex,2026Q1,19.8,15,22,USD bn,2026-04-29,10-Q\n"
    )
    assert first(found) == (19.8, "USD bn", "", [])
    assert any("low and high" in note for note in found.notes)


def test_guidance_has_a_name_wherever_its_metric_has():
    find = metrics().find
    assert find("Guided capital expenditures").name == "capex_guidance"
    assert find("AWS outlook").name == "aws_revenue_guidance"
    assert "capex_guidance" in metrics().near("capex guidence")
    assert all(guided(name) in metrics().things for name in metrics().things if guided(name))


def test_negative_free_cash_flow_may_be_guided(read):
    row = "ORCL,FCF guidance,FY26,-5,USD bn,2025-12-10,call\n"
    assert first(read(f"{HEAD}\n{row}"))[0] == -5


def test_what_was_read_is_read_again_as_it_is(read, tmp_path):
    found = read(f"{HEAD}\nMETA,capex guidance,2026,125-145,USD bn,2026-04-29,call\n")
    found.rows.to_csv(tmp_path / "rows.csv", index=False)
    again = read_table(tmp_path / "rows.csv")
    assert again[COLUMNS].to_dict() == found.rows[COLUMNS].to_dict()
    assert first(read((tmp_path / "rows.csv").read_text())) == first(found)
