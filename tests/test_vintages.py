"""Two clocks: what is known on a day, and tables that are refused as a whole."""

import dataclasses
import datetime as dt
import io
import itertools

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.core.errors import DataError
from forecast.core.words import COLUMNS
from forecast.tables.changes import compare
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import (
    append_rows,
    as_of,
    check_table,
    newest_day,
    not_yet,
    read_table,
    table_hash,
)

GOOD = {
    "entity": "MSFT", "metric": "capex", "period": "2025Q1", "value": "100", "unit": "USD m",
    "reported_on": "2025-04-30", "source": "10-Q", "confidence": "A", "qualifier": "",
}  # fmt: skip


def rows(*changes):
    return pd.DataFrame([{**GOOD, **change} for change in changes])


def write(path, frame):
    frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": "USD millions"}, "line 2, unit: got 'USD millions', wanted one of USD"),
        ({"value": "-5"}, "line 2, value: got '-5', wanted a number above zero: capex"),
        ({"value": "0"}, "leave a missing capex out"),
        ({"value": ""}, "line 2, value: got ''"),
        ({"value": "1,000"}, "no thousands separator"),
        ({"value": "inf"}, "a finite number"),
        ({"value": "1e300", "unit": "USD tn"}, "a finite number"),
        ({"value": "1e308", "unit": "USD tn"}, "a finite number"),
        ({"value": "1e200", "unit": "USD tn"}, "a number whose size is 1e-21 to 10000 USD tn"),
        ({"value": "1e-30"}, "a number whose size is 1e-15 to 1e+10 USD m"),
        ({"metric": "own", "unit": "FLOP", "value": "1e37"}, "size is 1e-15 to 1e+36 FLOP"),
        ({"unit": "percent", "value": "5"}, "line 2, unit: got 'percent', wanted a unit of money"),
        ({"unit": "MW", "value": "5"}, "which capex is measured in"),
        ({"metric": "planned_power"}, "wanted a unit of power (MW, GW)"),
        ({"value": "nan"}, "a finite number"),
        ({"metric": "mmlu", "unit": "percent", "value": "101"}, "between 0 and 100"),
        ({"period": "this year"}, "line 2, period: got 'this year'"),
        ({"reported_on": "30.04.2025"}, "line 2, reported_on"),
        ({"reported_on": "2025-03-30"}, "on or after the period's end 2025-03-31"),
        ({"confidence": "high"}, "A, B or C"),
        ({"qualifier": "roughly"}, "empty or one of about"),
        ({"entity": ""}, "line 2, entity"),
        ({"source": ""}, "line 2, source"),
        ({"qualifier": "range", "low": "", "high": "110"}, "numbers in low and high"),
        ({"qualifier": "range", "low": "about 90", "high": "110"}, "numbers in low and high"),
        ({"qualifier": "range", "low": "101", "high": "110"}, "a number from 101 to 110"),
        (
            {"qualifier": "range", "low": "100", "high": "100"},
            "the ends of its range, which differ",
        ),
        ({"qualifier": "about", "low": "90"}, "line 2, low: got '90', wanted nothing, or"),
    ],
)
def test_a_bad_row_is_named_with_what_was_wanted(change, message):
    with pytest.raises(DataError) as error:
        check_table(rows(change))
    assert message in str(error.value)


def test_every_bad_row_is_named_at_once():
    frame = rows({"unit": "EUR"}, {"period": "2025Q2", "value": "-1", "reported_on": "2025-07-30"},
                 {"period": "2025Q3", "reported_on": "2025-10-30"}, {})  # fmt: skip
    with pytest.raises(DataError) as error:
        check_table(frame)
    text = str(error.value)
    assert "3 problem(s) in 3 row(s)" in text
    assert all(f"line {n}" in text for n in (2, 3, 5))
    assert "line 4" not in text


# --- a report of a day that has not come (kind 12) -------------------------------------------
TODAY = dt.date(2026, 11, 29)


