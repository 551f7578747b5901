"""Set-up: by uv where it can be had, by pip where not, and never called done when it is not."""

import importlib.util
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LISTED = """:env:.index-url='http://env/simple'
global.cert='/etc/certs.pem'
global.find-links='/one /two'
global.index-url='http://file/simple'
install.trusted-host='file'
"""


@pytest.fixture
def packages():
    spec = importlib.util.spec_from_file_location("packages", ROOT / "tools" / "packages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def commands(packages, monkeypatch):
    """Return the commands that would have run; `broken` holds the programs that fail."""

    class Seen(list):
        broken = ()

    seen = Seen()

    def done(command, environ=None):
        seen.append((command, environ))
        return command[0] not in seen.broken

    monkeypatch.setattr(packages, "PIP", ["pip"])
    monkeypatch.setattr(packages, "_done", done)
    monkeypatch.setattr(packages, "_said", lambda command: LISTED)
    monkeypatch.setattr(packages, "find_uv", lambda: "uv")
    return seen


def test_of_pips_settings_the_environments_count_most(packages):
    assert packages.pip_settings(LISTED) == {
        "index-url": "http://env/simple",
        "cert": "/etc/certs.pem",
        "find-links": "/one /two",
        "trusted-host": "file",
    }
    assert packages.pip_settings("") == {}


def test_uv_looks_where_pip_would(packages):
    told = packages.uv_environment({"HOME": "/h"}, packages.pip_settings(LISTED))
    assert told == {
        "HOME": "/h",
        "UV_DEFAULT_INDEX": "http://env/simple",
        "SSL_CERT_FILE": "/etc/certs.pem",
        "UV_FIND_LINKS": "/one,/two",
        "UV_INSECURE_HOST": "file",
        "UV_SYSTEM_CERTS": "1",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }
    own = {"UV_DEFAULT_INDEX": "http://own/simple", "SSL_CERT_FILE": "/own.pem"}
    assert packages.uv_environment(own, packages.pip_settings(LISTED)).items() >= own.items()


def test_uv_installs_the_lock_and_then_the_project(packages, commands):
    assert packages.main(["install", "some.lock"]) == 0
    (lock, environ), (project, _) = commands
    assert lock[:3] == project[:3] == ["uv", "pip", "install"]
    assert lock[-2:] == ["--requirement", "some.lock"]
    assert project[-2:] == ["--editable", "."]
    assert environ["UV_DEFAULT_INDEX"] == "http://env/simple"
    assert "--no-index" not in lock


def test_uv_asks_no_index_where_pip_asks_none(packages, commands, monkeypatch):
    monkeypatch.setattr(packages, "_said", lambda command: "global.no-index='true'\n")
    assert packages.main(["install", "some.lock"]) == 0
    assert all("--no-index" in command for command, _ in commands)


@pytest.mark.parametrize("uv", ["uv", None])
def test_without_uv_pip_does_it(packages, commands, monkeypatch, uv):
    commands.broken = ("uv",)
    monkeypatch.setattr(packages, "find_uv", lambda: uv)
    assert packages.main(["install", "some.lock"]) == 0
    by_pip = [command for command, _ in commands if command[0] == "pip"]
    assert [command[-1] for command in by_pip] == ["some.lock", "."]


def test_a_set_up_that_fails_says_what_to_do(packages, commands, capsys):
    commands.broken = ("uv", "pip")
    assert packages.main(["install", "some.lock"]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert "some.lock" in last and "run make again" in last


def test_a_lock_that_does_not_resolve_fails(packages, commands, capsys):
    commands.broken = ("uv",)
    assert packages.main(["lock"]) == 1
    assert "not written" in capsys.readouterr().err


def test_uv_comes_from_the_path_or_by_pip_or_not_at_all(packages, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(packages.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(packages, "_done", lambda command: asked.append(command[-1]))
    monkeypatch.setattr(packages.shutil, "which", lambda name: "/usr/bin/uv")
    assert packages.find_uv() == "/usr/bin/uv"
    assert asked == []
    monkeypatch.setattr(packages.shutil, "which", lambda name: None)
    assert packages.find_uv() is None
    assert asked == [packages.UV]
    (tmp_path / "uv").touch()
    assert packages.find_uv() == str(tmp_path / "uv")
    assert asked == [packages.UV]  # it is there already


PYTHON = """#!/bin/sh
# A Python that makes an environment of itself, and whose installer notes what it is asked.
case "$1" in
  --version) echo "Python 3.13" ;;
  -m) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  tools/packages.py) echo "$3" >> asked; [ "$3" != "$BROKEN" ] ;;
esac
"""


def make(folder, broken=""):
    """Run ``make setup`` where Python is a stand-in; return it, and what was installed since."""
    environ = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "BROKEN": broken}
    (folder / "asked").write_text("")
    done = subprocess.run(
        ["make", "setup"], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    return done, (folder / "asked").read_text().split()


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_calls_set_up_done_when_it_is(tmp_path):
    locks = ["requirements.lock", "requirements-dev.lock"]
    for name in ("Makefile", "pyproject.toml", *locks, "tools/packages.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3.14").write_text(PYTHON)
    (tmp_path / "bin" / "python3.14").chmod(0o755)

    for _ in range(2):  # what failed is tried again
        done, asked = make(tmp_path, broken=locks[0])
        assert (done.returncode, asked) == (2, locks[:1])
    for _ in range(2):  # what was done stays
        done, asked = make(tmp_path, broken=locks[1])
        assert done.returncode == 2
        assert asked[-1] == locks[1]
    assert asked == locks[1:]
    assert make(tmp_path)[1] == locks[1:]
    done, asked = make(tmp_path)
    assert (done.returncode, asked) == (0, [])
    (tmp_path / locks[0]).touch()
    assert make(tmp_path)[1] == locks


def pins(name):
    """Return the lines of a lock file: names, versions and for whom."""
    return set((ROOT / name).read_text().splitlines())


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_keeps_bytecode_where_an_image_forbids_it():
    told = 'told: ; @echo "got <$$PYTHONDONTWRITEBYTECODE>"'
    done = subprocess.run(
        ["make", "--silent", "--eval", told, "told"], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, check=True,
    )  # fmt: skip
    assert done.stdout == "got <>\n"


def test_the_locks_pin_all_that_is_declared_at_one_version():
    runtime, everything = pins("requirements.lock"), pins("requirements-dev.lock")
    assert all(re.match(r"[\w.-]+==[\w.]+( ;|$)", line) for line in runtime | everything)
    assert runtime <= everything
    pinned = {re.match(r"[\w.-]+", line).group() for line in runtime}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    needed = [*project["project"]["dependencies"], *project["dependency-groups"]["build"]]
    needed += [need for name in ("pdf", "docx", "xlsx", "sec") for need in extras[name]]
    names = {re.match(r"[\w.-]+", need).group().lower().replace("_", "-") for need in needed}
    assert names <= pinned
