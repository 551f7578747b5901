"""JSON over HTTP for every source: asked again where that may help, and kept.

Invariant: what is returned is a whole answer that could be read; a half, late, too large or damaged one
is an error in words, and a cached one is only taken if its checksum holds. ``tests/test_edgar.py`` asks
a server that does all of these.

Retries and the cache are our own: they need a deadline for a whole answer and a limit of its size, wait
on a clock that tests pass in, and say each wait to the user, which adapters around a client do not.
"""

from __future__ import annotations

import contextlib
import dataclasses
import email.utils
import hashlib
import json
import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from forecast.core.errors import DataError

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Clock:
    """The time of day in seconds, a time that only grows, and a way to wait."""

    now: Callable[[], float]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]


@dataclasses.dataclass(frozen=True)
class Connection:
    """How to ask.

    Attributes
    ----------
    user_agent
        Who asks.
    base_url
        One server for everything instead of the source's own hosts.
    timeout
        Seconds to connect, and between two pieces of an answer.
    deadline
        Seconds for a whole answer.
    attempts
        How often to ask before giving up.
    max_bytes
        The largest answer taken, unpacked.
    cache
        Folder for answers, or None.
    max_age
        Seconds during which a cached answer is taken unasked; after that the server is asked
        whether it changed.
    """

    user_agent: str
    base_url: str | None = None
    timeout: float = 20.0
    deadline: float = 180.0
    attempts: int = 4
    max_bytes: int = 100_000_000
    cache: Path | None = None
    max_age: float = 12 * 3600.0


MOST_PATIENT = 120.0
"""The longest Retry-After that is waited for, in seconds."""

LONGEST_WAIT = 1e9
"""Seconds beyond which it does not matter how long a server asks to wait."""


def cache_dir(environment: Mapping[str, str], source: str) -> Path:
    """Return the folder for a source's cached answers: below XDG_CACHE_HOME, else below ~/.cache."""
    given = environment.get("XDG_CACHE_HOME", "")
    base = Path(given) if given and Path(given).is_absolute() else Path.home() / ".cache"
    return base / "forecast" / source


Ask = Callable[[str, str], Any]
"""``(url, absent) -> content``: JSON unless asked otherwise; `absent` is what an answer 404 means."""


@dataclasses.dataclass(frozen=True)
class _Session:
    client: httpx.Client
    connection: Connection
    clock: Clock
    refused: str
    read: Callable[[bytes, str], Any]


def check_connection(connection: Connection) -> None:
    """Refuse what cannot be sent.

    Raises
    ------
    DataError
        If the User-Agent or the base URL is not one.
    """
    agent = connection.user_agent.strip()
    if not (agent.isascii() and agent.isprintable()):
        raise DataError(f"got the User-Agent {agent!r}; wanted plain ASCII on one line")
    if connection.base_url is not None and not connection.base_url.startswith(
        ("http://", "https://")
    ):
        raise DataError(
            f"got the base URL {connection.base_url!r}; wanted http://... or https://..."
        )


@contextlib.contextmanager
def asking(
    connection: Connection,
    clock: Clock,
    *,
    refused: str = "",
    accept: str = "application/json",
    read: Callable[[bytes, str], Any] | None = None,
) -> Iterator[Ask]:
    """Open a connection, and close it in the end.

    Parameters
    ----------
    connection, clock
        How to ask, and the time.
    refused
        Why this source may answer 403, for the message.
    accept
        The kind of answer that is asked for.
    read
        Makes content of an answer's body and address, or refuses it with DataError; without it an
        answer is JSON.

    Raises
    ------
    DataError
        Here if httpx is missing; when asked, if the server cannot be reached, answers with an error,
        too slowly, too much, half or nonsense.
    """
    try:
        import httpx
    except ImportError:
        raise DataError("fetching needs httpx; pip install 'forecast[sec]'") from None
    wait = httpx.Timeout(connection.timeout)
    headers = {"User-Agent": connection.user_agent, "Accept": accept}
    with httpx.Client(timeout=wait, headers=headers, follow_redirects=False) as client:
        session = _Session(client, connection, clock, refused, read or _parse)
        yield lambda url, absent: _ask(session, url, absent)


class _TransientError(Exception):
    """An answer that may be better next time; `wait` is what the server asked for, in seconds."""

    def __init__(self, what: str, wait: float = 0.0) -> None:
        super().__init__(what)
        self.wait = wait


