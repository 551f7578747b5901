"""What cannot be written is said in a sentence, before long work where that can be known."""

import errno
import os
import shutil
import sys
from pathlib import Path

import pytest
from conftest import without_pictures

from forecast import plots
from forecast.cli import main
from forecast.core import files
from forecast.core.errors import ClaimError, DataError, StoreError
from forecast.core.files import probe_file, probe_folder, read_bytes, read_toml, replace_text, whole
from forecast.inference import fitting, sampling
from forecast.models.registry import NAMES, get_model
from forecast.report import export
from forecast.store.runs import verify

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
ROOM = "No space left on device; make room there and run again"


# --- one file ---------------------------------------------------------------------------------
def test_a_file_is_replaced_in_one_step_and_keeps_its_mode(tmp_path):
    path = tmp_path / "new" / "a.txt"
    replace_text(path, "one")
    assert path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o600)
    with whole(path) as fresh:
        fresh.write_text("two")
        assert path.read_text() == "one"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("two", 0o600)
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt(), ValueError("no")])
def test_a_failure_leaves_the_file_as_it_was_and_nothing_beside_it(error, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    wanted = StoreError if error is FULL else type(error)
    with pytest.raises(wanted) as found, whole(path) as fresh:
        fresh.write_text("half")
        raise error
    if error is FULL:
        assert str(found.value) == f"cannot write {path}: {ROOM}"
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_link_stays_a_link_and_what_is_no_file_stays(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    replace_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/null")):
        for write in (lambda p: replace_text(p, "x"), probe_file):
            with pytest.raises(StoreError, match="what stands there is no file; give another path"):
                write(path)
    assert Path("/dev/null").is_char_device()


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "a").write_text("")
    for write in (lambda p: replace_text(p, "x"), probe_file):
        with pytest.raises(
            StoreError, match=rf"cannot write {tmp_path}/a.*: (Not a dir|File exists)"
        ):
            write(tmp_path / "a" / "b.txt")
    with pytest.raises(StoreError, match=r"Not a directory; a file stands where a folder should"):
        probe_folder(tmp_path / "a" / "b")


def test_the_content_of_a_file_and_what_is_none(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"\x00\xff")
    assert read_bytes(path) == b"\x00\xff"
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "none")
    with pytest.raises(DataError, match=r"a/b: cannot be read \(Not a directory\)"):
        read_bytes(path / "b")


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 100_000, "a = " + "9" * 10_000, "[", "a = 1\na = 2"]
)
def test_what_is_no_toml_is_said(text, tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(ClaimError, match=r"a.toml: got something that is not a TOML file: "):
        read_toml(path, "file")
    path.write_bytes(b"\xff")
    with pytest.raises(ClaimError, match="not a TOML file: 'utf-8' codec can't decode"):
        read_toml(path, "file")
    with pytest.raises(ClaimError, match=r"none.toml: there is no such file of mine"):
        read_toml(tmp_path / "none.toml", "file of mine")
    with pytest.raises(DataError, match="is a folder; give the path of a file"):
        read_toml(tmp_path, "file")
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n")
    assert read_toml(path, "file") == {"a": 1, "b": 2}


def test_a_probe_leaves_nothing_and_makes_the_folder(tmp_path):
    probe_folder(tmp_path / "a" / "b")
    probe_file(tmp_path / "c" / "d.csv")
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")) == [
        "a", "a/b", "c",
    ]  # fmt: skip