def test_a_report_of_a_day_after_today_is_refused_when_it_comes_in():
    late = rows({}, {"period": "2025Q2", "reported_on": "2062-07-29"})
    with pytest.raises(DataError) as error:
        check_table(late, today=TODAY)
    assert "line 3, reported_on: got '2062-07-29', wanted a day on which it was reported" in str(
        error.value
    )
    assert "not after today, 2026-11-29" in str(error.value)
    assert len(check_table(late)) == 2  # a table that is held may say what could be
    today = rows({"reported_on": "2026-11-29"})
    assert len(check_table(today, today=TODAY)) == 1
    with pytest.raises(DataError, match="'2026-11-30'"):
        check_table(rows({"reported_on": "2026-11-30"}), today=TODAY)


def test_the_default_day_is_the_newest_report_that_is_not_after_today():
    table = check_table(rows({}, {"value": "110", "reported_on": "2025-07-30"},
                             {"value": "999", "reported_on": "2062-07-29"}))  # fmt: skip
    assert newest_day(table, TODAY) == "2025-07-30"
    assert newest_day(table, dt.date(2025, 7, 29)) == "2025-04-30"
    assert newest_day(table, dt.date(2062, 7, 29)) == "2062-07-29"
    with pytest.raises(
        DataError, match=r"no report up to today, 2020-01-01; the first is of 2025-04-30.*--as-of"
    ):
        newest_day(table, dt.date(2020, 1, 1))
    assert not_yet(table, dt.date(2062, 7, 29)) == ""
    said = not_yet(table, TODAY)
    assert said.startswith(
        "1 row(s) are of days after today, 2026-11-29, and are not known yet: MSFT"
    )
    assert "MSFT capex 2025Q1 of 2062-07-29" in said


# --- a number far from its neighbour (kind 12) -----------------------------------------------
def jump_of(*changes, held=({},)):
    new = compare(check_table(rows(*held)), check_table(rows(*changes)))
    return [*new.new["jump"], *new.revisions["jump"]]


NEXT = {"period": "2025Q2", "reported_on": "2025-07-30"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({**NEXT, "value": "100000"}, "100,000 USD m after 100 in 2025Q1: 1,000 times"),
        ({**NEXT, "value": "89", "unit": "USD bn"}, "89 USD bn after 0.1 in 2025Q1: 890 times"),
        ({**NEXT, "value": "0.1"}, "0.1 USD m after 100 in 2025Q1: 1/1,000"),
        ({**NEXT, "value": "500"}, "500 USD m after 100 in 2025Q1: 5 times"),
        ({**NEXT, "value": "20"}, "20 USD m after 100 in 2025Q1: 1/5"),
        ({**NEXT, "value": "499"}, ""),
        ({**NEXT, "value": "20.1"}, ""),
        ({**NEXT, "value": "0.1", "unit": "USD bn"}, ""),
        ({"period": "2024Q4", "value": "1"}, "1 USD m before 100 in 2025Q1: 1/100"),
        ({"value": "900", "reported_on": "2025-07-30"}, "900 USD m in place of 100: 9 times"),
        ({"period": "2025-03-30/2025-06-28", "value": "700", "reported_on": "2025-07-30"},
         "700 USD m after 100 in 2025Q1: 7 times"),
        ({"period": "2025", "value": "900", "reported_on": "2026-01-30"}, ""),  # a year is no quarter
        ({**NEXT, "entity": "META", "value": "100000"}, ""),  # another's
        ({**NEXT, "metric": "revenue", "value": "100000"}, ""),
    ],
)  # fmt: skip
def test_a_number_five_times_its_neighbour_is_said(change, said):
    assert jump_of(change) == [f"{said}; look at the unit" if said else ""]


YEAR = {"period": "2025", "reported_on": "2026-01-30"}
QUARTERS = [{"period": f"2025Q{k}", "reported_on": "2026-01-30"} for k in (2, 3, 4)]


