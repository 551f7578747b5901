"""Dates that are finished are kept: taken up after a kill, never half, keyed by what decided them."""

import dataclasses
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up import annual_market

from forecast.core.errors import StoreError
from forecast.evaluation import backtesting
from forecast.evaluation.backtesting import backtest
from forecast.evaluation.hold_out import Sources
from forecast.store.origins import kept_origin
from forecast.store.runs import verify

DAYS = ["2021-02-14", "2022-02-14", "2023-02-14", "2024-02-14"]
TESTS = Path(__file__).parent


@pytest.fixture(scope="module")
def annual():
    return annual_market()


def walk(table, out=None, **more):
    return backtest(
        "market", table, more.pop("dates", DAYS), seed=3, horizon=3, size=500, out=out, **more
    )


def same(one, other):
    for name in ("cells", "events", "origins"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)
    assert one.key == other.key


def dates_of(out):
    return sorted(p for p in (out / "backtests" / "dates").iterdir() if not p.name.startswith("."))


def test_finished_dates_are_not_done_again(annual, instant_sampler, tmp_path, monkeypatch, caplog):
    fresh = walk(annual)
    same(walk(annual, tmp_path), fresh)
    assert len(dates_of(tmp_path)) == len(DAYS)
    done = []
    monkeypatch.setattr(backtesting, "score_origin", lambda task: done.append(task))
    with caplog.at_level(logging.INFO, "forecast"):
        same(walk(annual, tmp_path), fresh)
    assert not done
    assert "4 of 4 dates were finished before" in caplog.messages


def test_more_dates_go_on_from_those_that_are_there(annual, instant_sampler, tmp_path, monkeypatch):
    walk(annual, tmp_path, dates=DAYS[:3])
    done, score = [], backtesting.score_origin
    monkeypatch.setattr(
        backtesting, "score_origin", lambda task: done.append(task.panel.as_of) or score(task)
    )
    same(walk(annual, tmp_path), walk(annual))
    assert done[0] == DAYS[3]
    assert len(done) == 1 + len(DAYS)


@pytest.mark.parametrize("harm", ["cut", "flipped", "missing"])
def test_a_damaged_date_is_not_trusted(annual, instant_sampler, tmp_path, caplog, harm):
    fresh = walk(annual, tmp_path)
    folder = dates_of(tmp_path)[1]
    file = folder / "cells.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    if harm == "missing":
        file.unlink()
    else:
        file.write_bytes(content[: len(content) // 2] if harm == "cut" else content)
    with pytest.raises(StoreError):
        kept_origin(tmp_path, folder.name)
    same(walk(annual, tmp_path), fresh)
    assert any("this date is done again" in line for line in caplog.messages)
    for one in dates_of(tmp_path):
        verify(one)


def test_a_date_is_kept_under_all_that_decides_it(annual, instant_sampler, monkeypatch):
    design = backtesting.Design("market", 3, 3, 500, "")

    def task(table=annual, **change):
        asked = dataclasses.replace(design, **change)
        return backtesting._tasks(asked, Sources(table), DAYS[:1])[0][0]

    rows = annual["reported_on"]
    earlier, later = (
        annual.assign(value=annual["value"].where(~own, annual["value"] * 1.1))
        for own in (rows == "2020-01-20", rows == "2026-01-20")
    )
    tasks = [task(), task(earlier), task(later), *(task(**c) for c in (
        {"seed": 4}, {"horizon": 2}, {"size": 400}, {"window": "4y"}))]  # fmt: skip
    keys = [one.key for one in tasks]
    with monkeypatch.context() as patch:
        patch.setattr(backtesting, "package_hash", lambda: "other code")
        keys.append(task().key)
    assert len(set(keys)) == len(keys)
    assert task().key == keys[0]


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from conftest import independent_tree
from forecast.inference import sampling
from forecast.store import origins
sampling.sample_model = independent_tree
from test_backtest_store import annual_market, walk

written, write = [], origins.write_tables

def half(folder, tables):
    written.append(folder)
    if len(written) < 3:
        return write(folder, tables)
    (folder / "cells.parquet").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)

origins.write_tables = half
walk(annual_market(), sys.argv[2])
"""


def test_a_killed_backtest_goes_on_where_it_was(annual, instant_sampler, tmp_path, monkeypatch):
    """Killed in the middle of writing the third of four dates."""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, str(TESTS), str(tmp_path)], check=False,
        env={**os.environ, "PYTHONPATH": str(TESTS.parent)},
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL
    assert len(dates_of(tmp_path)) == 2
    (left,) = (tmp_path / "backtests" / "dates").glob(".tmp-*")
    assert (left / "cells.parquet").read_bytes() == b"half"
    done, score = [], backtesting.score_origin
    monkeypatch.setattr(
        backtesting, "score_origin", lambda task: done.append(task.panel.as_of) or score(task)
    )
    found = walk(annual, tmp_path)
    assert done == DAYS[2:]
    same(found, walk(annual))
    assert not left.exists()
    assert len(dates_of(tmp_path)) == 4


def test_a_date_without_a_forecast_is_kept_with_its_reason(annual, instant_sampler, tmp_path):
    found = backtest("market", annual, DAYS[:2], seed=3, size=20, out=tmp_path)
    again = backtest("market", annual, DAYS[:2], seed=3, size=20, out=tmp_path)
    same(found, again)
    assert not again.origins["passed"].any()
    assert np.array(["ESS" in reason for reason in again.origins["reason"]]).all()


@pytest.mark.slow
def test_real_fits_in_two_processes_are_those_of_one(annual, tmp_path):
    alone = backtest("market", annual, DAYS[2:], seed=3, size=1000)
    assert alone.origins["passed"].all()
    same(backtest("market", annual, DAYS[2:], seed=3, size=1000, workers=2, out=tmp_path), alone)
    assert len(dates_of(tmp_path)) == 2
