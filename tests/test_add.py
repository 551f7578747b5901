"""A user's own file: read under its own headers, compared, and added whole or not at all."""

import datetime as dt
import json
import os
import sys
import time

import openpyxl
import pandas as pd
import pytest
from conftest import SECONDS

from forecast.cli import main, shared
from forecast.core.errors import DataError
from forecast.store.runs import write_run
from forecast.tables import vintages
from forecast.tables.changes import compare
from forecast.tables.desk.user_file import read_user_table
from forecast.tables.shipped import data_dir, read_vintages
from forecast.tables.vintages import check_table, read_table

OURS = "entity,metric,period,value,unit,reported_on,source,confidence,qualifier\n"
THEIRS = "Ticker,Item,Fiscal Quarter,Amount,Units,Report date,Source,Analyst\n"


@pytest.fixture
def folder(tmp_path):
    """Return a data folder with one table of one row."""
    (tmp_path / "data" / "vintages").mkdir(parents=True)
    (tmp_path / "data" / "earnings.csv").write_text(
        OURS + "MSFT,capex,2025Q1,2565,USD m,2025-04-30,10-Q,A,\n"
    )
    return tmp_path / "data"


def write(folder, text, name="new.csv"):
    path = folder.parent / name
    path.write_text(text, encoding="utf-8")
    return path


def add(folder, path, *more):
    return main.main(["data", "add", str(path), "--data", str(folder), *more])


def test_headers_are_matched_whatever_their_case_and_spacing(folder):
    path = write(folder, THEIRS + "MSFT,Cap-Ex,2025 q4,3000,usdm,2025-07-30,10-Q,Jo\n")
    found = read_user_table(path)
    row = found.rows.iloc[0]
    assert row[["entity", "metric", "period", "value", "unit", "reported_on"]].tolist() == [
        "MSFT", "capex", "2025Q2", 3000.0, "USD m", "2025-07-30",
    ]  # fmt: skip
    assert (row["confidence"], row["qualifier"]) == ("C", "")  # nobody said better
    assert found.unused == ("Analyst",)
    assert "periods read: 2025 q4 of MSFT -> 2025Q2" in found.notes