@pytest.mark.parametrize(
    ("value", "unit", "far"),
    [("0.04", "USD bn", True), ("0.4", "USD bn", False), ("430", "USD m", False)],
)
def test_a_year_that_is_not_the_sum_of_its_quarters_is_said(value, unit, far):
    """A tenth of the sum went in without a word, for no other year was there to compare it with."""
    year = {**YEAR, "value": value, "unit": unit}
    said = "0.04 USD bn, and the quarters of 2025 come to 0.4; look at the unit and at the period"
    assert jump_of(year, held=({}, *QUARTERS)) == [said if far else ""]
    assert jump_of(year, *QUARTERS) == [said if far else "", "", "", ""]
    assert jump_of(year, held=({}, *QUARTERS[:2])) == [""]


AGAIN = {"reported_on": "2025-07-30"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({**AGAIN, "value": "335"}, "335 USD m in place of 100: 3.4 times"),
        ({**AGAIN, "value": "0.335", "unit": "USD bn"}, "0.335 USD bn in place of 0.1: 3.4 times"),
        ({**AGAIN, "value": "25"}, "25 USD m in place of 100: 1/4"),
        ({**AGAIN, "value": "111"}, "111 USD m in place of 100: +11 %"),
        ({**AGAIN, "value": "85"}, "85 USD m in place of 100: -15 %"),
        ({**AGAIN, "value": "109"}, ""),
        ({**AGAIN, "value": "91"}, ""),
        ({**AGAIN, "value": "111", "qualifier": "about"}, "111 USD m in place of 100: +11 %"),
        ({**AGAIN, "value": "111", "qualifier": "at least"}, ""),  # no contradiction
    ],
)
def test_a_report_that_is_revised_by_more_than_a_tenth_is_said(change, said):
    """Restatements are of a few percent; a year's revenue is three times that of a quarter."""
    (found,) = jump_of(change)
    assert found.startswith(said)
    assert bool(found) == bool(said)
    assert not said or found.endswith("look at the period and at what is counted")


def test_a_flow_that_may_be_negative_is_revised_within_a_tenth_too_and_a_plan_as_far_as_it_likes():
    cash = {"metric": "free_cash_flow", "value": "-50"}
    (said,) = jump_of({**cash, **AGAIN, "value": "50"}, held=(cash,))
    assert said.startswith("50 USD m in place of -50, and a report is seldom revised")
    assert jump_of({**cash, **AGAIN, "value": "-54"}, held=(cash,)) == [""]
    plan = {"metric": "capex_guidance", "period": "2026"}
    assert jump_of({**plan, **AGAIN, "value": "160"}, held=(plan,)) == [""]
    hoped = {"period": "2026", "qualifier": "projected"}
    assert jump_of({**hoped, **AGAIN, "value": "160"}, held=(hoped,)) == [""]


def test_the_shipped_tables_revise_plans_and_no_reports():
    """What the limit was chosen by; a report that is revised here some day belongs to its comment."""
    table = read_vintages()
    assert not [text for text in compare(None, table).revisions["jump"] if "seldom revised" in text]


def test_a_number_is_held_against_its_nearest_neighbour_as_last_known():
    held = ({"period": "2024Q3"}, {"period": "2024Q4", "value": "9"},
            {"period": "2024Q4", "value": "90", "reported_on": "2025-05-30"})  # fmt: skip
    assert jump_of({"period": "2025Q1", "value": "300"}, held=held) == [""]
    first, second = jump_of({**NEXT, "value": "90000"},
                            {"period": "2025Q3", "value": "91000", "reported_on": "2025-10-30"},
                            held=held)  # fmt: skip
    assert first == "90,000 USD m after 90 in 2024Q4: 1,000 times; look at the unit"
    assert second == ""  # said once of a series
    new = compare(None, check_table(rows({}, {**NEXT, "value": "100000"})))
    assert new.new["jump"].tolist()[1].startswith("100,000 USD m after 100")
    assert "jump" not in new.there


