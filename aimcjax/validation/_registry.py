"""The checks there are, and the choice among them."""

import difflib
import fnmatch
import functools
import importlib
import pkgutil
from collections.abc import Sequence

from . import papers
from ._check import Check


@functools.cache
def all_checks() -> tuple[Check, ...]:
    """The checks of every file in `papers`, in the order of their names."""
    names = sorted(module.name for module in pkgutil.iter_modules(papers.__path__))
    modules = [importlib.import_module(f"{papers.__name__}.{name}") for name in names]
    return tuple(check for module in modules for check in module.CHECKS)


def select(checks: Sequence[Check], *, only: str | None = None, slow: bool = False) -> list[Check]:
    """Some of the checks.

    **Arguments:** `checks`; `only`, a part of an id such as `"joshi2020"`, or a pattern with `*`, `?` and `[...]` for
    the whole of it; `slow`, whether those that take minutes are among them.

    **Raises:** `ValueError` where none is left, with names that are close.
    """
    found = [check for check in checks if only is None or _matches(check.id.lower(), only.lower())]
    if not found:
        raise ValueError(f"no check matches {only!r}{_hint(checks, only or '')}")
    quick = [check for check in found if slow or not check.slow]
    if not quick:
        raise ValueError(f"only slow checks match {only!r} ({', '.join(check.id for check in found)}); add --slow")
    return quick


def _matches(name: str, pattern: str) -> bool:
    wild = any(letter in pattern for letter in "*?[")
    return fnmatch.fnmatchcase(name, pattern) if wild else pattern in name


def _hint(checks: Sequence[Check], only: str) -> str:
    words = list(dict.fromkeys([*(c.paper.key for c in checks), *(c.name for c in checks), *(c.id for c in checks)]))
    close = difflib.get_close_matches(only.strip("*").lower(), words, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else "; `aimcjax validate --list` shows them"
