"""Two clocks: what is known on a day, and tables that are refused as a whole."""

import datetime as dt

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.schema import COLUMNS, DataError
from forecast.vintages import append_rows, as_of, check_table, read_table, table_hash

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
        ({"value": "nan"}, "a finite number"),
        ({"metric": "mmlu", "unit": "percent", "value": "101"}, "between 0 and 100"),
        ({"period": "this year"}, "line 2, period: got 'this year'"),
        ({"reported_on": "30.04.2025"}, "line 2, reported_on"),
        ({"reported_on": "2025-03-30"}, "on or after the period's end 2025-03-31"),
        ({"confidence": "high"}, "A, B or C"),
        ({"qualifier": "roughly"}, "empty or one of about"),
        ({"entity": ""}, "line 2, entity"),
        ({"source": ""}, "line 2, source"),
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
    assert as_of(table, "2025-07-29")["value"].tolist() == [100.0]
    assert as_of(table, "2025-07-30")["value"].tolist() == [110.0]
    with pytest.raises(DataError, match="nothing was reported by 2025-04-29"):
        as_of(table, "2025-04-29")


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
                {"entity": e, "period": p, "value": str(v),
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
    before, after = as_of(table, early), as_of(table, late)
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