def _ask(session: _Session, url: str, absent: str) -> Any:
    """Return the JSON at a URL, from the cache if it is young, asking again where that may help."""
    connection, clock = session.connection, session.clock
    cached = _read_cache(connection.cache, url)
    if cached is not None and 0 <= clock.now() - cached.head["at"] <= connection.max_age:
        return session.read(cached.body, url)
    for attempt in range(1, connection.attempts + 1):
        try:
            head, body = _once(session, url, absent, cached)
            break
        except _TransientError as error:
            if attempt == connection.attempts:
                raise DataError(f"{url}: gave up after {attempt} attempts; last: {error}") from None
            if error.wait > MOST_PATIENT:
                raise DataError(
                    f"{url}: the server asks to wait {error.wait:.0f} s ({error}); try again then"
                ) from None
            pause = max(2.0 ** (attempt - 1), error.wait)
            logger.info(f"{url}: {error}; asking again in {pause:g} s")
            clock.sleep(pause)
    content = session.read(body, url)  # only what can be read is kept
    _write_cache(connection.cache, url, {**head, "at": clock.now()}, body)
    return content


class Cached(NamedTuple):
    """An answer as it is kept: its validators and when it came, and its body."""

    head: Mapping[str, Any]
    body: bytes


def _once(session: _Session, url: str, absent: str, cached: Cached | None) -> Cached:
    """Ask once; return the answer's validators and its body."""
    import httpx

    connection, clock = session.connection, session.clock
    validators = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
    kept = {} if cached is None else cached.head
    headers = {ask: kept[k] for k, ask in validators.items() if _sendable(kept.get(k))}
    begun = clock.monotonic()
    try:
        with session.client.stream("GET", url, headers=headers) as answer:
            if answer.status_code == 304 and cached is not None:
                return cached
            _check_status(session, answer, url, absent)
            body = bytearray()
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > connection.max_bytes:
                    raise DataError(
                        f"{url}: the answer is larger than {connection.max_bytes} bytes; not taken"
                    )
                if clock.monotonic() - begun > connection.deadline:
                    raise _TransientError(f"no whole answer within {connection.deadline:g} s")
            head = {k: answer.headers[k] for k in validators if k in answer.headers}
            return Cached(head, bytes(body))
    except httpx.TimeoutException:
        raise _TransientError(f"no answer within {connection.timeout:g} s (time-out)") from None
    except httpx.RemoteProtocolError as error:
        raise _TransientError(f"the answer broke off ({error})") from None
    except httpx.TransportError as error:
        raise _TransientError(f"cannot be reached ({error or type(error).__name__})") from None
    except httpx.DecodingError as error:
        raise _TransientError(f"the answer cannot be unpacked ({error})") from None
    except httpx.InvalidURL as error:
        raise DataError(f"{url}: not a URL ({error})") from None


def _sendable(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()


def _check_status(session: _Session, answer: httpx.Response, url: str, absent: str) -> None:
    code = answer.status_code
    if code == 200:
        return
    if code == 404:
        raise DataError(f"{url}: HTTP 404; {absent}")
    if code == 429 or code >= 500:
        asked = _retry_after(answer.headers.get("retry-after", ""), session.clock)
        raise _TransientError(f"HTTP {code}", asked)
    hint = f"; {session.refused}" if code == 403 and session.refused else ""
    raise DataError(f"{url}: HTTP {code}{hint}")


def _retry_after(text: str, clock: Clock) -> float:
    """Return the seconds that a Retry-After asks for, whether it counts or names an hour."""
    if re.fullmatch(r"[0-9]+", text.strip(" \t")):
        return min(float(text), LONGEST_WAIT)
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        wait = email.utils.parsedate_to_datetime(text).timestamp() - clock.now()
        return min(max(0.0, wait), LONGEST_WAIT)
    return 0.0


def _parse(body: bytes, url: str) -> Any:
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        start = body[:40].decode("utf-8", "replace")
        raise DataError(
            f"{url}: the answer of {len(body)} bytes is not JSON, or only a part of it "
            f"({type(error).__name__}); it starts {start!r}"
        ) from None


def _cache_file(folder: Path, url: str) -> Path:
    return folder / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.json"


def _read_cache(folder: Path | None, url: str) -> Cached | None:
    """Return a cached answer, or None if there is none or it is damaged."""
    if folder is None:
        return None
    try:
        first, _, body = _cache_file(folder, url).read_bytes().partition(b"\n")
        head = json.loads(first)
        whole = head["url"] == url and head["sha256"] == hashlib.sha256(body).hexdigest()
        return Cached({**head, "at": float(head["at"])}, body) if whole else None
    except (OSError, ValueError, ArithmeticError, KeyError, TypeError, RecursionError):
        return None


def _write_cache(folder: Path | None, url: str, head: Mapping[str, Any], body: bytes) -> None:
    """Keep an answer in one step; a cache that cannot be written is no error."""
    if folder is None:
        return
    kept = {**head, "url": url, "sha256": hashlib.sha256(body).hexdigest()}
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(json.dumps(kept).encode() + b"\n" + body)
            Path(temporary).replace(_cache_file(folder, url))
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
