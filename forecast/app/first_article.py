"""A data folder to begin with: an article of one's own, and the tables that its claim needs.

Invariant: the folder is there whole or not at all, and a run accepts it as it is.
``tests/test_first_article.py`` makes one and runs it, and breaks the making of another.
"""

from __future__ import annotations

import dataclasses
import shutil
import string
import tempfile
from pathlib import Path

from forecast.core import fields
from forecast.core.errors import DataError
from forecast.core.files import read_text, writing
from forecast.core.periods import parse_date
from forecast.tables.articles import ARTICLES, CLAIMS_FILE, PAGE_FILE
from forecast.tables.shipped import data_dir
from forecast.tables.vintages import newest_day, read_table

TEMPLATES = Path(__file__).parent / "templates"
TABLES = ("earnings.csv", "guidance.csv")
"""The shipped tables that the claim to begin with is judged by."""


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """A file that was made, and what it is for."""

    path: Path
    what: str


def make_folder(folder: str | Path, article: str = "my_article") -> tuple[Written, ...]:
    """Make a data folder with one article, its claim judged by shipped tables.

    Parameters
    ----------
    folder
        Where: a folder that is not there yet, or an empty one.
    article
        What the article is called: the name of its folder.

    Returns
    -------
    tuple of Written
        The files to look at, in order.

    Raises
    ------
    DataError
        If something is in the folder already, it is the working directory, or the name is none.
    StoreError
        If it cannot be written; nothing is left behind then.
    """
    place = Path(folder).resolve()
    if not fields.NAME.fits(article) or article.startswith("."):
        raise DataError(
            f"got the article's name {fields.shown(article)}; wanted {fields.NAME.wanted}, that does "
            "not begin with a dot"
        )
    # It is put in place as a whole: who stands in the folder of that name would stand nowhere.
    if place == Path.cwd():
        raise DataError(f"{place}: got the working directory; give a folder below it")
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        what = "a folder with files in it" if place.is_dir() else "a file"
        raise DataError(f"{place}: got {what}; wanted a new or an empty folder: give another name")
    own = f"{ARTICLES}/{article}"
    made = {
        f"{own}/{CLAIMS_FILE}": "what the article says: write your claims here",
        f"{own}/{PAGE_FILE}": "what the memo shows",
        "README.md": "what to do next",
        "templates/observations.csv": "the columns of a table of your own",
    }
    words = _words(article)
    with writing(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}-") as beside:
            fresh = Path(beside) / place.name
            for name in made:
                text = string.Template(read_text(TEMPLATES / Path(name).name)).substitute(words)
                (fresh / name).parent.mkdir(parents=True, exist_ok=True)
                (fresh / name).write_text(text, encoding="utf-8")
            for name in TABLES:
                shutil.copyfile(data_dir() / name, fresh / name)
            fresh.rename(place)
    return tuple(Written(Path(folder) / name, what) for name, what in made.items())


def _words(article: str) -> dict[str, str]:
    """Return what stands in the templates: days that follow from the newest report of the tables."""
    day = max(newest_day(read_table(data_dir() / name)) for name in TABLES)
    year = parse_date(day).year
    return {"article": article, "day": day, "this": str(year), "next": str(year + 1)}
