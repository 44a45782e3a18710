"""The colours of all pictures, told apart by colour-blind readers, and which of them belongs to whom.

**Reference:** Okabe and Ito, Color Universal Design (2008); olive, violet and greys are added.
"""

import itertools
from collections.abc import Sequence
from typing import Any


BLACK, GREY, SILVER = "#000000", "#777777", "#BBBBBB"
BLUE, SKY, GREEN, YELLOW = "#0072B2", "#56B4E9", "#009E73", "#F0E442"
ORANGE, VERMILLION, PURPLE, OLIVE, VIOLET = "#E69F00", "#D55E00", "#CC79A7", "#8C8C00", "#7F4F9F"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK, OLIVE, VIOLET, GREY)
MARKERS = "osD^vPX*<>"  # for each colour another: in print there are none
_OWN = {"direct": VERMILLION, "hwa": BLUE, "hwa_lora": GREEN}  # roads have their colour in every picture


def colours_of(names: Sequence[Any]) -> dict[Any, str]:
    """A colour for each of `names`: that of a road where it is one, others in their order, from the first again where
    there are more names than `COLOURS`."""
    taken = {_OWN.get(name) for name in names}
    left = itertools.cycle(colour for colour in COLOURS if colour not in taken)
    return {name: _OWN[name] if name in _OWN else next(left) for name in names}
