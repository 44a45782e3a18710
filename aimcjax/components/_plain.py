"""Results as JSON that every reader takes."""

import json
import math
from typing import Any


def json_text(tree: Any) -> str:
    """`tree` as one readable JSON document; numbers that JSON does not have (infinite, or none at all) are `null`."""
    return json.dumps(_plain(tree), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {str(key): _plain(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_plain(value) for value in tree]
    if hasattr(tree, "tolist"):  # arrays and their numbers
        return _plain(tree.tolist())
    if isinstance(tree, float):
        return tree if math.isfinite(tree) else None
    return tree if tree is None or isinstance(tree, bool | int | str) else str(tree)
