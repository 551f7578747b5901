"""What new rows would do is asked before they are stored: collisions, slips of the keyboard, silence."""

import datetime as dt
import functools
import json
import multiprocessing
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from forecast.app import intake
from forecast.app.intake import examine, examine_each
from forecast.cli import main
from forecast.core import lock
from forecast.core.errors import DataError
from forecast.evaluation.surprise import Forecast, implausible, range_of
from forecast.store.runs import write_run
from forecast.tables import shipped as shipped_tables
from forecast.tables.changes import compare, misplaced
from forecast.tables.shipped import data_dir, read_vintages
from forecast.tables.vintages import append_rows, check_table, read_table

HEAD = "entity,metric,period,value,unit,reported_on,source,confidence,qualifier\n"
TODAY = dt.date(2026, 11, 29)


@pytest.fixture(scope="module")
def shipped():
    return read_vintages()


@pytest.fixture
def data(tmp_path):
    """Return a data folder as it is shipped."""
    return shutil.copytree(data_dir(), tmp_path / "data")


def file(place, *lines):
    path = place / "new.csv"
    path.write_text(HEAD + "".join(f"{line}\n" for line in lines))
    return path


def rows(*lines):
    body = [dict(zip(HEAD.strip().split(","), line.split(","), strict=True)) for line in lines]
    return check_table(pd.DataFrame(body))


def add(data, path, *more):
    return main.main(["data", "add", str(path), "--data", str(data),
                      "--out", str(data.parent / "none"), *more])  # fmt: skip


# --- stored, and then every run refuses (kind 1) ---------------------------------------------
BAD = {
    "the same quarter under its other name": (
        "MSFT,capex,2025-01-01/2025-03-31,17000,USD m,2025-04-30,10-Q,A,",
        r"contradict what the table says.*MSFT capex 2025Q1 of 2025-04-30",
    ),
    "a quarter of other days that falls into one that is there": (
        "MSFT,capex,2025-01-05/2025-04-05,17000,USD m,2025-05-30,10-Q,A,",
        r"got 2025-01-05/2025-04-05, which are no fiscal quarter of MSFT; wanted "
        r"2025-01-01/2025-03-31 \(Q3 FY25\); correct it",
    ),
    "a bound of a reported number": (
        "MSFT,capex,2026Q3,30000,USD m,2026-10-30,10-Q,A,at least",
        r"takes reported numbers, not bounds .*MSFT capex 2026Q3",
    ),
    "capex in megawatts": (
        "MSFT,capex,2026Q3,30000,MW,2026-10-30,10-Q,A,",
        r"got 'MW', wanted a unit of money",
    ),
    "an annual metric with a quarter": (
        "AI market,ai_revenue,2026Q1,30,USD bn,2026-10-30,s,A,",
        r"got '2026Q1', wanted a year such as 2025",
    ),
    "infinity": ("MSFT,capex,2026Q3,1e308,USD tn,2026-10-30,10-Q,A,", "a finite number"),
    "a number that overflows when it is squared": (
        "MSFT,capex,2026Q3,1e200,USD m,2026-10-30,10-Q,A,",
        "a number whose size is",
    ),
    "another dimension than the table has of an own metric": (
        "Anthropic,own,2026Q3,30,MW,2026-10-30,s,A,",
        r"measures something else: Anthropic own 2026Q3 of 2026-10-30: MW, where own has USD m",
    ),
}


@pytest.mark.parametrize("what", sorted(BAD))
def test_what_would_make_a_run_refuse_is_refused_when_it_comes(what, data, capsys):
    line, message = BAD[what]
    (data / "vintages").mkdir(exist_ok=True)
    own = data / "vintages" / "own.csv"
    own.write_text(HEAD + "Anthropic,own,2026Q1,3,USD m,2026-05-01,s,A,\n")
    for more in ((), ("--yes",)):
        assert add(data, file(data.parent, line), "--write", *more) == 1
        err = capsys.readouterr().err
        assert pd.Series([err.replace("\n", " ")]).str.contains(message, regex=True).all(), err
    assert not (data / "vintages" / "user.csv").exists()
    read_vintages(data)


