"""``data release``: an earnings release, from a file or an address, as rows to be added."""

from __future__ import annotations

import argparse
import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from forecast.cli import shared
from forecast.core.errors import DataError, UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

    from forecast.tables.filings.release import Finding, Release


@dataclasses.dataclass(frozen=True)
class Read:
    """What came of a release: its rows, or why there are none to be taken; and all findings for JSON."""

    rows: pd.DataFrame | None
    refused: str
    said: dict[str, Any]


def add_options(one: argparse.ArgumentParser) -> None:
    """Add the command's arguments and options to its grammar."""
    one.add_argument("company", metavar="COMPANY", help="MSFT, Microsoft, ...")
    one.add_argument("file", metavar="FILE", help="the exhibit, HTML or its text, or its address")
    one.add_argument("--period", metavar="P", help="the quarter, 2026Q1 (the last it is about)")
    one.add_argument(
        "--reported-on", metavar="DATE", help="the day of the release (that of its dateline)"
    )
    one.add_argument("--metrics", metavar="A,B", help="only these, which must then be found")
    one.add_argument(
        "--map",
        type=shared.pair,
        action="append",
        default=[],
        metavar="THEIRS=OURS",
        help="a row, SECTION > ROW, or a phrase, and its metric; may be repeated",
    )
    one.add_argument(
        "--user-agent",
        metavar="TEXT",
        help="your name and e-mail address, which SEC asks for (or FORECAST_USER_AGENT)",
    )
    one.add_argument(
        "--timeout", type=shared.seconds, default=20.0, metavar="S", help="without an answer (20)"
    )
    one.add_argument("--no-cache", action="store_true", help="neither read nor keep answers")


def read(args: argparse.Namespace, table: pd.DataFrame | None) -> Read:
    """Read a release as the options say, and show what was found, and where.

    Parameters
    ----------
    args
        What was asked.
    table
        What is held already, or None.
    """
    from forecast.core.periods import parse_date
    from forecast.tables.filings.exhibit import read_exhibit
    from forecast.tables.filings.release import (
        check_company,
        read_release,
        read_rules,
        release_rows,
    )
    from forecast.tables.names import companies

    known = companies().find(args.company)
    entity = args.company.strip() if known is None else known.name
    if known is None and not args.map:
        near = companies().near(args.company)
        hint = f" (did you mean {' or '.join(near)}?)" if near else ""
        raise UnknownNameError(
            f"no company is called {args.company!r}{hint}; releases of others are read with "
            '--map "ROW OR PHRASE=METRIC"'
        )
    rules = read_rules(entity, args.map, args.data)
    asked = [m.strip() for m in args.metrics.split(",") if m.strip()] if args.metrics else []
    unknown = [m for m in asked if m not in [r.metric for r in rules]]
    if unknown:
        raise UnknownNameError(
            f"the mapping of {entity} has no {', '.join(unknown)}; it has "
            f"{', '.join(r.metric for r in rules)}; others are named with --map"
        )
    address = args.file if _is_address(args.file) else ""
    blocks = read_exhibit(_content(args), args.file)
    release = read_release(
        entity,
        blocks,
        [r for r in rules if not asked or r.metric in asked],
        table,
        period=args.period,
        reported_on=parse_date(args.reported_on, "--reported-on date")
        if args.reported_on
        else None,
    )
    check_company(entity, blocks)
    _show(release, args.json)
    refused = _refusal(release, asked)
    rows = None if refused else release_rows(release, address, shared.today())
    return Read(rows, refused, {"release": _plain(release)})


def _is_address(text: str) -> bool:
    return text.lower().startswith(("http://", "https://"))


