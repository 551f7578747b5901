"""Where an article lies: a folder of a data folder, with its claims, its page and its own tables.

A data folder holds its articles in ``articles/<name>/``. In a folder with one article nobody has to
name it. A folder laid out for version 0.1 has one article in ``article/``: it is still read, and
each file that it lacks is the shipped article's, as it was then.

Invariant: every file of an article is looked up here, so that a run, the audit and the commands are
about the same article.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from forecast.core.errors import DataError, UnknownNameError
from forecast.core.text import one_line

ARTICLES = "articles"
OLDER = "article"
"""The folder of the one article of a data folder, as it was called in version 0.1."""
OLDER_TABLES = ("market.csv", "models.csv", "companies.csv")
CLAIMS_FILE, PAGE_FILE = "claims.toml", "page.toml"
SCENARIOS_FILE, COMPARISONS_FILE = "scenarios.toml", "comparisons.toml"


@dataclasses.dataclass(frozen=True)
class Article:
    """An article's folder.

    Attributes
    ----------
    name
        The folder's name.
    folder
        Where it lies.
    own
        Whether it lies in the data folder that was asked for; the tables of another one are no part
        of it.
    fallback
        The folder from which files are taken that this one lacks; only of the older layout.
    """

    name: str
    folder: Path
    own: bool = True
    fallback: Path | None = None

    def file(self, name: str) -> Path:
        """Return the path of one of its files; whatever stands there under that name counts."""
        path = self.folder / name
        if self.fallback is not None and not os.path.lexists(path):
            return self.fallback / name
        return path

    def has(self, name: str) -> bool:
        """Return whether anything stands under the name of one of its files."""
        return os.path.lexists(self.file(name))

    @property
    def tables(self) -> list[Path]:
        """Its own tables of observations, in order of their names."""
        if self.fallback is not None:
            return [p for n in OLDER_TABLES if os.path.lexists(p := self.folder / n)]
        return sorted(self.folder.glob("*.csv"))


def data_dir() -> Path:
    """Return the folder of the shipped tables: inside the wheel, or at the checkout's top level."""
    packaged = Path(__file__).parents[1] / "_data"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "data"


def data_folder(folder: str | Path | None) -> Path:
    """Return a data folder, the shipped one by default.

    Raises
    ------
    DataError
        If there is no such folder: it is never made.
    """
    base = data_dir() if folder is None else Path(folder)
    if not base.is_dir():
        raise DataError(f"{base}: there is no such data folder; give one laid out like data/")
    return base


def articles(folder: str | Path | None = None) -> dict[str, Path]:
    """Return the folders of a data folder's articles by name."""
    base = data_folder(folder)
    inside = sorted(p for p in (base / ARTICLES).glob("*") if p.is_dir() and p.name[0] != ".")
    older = [base / OLDER] if (base / OLDER).is_dir() else []
    return {path.name: path for path in (*inside, *older)}


def find_article(folder: str | Path | None = None, name: str | None = None) -> Article:
    """Return the article of a data folder, the shipped one where the folder has none.

    Parameters
    ----------
    folder
        A folder laid out like the shipped ``data/``, which is the default.
    name
        Which article; needed where there are several.

    Raises
    ------
    DataError
        If there is no such data folder, or it holds several articles and none is named.
    UnknownNameError
        If no article has that name.
    """
    own = articles(folder)
    there = own or articles()
    where = data_folder(folder if own else None)
    if name is not None and name not in there:
        raise UnknownNameError(
            f"{where}: no article is called {name!r}; there are {one_line(list(there))}"
        )
    if name is None and len(there) > 1:
        raise DataError(
            f"{where}: got the articles {one_line(list(there))}; wanted one: say which with "
            f"--article NAME"
        )
    chosen = next(iter(there)) if name is None else name
    older = chosen == OLDER and there[chosen] == where / OLDER
    return Article(chosen, there[chosen], bool(own), _shipped() if older else None)


def _shipped() -> Path:
    """Return the folder of the shipped article, whose files complete an older data folder."""
    return next(iter(articles().values()))