def test_of_a_batch_a_company_that_is_refused_is_set_aside(shipped):
    good = "AMZN,capex,2026Q3,45000,USD m,2026-10-30,10-Q,A,"
    bad = BAD["a quarter of other days that falls into one that is there"][0]
    wrong = "AMZN,capex,2025Q1,1,USD m,2025-05-01,10-Q,A,"
    found = examine_each(rows(bad, wrong, good), shipped, today=TODAY)
    assert found.fresh[["entity", "period"]].to_numpy().tolist() == [["AMZN", "2026Q3"]]
    assert (found.refusals, len(found.changes.conflicts)) == ((), 1)
    conflict, set_aside = found.set_aside
    assert conflict.startswith("1 row(s) contradict") and "AMZN capex 2025Q1" in conflict
    assert set_aside.startswith("MSFT: MSFT capex 2025-01-05/2025-04-05 of 2025-05-30: got ")
    alone = examine_each(rows(bad), shipped, today=TODAY)
    assert alone.refusals == examine(rows(bad), shipped, today=TODAY, filed=True).refusals != ()


# --- whose quarters --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("period", "wanted"),
    [
        ("2026Q2", "2026-04-27/2026-07-26 (Q2 FY27)"),
        ("2026-02-01/2026-04-30", "2026-01-26/2026-04-26 (Q1 FY27)"),
        ("2026-04-27/2026-07-31", "2026-04-27/2026-07-26 (Q2 FY27)"),
    ],
)
def test_a_quarter_that_is_none_of_the_company_s_is_refused_when_it_comes(
    data, capsys, period, wanted
):
    path = file(data.parent, f"NVDA,revenue,{period},80000,USD m,2026-08-26,s,C,")
    assert add(data, path, "--write", "--yes") == 1
    err = capsys.readouterr().err
    assert "which are no fiscal quarter of NVDA; wanted " + wanted in err
    assert "does not end on last Sunday of January any more say when its year ends with" in err
    assert not (data / "vintages" / "user.csv").exists()
    path = file(data.parent, f"NVDA,revenue,{wanted[:21]},80000,USD m,2026-08-26,s,C,")
    assert add(data, path, "--write", "--yes") == 0


def test_a_quarter_that_stands_in_the_way_is_named_with_the_command_that_takes_it_back(
    data, capsys
):
    (data / "vintages").mkdir(exist_ok=True)
    held = "NVDA,revenue,2026Q2,80000,USD m,2026-08-01,s,C,"
    (data / "vintages" / "own.csv").write_text(HEAD + held + "\n")
    path = file(data.parent, "NVDA,revenue,2026-04-27/2026-07-26,81000,USD m,2026-08-26,s,C,")
    assert add(data, path, "--write", "--yes") == 1
    err = capsys.readouterr().err
    said = "overlaps NVDA revenue 2026Q2 of 2026-08-01, whose days are no fiscal quarter of NVDA"
    command = "data withdraw NVDA revenue 2026Q2 --reported-on 2026-08-01"
    assert f"{said}; take that back first: forecast {command}; nothing was written" in err
    assert main.main([*command.split(), "--data", str(data)]) == 0
    assert add(data, path, "--write", "--yes") == 0


def test_a_fiscal_year_that_ends_otherwise_may_be_stated(data):
    path = file(data.parent, "NVDA,revenue,2026Q3,80000,USD m,2026-10-26,s,C,")
    assert add(data, path, "--write", "--yes", "--fiscal-year-end", "Nvidia=12-31") == 0


WEEKS = "COST,capex,2025-11-24/2026-02-15,1274,USD m,2026-03-12,10-Q,A,"
MONTHS = "ADBE,revenue,2025-12-01/2026-02-28,6000,USD m,2026-03-12,10-Q,A,"


