"""A run folder is whole or refused."""

import errno
import hashlib
import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from forecast.core.errors import StoreError
from forecast.store import fits as fit_store
from forecast.store import runs
from forecast.store.fits import keep_fit, kept_fit
from forecast.store.runs import (
    check_output,
    compared_with,
    latest_run,
    load_tree,
    point_latest,
    read_frame,
    read_manifest,
    run_id,
    save_tree,
    stored_runs,
    verify,
    write_change,
    write_run,
)


def fill(folder):
    (folder / "figures").mkdir()
    (folder / "figures" / "a.svg").write_text("<svg/>")
    (folder / "memo.md").write_text("hello")


def test_written_whole_and_latest_points_to_it(tmp_path):
    folder = write_run(tmp_path, "abc", fill)
    assert verify(folder) == folder
    assert (tmp_path / "latest").resolve() == folder.resolve()
    assert (tmp_path / "latest" / "memo.md").read_text() == "hello"


def test_a_failure_leaves_nothing_and_latest_stays(tmp_path):
    write_run(tmp_path, "first", fill)

    def fail(folder):
        fill(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_run(tmp_path, "second", fail)
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["first"]
    assert (tmp_path / "latest").resolve().name == "first"


def test_a_damaged_run_is_replaced_by_a_whole_one(tmp_path):
    folder = write_run(tmp_path, "abc", fill)
    (folder / "memo.md").write_text("hallo")
    with pytest.raises(StoreError, match=r"altered memo.md"):
        verify(folder)
    verify(write_run(tmp_path, "abc", fill))
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["abc"]


def test_missing_files_and_folders_are_named(tmp_path):
    folder = write_run(tmp_path, "abc", fill)
    (folder / "figures" / "a.svg").unlink()
    with pytest.raises(StoreError, match=r"missing figures/a.svg"):
        verify(folder)
    with pytest.raises(StoreError, match="not a run folder"):
        verify(tmp_path / "none")
    (folder / "checksums.json").write_text("{")
    with pytest.raises(StoreError, match="cannot be read"):
        verify(folder)


def test_a_change_is_a_folder_beside_the_runs_and_moves_no_link(tmp_path):
    for name in ("a", "b", "c"):
        write_run(tmp_path, name, fill)
    write_run(tmp_path, "d", fill, latest=False)
    assert (tmp_path / "latest").resolve().name == "c"
    assert compared_with(tmp_path, "c") == []
    folders = [write_change(tmp_path, before, "c", fill) for before in ("b", "a", "gone")]
    write_change(tmp_path, "a", "b", fill)
    assert [verify(f).name for f in folders] == ["b-c", "a-c", "gone-c"]
    assert (tmp_path / "latest").resolve().name == "c"
    for day, folder in enumerate(folders):
        os.utime(folder, (day, day))
    assert compared_with(tmp_path, "c") == ["a", "b"]  # the newest first; what is gone is left out
    inside = (folders[0] / "memo.md").stat()
    write_change(tmp_path, "b", "c", lambda folder: None)
    assert compared_with(tmp_path, "c") == [
        "b",
        "a",
    ]  # whole: it stays as it was, and is the newest
    assert (folders[0] / "memo.md").stat().st_ino == inside.st_ino
    (folders[0] / "memo.md").unlink()
    verify(write_change(tmp_path, "b", "c", fill))  # a damaged one is replaced
    assert stored_runs(tmp_path) == ["a", "b", "c", "d"]
    with pytest.raises(StoreError, match="wanted letters"):
        write_change(tmp_path, "../a", "b", fill)


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "x" * 99])
def test_names_cannot_leave_the_folder(tmp_path, name):
    with pytest.raises(StoreError, match="wanted letters"):
        write_run(tmp_path / "out", name, fill)
    assert list(tmp_path.iterdir()) == []


def test_every_flipped_byte_of_a_fit_is_noticed(tmp_path):
    rng = np.random.default_rng(0)
    tree = xr.DataTree.from_dict(
        {"posterior": xr.Dataset({"a": (("chain", "draw"), rng.random((4, 500)))})}
    )
    tree.attrs["spec"] = json.dumps({"model": "market"})

    folder = write_run(tmp_path, "abc", lambda f: save_tree(tree, f / "a.nc"))
    back = load_tree(folder / "a.nc")
    xr.testing.assert_equal(back["posterior"].to_dataset(), tree["posterior"].to_dataset())
    assert back.attrs["spec"] == tree.attrs["spec"]
    whole = (folder / "a.nc").read_bytes()
    for at in rng.integers(0, len(whole), 40):
        broken = bytearray(whole)
        broken[at] ^= 1
        (folder / "a.nc").write_bytes(broken)
        with pytest.raises(StoreError, match=r"altered a.nc"):
            verify(folder)


