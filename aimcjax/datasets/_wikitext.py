"""Articles of Wikipedia, by character."""

from collections import Counter
from pathlib import Path

from ._folder import data_file, read_text
from ._text import UNKNOWN, Text, encode


def wikitext2(folder: Path | str | None = None, *, rarest: int = 20) -> Text:
    """WikiText-2 by character: trained on its validation part (one million characters, but for the last 5 %, which
    validate), tested on its test part. The training part of two million words is not used, so numbers are not those of
    the literature; the name says so.

    **Arguments:** `folder` with `valid.txt` and `test.txt`, default `wikitext2` in the folder of `AIMCJAX_DATA`;
    `rarest`, characters that occur less often to train on are unknown.

    **Reference:** Merity et al., "Pointer sentinel mixture models", arXiv:1609.07843 (2016).
    """
    folder = data_file("wikitext2") if folder is None else Path(folder)
    for part in ("valid.txt", "test.txt"):
        if not (folder / part).is_file():
            raise FileNotFoundError(f"no {part} in {folder}")
    valid, test = read_text(folder / "valid.txt"), read_text(folder / "test.txt")
    counts = Counter(valid)
    symbols = (UNKNOWN, *sorted(symbol for symbol, count in counts.items() if count >= rarest and symbol != UNKNOWN))
    numbers, split = encode(valid, symbols), len(valid) * 19 // 20
    return Text(
        "wikitext2 (trained on its validation part)", symbols, numbers[:split], numbers[split:], encode(test, symbols)
    )