@pytest.mark.parametrize(
    ("held", "new", "why"),
    [
        (WEEKS, "COST,revenue,2026-02-16/2026-05-10,1,USD m,2026-06-05,s,C,", ""),
        (WEEKS, "COST,revenue,2026Q2,1,USD m,2026-07-05,s,C,",
         "got 2026-04-01/2026-06-30; wanted a quarter like those of COST in the table, the last of "
         "which is 2025-11-24/2026-02-15; correct it, or say when its year ends with"),
        (WEEKS, "COST,revenue,2026Q1,1,USD m,2026-07-05,s,C,",
         "both cannot be quarters of COST; correct it, or take that back: forecast data withdraw COST"),
        (WEEKS, "COST,own,2026Q1,1,USD m,2026-07-05,s,C,", ""),
        (WEEKS, "COST,revenue,2026,1,USD m,2027-01-05,s,C,", ""),
        (MONTHS, "ADBE,capex,2026-03-01/2026-05-31,1,USD m,2026-06-05,s,C,", ""),
        (MONTHS, "ADBE,capex,2026Q2,1,USD m,2026-07-05,s,C,", "wanted a quarter like those of ADBE"),
        (MONTHS, "OTHER,capex,2026Q2,1,USD m,2026-07-05,s,C,", ""),
    ],
)  # fmt: skip
def test_a_company_of_which_no_fiscal_year_is_known_has_quarters_like_those_it_has(held, new, why):
    (said,) = misplaced(rows(held), rows(new)) or ("",)
    assert (why in said) if why else said == ""
    # What a company files are its quarters, but for two that overlap.
    assert bool(misplaced(rows(held), rows(new), filed=True)) == ("both cannot" in why)


def test_a_53rd_week_may_lie_in_another_quarter_than_the_rule_has_it():
    for period in ("2026-10-26/2027-01-24", "2027-01-25/2027-04-25", "2026-10-26/2027-01-31"):
        assert misplaced(None, rows(f"NVDA,capex,{period},1,USD m,2027-06-01,s,C,")) == []
    for period in ("2026-10-26/2027-01-30", "2026-10-26/2027-01-23"):
        assert misplaced(None, rows(f"NVDA,capex,{period},1,USD m,2027-06-01,s,C,")) != []


def test_all_shipped_quarters_are_their_companies(shipped):
    assert misplaced(None, shipped) == []