# --- a run ------------------------------------------------------------------------------------
class _Full:
    """A file on a disk that is full."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def write(self, content):
        raise FULL


def read_only(**_):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS), "somewhere/tmpx")


def run(out, *more):
    return main.main(["run", "--quick", "--models", "adoption", "--out", str(out), *more])


def fits_is_a_file(out, _):
    out.mkdir()
    (out / "fits").write_text("")


def latest_is_a_folder(out, _):
    (out / "latest").mkdir(parents=True)


UNWRITABLE = {
    "a full disk": (
        lambda _, patch: patch.setattr(files.tempfile, "TemporaryFile", lambda **_: _Full()),
        f"cannot write OUT: {ROOM}",
    ),
    "a folder that can only be read": (
        lambda _, patch: patch.setattr(files.tempfile, "TemporaryFile", read_only),
        "Read-only file system; give a path that can be written",
    ),
    "a file where the folder should be": (
        lambda out, _: out.write_text("mine"),
        "cannot write OUT: File exists; move away what stands there or give another path",
    ),
    "a file where the fits should be": (fits_is_a_file, "cannot write OUT/fits: File exists"),
    "a folder where the link should be": (latest_is_a_folder, "OUT/latest is no link to a run"),
}


@pytest.mark.parametrize("what", UNWRITABLE)
@pytest.mark.parametrize("command", ["run", "update"])
def test_an_output_that_cannot_be_written_is_refused_before_any_fit(
    what, command, tmp_path, capsys, monkeypatch
):
    for name in NAMES:  # numba asks for a temporary file of its own for each function it will keep
        get_model(name)
    spoil, said = UNWRITABLE[what]
    out = tmp_path / "out"
    spoil(out, monkeypatch)
    monkeypatch.setattr(sampling, "sample_model", None)
    monkeypatch.setattr(fitting, "prior_misses", None)
    argv = [command, "--quick", "--models", "adoption", "--out", str(out)]
    assert main.main(argv) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("forecast: ")
    assert said.replace("OUT", str(out)) in last


@pytest.fixture
def made(adoption_run, tmp_path, instant_sampler, capsys):
    """Return an output folder with one run."""
    capsys.readouterr()
    return Path(shutil.copytree(adoption_run, tmp_path / "out", symlinks=True))


def files_of(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


WRITERS = ["fits/", "known.csv", "figures/", "forecasts.parquet", "memo.html", "checksums.json"]


@pytest.mark.parametrize("name", WRITERS)
def test_a_disk_that_fills_up_on_the_way_leaves_the_runs_as_they_were(
    name, made, capsys, monkeypatch
):
    before, latest = files_of(made / "runs"), (made / "latest").readlink()
    if name != "figures/":
        without_pictures(monkeypatch)

    def full(real):
        def write(path, *args, **kwargs):
            if name in str(path):
                raise FULL
            return real(path, *args, **kwargs)

        return write

    monkeypatch.setattr(Path, "write_bytes", full(Path.write_bytes))
    monkeypatch.setattr(Path, "write_text", full(Path.write_text))
    import pandas as pd

    for method in ("to_csv", "to_parquet"):
        real = getattr(pd.DataFrame, method)

        def table(frame, path=None, *args, real=real, **kwargs):
            if path is not None and name in str(path):
                raise FULL
            return real(frame, path, *args, **kwargs)

        monkeypatch.setattr(pd.DataFrame, method, table)
    assert run(made, "--seed", "2") == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith(f"forecast: cannot write {made}")
    assert lines[-1].endswith(ROOM)
    assert not any("Traceback" in line for line in lines)
    assert files_of(made / "runs") == before
    assert (made / "latest").readlink() == latest
    verify(made / "latest")
    assert not [p for p in (made / "fits").iterdir() if p.name.endswith(".tmp")]


def test_a_folder_that_vanishes_on_the_way_is_said(made, capsys, monkeypatch):
    from forecast.app import pipeline

    monkeypatch.setattr(pipeline, "draw_overall", lambda *_: shutil.rmtree(made) or {})
    assert run(made, "--seed", "2") == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == (
        f"forecast: cannot write {made}: No such file or directory; look whether it is still there, "
        "and run again"
    )


def test_a_run_that_is_used_again_needs_no_room(made, capsys, monkeypatch):
    monkeypatch.setattr(files.tempfile, "TemporaryFile", lambda **_: _Full())
    latest = (made / "latest").lstat().st_ino
    assert run(made) == 0
    assert "using the run" in capsys.readouterr().err
    assert (made / "latest").lstat().st_ino == latest


# --- other results ----------------------------------------------------------------------------
@pytest.mark.parametrize(("flag", "suffix"), [("--pdf", "pdf"), ("--docx", "docx")])
def test_an_export_is_there_whole_or_not_at_all(flag, suffix, made, capsys, monkeypatch):
    pytest.importorskip("typst" if suffix == "pdf" else "docx")
    path = made / f"{(made / 'latest').resolve().name}-memo.{suffix}"
    argv = ["memo", str(made / "latest"), flag, "--out", str(made)]
    real = Path.write_bytes

    def half(target, content):
        real(target, content[:100])
        raise FULL

    def spoil(patch):
        patch.setattr(Path, "write_bytes", half)

    with monkeypatch.context() as patch:
        spoil(patch)
        assert main.main(argv) == 1
    assert capsys.readouterr().err == f"forecast: cannot write {path}: {ROOM}\n"
    assert not [p.name for p in made.iterdir() if "memo" in p.name]
    assert main.main(argv) == 0
    content = path.read_bytes()
    assert content[:4] in (b"%PDF", b"PK\x03\x04")
    with monkeypatch.context() as patch:
        spoil(patch)
        assert main.main(argv) == 1
    assert path.read_bytes() == content
    assert [p.name for p in made.iterdir() if "memo" in p.name] == [path.name]
    verify(made / "latest")


def test_figures_are_there_whole_or_not_at_all(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots()

    def half(self, target, *args, **kwargs):
        Path(target).write_bytes(b"half") if isinstance(target, Path) else None
        raise FULL

    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(OSError, match="No space"):
        plots.save(figure, tmp_path / "a", alt="It says so.")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    plots.save(figure, tmp_path / "a", alt="It says so.")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "a.svg"]


@pytest.mark.parametrize("place", ["a folder", "under a file", "a device"])
def test_a_csv_that_cannot_be_written_is_refused_before_the_backtest(
    place, tmp_path, capsys, monkeypatch
):
    from forecast.evaluation import backtesting

    monkeypatch.setattr(backtesting, "backtest", None)
    (tmp_path / "file").write_text("")
    path = {"a folder": tmp_path, "under a file": tmp_path / "file" / "x.csv"}.get(
        place, "/dev/null"
    )
    argv = ["backtest", "adoption", "--start", "2025-01-01", "--end", "2026-01-01"]
    assert main.main([*argv, "--csv", str(path)]) == 1
    assert "forecast: cannot write " in capsys.readouterr().err


def test_figures_of_the_evening_before_are_checked_before_the_work(made, capsys, monkeypatch):
    from forecast.app import update

    monkeypatch.setattr(update, "foresee", None)
    place = made / f"before-{(made / 'latest').resolve().name}"
    place.write_text("mine")
    assert main.main(["news", "--before", "--out", str(made)]) == 1
    assert f"cannot write {place}: File exists" in capsys.readouterr().err
    place.unlink()
    monkeypatch.setattr(files.tempfile, "TemporaryFile", lambda **_: _Full())
    assert main.main(["news", "--before", "--out", str(made)]) == 1
    assert capsys.readouterr().err == f"forecast: cannot write {made}: {ROOM}\n"
    assert not place.exists()


def test_the_typesetters_missing_extra_is_said_before_a_file_is_begun(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(DataError, match="needs the pdf extra"):
        export.to_pdf(tmp_path, tmp_path / "memo.pdf")
    assert list(tmp_path.iterdir()) == []