def test_a_truncated_fit_is_an_error_in_words(tmp_path):
    path = tmp_path / "a.nc"
    path.write_bytes(b"\x89HDF\r\n")
    with pytest.raises(StoreError, match="make the run again"):
        load_tree(path)
    with pytest.raises(StoreError, match="make the run again"):
        load_tree(tmp_path / "none.nc")


def test_ids_depend_on_every_part():
    assert len({run_id("a", "b"), run_id("ab"), run_id("b", "a"), run_id("a", "b", "")}) == 4


def test_the_fits_that_were_used_longest_ago_go(tmp_path, monkeypatch):
    monkeypatch.setattr(fit_store, "FITS_KEPT", 2)
    trees = {
        f"{k:016x}": xr.DataTree.from_dict({"posterior": xr.Dataset({"a": ("draw", [float(k)])})})
        for k in range(3)
    }
    first, second, third = trees
    for key in (first, second):
        keep_fit(tmp_path, key, trees[key])
        os.utime(tmp_path / f"{key}.nc", (1, 1))
    assert kept_fit(tmp_path, first) is not None  # used now
    keep_fit(tmp_path, third, trees[third])
    assert kept_fit(tmp_path, second) is None
    for key in (first, third):
        back = kept_fit(tmp_path, key)["posterior"].to_dataset()
        xr.testing.assert_equal(back, trees[key]["posterior"].to_dataset())
    assert len(list(tmp_path.glob("[!.]*"))) == 4  # a fit and its checksum each


# --- a damaged run is refused -----------------------------------------------------------------
def listed(folder):
    return json.loads((folder / "checksums.json").read_text())


def write_list(folder, sums):
    (folder / "checksums.json").write_text(json.dumps(sums))


@pytest.mark.parametrize("name", ["memo.txt", "figures/b.svg", "figures/checksums.json", ".hidden"])
def test_a_file_that_is_not_of_the_run_is_named(name, tmp_path):
    folder = write_run(tmp_path, "abc", fill)
    (folder / name).write_text("{}")
    with pytest.raises(
        StoreError, match=f"missing nothing, altered nothing, not of the run {name};"
    ):
        verify(folder)


@pytest.mark.parametrize("kind", ["a link", "a pipe"])
def test_what_is_no_file_is_not_of_the_run(kind, tmp_path):
    folder = write_run(tmp_path, "abc", fill)
    path = folder / "figures" / "b.svg"
    path.symlink_to(folder / "memo.md") if kind == "a link" else os.mkfifo(path)
    with pytest.raises(StoreError, match=r"not of the run figures/b.svg"):
        verify(folder)
    path.unlink()
    verify(folder)
    (folder / "memo.md").rename(tmp_path / "memo.md")
    (folder / "memo.md").symlink_to(tmp_path / "memo.md")  # the same content, and it may change
    with pytest.raises(StoreError, match=r"altered memo.md"):
        verify(folder)


def dropped(sums):
    del sums["memo.md"]


def dropped_with_its_file(sums):
    del sums["memo.md"]
    return "memo.md"


@pytest.mark.parametrize("change", [dict.clear, dropped, dropped_with_its_file,
                                    lambda sums: sums.update({"more.txt": "0" * 64})])  # fmt: skip
def test_a_list_of_checksums_that_was_changed_verifies_nothing(change, tmp_path):
    folder = write_run(tmp_path, "abc", fill)
    sums = listed(folder)
    gone = change(sums)
    if gone:
        (folder / gone).unlink()
    write_list(folder, sums)
    with pytest.raises(StoreError, match=r"checksums.json: altered; make the run again"):
        verify(folder)


