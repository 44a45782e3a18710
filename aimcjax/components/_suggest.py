"""What a misspelt name may have meant."""

import difflib
from collections.abc import Iterable


def suggest(name: str, known: Iterable[str], *, always_list: bool = False) -> str:
    """The end of an error about an unknown `name`: the nearest of the `known` names, or all of them; with `always_list`
    both."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    listed = f"known: {', '.join(known)}"
    if not close:
        return listed
    return f"did you mean {close[0]!r}? {listed}" if always_list else f"did you mean {close[0]!r}?"