def test_a_map_and_values_for_all_rows(folder):
    path = write(folder, "Sum;what;Q\n5.5;revenue;Q3 2025\n")
    given = {"unit": "USD bn", "entity": "Me", "source": "books", "reported_on": "2025-10-30"}
    rows = read_user_table(path, {"Sum": "value", "what": "metric", "Q": "period"}, given).rows
    assert rows.iloc[0][["entity", "metric", "period", "value", "unit"]].tolist() == [
        "Me", "revenue", "2025Q3", 5.5, "USD bn",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "renamed", "message"),
    [
        ("ticker,item,quarter,value,reported,source\nA,b,2025Q1,1,2025-05-01,s\n", {},
         'known to be unit; the file has ticker, item.*--unit "USD m"'),
        (OURS.replace("entity", "ticker,company") + "A,A,b,2025Q1,1,USD m,2025-05-01,s,A,\n", {},
         "ticker, company could each be entity; say which with --map"),
        (OURS, {"colour": "value"}, "cannot map colour; the file has entity"),
        (OURS, {"metric": "size"}, "cannot map size; .*the schema has entity"),
        ("value,value\n1,2\n", {}, "more than one column is called value"),
        (OURS + "A,b,2025Q1,1,USD m,2025-05-01,s,A,,more\n", {}, "9 cells, but line 2 has 10"),
        (OURS + 'A,b,2025Q1,1,USD m,2025-05-01,"s,A,\n', {}, "not a CSV table"),
        ("\n\n", {}, "an empty table"),
        (OURS, {}, "a header and no rows"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_read_say_why(folder, text, renamed, message):
    with pytest.raises(DataError, match=message):
        read_user_table(write(folder, text), renamed)


def test_what_is_said_for_all_rows_fills_empty_cells_and_no_others(folder):
    path = write(folder, "entity,metric,period,value,unit,reported_on,source\n"
                         "A,b,2025 Q4,1,,2026-05-01,s\nA,b,Q3 2025,1,USD bn,2026-05-01,s\n")  # fmt: skip
    rows = read_user_table(path, given={"unit": "USD m"}).rows
    assert rows["unit"].tolist() == ["USD m", "USD bn"]
    assert rows["period"].tolist() == ["2025Q4", "2025Q3"]


def test_a_file_as_a_spreadsheet_saves_it_begins_with_a_mark(folder):
    path = folder.parent / "new.csv"
    path.write_text(OURS + "A,b,2025Q1,1,USD m,2025-05-01,s,A,\n", encoding="utf-8-sig")
    found = read_user_table(path)
    assert found.rows["entity"].tolist() == ["A"]
    assert found.columns["entity"] == "entity"


@pytest.mark.parametrize("code", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_of_two_bytes_a_letter_is_read_by_its_mark(folder, code):
    path, text = (
        folder.parent / "new.csv",
        OURS.replace(",", "\t") + "Soci\xe9t\xe9\tb\t2025Q1\t1\t",
    )
    mark = "" if code == "utf-16" else "\ufeff"
    path.write_bytes(f"{mark}{text}USD m\t2025-05-01\ts\tA\t\n".encode(code))
    assert read_user_table(path).rows["entity"].tolist() == ["Soci\xe9t\xe9"]


def test_a_file_of_another_code_is_refused_with_the_place_and_what_to_do(folder, capsys):
    path = folder.parent / "new.csv"
    path.write_bytes((OURS + "A,b,2025Q1,1,USD m,2025-05-01,f\xfcr uns,A,\n").encode("cp1252"))
    assert add(folder, path) == 1
    err = capsys.readouterr().err
    assert "byte 0xfc in line 2, near '2025-05-01,f\xfcr uns" in err
    assert "wanted UTF-8: save it as 'CSV UTF-8', or as XLSX" in err
    path.write_bytes(b"\xff\xfea")
    assert add(folder, path) == 1
    assert "not a CSV table" in capsys.readouterr().err


def test_a_map_decides_between_rivals(folder):
    text = OURS.replace("entity", "ticker,company") + "M,Em,b,2025Q1,1,USD m,2025-05-01,s,A,\n"
    path = write(folder, text)
    assert read_user_table(path, {"company": "entity"}).rows["entity"].item() == "Em"


def test_every_bad_row_is_named_by_its_line_in_the_file_and_nothing_is_written(folder, capsys):
    good = "M,capex,2025Q{},5,USD m,2025-12-30,s,A,\n"
    bad = "M,capex,soon,5,EUR,2025-12-30,s,A,\n"
    path = write(folder, OURS + good.format(1) + "\n" + bad + good.format(2) + good.format(2))
    assert add(folder, path, "--write") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "3 problem(s) in 2 row(s)" in err
    assert "line 4, period: got 'soon'" in err
    assert "line 4, unit: got 'EUR'" in err
    assert "line 6, entity, metric, period, reported_on" in err  # a duplicate within the file
    assert list((folder / "vintages").iterdir()) == []


MIXED = OURS + (
    "MSFT,capex,2025Q1,2.5650,USD bn,2025-04-30,press,B,\n"  # there, in another unit
    "MSFT,capex,2025Q1,2600,USD m,2026-04-30,10-Q,A,\n"  # a revision
    "MSFT,capex,2025Q2,3000,USD m,2025-07-30,10-Q,A,\n"  # new
)


def test_a_dry_run_shows_what_would_change_and_writes_nothing(folder, capsys):
    path = write(folder, MIXED)
    before = (folder / "earnings.csv").read_bytes()
    assert add(folder, path) == 0
    out, err = capsys.readouterr()
    assert "1 new, 1 revisions, 1 already there, 0 conflicts" in out
    assert "revision  MSFT    capex   2025Q1  2565  2600" in out
    assert "--write does it" in err
    assert list((folder / "vintages").iterdir()) == []
    assert (folder / "earnings.csv").read_bytes() == before


def test_writing_makes_the_users_table_and_twice_is_once(folder, capsys):
    path = write(folder, MIXED)
    assert add(folder, path, "--write", "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert content["written"] is True
    assert [len(content[k]) for k in ("new", "revisions", "there", "conflicts")] == [1, 1, 1, 0]
    assert content["revisions"][0]["old_value"] == 2565
    assert content["revisions"][0]["old_reported_on"] == "2025-04-30"
    user = folder / "vintages" / "user.csv"
    assert user.read_text().splitlines()[1:] == [
        "MSFT,capex,2025Q2,3000,USD m,2025-07-30,10-Q,A,",
        "MSFT,capex,2025Q1,2600,USD m,2026-04-30,10-Q,A,",
    ]
    assert user.stat().st_mode & 0o777 == 0o644
    assert len(read_vintages(folder)) == 3
    once = user.read_bytes()
    assert add(folder, path, "--write", "--json") == 0
    again = json.loads(capsys.readouterr().out)
    assert again["written"] is False
    assert [len(again[k]) for k in ("new", "revisions", "there")] == [0, 0, 3]
    assert user.read_bytes() == once
    assert [p.name for p in (folder / "vintages").glob("[!.]*")] == ["user.csv"]


@pytest.fixture
def today(monkeypatch):
    """Set the day on which commands run."""
    return lambda day: monkeypatch.setattr(shared, "today", lambda: dt.date.fromisoformat(day))


@pytest.mark.parametrize("command", ["data add", "data check", "update"])
def test_a_report_of_the_far_future_is_refused_in_words(folder, tmp_path, capsys, command, today):
    today("2026-11-29")
    path = write(folder, OURS + "MSFT,capex,2025Q2,3000,USD m,2062-07-29,10-Q,A,\n")
    place = (
        [] if command == "data check" else ["--data", str(folder), "--out", str(tmp_path / "out")]
    )
    assert main.main([*command.split(), str(path), *place]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "line 2, reported_on: got '2062-07-29', wanted a day" in err
    assert "not after today, 2026-11-29" in err
    assert list((folder / "vintages").iterdir()) == []
    today("2062-07-29")  # on that day it is a report like any other
    assert add(folder, path) == 0


def test_a_day_given_for_all_rows_may_not_be_after_today_either(folder, capsys, today):
    today("2026-11-29")
    path = write(
        folder, "entity,metric,period,value,unit,source\nMSFT,capex,2025Q2,3000,USD m,10-Q\n"
    )
    assert add(folder, path, "--reported-on", "2026-11-30") == 1
    assert "line 2, reported_on: got '2026-11-30'" in capsys.readouterr().err


def test_a_table_that_holds_a_day_of_the_future_is_known_up_to_today(folder, capsys, today):
    today("2026-11-29")
    article = folder / "article"
    article.mkdir()
    text = (data_dir() / "articles" / "cuban_2026_05" / "market.csv").read_text()
    (article / "market.csv").write_text(text)
    (folder / "vintages" / "late.csv").write_text(
        OURS + "AI market,ai_revenue,2025,999,USD bn,2062-07-29,s,A,\n"
    )
    days = []
    seen = vintages.as_of
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as patch:
        patch.setattr(vintages, "as_of", lambda table, day: days.append(day) or seen(table, day))
        for more in ([], ["--as-of", "2062-07-29"]):
            assert main.main(["audit", "--data", str(folder), "--json", *more]) == 0
    assert days[0] == "2026-05-06"
    assert days[-1] == "2062-07-29"
    err = capsys.readouterr().err
    assert (
        err.count("1 row(s) are of days after today, 2026-11-29, and are not known yet: AI market")
        == 1
    )


def test_a_number_a_thousand_times_its_neighbour_is_said_where_no_run_forecast_it(folder, capsys):
    path = write(folder, OURS + "MSFT,capex,2025Q2,2900,USD bn,2025-07-30,10-Q,A,\n")
    said = "2,900 USD bn after 2.565 in 2025Q1: 1,131 times; look at the unit"
    assert add(folder, path) == 0
    assert f"MSFT capex 2025Q2: {said}" in capsys.readouterr().err.splitlines()
    assert add(folder, path, "--json") == 0
    shown, told = capsys.readouterr()
    assert [r["jump"] for r in json.loads(shown)["new"]] == [said]
    assert f"MSFT capex 2025Q2: {said}" in told
    # It is not written.
    assert add(folder, path, "--write", "--yes") == 0
    assert "look at" not in (folder / "vintages" / "user.csv").read_text()


def test_a_year_in_the_place_of_a_quarter_stops_until_it_is_taken(folder, capsys):
    path = write(folder, OURS + "MSFT,capex,2025Q1,9300,USD m,2025-07-30,desk,A,\n")
    said = "MSFT capex 2025Q1: 9,300 USD m in place of 2,565: 3.6 times"
    assert add(folder, path, "--write") == 1
    assert said in (err := capsys.readouterr().err)
    assert "1 number(s) are far from what was expected, nothing was written" in err
    assert list((folder / "vintages").iterdir()) == []
    place = ["--data", str(folder), "--out", str(folder.parent / "out")]
    assert main.main(["update", str(path), *place]) == 1
    assert said in capsys.readouterr().err
    assert list((folder / "vintages").iterdir()) == []
    assert add(folder, path, "--write", "--yes") == 0
    assert "MSFT,capex,2025Q1,9300" in (folder / "vintages" / "user.csv").read_text()


def test_a_check_says_what_adding_would_do_and_counts_the_doubts(folder, capsys):
    far = "MSFT,capex,2025Q1,9300,USD m,2025-07-30,desk,A,\n"
    more = "MSFT,capex,2025Q2,3000,USD m,2025-07-30,s,A,\n"
    path, place = (
        write(folder, OURS + far + more),
        ["--data", str(folder), "--out", str(folder / "none")],
    )
    assert main.main(["data", "check", str(path), *place]) == 0
    checked, said = capsys.readouterr()
    assert main.main(["data", "add", str(path), *place]) == 0
    added, told = capsys.readouterr()
    assert "1 new, 1 revisions, 0 already there, 0 conflicts" in added
    assert "revision  MSFT    capex   2025Q1  2565  9300" in added
    *lines, last = checked.splitlines()
    assert lines == added.splitlines()
    assert (
        "2 rows are good, but 1 number(s) are far from what was expected and will want --yes"
        in last
    )
    assert "MSFT capex 2025Q1: 9,300 USD m in place of 2,565: 3.6 times" in said
    assert set(said.splitlines()) <= set(told.splitlines())
    assert list((folder / "vintages").iterdir()) == []
    there = write(folder, OURS + "MSFT,capex,2025Q1,2565,USD m,2025-04-30,10-Q,A,\n", "there.csv")
    assert main.main(["data", "check", str(there), *place]) == 0
    counted, last = capsys.readouterr().out.splitlines()
    assert counted.startswith("0 new, 0 revisions, 1 already there, 0 conflicts")
    assert "1 rows are good, hash" in last


def test_many_new_rows_print_a_page(folder, capsys):
    lines = (f"E{k},capex,2025Q2,3,USD bn,2025-07-30,10-Q,A,\n" for k in range(1000))
    path = write(folder, OURS + "".join(lines))
    assert add(folder, path) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) < 210
    assert "... and 800 more new rows; --json has them all" in out
    assert add(folder, path, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["new"]) == 1000


ESCAPES = "\x1b[2J\x1b]0;owned\x07\r\x9b31m\u202etxt\x7f"


def test_foreign_text_cannot_steer_the_terminal(folder, capsys):
    """A source, an entity or a bad cell with escapes is printed with them written out."""
    row = f'"M{ESCAPES}",capex,"2025Q2",3000,USD m,2025-07-30,"s{ESCAPES}",A,\n'
    path = write(folder, OURS + row)
    bad = write(folder, OURS + row.replace("2025Q2", f"Q{ESCAPES}"), "bad.csv")
    assert add(folder, path) == 0
    assert add(folder, bad) == 1
    assert main.main(["data", "check", f"none{ESCAPES}.csv"]) == 1
    for stream in capsys.readouterr():
        assert not set(stream) & set("\x1b\x07\r\x9b\u202e\x7f")
        assert "\\u001b[2J" in stream
    assert add(folder, path, "--json") == 0
    shown = capsys.readouterr().out
    assert not set(shown) & set("\x1b\x07\r\x9b\u202e\x7f")
    (kept,) = json.loads(shown)["new"]  # and JSON says what stands there
    assert kept["source"] == f"s{ESCAPES}"


def test_thousands_of_unused_columns_are_a_line(folder, capsys):
    many = ",".join(f"more{k}" for k in range(5000))
    row = "MSFT,capex,2025Q2,3000,USD m,2025-07-30,10-Q,A,,"
    assert add(folder, write(folder, f"{OURS.strip()},{many}\n{row}\n")) == 0
    assert "columns not used: more0, more1" in (said := capsys.readouterr().err)
    assert "and 4988 more" in said
    with pytest.raises(DataError) as error:
        read_user_table(write(folder, "x" * 1_000_000 + ",b\n1,2\n"))
    assert len(str(error.value)) < 2000


def test_a_cell_of_several_lines_is_one_line_of_the_table(folder, capsys):
    row = 'MSFT,capex,2025Q2,3000,USD m,2025-07-30,"10-Q\nnew      MSFT\tall is well",A,\n'
    assert add(folder, write(folder, OURS + row)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[2].endswith("10-Q new      MSFT all is well")


def test_a_contradiction_of_the_same_report_is_refused(folder, capsys):
    path = write(folder, MIXED.replace("2.565", "2.6"))
    assert add(folder, path, "--write") == 1
    out, err = capsys.readouterr()
    assert "conflict  MSFT    capex   2025Q1  2.565" in out
    assert "1 row(s) contradict" in err
    assert list((folder / "vintages").iterdir()) == []


def test_another_table_is_its_own_world(folder, capsys):
    path = write(folder, MIXED)
    target = folder.parent / "mine" / "table.csv"
    assert add(folder, path, "--to", str(target), "--write") == 1
    assert "mine: there is no such folder; make it, or give another --to" in capsys.readouterr().err
    assert not target.parent.exists()
    target.parent.mkdir()
    assert add(folder, path, "--to", str(target), "--write") == 0
    # The second row is a revision of the first, which is new here.
    assert "2 new, 1 revisions, 0 already there" in capsys.readouterr().out
    assert len(read_table(target)) == 3


def test_old_rows_stay_to_the_letter(folder):
    target = folder / "earnings.csv"
    target.write_text(target.read_text().replace("2565", "2565.00"))
    path = write(folder, OURS.strip() + ",note\n" + "M,capex,2025Q2,0.1,USD m,2025-07-30,s,A,,hm\n")
    assert add(folder, path, "--to", str(target), "--write") == 0
    assert target.read_text().splitlines() == [
        OURS.strip() + ",note",
        "MSFT,capex,2025Q1,2565.00,USD m,2025-04-30,10-Q,A,,",
        "M,capex,2025Q2,0.1,USD m,2025-07-30,s,A,,hm",
    ]


def test_a_failed_write_leaves_the_table_as_it_was(folder, capsys, monkeypatch):
    path, before = write(folder, MIXED), (folder / "earnings.csv").read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert add(folder, path, "--to", str(folder / "earnings.csv"), "--write") == 1
    assert "No space left on device" in capsys.readouterr().err
    assert (folder / "earnings.csv").read_bytes() == before
    assert [p.name for p in folder.glob("[!.]*.*")] == ["earnings.csv"]


def test_one_report_in_two_tables_is_named_with_both(folder):
    row = (folder / "earnings.csv").read_text()
    (folder / "vintages" / "user.csv").write_text(row)
    with pytest.raises(DataError, match=r"MSFT / capex.*in earnings\.csv and vintages/user\.csv"):
        read_vintages(folder)


def test_one_report_with_two_values_in_two_tables_is_named_too(folder):
    row = (folder / "earnings.csv").read_text()
    (folder / "vintages" / "user.csv").write_text(row.replace("2565", "2566"))
    with pytest.raises(DataError, match=r"MSFT / capex.*in earnings\.csv and vintages/user\.csv"):
        read_vintages(folder)


def workbook(path, *rows, more=()):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for title in more:
        book.create_sheet(title)
    book.save(path)
    return path


def test_a_workbook_keeps_its_numbers_and_days(folder, capsys):
    head = ["Ticker", "Item", "Period", "Amount", "Reported on", "Source"]
    moment = pd.Timestamp("2025-11-19").to_pydatetime()
    path = workbook(
        folder.parent / "new.xlsx", head,
        ["NVDA", "capex", "2025-07-28/2025-10-26", 1636.5, moment, "10-Q"],
        [None] * 6,
        ["NVDA", "revenue", 2025, 57006, dt.date(2026, 2, 25), "10-K"],
        more=["Backup"],
    )  # fmt: skip
    assert add(folder, path, "--unit", "USD m", "--json") == 0
    out, err = capsys.readouterr()
    rows = json.loads(out)["new"]
    assert [(r["period"], r["value"], r["reported_on"]) for r in rows] == [
        ("2025-07-28/2025-10-26", 1636.5, "2025-11-19"),
        ("2025", 57006, "2026-02-25"),
    ]
    assert "only the first sheet 'Sheet' was read, not Backup" in err


GOOD_ROW = ["M", "capex", "2025Q1", 5, "USD m", "2025-05-01", "s", "A", None]
STRAYS = {
    "foot": (1_048_576, 1, "x", None),
    "blank at the foot": (1_048_576, 3, "  ", None),
    "far right": (2, 16_384, "x", "the header has 9 cells, but line 2 has 16384 cells"),
    "blank far right": (2, 16_384, " ", None),
    "right of the header": (1, 16_384, "x", None),
    "corner": (1_048_576, 16_384, "x", "the header has 9 cells, but line 1048576 has 16384 cells"),
}  # fmt: skip


@pytest.mark.parametrize("where", sorted(STRAYS))
def test_a_stray_cell_of_a_workbook_costs_nothing_and_is_said(folder, where):
    row, column, text, message = STRAYS[where]
    book = openpyxl.Workbook()
    book.active.append(OURS.strip().split(","))
    book.active.append(GOOD_ROW)
    book.active.cell(row=row, column=column, value=text)
    book.save(folder.parent / "new.xlsx")
    begun = time.process_time()
    if message is None:
        found = read_user_table(folder.parent / "new.xlsx")
        assert len(found.rows) == 1
        assert found.unused == (("x",) if where == "right of the header" else ())
        foot = "lines with a text and no figure were not read: line 1048576 'x'"
        assert (foot in found.notes) == (where == "foot")
    else:
        with pytest.raises(DataError, match=message):
            read_user_table(folder.parent / "new.xlsx")
    assert time.process_time() - begun < SECONDS


@pytest.mark.parametrize("name", ["new.csv", "new.xlsx"])
def test_cells_under_no_header_are_said(folder, name):
    head = OURS.strip().split(",")
    lines = [[*head[:3], "", *head[3:]], [*GOOD_ROW[:3], "stray", *GOOD_ROW[3:]]]
    path = folder.parent / name
    if name == "new.csv":
        path.write_text("\n".join(",".join(str(c or "") for c in line) for line in lines))
    else:
        workbook(path, *lines)
    found = read_user_table(path)
    assert found.rows["value"].tolist() == [5.0]
    assert found.notes[0] == "cells under no header were not read: of line(s) 2"


def test_a_bad_row_of_a_workbook_is_named_by_its_line(folder):
    path = workbook(folder.parent / "new.xlsx", [None], OURS.strip().split(","),
                    ["M", "capex", "2025Q1", "#REF!", "USD m", "2025-05-01", "s", "A", ""])  # fmt: skip
    with pytest.raises(DataError, match="line 3, value: got '#REF!'"):
        read_user_table(path)


@pytest.mark.parametrize("name", ["new.csv", "new.xlsx"])
@pytest.mark.parametrize("content", [bytes(range(256)), b"PK\x03\x04 and then nothing", b"a\0b\n"])
def test_binary_files_are_refused_in_words(folder, name, content):
    path = folder.parent / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"not (a CSV table|an XLSX workbook)"):
        read_user_table(path)


def test_a_missing_file_a_folder_and_a_missing_library(folder, monkeypatch):
    with pytest.raises(DataError, match="no such file"):
        read_user_table(folder / "none.xlsx")
    with pytest.raises(DataError, match="is a folder"):
        read_user_table(folder)
    path = workbook(folder.parent / "new.xlsx", OURS.strip().split(","))
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DataError, match=r"pip install 'forecast\[xlsx\]'"):
        read_user_table(path)


def test_wrong_maps_are_wrong_usage(folder, capsys):
    with pytest.raises(SystemExit) as stop:
        add(folder, "new.csv", "--map", "Sum")
    assert stop.value.code == 2
    assert "wanted THEIRS=OURS" in capsys.readouterr().err


ROW = {"entity": "M", "metric": "capex", "period": "2025Q1", "value": "100", "unit": "USD m",
       "reported_on": "2025-05-01", "source": "s", "confidence": "A", "qualifier": ""}  # fmt: skip


def table(*changes):
    return check_table(pd.DataFrame([{**ROW, **c} for c in changes]))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({}, "there"),
        ({"source": "another", "confidence": "B"}, "there"),
        ({"reported_on": "2025-06-01"}, "there"),  # said again
        ({"reported_on": "2025-06-01", "value": "101"}, "revisions"),
        ({"reported_on": "2025-06-01", "qualifier": "about"}, "revisions"),
        ({"reported_on": "2025-04-01"}, "new"),  # known earlier than thought
        ({"value": "101"}, "conflicts"),
        ({"qualifier": "about"}, "conflicts"),
        ({"period": "2024Q4"}, "new"),
        ({"reported_on": "2025-09-01"}, "revisions"),  # back to the first value
    ],
)
def test_rows_are_sorted_by_what_they_would_change(change, kind):
    held = table({}, {"reported_on": "2025-08-01", "value": "105"})
    changes = compare(held, table(change))
    sizes = {k: len(getattr(changes, k)) for k in ("new", "revisions", "there", "conflicts")}
    assert sizes == {"new": 0, "revisions": 0, "there": 0, "conflicts": 0, kind: 1}


@pytest.fixture
def out(tmp_path):
    """Return an output folder with a run made by hand: capex of one quarter, 10 to 30 USD bn."""
    table = pd.DataFrame(
        [{"model": "earnings", "as_of": "2025-06-30", "entity": "MSFT", "metric": "capex",
          "target_period": "2025Q2", "target_end": "2025-06-30", "horizon": 1, "quantile": q,
          "value": v, "unit": "USD bn"} for q, v in ((0.005, 10.0), (0.5, 20.0), (0.995, 30.0))]
    )  # fmt: skip

    def write(place):
        table.to_parquet(place / "forecasts.parquet", index=False)
        manifest = {"run": "r1", "as_of": "2025-06-30"}
        (place / "manifest.json").write_text(json.dumps(manifest))

    write_run(tmp_path / "out", "r1", write)
    return tmp_path / "out"


NEWS = OURS + (
    "MSFT,capex,2025-04-01/2025-06-30,25000,USD m,2025-07-30,10-Q,A,\n"
    "MSFT,revenue,2025Q2,60,USD bn,2025-07-30,10-Q,A,\n"
)


def test_a_new_number_has_its_percentile(folder, out, capsys):
    path = write(folder, NEWS)
    assert add(folder, path, "--out", str(out)) == 0
    shown, said = capsys.readouterr()
    assert shown.splitlines()[0].split() == [
        "entity", "metric", "period", "was", "value", "unit", "percentile", "reported", "on",
        "source",
    ]  # fmt: skip
    assert "25000  USD m   75 %" in shown
    assert said.count("percentiles of the run r1, data as of 2025-06-30: 1 of 2 new") == 1
    assert add(folder, path, "--out", str(out), "--json", "--write", "--yes") == 0
    content = json.loads(capsys.readouterr().out)
    assert content["percentiles_of"] == {"run": "r1", "as_of": "2025-06-30"}
    got = {r["metric"]: (r["percentile"], r["percentile_text"]) for r in content["new"]}
    assert got == {"capex": (pytest.approx(74.75), "75 %"), "revenue": (None, "")}
    # what is shown is not written
    header = (folder / "vintages" / "user.csv").read_text().splitlines()[0]
    assert header == OURS.strip()


def test_a_forecast_that_may_have_known_the_number_gives_no_percentile(folder, out, capsys):
    path = write(folder, NEWS.replace("2025-07-30", "2025-06-30"))
    assert add(folder, path, "--out", str(out)) == 0
    shown, said = capsys.readouterr()
    assert "percentile" not in shown
    assert "0 of 2 new or revised" in said


def test_without_a_run_or_beside_a_damaged_one_rows_are_still_added(folder, out, capsys):
    path = write(folder, NEWS)
    assert add(folder, path, "--out", str(out / "none")) == 0
    assert f"no percentiles: there is no run in {out / 'none'}" in capsys.readouterr().err
    (out / "latest" / "manifest.json").write_text("{}")
    assert add(folder, path, "--out", str(out), "--write", "--yes") == 0
    shown, said = capsys.readouterr()
    assert "no percentiles: " in said
    assert "altered manifest.json" in said
    assert "percentile" not in shown
    assert len(read_table(folder / "vintages" / "user.csv")) == 2