@pytest.mark.parametrize(
    "content", [b"[]", b"3", b"null", b'"a"', b"{", b"\x80", b"", b"[" * 100000]
)
def test_a_list_of_checksums_that_is_none(content, tmp_path):
    folder = write_run(tmp_path, "abc", fill)
    (folder / "checksums.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"checksums.json: .*make the run again"):
        verify(folder)


def test_a_folder_in_the_place_of_the_list(tmp_path):
    folder = write_run(tmp_path, "abc", fill)
    (folder / "checksums.json").unlink()
    (folder / "checksums.json").mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        verify(folder)
    with pytest.raises(StoreError, match="not a run folder"):
        verify(folder / "memo.md")


def test_a_run_from_before_lists_had_a_seal_is_still_whole(tmp_path):
    folder = write_run(tmp_path, "abc", lambda f: (fill(f), (f / "manifest.json").write_text("{}")))
    sums = listed(folder)
    assert set(sums) == {"checksums.json", "figures/a.svg", "manifest.json", "memo.md"}
    del sums["checksums.json"]
    write_list(folder, sums)
    verify(folder)
    (folder / "memo.md").write_text("hallo")
    with pytest.raises(StoreError, match=r"altered memo.md"):
        verify(folder)


def test_a_file_that_the_system_does_not_give_is_said(tmp_path, monkeypatch):
    folder = write_run(tmp_path, "abc", fill)

    def broken(path):
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr(runs, "sha256_of", broken)
    with pytest.raises(StoreError, match=r"abc: cannot be read \(Input/output error\)"):
        verify(folder)


MANIFEST = {"run": "abc", "as_of": "2026-05-06", "seed": 1, "models": ["market"], "draft": [],
            "draws": 4000, "data_hash": "0", "spec": {}, "gate": {}}  # fmt: skip


@pytest.mark.parametrize("name", MANIFEST)
def test_a_manifest_of_other_kinds_is_refused(name, tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(MANIFEST))
    assert read_manifest(tmp_path) == MANIFEST
    for bad in (None, 1.5):
        path.write_text(json.dumps({**MANIFEST, name: bad}))
        with pytest.raises(StoreError, match=rf"manifest.json: no good {name}; make the run again"):
            read_manifest(tmp_path)
    without = {key: value for key, value in MANIFEST.items() if key != name}
    path.write_text(json.dumps(without))
    with pytest.raises(StoreError, match=rf"no good {name}"):
        read_manifest(tmp_path)
    assert read_manifest(tmp_path, *without) == without


@pytest.mark.parametrize("content", [b'{"run": "abc"', b"[]", b"\xff"])
def test_a_manifest_that_is_none_is_refused(content, tmp_path):
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"manifest.json: .*make the run again"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("content", [b"PAR1", b"", b"garbage" * 100])
def test_a_damaged_table_of_forecasts_is_refused(content, tmp_path):
    path = tmp_path / "forecasts.parquet"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"forecasts.parquet: cannot be read"):
        read_frame(path)
    with pytest.raises(StoreError, match=r"none.parquet: cannot be read"):
        read_frame(tmp_path / "none.parquet")


@pytest.mark.parametrize("content", [b"", b"garbage", b"CDF\x01" * 50, b"\x89HDF\r\n\x1a\n" * 9])
def test_a_fit_that_is_no_netcdf_is_refused(content, tmp_path):
    (tmp_path / "a.nc").write_bytes(content)
    with pytest.raises(StoreError, match=r"a.nc: cannot be read .*make the run again"):
        load_tree(tmp_path / "a.nc")


# --- latest -----------------------------------------------------------------------------------
def test_latest_is_none_or_a_whole_run_of_the_folder(tmp_path):
    out = tmp_path / "out"
    assert latest_run(out) is None
    folder = write_run(out, "abc", fill)
    assert latest_run(out) == folder.resolve()
    (tmp_path / "way").symlink_to(out)
    assert latest_run(tmp_path / "way") == folder.resolve()
    out.rename(tmp_path / "moved")
    assert latest_run(tmp_path / "moved") == (tmp_path / "moved" / "runs" / "abc").resolve()


@pytest.mark.parametrize(
    ("to", "said"),
    [("runs/gone", "points to runs/gone, which is not there; forecast run fixes it"),
     ("latest", "points to latest, which is not there"),
     ("../elsewhere", "which is not in"), ("runs", "which is not in"), ("runs/abc/figures", "which")],
)  # fmt: skip
def test_a_link_to_nowhere_or_outside_is_said_and_mended_by_a_run(to, said, tmp_path):
    out = tmp_path / "out"
    folder = write_run(out, "abc", fill)
    shutil.copytree(folder, tmp_path / "elsewhere")  # whole, but not of this folder
    (out / "latest").unlink()
    (out / "latest").symlink_to(to)
    with pytest.raises(StoreError, match=said):
        latest_run(out)
    check_output(out)
    point_latest(out, "abc")
    assert latest_run(out) == folder.resolve()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_no_link_is_not_replaced(kind, tmp_path):
    write_run(tmp_path, "abc", fill)
    link = tmp_path / "latest"
    link.unlink()
    link.mkdir() if kind == "folder" else link.write_text("mine")
    for look in (latest_run, check_output, lambda out: point_latest(out, "abc")):
        with pytest.raises(StoreError, match="latest is no link to a run; move it away"):
            look(tmp_path)
    assert link.is_dir() == (kind == "folder")


# --- stored fits ------------------------------------------------------------------------------
def little(value=1.0):
    return xr.DataTree.from_dict({"posterior": xr.Dataset({"a": ("draw", [value])})})


KEYS = ("a" * 16, "b" * 16)


@pytest.fixture
def fits(tmp_path):
    for key, value in zip(KEYS, (1.0, 2.0), strict=True):
        keep_fit(tmp_path, key, little(value))
    return tmp_path


def test_a_fit_does_not_carry_its_name_further(fits):
    assert kept_fit(fits, KEYS[0]).attrs == {}


