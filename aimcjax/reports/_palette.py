"""The colours of all pictures, told apart by colour-blind readers, and which of them belongs to whom.

**Reference:** Okabe and Ito, Color Universal Design (2008); olive, violet and greys are added.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any


BLACK, GREY, SILVER = "#000000", "#777777", "#BBBBBB"
BLUE, SKY, GREEN, YELLOW = "#0072B2", "#56B4E9", "#009E73", "#F0E442"
ORANGE, VERMILLION, PURPLE, OLIVE, VIOLET = "#E69F00", "#D55E00", "#CC79A7", "#8C8C00", "#7F4F9F"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK, OLIVE, VIOLET, GREY)
MARKERS = "osD^vPX*<>"  # for each colour another: in print there are none
# Roads have their colour and their marker in every picture.
_OWN = {"direct": VERMILLION, "hwa": BLUE, "hwa_lora": GREEN}
_OWN_MARKERS = {"direct": "s", "hwa": "o", "hwa_lora": "D"}


def colours_of(names: Sequence[Any]) -> dict[Any, str]:
    """A colour for each of `names`: that of a road where it is one, others in their order, from the first again where
    there are more names than `COLOURS`."""
    return _assigned(names, _OWN, COLOURS)


def markers_of(names: Sequence[Any]) -> dict[Any, str]:
    """A marker for each of `names`, from `MARKERS`, see `colours_of`."""
    return _assigned(names, _OWN_MARKERS, MARKERS)


def _assigned(names: Sequence[Any], own: Mapping[Any, str], every: Sequence[str]) -> dict[Any, str]:
    taken = {own.get(name) for name in names}
    left = itertools.cycle(one for one in every if one not in taken)
    return {name: own[name] if name in own else next(left) for name in names}