def test_a_number_may_be_next_to_nothing_beside_its_neighbour():
    (said,) = jump_of({**NEXT, "value": "1e-6"}, held=({"value": "1e6"},))
    assert said == "1e-06 USD m after 1e+06 in 2025Q1: 1/1,000,000,000,000; look at the unit"
    # Of a metric that is not known another dimension is refused elsewhere: it has no distance.
    held = ({"metric": "own"},)
    assert jump_of({**NEXT, "metric": "own", "unit": "percent", "value": "5"}, held=held) == [""]


def test_a_flow_that_may_be_negative_comes_near_nought_by_itself():
    cash = {"metric": "free_cash_flow"}
    held = ({**cash, "value": "100"},)
    assert jump_of({**cash, **NEXT, "value": "-9000"}, held=held) == [""]
    assert jump_of({**cash, **NEXT, "value": "0"}, held=held) == [""]
    (said,) = jump_of({**cash, **NEXT, "value": "-100000"}, held=held)
    assert said == "-100,000 USD m after 100 in 2025Q1: 1,000 times; look at the unit"


# --- noise (kind 15) -------------------------------------------------------------------------
def test_thousands_of_bad_rows_are_a_page():
    many = rows({"unit": "EUR", "value": "-1"}).loc[[0] * 20_000].reset_index(drop=True)
    many["period"] = [f"{1900 + k // 4 % 300}Q{k % 4 + 1}" for k in range(len(many))]
    many["entity"] = [f"company {k}" for k in range(len(many))]
    many["reported_on"] = "2199-12-31"
    with pytest.raises(DataError) as error:
        check_table(many)
    text = str(error.value)
    assert len(text) < 8000
    assert "40000 problem(s) in 20000 row(s)" in text
    assert text.count("line ") < 20
    assert all(f"line {n}, unit: got 'EUR'" in text for n in range(2, 7))
    assert "line 7, unit" not in text
    assert "and 19,995 more like that of line 2, unit, up to line 20001" in text
    assert "and 19,995 more like that of line 2, value, up to line 20001" in text


def test_of_many_kinds_of_problem_the_first_are_listed_and_each_kind_once():
    bad = rows(*({"metric": f"metric {k:c}", "value": "-1"} for k in range(97, 123)),
               *({"value": "-1", "entity": f"e{k}"} for k in range(7)))  # fmt: skip
    with pytest.raises(DataError) as error:
        check_table(bad)
    assert "and 13 of 7 other kinds" in str(error.value)
    assert str(error.value).count("line ") == 20
    # A day that differs from row to row is no kind of its own.
    early = rows(*({"period": f"20{k}Q1", "reported_on": "2000-01-01"} for k in range(10, 30)))
    with pytest.raises(DataError) as error:
        check_table(early)
    assert str(error.value).count("on or after the period's end") == 5
    assert "and 15 more like that of line 2, reported_on, up to line 21" in str(error.value)


def test_a_cell_of_a_megabyte_is_shortened():
    with pytest.raises(DataError) as error:
        check_table(
            rows(
                {"value": "x" * 1_000_000, "metric": "m" * 1_000_000},
                {"value": "-1", "metric": "m" * 9999},
            )
        )
    assert len(str(error.value)) < 3000
    assert "line 2, value: got 'xxx" in str(error.value)


def test_an_estimate_may_be_reported_before_its_year_ends():
    ok = rows({"period": "2026", "qualifier": "estimated"})
    assert len(check_table(ok)) == 1


def test_a_free_price_is_a_price():
    free = rows({"metric": "api_price", "value": "0", "unit": "USD per 1M tokens"})
    assert check_table(free)["value"].item() == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a CSV table"),
        (b"\x89PNG\r\n\x1a\n\x00\xff\xfe", "not a CSV table"),
        (",".join(COLUMNS).encode() + b"\n", "a header and no rows"),
        (b"entity,metric\nMSFT,capex\n", "missing column(s) period, value"),
    ],
)
def test_files_that_are_no_tables(tmp_path, content, message):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_table(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path)


