"""Which layers become analog: rules by path, first match wins."""

import dataclasses
import re
from collections.abc import Sequence

from ..tiles import AbstractTileDesign


@dataclasses.dataclass(frozen=True)
class Rule:
    """Layers whose path matches `pattern` (a regular expression for the whole path, such as `"blocks/[0-9]+/mlp/.*"`)
    are mapped to tiles of `design`; with `None` they stay digital.

    A rule passes over look-ups (embeddings) unless `lookups`: a table in memory gives a row without a product, exactly
    and in one access, while an array would drive every tile of the table for it.
    """

    pattern: str
    design: AbstractTileDesign | None
    lookups: bool = False

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"rule pattern {self.pattern!r} is not a regular expression: {error}") from None
        if not isinstance(self.design, AbstractTileDesign | None):
            got = f"{type(self.design).__name__} {str(self.design)[:40]!r}"
            raise ValueError(
                f"rule {self.pattern!r}: its design is a tile, such as `tiles.preset(...)`, or None, got {got}"
            )


class RuleBook:
    """Applies rules in order and remembers which were used."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        for rule in self._rules:
            if not isinstance(rule, Rule):
                raise ValueError(f"rules are `Rule(pattern, design)`, got {type(rule).__name__}")
        self._used: set[int] = set()
        self._paths: list[str] = []
        self._lookups: list[str] = []

    def rule_for(self, path: str, *, lookup: bool = False) -> Rule | None:
        """The first rule that matches `path`, `None` if no rule does."""
        (self._lookups if lookup else self._paths).append(path)
        for index, rule in enumerate(self._rules):
            if re.fullmatch(rule.pattern, path) and (rule.lookups or rule.design is None or not lookup):
                self._used.add(index)
                return rule
        return None

    def design_for(self, path: str, *, lookup: bool = False) -> AbstractTileDesign | None:
        """The design of the first rule that matches `path`; `None` if it stays digital or no rule matches."""
        rule = self.rule_for(path, lookup=lookup)
        return None if rule is None else rule.design

    def check_all_used(self, *, rules: str = "conversion rules", layers: str = "convertible layers") -> None:
        """Raises `ValueError` if a rule matched no layer: a misspelt path must not pass silently."""
        unused = [rule.pattern for index, rule in enumerate(self._rules) if index not in self._used]
        if unused:
            lookups = f"; look-ups, with `Rule(..., lookups=True)`: {self._lookups}" if self._lookups else ""
            raise ValueError(f"{rules} matched no layer: {unused}; {layers}: {self._paths}{lookups}")
