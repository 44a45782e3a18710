"""Pieces of Markdown that a page is made of."""

import re
from collections.abc import Iterable

from ..bibliography import Entry, library


_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|$~])")
UNKNOWN = "–"
_SIGNS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η", "theta": "θ", "lambda": "λ",
    "mu": "μ", "xi": "ξ", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "varphi": "φ", "chi": "χ", "Delta": "Δ",
    "Lambda": "Λ", "pm": "±", "cdot": "·", "le": "≤", "sim": "~", "infty": "∞", "partial": "∂", "sum": "∑",
    "leftarrow": "←", "sqrt": "√", "ln": "ln", "log": "log", "exp": "exp", "min": "min", "max": "max",
}  # fmt: skip


def escape(text: object) -> str:
    """Text that stands for itself."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def formula(tex: str) -> str:
    """A short formula in the letters of a program: signs for the names of signs, no braces around words. There is no
    engine for formulas in a page that stands alone; what is not known here stays as it is written."""
    plain = re.sub(r"\\[,; ]", " ", tex)
    plain = re.sub(r"\\(?:mathrm|text)\{(\w+)\}", r"\1", plain)
    plain = re.sub(r"\\([A-Za-z]+)", lambda name: _SIGNS.get(name[1], name[0]), plain)
    plain = re.sub(r"√\{(\w)\}", r"√\1", plain)
    plain = re.sub(r"√\{([^{}]+)\}", r"√(\1)", plain)
    return code(re.sub(r"([_^])\{(-?\w+)\}", r"\1\2", plain))


def code(text: object) -> str:
    """Text in the letters of a program, also within a table."""
    plain = " ".join(str(text).split()).replace("`", "'")
    return f"`{plain.replace('|', chr(92) + '|')}`" if plain else "``` ```"


def fence(text: str, language: str) -> str:
    """A block of code, whatever it holds."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    marks = "`" * max(3, longest + 1)
    end = "" if text.endswith("\n") else "\n"
    return f"{marks}{language}\n{text}{end}{marks}"


def slug(text: str) -> str:
    """A name for a file."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", text).strip("_.") or "run"


class Citations:
    """Numbers works in the order in which they are cited."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __call__(self, keys: Iterable[str]) -> str:
        """A blank and the numbers of `keys` in brackets, each a link to its reference; nothing for no keys."""
        found = [self._numbers.setdefault(key, len(self._numbers) + 1) for key in dict.fromkeys(keys)]
        return " " + ", ".join(rf"[\[{n}\]](#ref-{n})" for n in found) if found else ""

    def knows(self, keys: Iterable[str]) -> bool:
        """Whether all of `keys` are cited already."""
        return all(key in self._numbers for key in keys)

    def entries(self) -> list[Entry]:
        """The works that were cited, in the order of their numbers."""
        return [library()[key] for key in self._numbers]
