"""The published works behind the models, as BibTeX entries."""

import dataclasses
import functools as ft
import importlib.metadata
import importlib.resources
import re
from collections.abc import Mapping


_FILES = importlib.resources.files(__package__ or "aimcjax.reports.bibliography")
_ENTRY = re.compile(r"@(\w+)\{([\w-]+),\n(.*?)\n\}", re.DOTALL)
_FIELD = re.compile(r"\s*(\w+)\s*=\s*\{")
_ACCENTS = {
    r"{\"u}": "ü", r"{\"a}": "ä", r"{\"U}": "Ü", r"{\v{e}}": "ě", r"{\'a}": "á", r"{\'e}": "é", r"{\'o}": "ó"
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Entry:
    """One work: its `kind` (article, misc, ...), `key`, and `fields` as written."""

    kind: str
    key: str
    fields: Mapping[str, str]

    def bibtex(self) -> str:
        """The entry as a `.bib` file holds it."""
        lines = [f"  {name} = {{{value}}}," for name, value in self.fields.items()]
        return "\n".join([f"@{self.kind}{{{self.key},", *lines, "}"])

    @property
    def year(self) -> int:
        """Of publication."""
        return int(self.fields["year"])

    @property
    def authors(self) -> list[str]:
        """Surnames; `others` for those that are not listed."""
        names = plain(self.fields["author"], keep=True).split(" and ")
        return [plain(name.split(",")[0]) for name in names]

    def short(self) -> str:
        """As in a sentence: `Joshi et al. (2020)`."""
        return f"{self._who()} ({self.year})"

    def line(self) -> str:
        """As in a list of references."""
        found = {name: plain(value) for name, value in self.fields.items()}
        where = next((found[name] for name in _PLACES if name in found), "")
        if "volume" in found:
            where += f" {found['volume']}" + (f":{found['pages']}" if "pages" in found else "")
        marks = [text.format(found[name]) for name, text in _MARKS.items() if name in found]
        parts = [f"{self._who()}: {found['title']}", *([where] if where else []), *marks]
        return f"{', '.join(parts)} ({self.year})."

    def _who(self) -> str:
        first, *more = self.authors
        if len(more) == 1 and more[0] != "others":
            return f"{first} and {more[0]}"
        return f"{first} et al." if more else first


_PLACES = ("journal", "booktitle", "howpublished", "organization")
_MARKS = {"version": "version {}", "note": "{}", "eprint": "arXiv:{}", "doi": "doi:{}"}


def parse_bibtex(text: str) -> dict[str, Entry]:
    """Entries by key, in the order of `text`, whose entries end with a brace of their own line.

    **Raises:** `ValueError` for braces that do not match, fields that are not read, or a key that is there twice.
    """
    entries: dict[str, Entry] = {}
    for kind, key, body in _ENTRY.findall(text):
        if key in entries:
            raise ValueError(f"the reference {key} is there twice")
        entries[key] = Entry(kind, key, _fields(key, body))
    left = _ENTRY.sub("", text).strip()
    if left:
        raise ValueError(f"not a BibTeX entry: {left[:60]!r}")
    return entries


def _fields(key: str, body: str) -> dict[str, str]:
    fields, at = {}, 0
    while match := _FIELD.match(body, at):
        depth, end = 1, match.end()
        while depth and end < len(body):
            depth += {"{": 1, "}": -1}.get(body[end], 0)
            end += 1
        if depth:
            break
        fields[match[1]] = " ".join(body[match.end() : end - 1].split())
        at = end + 1  # behind the comma
    if body[at:].strip():
        raise ValueError(f"the reference {key} is not readable from {body[at:].strip()[:40]!r} on")
    return fields


@ft.cache
def library() -> dict[str, Entry]:
    """All works that aimcjax cites, by key; its own is `aimcjax`, of the installed version."""
    found = parse_bibtex((_FILES / "references.bib").read_text(encoding="utf-8"))
    own = found["aimcjax"]
    return {**found, "aimcjax": dataclasses.replace(own, fields={**own.fields, "version": _version()})}


def _version() -> str:
    return importlib.metadata.version("aimcjax")


def plain(text: str, *, keep: bool = False) -> str:
    """Without the commands of TeX; `keep` the braces."""
    for command, letter in _ACCENTS.items():
        text = text.replace(command, letter)
    return text if keep else re.sub(r"[{}]", "", text)
