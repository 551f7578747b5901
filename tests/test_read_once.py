"""A file is read once in a process, and anew when it changed."""

import pandas as pd
import pytest

from forecast.core.errors import DataError
from forecast.tables import read_once as memory
from forecast.tables.read_once import read_once
from forecast.tables.shipped import data_dir, read_reference_table, read_vintages
from forecast.tables.vintages import read_table


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch):
    monkeypatch.setattr(memory, "_held", type(memory._held)())


def test_the_same_content_is_read_once_and_each_caller_has_its_own_rows():
    asked = []

    def read():
        asked.append(1)
        return pd.DataFrame({"a": [1.0, 2.0]})

    first = read_once(read, b"x", "k")
    first.loc[0, "a"] = 9.0
    second = read_once(read, b"x", "k")
    second.loc[1, "a"] = 9.0
    third = read_once(read, b"x", "k")
    assert len(asked) == 1
    assert [*third["a"]] == [1.0, 2.0]
    read_once(read, b"x", "another way")
    read_once(read, b"y", "k")
    assert len(asked) == 3


def test_a_failure_is_not_held():
    def fail():
        raise DataError("no")

    for _ in range(2):
        with pytest.raises(DataError):
            read_once(fail, b"x", "k")
    assert len(read_once(lambda: pd.DataFrame({"a": [1]}), b"x", "k")) == 1


def test_what_is_held_is_bounded(monkeypatch):
    monkeypatch.setattr(memory, "MOST", 3)
    for k in range(10):
        read_once(lambda: pd.DataFrame({"a": [1]}), bytes([k]), "k")
    assert len(memory._held) == 3


def test_tables_from_memory_are_those_of_the_file():
    pd.testing.assert_frame_equal(read_vintages(), read_vintages())
    before = read_reference_table("capex_runups")
    pd.testing.assert_frame_equal(before, read_reference_table("capex_runups"))


def test_a_changed_file_is_read_anew_and_a_bad_one_named(tmp_path):
    text = (data_dir() / "h100_rental.csv").read_text(encoding="utf-8")
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    rows = read_table(path)
    lines = text.splitlines(keepends=True)
    path.write_text("".join(lines[:-1]), encoding="utf-8")
    assert len(read_table(path)) == len(rows) - 1
    for other in ("a.csv", "b.csv"):  # the error names the file that was asked for
        bad = tmp_path / other
        bad.write_text("entity\nx\n", encoding="utf-8")
        with pytest.raises(DataError, match=other):
            read_table(bad)