def test_an_unknown_column_is_refused():
    with pytest.raises(DataError, match=r"unknown column\(s\) colour"):
        check_table(rows({}).assign(colour="red"))


def test_as_of_keeps_the_newest_known_row():
    table = check_table(rows({}, {"value": "110", "reported_on": "2025-07-30"}))
    assert as_of(table, "2025-07-29").rows["value"].tolist() == [100.0]
    assert as_of(table, "2025-07-30").rows["value"].tolist() == [110.0]
    with pytest.raises(DataError, match="nothing was reported by 2025-04-29"):
        as_of(table, "2025-04-29")


def test_what_is_known_carries_its_day_and_shows_itself():
    known = as_of(check_table(rows({}, {"entity": "<b>"})), dt.date(2025, 7, 29))
    assert known.date == "2025-07-29"
    assert known.rows.attrs == {}
    assert "Known as of 2025-07-29</b>, 2 observations" in known._repr_html_()
    assert "&lt;b&gt;" in known._repr_html_()
    with pytest.raises(dataclasses.FrozenInstanceError):
        known.date = "2025-07-30"
    fewer = known.with_rows(known.rows.head(1))
    assert (fewer.date, len(fewer.rows), len(known.rows)) == ("2025-07-29", 1, 2)


SPELLINGS = {
    "2024Q1": ("2024Q1", "2024-01-01/2024-03-31"),
    "2024Q2": ("2024Q2", "2024-04-01/2024-06-30"),
}
reports = st.lists(
    st.tuples(
        st.sampled_from(["A", "B"]),
        st.sampled_from(["2024Q1", "2024Q2"]),
        st.integers(0, 40),
        st.integers(1, 999),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda r: r[:3],
)


def table_of(raw):
    first = dt.date(2024, 7, 1)
    return check_table(
        rows(
            *(
                {"entity": e, "period": SPELLINGS[p][v % 2], "value": str(v),
                 "reported_on": (first + dt.timedelta(days=d)).isoformat()}
                for e, p, d, v in raw
            )
        )
    )  # fmt: skip


@given(reports, st.integers(0, 45), st.integers(0, 45))
def test_as_of_is_unique_monotone_and_never_looks_ahead(raw, one, two):
    table = table_of(raw)
    early, late = (dt.date(2024, 7, 1) + dt.timedelta(days=d) for d in sorted((one, two)))
    if table["reported_on"].min() > early.isoformat():
        return
    before, after = as_of(table, early).rows, as_of(table, late).rows
    for frame, day in ((before, early), (after, late)):
        assert not frame.duplicated(["entity", "metric", "period"]).any()
        assert (frame["reported_on"] <= day.isoformat()).all()
    keys = [tuple(k) for k in before[["entity", "metric", "period"]].to_numpy()]
    assert set(keys) <= {tuple(k) for k in after[["entity", "metric", "period"]].to_numpy()}
    for row in before.itertuples():
        newest = max(d for e, p, d, _ in raw if (e, p) == (row.entity, row.period)
                     and dt.date(2024, 7, 1) + dt.timedelta(days=d) <= early)  # fmt: skip
        assert row.reported_on == (dt.date(2024, 7, 1) + dt.timedelta(days=newest)).isoformat()


@given(reports, st.randoms(use_true_random=False))
def test_the_hash_does_not_depend_on_row_order(raw, random):
    shuffled = list(raw)
    random.shuffle(shuffled)
    assert table_hash(table_of(raw)) == table_hash(table_of(shuffled))


def test_the_hash_sees_every_column():
    base = table_hash(check_table(rows({})))
    changes = [
        {"entity": "X"}, {"metric": "revenue"}, {"period": "2024Q4"}, {"value": "101"},
        {"unit": "USD bn"}, {"reported_on": "2025-05-01"}, {"source": "8-K"}, {"confidence": "B"},
        {"qualifier": "about"},
    ]  # fmt: skip
    assert len({base, *(table_hash(check_table(rows(c))) for c in changes)}) == 10


def test_guidance_is_said_of_a_period_still_open_and_keeps_its_range(tmp_path):
    said = {"metric": "capex_guidance", "period": "2026", "qualifier": "range", "low": "90",
            "high": "110", "note": "of the year"}  # fmt: skip
    table = check_table(rows({}, said).fillna(""))
    path = tmp_path / "vintages" / "own.csv"
    append_rows(path, table)
    held = read_table(path)
    assert held.loc[1, ["low", "value", "high"]].tolist() == ["90", 100.0, "110"]
    wider = check_table(rows({**said, "low": "80", "reported_on": "2025-07-30"}).fillna(""))
    assert append_rows(path, wider) == 1
    assert as_of(read_table(path), "2025-07-30").rows["low"].tolist() == ["", "80"]
    with pytest.raises(DataError, match="unit of money"):
        check_table(rows({**said, "unit": "percent"}).fillna(""))


def test_appending_twice_adds_nothing(tmp_path):
    path = write(tmp_path / "t.csv", rows({}))
    new = check_table(rows({"period": "2025Q2", "reported_on": "2025-07-30"}))
    assert append_rows(path, new) == 1
    content = path.read_bytes()
    assert append_rows(path, new) == 0
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.glob("[!.]*")] == ["t.csv"]


