"""The words of the pages in Chinese and English, from `web/i18n`. A word that is missing is an error, not a blank."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request

from api.errors import WrongCodeError

LANGUAGES: Final = ("zh", "en")
COOKIE: Final = "lang"
_FOLDER: Final = Path(__file__).parent / "web" / "i18n"


@dataclass(frozen=True, slots=True)
class Words:
    """One language's catalogue.

    Attributes:
        by_key: words by dotted key, such as "status.filed".
    """

    language: str
    by_key: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """Return a word, with `{name}` places filled.

        Raises:
            KeyError: the catalogue has no such key.
        """
        return self.by_key[key].format(**values) if values else self.by_key[key]

    def known(self, key: str, otherwise: str) -> str:
        """Return a word, or the code itself where a site has codes of its own."""
        return self.by_key.get(key, otherwise)

    def under(self, table: str) -> dict[str, str]:
        """Return the words of one table by their last part, for scripts."""
        prefix = f"{table}."
        return {key.removeprefix(prefix): word for key, word in self.by_key.items() if key.startswith(prefix)}

    def either(self, english: str, chinese: str) -> str:
        """Return which of a thing's two names belongs to this language."""
        return chinese if self.language == "zh" and chinese else english


@cache
def words(language: str) -> Words:
    """Return the catalogue of a language.

    Raises:
        WrongCodeError: there is none.
    """
    if language not in LANGUAGES:
        raise WrongCodeError("language", language, LANGUAGES)
    tables = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    flat = {f"{table}.{key}": word for table, entries in tables.items() for key, word in entries.items()}
    return Words(language, flat)


def words_for(request: Request) -> Words:
    """Return the words that a reader chose by cookie, else the browser's first language that we have."""
    chosen = request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return words(chosen)
    accepted = request.headers.get("accept-language", "").split(",")[:10]
    spoken = [each.split(";")[0].strip().split("-")[0].lower() for each in accepted]
    return words(next((each for each in spoken if each in LANGUAGES), "en"))
