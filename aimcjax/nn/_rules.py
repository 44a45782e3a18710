"""Which layers become analog: rules by path, first match wins."""

import dataclasses
import re
from collections.abc import Sequence

from ..tiles import AbstractTileDesign


@dataclasses.dataclass(frozen=True)
class Rule:
    """Layers whose path matches `pattern` (a regular expression for the whole path, such as `"blocks/[0-9]+/mlp/.*"`)
    are mapped to tiles of `design`; with `None` they stay digital."""

    pattern: str
    design: AbstractTileDesign | None

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"rule pattern {self.pattern!r} is not a regular expression: {error}") from None


class RuleBook:
    """Applies rules in order and remembers which were used."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        for rule in self._rules:
            if not isinstance(rule, Rule):
                raise ValueError(f"rules are `Rule(pattern, design)`, got {type(rule).__name__}")
        self._used: set[int] = set()
        self._paths: list[str] = []

    def design_for(self, path: str) -> AbstractTileDesign | None:
        """The design of the first rule that matches `path`; `None` if it stays digital or no rule matches."""
        self._paths.append(path)
        for index, rule in enumerate(self._rules):
            if re.fullmatch(rule.pattern, path):
                self._used.add(index)
                return rule.design
        return None

    def check_all_used(self) -> None:
        """Raises `ValueError` if a rule matched no layer: a misspelt path must not pass silently."""
        unused = [rule.pattern for index, rule in enumerate(self._rules) if index not in self._used]
        if unused:
            raise ValueError(f"conversion rules matched no layer: {unused}; convertible layers: {self._paths}")
