"""Install what a lock file pins, or write the lock files; needs nothing but Python.

``python tools/packages.py install requirements.lock`` or ``python tools/packages.py lock``.

uv does either in a tenth of pip's time: one on the PATH, else one that pip brings into this
environment. uv reads nothing of pip's configuration, so it is told here where pip would look; what it
cannot do all the same (ask a keyring, say) pip then tries in its own way.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

UV = "uv>=0.8,<1"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--require-virtualenv"]
PROJECT = ["--no-deps", "--no-build-isolation", "--editable", "."]
"""The project itself: what it is built with stands in the lock, and is there before it."""

AS_UV_SAYS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}
"""A setting of pip's, and the variable that tells uv the same."""
PREFIXES = ("global", "install", ":env:")
"""Where pip's settings stand; the later counts more."""

COMPILE = ["pip", "compile", "--quiet", "--universal", "--python-version", "3.12", "--upgrade"]
COMPILE += ["--no-header", "--no-annotate", "pyproject.toml"]
LOCKS = {
    "requirements.lock": "--extra=pdf --extra=docx --extra=sec --extra=xlsx --group=build",
    "requirements-dev.lock": "--all-extras --group=dev --constraints=requirements.lock",
}
"""What runs the package; what checks it too, at the same versions."""


def pip_settings(listed: str) -> dict[str, str]:
    """Return pip's settings by name.

    Parameters
    ----------
    listed
        What ``pip config list`` prints: lines ``prefix.name='value'``.
    """
    found = {}
    for prefix in PREFIXES:
        for line in listed.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(f"{prefix}."):
                found[name.removeprefix(f"{prefix}.")] = str(ast.literal_eval(value))
    return found


def uv_environment(environ: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which uv looks where pip would; what `environ` tells uv stays."""
    # As pip: the certificates that the system trusts, and the pinned version whichever index has it.
    told = {"UV_SYSTEM_CERTS": "1", "UV_INDEX_STRATEGY": "unsafe-best-match"}
    for name, variable in AS_UV_SAYS.items():
        if settings.get(name):
            told[variable] = settings[name]
    if "UV_FIND_LINKS" in told:  # the one list that uv wants with commas
        told["UV_FIND_LINKS"] = ",".join(told["UV_FIND_LINKS"].split())
    return {**told, **environ}


def find_uv() -> str | None:
    """Return a uv: the one on the PATH, else this environment's, brought by pip; None without."""
    own = Path(sys.executable).parent / "uv"
    if not (found := shutil.which("uv")) and not own.exists():
        _done([*PIP, "install", "--quiet", "--only-binary=:all:", UV])
    return found or (str(own) if own.exists() else None)


def install(lock: str) -> bool:
    """Install the packages of a lock file and then the project; return whether all are there."""
    settings = pip_settings(_said([*PIP, "config", "list"]))
    steps = [["--no-deps", "--requirement", lock], PROJECT]
    if uv := find_uv():
        command = [uv, "pip", "install", "--quiet", "--python", sys.executable]
        if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
            command += ["--no-index"]
        environ = uv_environment(os.environ, settings)
        if all(_done([*command, *step], environ) for step in steps):
            return True
        _say("uv could not, so pip tries, which takes longer")
    return all(_done([*PIP, "install", "--quiet", *step]) for step in steps)


def lock() -> bool:
    """Pin the newest set that resolves, for every system and Python; return whether it did."""
    if (uv := find_uv()) is None:
        return False
    environ = uv_environment(os.environ, pip_settings(_said([*PIP, "config", "list"])))
    return all(
        _done([uv, *COMPILE, *wanted.split(), "--output-file", name], environ)
        for name, wanted in LOCKS.items()
    )


def _done(command: list[str], environ: Mapping[str, str] | None = None) -> bool:
    return subprocess.run(command, env=environ, check=False).returncode == 0


def _said(command: list[str]) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main(words: list[str]) -> int:
    """Do what the words ask; return the exit code."""
    match words:
        case ["install", file]:
            if install(file):
                return 0
            _say(
                f"set-up is not complete: {file} could not be installed, see above; check the "
                "network and where pip looks (pip config list), then run make again"
            )
        case ["lock"]:
            if lock():
                return 0
            _say(
                f"the lock files were not written, see above; they need {UV}, on the PATH or by pip"
            )
        case _:
            _say("usage: packages.py install FILE | lock")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