def _content(args: argparse.Namespace) -> bytes:
    """Return the release's bytes, from a file or an address."""
    from forecast.core.files import read_bytes
    from forecast.tables.filings.exhibit import MOST_BYTES

    if _is_address(args.file):
        return _fetched(args)
    if "://" in args.file:
        raise DataError(f"got the address {args.file!r}; wanted http://..., https://... or a file")
    try:
        size = Path(args.file).stat().st_size
    except OSError:
        size = 0  # reading says why
    if size > MOST_BYTES:
        raise DataError(f"{args.file}: got {size:,} bytes; wanted at most {MOST_BYTES:,}")
    try:
        return read_bytes(args.file)
    except FileNotFoundError:
        raise DataError(
            f"{args.file}: there is no such file; give a saved exhibit or its address"
        ) from None


def _fetched(args: argparse.Namespace) -> bytes:
    import time

    from forecast.tables.filings import http, sec
    from forecast.tables.filings.exhibit import MOST_BYTES

    agent = args.user_agent or os.environ.get("FORECAST_USER_AGENT", "")
    try:
        parts = urlsplit(args.file)
        host = parts.hostname or ""
    except ValueError as error:
        raise DataError(f"{args.file}: not a URL ({error})") from None
    if "@" in parts.netloc:
        raise DataError(
            "got an address with a name or a password; wanted one without, for it is kept"
        )
    if (host == "sec.gov" or host.endswith(".sec.gov")) and "@" not in agent:
        raise DataError(
            f"got the User-Agent {agent!r}; SEC wants the name and e-mail address of who asks: "
            'give --user-agent "Jane Doe jane@example.com" or set FORECAST_USER_AGENT'
        )
    connection = http.Connection(
        user_agent=agent or "forecast",
        timeout=args.timeout,
        max_bytes=MOST_BYTES,
        cache=None if args.no_cache else http.cache_dir(os.environ, "releases"),
    )
    http.check_connection(connection)
    clock = http.Clock(time.time, time.monotonic, time.sleep)
    how = {"accept": "text/html, text/plain, */*;q=0.1", "refused": sec.REFUSED}
    with http.asking(connection, clock, read=lambda body, _: body, **how) as ask:
        content: bytes = ask(args.file, "there is no such release; check the address")
    return content


def _refusal(release: Release, asked: list[str]) -> str:
    """Return why nothing is taken; empty if something can be."""
    ambiguous = [f.metric for f in release.findings if f.ambiguous]
    missing = [f.metric for f in release.findings if f.value is None and not f.ambiguous]
    good = [f.metric for f in release.findings if f.value is not None]
    found = f"; take what was found with --metrics {','.join(good)}" if good else ""
    if ambiguous:
        return (
            f"{', '.join(ambiguous)}: the release says two things, shown above; nothing was taken"
            + found
        )
    if not release.findings:
        return (
            f"the mapping of {release.entity} has nothing for {release.period}; nothing was taken"
        )
    if not good or (asked and missing):
        return f"{', '.join(missing)}: not to be had of this release; nothing was taken{found}"
    return ""


def _show(release: Release, json: bool) -> None:
    """Print each metric with its value and where it stands; beside JSON on stderr."""
    put = shared.say if json else shared.put
    put(
        f"{release.entity}, release of {release.reported_on}, quarter {release.period} "
        f"({release.start} to {release.end})"
    )
    for found in release.findings:
        put(f"  {found.metric}: {_value(found)}")
        put(f"      {found.where}")
        for place in found.places:
            if place not in found.where:
                put(f"      also: {place}")


def _value(found: Finding) -> str:
    from forecast.tables.filings.release import number

    if found.value is None:
        return "ambiguous" if found.ambiguous else "not taken"
    return f"{found.qualifier} {number(found.value)} USD m".strip()


def _plain(release: Release) -> dict[str, Any]:
    """Return a release as JSON has it."""
    return {
        "entity": release.entity,
        "reported_on": release.reported_on.isoformat(),
        "period": release.period,
        "start": release.start.isoformat(),
        "end": release.end.isoformat(),
        "found": [
            {
                "metric": f.metric,
                "value": None if f.value is None else float(f.value),
                "unit": "USD m",
                "where": f.where,
                "places": list(f.places),
                "ambiguous": f.ambiguous,
                "confidence": f.confidence,
                "qualifier": f.qualifier,
                "note": f.note,
            }
            for f in release.findings
        ],
    }
