"""Lines of progress: silent in a library, once each on a command's stderr, the same over processes."""

import logging
import subprocess
import sys

import pytest

from forecast.cli import main
from forecast.core.processes import each
from forecast.core.progress import heard_by, tell_again

LOGGER = logging.getLogger("forecast")
ONE = logging.getLogger("forecast.one")


def state():
    return [*LOGGER.handlers], LOGGER.level, LOGGER.propagate


@pytest.mark.parametrize(
    ("asked", "heard"),
    [
        ("", []),
        ("logging.basicConfig()", ["WARNING:forecast.one:damaged"]),
        ('logging.basicConfig(level="INFO", format="%(message)s")', ["50 % done", "damaged"]),
    ],
)
def test_a_library_is_silent_unless_asked(asked, heard):
    code = (
        f"import logging\nimport forecast\n{asked}\none = logging.getLogger('forecast.one')\n"
        "one.info('50 % done')\none.warning('damaged')"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stderr.splitlines() == heard
    assert done.stdout == ""


def test_who_hears_is_alone_and_leaves_no_trace(caplog):
    before, lines = state(), []
    with pytest.raises(ValueError, match="broken off"), heard_by(lines.append):
        ONE.info("a line")
        ONE.debug("of no interest")
        raise ValueError("broken off")
    ONE.info("not asked for")
    assert [record.getMessage() for record in lines] == ["a line"]
    assert caplog.messages == []
    assert state() == before


def test_a_stream_that_takes_no_more_is_not_passed_over(capsys):
    def full(record):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), heard_by(full):
        ONE.info("a line")
    assert capsys.readouterr().err == ""


def test_a_command_says_each_line_once_however_often_it_runs(tmp_path, capsys):
    (tmp_path / "runs" / "broken").mkdir(parents=True)
    # The first time it enters what reports have decided by now.
    assert main.main(["track", "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    before, told = state(), []
    for _ in range(2):
        assert main.main(["track", "--out", str(tmp_path)]) == 0
        told.append(capsys.readouterr().err.splitlines())
        assert state() == before
    assert told[0] == told[1]
    assert sum(line.startswith("left out: ") for line in told[0]) == 1
    assert main.main(["track", "--out", str(tmp_path), "--data", "nowhere"]) == 1
    assert state() == before


def work(task):
    told = []
    with heard_by(told.append):
        ONE.info(f"{task} begun")
        ONE.warning(f"{task} damaged: %d")
    return told


def test_lines_of_other_processes_are_told_as_if_here(caplog):
    caplog.set_level("WARNING", logger="forecast")
    for told in each(work, ["a", "b"], 2):
        for record in told:
            tell_again(record)
    assert sorted(caplog.messages) == ["a damaged: %d", "b damaged: %d"]
    assert {record.levelname for record in caplog.records} == {"WARNING"}
