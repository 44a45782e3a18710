"""The way through the blocks of a decoder."""

import functools as ft
from typing import Any

from ._decoder import Hidden


@ft.singledispatch
def through(blocks: Any, x: Hidden, caches: list[Any], *args: Any) -> tuple[Hidden, list[Any], list[Any]]:
    """`x` through one of `blocks` after the other, each with its cache (`caches`): what comes out, the caches after it,
    and what else each block returns. What holds blocks in another way than a list registers here."""
    after, extras = [], []
    for block, cache in zip(blocks, caches, strict=True):
        x, cache, extra = block(x, cache, *args)
        after.append(cache)
        extras.append(extra)
    return x, after, extras