def test_a_model_that_had_no_panel_before_refuses_nothing(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    path = file(tmp_path, "MSFT,capex,2026Q3,30000,USD m,2026-10-30,10-Q,A,at least")
    assert add(tmp_path / "data", path, "--write") == 0
    assert (
        "first number(s), with nothing to be compared with: MSFT/capex" in capsys.readouterr().err
    )
    assert len(read_table(tmp_path / "data" / "vintages" / "user.csv")) == 1


def test_rows_are_taken_without_a_sampler(data):
    """No room's model is loaded for a panel."""
    path = file(data.parent, "MSFT,capex,2026Q3,31000,USD m,2026-10-30,10-Q,A,")
    code = (
        "import sys; from forecast.cli import main; "
        f"main.main(['data', 'add', {str(path)!r}, '--data', {str(data)!r}, '--write', '--yes']); "
        "sys.exit(sorted({'pymc', 'pytensor', 'arviz', 'matplotlib'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          cwd=Path(__file__).parents[1])  # fmt: skip
    assert (done.returncode, "1 row(s) written" in done.stderr) == (0, True), done.stderr


# --- taken and never used, without a word (kind 3) -------------------------------------------
def test_a_row_that_no_model_reads_is_said(shipped):
    new = rows(
        "OpenAI,capx,2026Q1,30000,USD m,2026-10-30,s,A,",
        "MSFT,capex,2026Q3,31000,USD m,2026-10-30,10-Q,A,",
        "MSFT,capex,2025,80000,USD m,2026-10-30,10-K,A,",
        "NEW,capex,2026Q3,31000,USD m,2026-10-30,10-Q,A,",
        "MSFT,capex,2025Q3,19393,USD m,2025-10-30,10-Q,A,",  # an earlier vintage of what is read
    )
    found = examine(new, shipped, today=TODAY)
    said = [note for note in found.notes if "no model" in note]
    said.sort(reverse=True)
    assert said[0].startswith(
        "stored, but no model reads OpenAI/capx (2026Q1); of OpenAI models read "
    )
    assert "revenue_run_rate" in said[0]
    assert "planned_power" not in said[0]
    assert said[1].startswith("stored, but no model reads MSFT/capex (2025); of MSFT models read ")
    assert "microsoft_cloud_revenue" in said[1]
    assert len(said) == 2
    (first,) = [note for note in found.notes if note.startswith("the first number(s)")]
    assert first.endswith("compared with: MSFT/capex, NEW/capex, OpenAI/capx")


def test_a_check_says_what_no_model_reads_and_what_contradicts(data, capsys):
    path = file(data.parent, "OpenAI,energy_bill,2026Q1,30000,USD m,2026-10-30,s,A,")
    assert main.main(["data", "check", str(path), "--data", str(data)]) == 0
    out, err = capsys.readouterr()
    assert "no model reads OpenAI/energy_bill" in err
    assert "1 rows are good" in out
    bad = file(data.parent, "OpenAI,energy_bill,2026Q1,x,USD m,2026-10-30,s,A,",
               "MSFT,capex,2026-05-30,1,USD k,2026-10-30,s,A,",
               "MSFT,capex,2026Q3,1,USD k,2026-10-30,s,Q,")  # fmt: skip
    assert main.main(["data", "check", str(bad), "--data", str(data)]) == 1
    err = capsys.readouterr().err
    for part in ("line 2, value", "line 3, period: got '2026-05-30', wanted the end of a quarter",
                 "line 4, confidence"):  # fmt: skip
        assert part in err
    twice = file(data.parent, "MSFT,capex,2025-01-01/2025-03-31,1,USD k,2025-04-30,s,A,")
    assert main.main(["data", "check", str(twice), "--data", str(data)]) == 1
    assert "contradict what the table says" in capsys.readouterr().err
    assert not (data / "vintages").exists()


# --- implausible numbers (kind 12) -----------------------------------------------------------
def forecast_of_2026q2():
    return pd.DataFrame(
        [{"model": "earnings", "as_of": "2026-05-06", "entity": "MSFT", "metric": "capex",
          "target_period": "2026Q2", "target_end": "2026-06-30", "horizon": 1, "quantile": q,
          "value": v, "unit": "USD bn"}
         for q, v in zip((0.005, 0.01, 0.5, 0.99, 0.995), (25.0, 26.0, 35.0, 48.0, 50.0),
                         strict=True)]
    )  # fmt: skip


CAME = "MSFT,capex,2026Q2,{},USD m,2026-07-29,10-Q,A,"


@pytest.mark.parametrize(("value", "stops"), [(34900, 0), (34.9, 2), (60000, 1), (52000, 0)])
def test_a_number_outside_its_forecast_or_five_times_its_neighbour_is_a_doubt(value, stops):
    held_ = rows("MSFT,capex,2026Q1,31000,USD m,2026-04-29,10-Q,A,")
    found = implausible(compare(held_, rows(CAME.format(value))), forecast_of_2026q2())
    assert len(found) == bool(stops)
    if value == 34.9:
        assert found == [
            "MSFT capex 2026Q2: 0.0349 USD bn, where 23.06 to 54.39 was forecast (0.1 to 99.9 %); "
            "34.9 USD m after 31,000 in 2026Q1: 1/888; look at the unit"
        ]


def test_the_range_is_read_where_it_was_kept_and_carried_on_where_it_was_not():
    """Of a lognormal the tail is carried on exactly, of a normal with negative values too."""
    levels = np.array([0.005, 0.01, 0.5, 0.99, 0.995])
    z = np.array([-2.5758293035489, -2.3263478740408, 0, 2.3263478740408, 2.5758293035489])
    far = 3.0902323061678
    low, high = range_of(Forecast(levels, np.exp(2 + z / 4), 1.0, "USD bn", 1.0, 1.0), 0.001)
    assert (low, high) == pytest.approx((np.exp(2 - far / 4), np.exp(2 + far / 4)), rel=1e-9)
    assert range_of(Forecast(levels, 5 * z, 1.0, "", 1.0, 1.0), 0.001) == pytest.approx(
        (-5 * far, 5 * far)
    )
    whole = Forecast(np.array([0.001, 0.5, 0.999]), np.array([1.0, 2.0, 9.0]), 1.0, "", 1.0, 1.0)
    assert range_of(whole, 0.001) == pytest.approx((1.0, 9.0))


def test_a_thousands_point_is_stopped_unless_it_is_meant(data, capsys):
    last = "MSFT,capex,2026Q1,{},USD m,2026-10-30,10-Q,A,"
    before = read_vintages(data)
    path = file(data.parent, last.format("34.9"))
    assert add(data, path) == 0  # it is shown, and said
    assert "look at the unit" in capsys.readouterr().err
    assert add(data, path, "--write") == 1
    err = capsys.readouterr().err
    assert "1 number(s) are far from what was expected, nothing was written; correct it, or" in err
    assert "with --yes" in err
    assert "MSFT capex 2026Q1: 34.9 USD m " in err
    pd.testing.assert_frame_equal(read_vintages(data), before)
    assert add(data, path, "--write", "--json") == 1
    shown = json.loads(capsys.readouterr().out)
    assert (shown["written"], len(shown["doubts"]), shown["refusals"]) == (False, 1, [])
    assert add(data, path, "--write", "--yes") == 0
    assert len(read_vintages(data)) == len(before) + 1


def test_a_run_s_forecast_stops_a_number_that_its_neighbour_would_not(data, capsys):
    def fill(place):
        forecast_of_2026q2().to_parquet(place / "forecasts.parquet", index=False)
        (place / "manifest.json").write_text(json.dumps({"run": "r1", "as_of": "2026-05-06"}))

    write_run(data.parent / "out", "r1", fill)
    path = file(data.parent, CAME.format("60000"))
    assert main.main(["data", "add", str(path), "--data", str(data), "--write",
                      "--out", str(data.parent / "out")]) == 1  # fmt: skip
    said = "60 USD bn, where 23.06 to 54.39 was forecast"
    assert said in capsys.readouterr().err
    assert not (data / "vintages").exists()
    # A check says what adding would stop for.
    assert main.main(["data", "check", str(path), "--data", str(data),
                      "--out", str(data.parent / "out")]) == 0  # fmt: skip
    assert said in capsys.readouterr().err


def test_a_later_today_is_said(data, capsys):
    path = file(data.parent, "MSFT,capex,2026Q3,34900,USD m,2062-07-29,10-Q,A,")
    assert add(data, path, "--write") == 1
    assert "wanted a day on which it was reported, not after today" in capsys.readouterr().err
    assert add(data, path, "--as-of", "2062-12-31") == 0
    assert "--as-of 2062-12-31 is after today" in capsys.readouterr().err


# --- folders and other writers (kind 4) ------------------------------------------------------
def test_no_folder_is_made_for_a_slip_of_the_keyboard(data, capsys):
    path = file(data.parent, "MSFT,capex,2026Q3,34900,USD m,2026-10-30,10-Q,A,")
    typo = data.parent / "typo"
    assert add(typo, path, "--write") == 1
    assert "typo: there is no such data folder" in capsys.readouterr().err
    assert not typo.exists()
    for to in (typo / "a.csv", typo / "deep" / "a.csv"):
        assert add(data, path, "--write", "--to", str(to)) == 1
        assert "there is no such folder; make it" in capsys.readouterr().err
    assert not typo.exists()
    with pytest.raises(DataError, match="there is no such folder"):
        append_rows(typo / "vintages" / "user.csv", read_table(path))
    assert not typo.exists()


def _add_to(data, path, name, ready, codes):
    ready.wait()
    codes.put(add(data, path, "--write", "--to", str(data / "vintages" / name)))


def test_one_row_added_to_two_tables_at_once_is_in_one_of_them(data):
    (data / "vintages").mkdir(exist_ok=True)
    path = file(data.parent, "MSFT,capex,2026Q3,34900,USD m,2026-10-30,10-Q,A,")
    fork = multiprocessing.get_context("fork")
    ready, codes = fork.Barrier(2), fork.Queue()
    both = [fork.Process(target=_add_to, args=(data, path, name, ready, codes))
            for name in ("one.csv", "two.csv")]  # fmt: skip
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert [codes.get(), codes.get()] == [0, 0]  # the later one finds it there already
    tables = [p for p in (data / "vintages").glob("[!.]*.csv") if p.exists()]
    assert sum(len(read_table(p)) for p in tables) == 1
    read_vintages(data)
    other = file(data.parent, "MSFT,capex,2026Q3,34800,USD m,2026-10-30,10-Q,A,")
    assert add(data, other, "--write", "--to", str(data / "vintages" / "three.csv")) == 1
    assert not (data / "vintages" / "three.csv").exists()


def test_a_folder_that_another_process_holds_takes_nothing(data, monkeypatch, capsys):
    hold = functools.partial(lock.hold, patience=0.2)
    monkeypatch.setattr(shipped_tables.lock, "hold", hold)
    path = file(data.parent, "MSFT,capex,2026Q3,34900,USD m,2026-10-30,10-Q,A,")
    with lock.hold(data / ".folder.lock", "it"):
        assert add(data, path, "--write") == 1
    assert "in use by process" in capsys.readouterr().err
    assert not (data / "vintages").exists()


class Panels:
    """Rows of which a model reads some; it counts how often it is asked."""

    def __init__(self, size):
        self.known, self.asked = SimpleNamespace(rows=pd.DataFrame(index=range(size))), 0

    def groups(self, number):
        size = len(self.known.rows)
        return [pd.Series(np.arange(size) % number == k) for k in range(number)]

    def reading(self, read):
        def reads(model, panels, rows):
            self.asked += 1
            return bool(set(np.flatnonzero(rows)) & set(read[model]))

        return reads


@pytest.mark.parametrize(
    ("read", "most"),
    [
        ({"a": [], "b": []}, 2),
        ({"a": [3], "b": []}, 2 * 7 + 2),
        ({"a": [3], "b": [3, 90]}, 4 * 7 + 2),
        ({"a": range(20), "b": range(10, 30)}, 99),
    ],
)
def test_few_panels_tell_which_of_many_series_models_read(read, most, monkeypatch):
    panels = Panels(100)
    monkeypatch.setattr(intake, "_reads", panels.reading(read))
    found, unasked = intake._read_among(list(read), panels, panels.groups(100))
    assert found == {k for rows in read.values() for k in rows}
    assert not unasked
    assert panels.asked <= most


def test_series_of_which_it_was_not_asked_are_told_apart(monkeypatch):
    panels, read = Panels(1000), {"a": range(0, 1000, 2), "b": []}
    monkeypatch.setattr(intake, "_reads", panels.reading(read))
    found, unasked = intake._read_among(list(read), panels, panels.groups(1000))
    assert panels.asked == intake.MOST_PANELS
    assert found
    assert found <= set(read["a"])
    assert set(read["a"]) <= found | unasked
    assert not found & unasked