def test_another_value_for_the_same_report_is_refused_and_nothing_is_written(tmp_path):
    path = write(tmp_path / "t.csv", rows({}))
    before = path.read_bytes()
    with pytest.raises(DataError, match="a revision carries a later reported_on"):
        append_rows(path, check_table(rows({"value": "101"})))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.glob("[!.]*")] == ["t.csv"]


def test_days_of_other_tables_count_for_what_is_known():
    table = check_table(rows({"reported_on": "2026-05-06", "period": "2025Q1"}))
    today = dt.date(2026, 11, 29)
    assert newest_day(table, today) == "2026-05-06"
    assert newest_day(table, today, ["2026-09-30", "2062-01-01"]) == "2026-09-30"
    assert newest_day(table, also=["2026-09-30"]) == "2026-09-30"
    for day in ("9999-12-31", "1899-12-31"):
        with pytest.raises(DataError, match="wanted one from 1900-01-01 to 2200-12-31"):
            as_of(table, day)


# --- the key of a figure is its days (kind 1) ------------------------------------------------
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2019Q1", "2019-01-01/2019-03-31"),
        ("2019-03", "2019-03-01/2019-03-31"),
        ("2019", "2019-01-01/2019-12-31"),
        ("2019-03-31", "2019-03-31/2019-03-31"),
    ],
)
def test_two_spellings_of_a_period_are_one_key(one, other, tmp_path):
    own = {"metric": "own", "reported_on": "2020-02-01"}
    for first, second in ((one, other), (other, one)):
        with pytest.raises(DataError) as error:
            check_table(rows({**own, "period": first}, {**own, "period": second, "value": "7"}))
        said = str(error.value)
        assert f"line 3, entity, metric, period, reported_on: got 'MSFT / own / {second}" in said
        assert f"one row for each, and line 2 has the same days as {first}; a revision" in said
        held = check_table(rows({**own, "period": first}))
        assert held["period"].tolist() == [one]  # the shorter one
        new = check_table(rows({**own, "period": second, "value": "7"}))
        assert len(compare(held, new).conflicts) == 1
        later = check_table(rows({**own, "period": first},
                                 {**own, "period": second, "value": "7",
                                  "reported_on": "2020-03-01"}))  # fmt: skip
        assert as_of(later, "2020-03-01").rows["value"].tolist() == [7.0]
    (tmp_path / "vintages").mkdir()
    write(tmp_path / "vintages" / "a.csv", rows({**own, "period": one}))
    write(tmp_path / "vintages" / "b.csv", rows({**own, "period": other, "value": "7"}))
    with pytest.raises(DataError, match=r"stand in more than one table: .*a\.csv and .*b\.csv"):
        read_vintages(tmp_path)