@pytest.mark.parametrize("note", [
    "\x80" * 64, "", "0" * 64, "{sha}", "{sha}  {other}.nc\n", "{sha}  {key}.nc\nmore",
])  # fmt: skip
def test_a_checksum_that_was_changed_is_refused(note, fits):
    path = fits / f"{KEYS[0]}.sha256"
    sha = hashlib.sha256((fits / f"{KEYS[0]}.nc").read_bytes()).hexdigest()
    path.write_bytes(note.format(sha=sha, key=KEYS[0], other=KEYS[1]).encode("latin-1"))
    with pytest.raises(StoreError, match=rf"{KEYS[0]}.nc: altered"):
        kept_fit(fits, KEYS[0])


def test_a_whole_fit_under_another_name_is_refused(fits):
    one, two = (fits / f"{key}.nc" for key in KEYS)
    one.write_bytes(two.read_bytes())
    note = two.with_suffix(".sha256").read_text().replace(*reversed(KEYS))
    one.with_suffix(".sha256").write_text(note)
    with pytest.raises(StoreError, match=rf"{KEYS[0]}.nc: another fit stands under this name"):
        kept_fit(fits, KEYS[0])
    assert float(kept_fit(fits, KEYS[1])["posterior"]["a"][0]) == 2.0


def test_a_fit_without_its_note_or_that_cannot_be_read_is_refused(fits, monkeypatch):
    (fits / f"{KEYS[0]}.sha256").unlink()
    with pytest.raises(StoreError, match="altered or not written to its end"):
        kept_fit(fits, KEYS[0])

    def broken(path):
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr(fit_store, "sha256_of", broken)
    with pytest.raises(StoreError, match=rf"{KEYS[1]}.nc: cannot be read \(Input/output error\)"):
        kept_fit(fits, KEYS[1])


def test_what_killed_writers_left_among_the_fits_goes(fits):
    for name in (".tmp-x.nc", f".{KEYS[0]}.nc-abc.tmp"):
        (fits / name).write_text("half")
    keep_fit(fits, KEYS[0], little())
    assert {p.name for p in fits.glob(".*")} == {".lock"}


def test_a_file_in_the_place_of_the_fits_is_said(tmp_path):
    (tmp_path / "fits").write_text("")
    with pytest.raises(
        StoreError, match=r"cannot write .*fits: File exists; move away what stands"
    ):
        keep_fit(tmp_path / "fits", KEYS[0], little())
    assert kept_fit(tmp_path / "fits", KEYS[0]) is None


# --- one writer beside another -----------------------------------------------------------------
def test_writing_a_whole_run_again_leaves_it_and_nothing_else(tmp_path):
    folder = write_run(tmp_path, "abc", fill)
    made = (folder / "memo.md").stat().st_ino
    write_run(tmp_path, "abc", fill)
    assert (folder / "memo.md").stat().st_ino == made
    assert [p.name for p in (tmp_path / "runs").iterdir()] == ["abc"]


def test_a_folder_that_is_being_filled_is_not_swept_and_one_that_was_left_is(tmp_path):
    (tmp_path / "runs" / ".tmp-left").mkdir(parents=True)
    (tmp_path / "runs" / ".old-left").mkdir()

    def slow(folder):
        fill(folder)
        write_run(tmp_path, "second", fill)  # another writer, meanwhile
        assert folder.is_dir()

    write_run(tmp_path, "first", slow)
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["first", "second"]


def test_the_folder_is_held_while_a_run_gets_its_name(tmp_path, monkeypatch):
    held, seen = [], []
    hold = runs.lock.hold

    def watched(path, what):
        held.append(Path(path).name)
        return hold(path, what)

    monkeypatch.setattr(runs.lock, "hold", watched)
    monkeypatch.setattr(runs, "_put", lambda *_: seen.append(list(held)))
    write_run(tmp_path, "abc", fill)
    assert seen == [[".lock"]]


def test_latest_exists_at_every_moment(tmp_path):
    for name in ("one", "two"):
        write_run(tmp_path, name, fill)
    missed, stop = [], threading.Event()

    def watch():
        while not stop.is_set():
            if not (tmp_path / "latest").is_symlink():
                missed.append(1)

    eyes = threading.Thread(target=watch)
    eyes.start()
    for k in range(300):
        point_latest(tmp_path, ("one", "two")[k % 2])
    stop.set()
    eyes.join()
    assert missed == []


def test_every_block_of_a_fit_has_its_own_checksum(tmp_path):
    import h5py

    values = np.random.default_rng(0).random((4, 500))
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset({"a": (("chain", "draw"), values)})})
    save_tree(tree, tmp_path / "a.nc")
    with h5py.File(tmp_path / "a.nc") as file:
        assert file["posterior/a"].fletcher32
