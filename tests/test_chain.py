"""Rows that are only added: what was changed, removed or cut off shows; killed writers lose nothing."""

import hashlib
import subprocess
import sys

import pytest

from forecast.core.errors import StoreError
from forecast.store import chain

COLUMNS = ("day", "question", "text", "link")


def row(n):
    return {"day": f"2026-05-{n + 1:02d}", "question": f"{n}-{n}", "text": f"said, {n}\r\n"}


@pytest.fixture
def path(tmp_path):
    """Return a file of three rows, written in two goes."""
    file = tmp_path / "rows.csv"
    chain.append(file, COLUMNS, [row(0), row(1)])
    chain.append(file, COLUMNS, [row(2)])
    return file


def days(path):
    return [one["day"][-2:] for one in chain.read(path, COLUMNS)]


def test_rows_come_back_as_they_were_written(path):
    got = [{k: v for k, v in one.items() if k != "link"} for one in chain.read(path, COLUMNS)]
    assert got == [row(0), row(1), row(2)]


def cut(path, rows):
    """Keep so many rows, each of two lines."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: 1 + 2 * rows]))


@pytest.mark.parametrize("rows", [2, 1, 0])
def test_rows_cut_off_the_end_are_noticed(path, rows):
    cut(path, rows)
    with pytest.raises(StoreError, match=rf"got the end '{rows} .*wanted by rows.head 3 "):
        days(path)
    with pytest.raises(StoreError):
        chain.append(path, COLUMNS, [row(3)])


def test_a_file_or_a_head_that_is_gone_is_noticed(path):
    kept = path.read_bytes()
    path.unlink()
    with pytest.raises(StoreError, match="got the end '0 -'"):
        days(path)
    path.write_bytes(kept)
    path.with_suffix(".head").unlink()
    with pytest.raises(StoreError, match=r"wanted by rows\.head that file, which is missing"):
        days(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"said, 1", b"said, 9"),
        (b'2026-05-02,1-1,"said, 1\r\n",', b""),
        (b"2026-05-02,1-1", b"2026-05-02,"),  # the column that may be empty cannot be emptied
        (b"2026-05-02", b"\xff026-05-02"),
        (b"day,question", b"date,question"),
        (b"\n2026-05-02", b",more\n2026-05-02"),  # a cell too many, beside the hash
    ],
)
def test_what_was_changed_is_noticed(path, old, new):
    text = path.read_bytes()
    assert text.count(old) == 1
    path.write_bytes(text.replace(old, new))
    with pytest.raises(StoreError, match="restore the file"):
        days(path)


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("after", [False, True])
def test_a_writer_stopped_between_two_steps_leaves_the_old_rows_or_all(
    path, monkeypatch, step, after
):
    real, calls = chain.replace_text, []

    def stopped(file, text):
        calls.append(file)
        if after or len(calls) < step:
            real(file, text)
        if len(calls) == step:
            raise KeyboardInterrupt

    monkeypatch.setattr(chain, "replace_text", stopped)
    with pytest.raises(KeyboardInterrupt):
        chain.append(path, COLUMNS, [row(3), row(4)])
    monkeypatch.undo()
    written = step == 3 or (step == 2 and after)
    assert days(path) == ["01", "02", "03", "04", "05"][: 5 if written else 3]
    chain.append(path, COLUMNS, [row(5)])
    assert days(path)[-1] == "06"
    cut(path, len(days(path)) - 1)
    with pytest.raises(StoreError):
        days(path)


def test_what_killed_writers_left_is_swept(path):
    for name in (".rows.csv-ab12.tmp", ".rows.head-cd34.tmp"):
        (path.parent / name).write_text("half")
    chain.append(path, COLUMNS, [row(3)])
    assert sorted(p.name for p in path.parent.iterdir()) == ["rows.csv", "rows.head"]


WRITER = """
import sys
from pathlib import Path
from forecast.store import chain
n = 0
while True:
    n += 1
    chain.append(Path(sys.argv[1]), ("day", "question", "link"), [{"day": str(n), "question": "-"}])
    print(n, flush=True)
"""


def test_killed_writers_leave_whole_states(tmp_path):
    path, columns = tmp_path / "rows.csv", ("day", "question", "link")
    kept = 0
    for k in range(3):
        command = [sys.executable, "-c", WRITER, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            told = [int(writer.stdout.readline()) for _ in range(3 + k)]
            writer.kill()
            rest = [int(line) for line in writer.stdout.read().split()]
        rows = len(chain.read(path, columns))
        whole = kept + len(told) + len(rest)
        assert rows in (whole, whole + 1)
        kept = rows


def test_rows_of_before_heads_and_questions_stay_readable_and_get_both(tmp_path):
    path, before = tmp_path / "rows.csv", ""
    lines = ["day,text,link"]
    for day, text in (("1", "a"), ("2", "b")):
        before = hashlib.sha256("\x1f".join([before, day, text]).encode()).hexdigest()[:16]
        lines.append(f"{day},{text},{before}")
    path.write_text("\n".join(lines) + "\n")
    assert [r["question"] for r in chain.read(path, COLUMNS)] == ["", ""]
    chain.append(path, COLUMNS, [row(1)])
    now = path.read_text().splitlines()
    assert now[0] == ",".join(COLUMNS)
    assert [line.replace(",,", ",") for line in now[1:3]] == lines[1:]  # the hashes too
    assert [r["question"] for r in chain.read(path, COLUMNS)] == ["", "", "1-1"]
    cut(path, 1)
    with pytest.raises(StoreError):
        chain.read(path, COLUMNS)