def test_a_fiscal_quarter_keeps_its_days():
    table = check_table(rows({"period": "2024-12-29/2025-03-29"}))
    assert table["period"].tolist() == ["2024-12-29/2025-03-29"]


# --- the unit's dimension and the length of a period belong to the metric (kinds 1 and 3) ----
def test_of_an_unknown_metric_the_first_unit_says_what_it_measures():
    own = [{"metric": "own", "unit": unit, "period": f"202{k}Q1"}
           for k, unit in enumerate(("MW", "GW", "USD m"))]  # fmt: skip
    with pytest.raises(DataError) as error:
        check_table(rows(*own))
    assert "line 4, unit: got 'USD m', wanted a unit of power (MW, GW), which own" in str(
        error.value
    )
    assert "1 problem(s) in 1 row(s)" in str(error.value)
    assert len(check_table(rows(*own[:2]))) == 2


@pytest.mark.parametrize(
    ("metric", "period", "wanted"),
    [
        ("capex", "2025-03-31", "a quarter such as 2025Q3"),
        ("capex", "2025-03", "a quarter such as 2025Q3"),
        ("ai_revenue", "2025Q1", "a year such as 2025: ai_revenue is told of nothing shorter"),
        ("open_weight_share", "2025-03-31", "a month such as 2025-09"),
        ("capex", "2024", ""),  # a year is a number that people have, though no model reads it
        ("capex", "2024-12-01/2025-03-22", ""),  # sixteen weeks
        ("revenue_run_rate", "2025-03", ""),
        ("own", "2025-03-31", ""),
    ],
)
def test_a_period_too_short_for_its_metric_is_refused_when_it_comes(metric, period, wanted):
    unit = "percent" if metric == "open_weight_share" else "USD m"
    raw = rows({"metric": metric, "period": period, "value": "9", "unit": unit})
    assert len(check_table(raw)) == 1  # a table that is held stays readable
    if wanted:
        with pytest.raises(DataError) as error:
            check_table(raw, today=TODAY)
        assert f"line 2, period: got '{period}', wanted {wanted}" in str(error.value)
    else:
        assert len(check_table(raw, today=TODAY)) == 1


# --- withdrawals -----------------------------------------------------------------------------
def taken_back(of, on):
    return {"value": of[1], "reported_on": on, "withdraws": of[0], "qualifier": "withdrawn"}


WRONG, RIGHT, OLDER = ("2025-04-30", "34.9"), ("2025-04-30", "34900"), ("2025-04-15", "34000")


def with_withdrawals(*changes):
    told = [{"withdraws": "", **change} for change in changes]
    return check_table(rows(*told))


def report(one):
    return {"reported_on": one[0], "value": one[1]}


def known_on(table, *days):
    found = []
    for day in days:
        try:
            (value,) = as_of(table, day).rows["value"]
        except DataError:
            value = None
        found.append(value)
    return found


def test_a_withdrawn_report_does_not_count_and_the_one_before_it_does():
    table = with_withdrawals(report(OLDER), report(WRONG), taken_back(WRONG, "2025-05-02"))
    days = ("2025-04-15", "2025-04-30", "2025-05-01", "2025-05-02", "2026-05-02")
    assert known_on(table, *days) == [34000, 34.9, 34.9, 34000, 34000]
    assert "withdraws" not in as_of(table, days[0]).rows
    assert newest_day(table) == "2025-05-02"  # a withdrawal is news


def test_the_right_number_of_the_same_day_takes_the_place_of_the_withdrawn_one():
    for order in itertools.permutations([report(WRONG), taken_back(WRONG, "2025-05-02"),
                                         report(RIGHT)]):  # fmt: skip
        table = with_withdrawals(*order)
        assert known_on(table, "2025-04-29", "2025-04-30", "2025-05-02") == [None, 34900, 34900]
    table = with_withdrawals(report(WRONG), taken_back(WRONG, "2025-05-02"))
    assert known_on(table, "2025-04-30", "2025-05-02") == [34.9, None]
    with pytest.raises(DataError, match="every report up to then was withdrawn"):
        as_of(table, "2025-05-02")


def test_two_reports_of_a_day_need_one_withdrawal_and_a_withdrawal_is_made_once():
    back = taken_back(WRONG, "2025-05-02")
    with pytest.raises(DataError, match="one row for each"):
        with_withdrawals(report(WRONG), report(RIGHT))
    with pytest.raises(DataError, match="one row for each"):
        with_withdrawals(report(WRONG), report(RIGHT), report(("2025-04-30", "7")), back)
    with pytest.raises(DataError, match="one row for each"):
        with_withdrawals(report(WRONG), back, {**back, "reported_on": "2025-05-03"})
    with pytest.raises(DataError, match="forecast data withdraw takes a report back"):
        with_withdrawals(report(WRONG), {**back, "withdraws": ""})
    with pytest.raises(DataError, match="forecast data withdraw takes a report back"):
        with_withdrawals(report(WRONG), {**back, "reported_on": "2025-04-29"})
    with pytest.raises(DataError, match="line 2, withdraws: got '2025-04-30', wanted nothing"):
        with_withdrawals({**report(WRONG), "withdraws": "2025-04-30"})


def test_a_withdrawn_report_that_comes_again_stays_withdrawn():
    table = with_withdrawals(report(WRONG), taken_back(WRONG, "2025-05-02"))
    changes = compare(table, check_table(rows(report(WRONG), {"period": "2025Q2"} | NEXT)))
    assert changes.there["withdrawn_on"].tolist() == ["2025-05-02"]
    assert len(changes.new) == 1
    anew = compare(table, check_table(rows({**report(WRONG), "reported_on": "2025-05-03"})))
    assert len(anew.new) == 1


days_ = st.integers(0, 40)


@given(reports, st.lists(st.tuples(st.integers(0, 24), days_), max_size=6), days_)
def test_as_of_with_withdrawals_is_what_was_not_withdrawn_by_then(raw, back, when):
    """The table with withdrawals as of a day is that of the other reports up to the day."""
    first = dt.date(2024, 7, 1)
    gone = {}
    for which, later in back:
        if which < len(raw):
            gone.setdefault(which, min(raw[which][2] + later, 60))

    def told(k, day=None):
        e, p, d, v = raw[k]
        row = {"entity": e, "period": SPELLINGS[p][v % 2], "value": str(v), "withdraws": ""}
        iso = [(first + dt.timedelta(days=n)).isoformat() for n in (d, day or 0)]
        if day is None:
            return {**row, "reported_on": iso[0]}
        return {**row, "reported_on": iso[1], "withdraws": iso[0], "qualifier": "withdrawn"}

    every = [told(k) for k in range(len(raw))] + [told(k, day) for k, day in gone.items()]
    table = check_table(rows(*every))
    left = [told(k) for k in range(len(raw)) if raw[k][2] <= when and gone.get(k, 99) > when]
    day = first + dt.timedelta(days=when)
    if not left:
        return
    expected = as_of(check_table(rows(*left)), day).rows
    pd.testing.assert_frame_equal(as_of(table, day).rows, expected)
    assert not as_of(table, day).rows.duplicated(["entity", "metric", "period"]).any()


def test_withdrawals_without_the_day_of_their_report_are_not_two_of_one():
    """Without its column each is refused as what it is, not as the second of another."""
    head = "entity,metric,period,value,unit,reported_on,source,confidence,qualifier"
    rows = [f"AMZN,capex,2026Q3,38.5,USD bn,2026-11-{day},s,C,withdrawn" for day in (10, 29)]
    with pytest.raises(DataError) as error:
        check_table(
            pd.read_csv(io.StringIO("\n".join([head, *rows])), dtype=str, keep_default_na=False)
        )
    assert str(error.value).count("forecast data withdraw takes a report back") == 2
    assert "one row for each" not in str(error.value)
    assert "True" not in str(error.value)
