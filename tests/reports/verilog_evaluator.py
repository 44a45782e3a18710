"""Enough of Verilog-A to evaluate one module in float64; whatever it does not know, or the language forbids, raises.

It checks what a compiler would: names are declared before they are used and assigned before they are read, and
attributes, ranges, ports and the two includes are well-formed. Division of integers truncates, as in the language.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from verilog_tokens import Tokens


_CALLS: dict[str, Callable[..., Any]] = {
    "exp": math.exp, "ln": math.log, "sinh": math.sinh, "tanh": math.tanh, "sqrt": math.sqrt, "abs": abs, "min": min,
    "max": max, "pow": math.pow,
}  # fmt: skip
_BINARY: list[dict[str, Callable[[Any, Any], Any]]] = [
    {"||": lambda a, b: bool(a or b)},
    {"&&": lambda a, b: bool(a and b)},
    {"==": lambda a, b: a == b, "!=": lambda a, b: a != b},
    {"<": lambda a, b: a < b, ">": lambda a, b: a > b, "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b},
    {"+": lambda a, b: a + b, "-": lambda a, b: a - b},
    {"*": lambda a, b: a * b, "/": lambda a, b: int(a / b) if isinstance(a, int) and isinstance(b, int) else a / b},
]


@dataclasses.dataclass
class Declared:
    """A parameter: its default, its range (`inside` checks a value), and its attributes."""

    kind: str
    value: float
    low: float
    high: float
    brackets: str
    attributes: dict[str, str]

    def inside(self, x: float) -> bool:
        above = x >= self.low if self.brackets[0] == "[" else x > self.low
        return above and (x <= self.high if self.brackets[1] == "]" else x < self.high)


@dataclasses.dataclass
class Scope:
    """Names and their values, what the terminals and analyses say, and what has been contributed."""

    values: dict[str, Any]
    probes: dict[tuple[str, ...], float] = dataclasses.field(default_factory=dict)
    static: bool = False
    events: tuple[str, ...] = ()
    deviate: float = 0.0
    contributed: dict[tuple[str, ...], float] = dataclasses.field(default_factory=dict)


class Module:
    """A parsed module. `parameters` by name; `evaluate` for the contributions at given voltages."""

    def __init__(self, text: str) -> None:
        lines = [line.split("//")[0] for line in text.splitlines()]
        includes = [line.strip() for line in lines if line.startswith("`")]
        assert includes == ['`include "constants.vams"', '`include "disciplines.vams"']
        self.parameters: dict[str, Declared] = {}
        self.variables: dict[str, str] = {}
        self.functions: dict[str, tuple[list[str], set[str], Any]] = {}
        self.nodes: set[str] = set()
        self._tokens = Tokens("\n".join(line for line in lines if not line.startswith("`")))
        self._local: set[str] | None = None
        self._module()

    def evaluate(
        self, probes: dict[tuple[str, ...], float], *, static: bool = False, events: tuple[str, ...] = (),
        deviate: float = 0.0, kept: dict[str, Any] | None = None, **changed: float,
    ) -> Scope:  # fmt: skip
        """Runs the analog block once; `kept` are variables of earlier runs, `changed` are parameters."""
        assert set(changed) <= set(self.parameters)
        values = {name: p.value for name, p in self.parameters.items()} | changed | (kept or {})
        scope = Scope(values, probes, static, events, deviate)
        self._body(scope)
        return scope

    # --- what a file is made of

    def _module(self) -> None:
        self._tokens.expect("module")
        self.name = self._tokens.next()
        self._tokens.expect("(")
        self.ports = self._tokens.names(")")
        self._tokens.expect(";")
        while (word := self._tokens.next()) != "endmodule":
            attributes = {}
            if word == "(*":
                attributes, word = self._attributes(), self._tokens.next()
            if word == "parameter":
                self._parameter(attributes)
            elif word in ("real", "integer"):
                self._declare(self._tokens.names(";"), word)
            elif word == "inout":
                assert self._tokens.names(";") == self.ports
            elif word == "electrical":
                self.nodes |= set(self._tokens.names(";"))
            else:
                assert word == "analog", word
                if self._tokens.peek() == "function":
                    self._function()
                else:
                    self._body = self._statement()
        assert self._tokens.finished()
        assert set(self.ports) < self.nodes

    def _attributes(self) -> dict[str, str]:
        found = {}
        while True:
            name = self._tokens.next()
            self._tokens.expect("=")
            found[name] = self._tokens.next().strip('"')
            if (sign := self._tokens.next()) == "*)":
                return found
            assert sign == ","

    def _parameter(self, attributes: dict[str, str]) -> None:
        kind, name = self._tokens.next(), self._tokens.next()
        assert kind in ("real", "integer")
        scope = Scope({n: p.value for n, p in self.parameters.items()})
        self._tokens.expect("=")
        value = self._expression()(scope)
        assert isinstance(value, int) == (kind == "integer")
        self._tokens.expect("from")
        first = self._tokens.next()
        low = self._expression()(scope)
        self._tokens.expect(":")
        high = self._expression()(scope)
        last = self._tokens.next()
        assert first in "[("
        assert last in "])"
        self._tokens.expect(";")
        self._declare([name], "parameter")
        self.parameters[name] = Declared(kind, value, low, high, first + last, attributes)

    def _function(self) -> None:
        for word in ("function", "real"):
            self._tokens.expect(word)
        name = self._tokens.next()
        self._tokens.expect(";")
        self._tokens.expect("input")
        arguments = self._tokens.names(";")
        self._tokens.expect("real")
        self._local = {*self._tokens.names(";"), name}
        assert set(arguments) < self._local
        body, local = self._statement(), self._local
        self._tokens.expect("endfunction")
        self._local = None
        self.functions[name] = arguments, local, body

    def _declare(self, names: list[str], kind: str) -> None:
        for name in names:
            assert name not in self.variables, f"{name} declared twice"
            assert name not in self.nodes | _CALLS.keys() | self.functions.keys(), f"{name} is something else"
            self.variables[name] = kind

    # --- statements: each becomes a function of the scope

    def _statement(self) -> Callable[[Scope], None]:
        word = self._tokens.next()
        if word == "begin":
            inner = []
            while self._tokens.peek() != "end":
                inner.append(self._statement())
            self._tokens.expect("end")
            return lambda scope: [run(scope) for run in inner] and None
        if word == "if":
            self._tokens.expect("(")
            condition = self._expression()
            self._tokens.expect(")")
            yes, no = self._statement(), lambda scope: None
            if self._tokens.peek() == "else":
                self._tokens.expect("else")
                no = self._statement()
            return lambda scope: yes(scope) if condition(scope) else no(scope)
        if word == "@":
            return self._event()
        if word == "I":
            return self._contribution()
        known = self._local if self._local is not None else {n for n, k in self.variables.items() if k != "parameter"}
        assert word in known, f"{word} is assigned but not declared"
        self._tokens.expect("=")
        value = self._expression()
        self._tokens.expect(";")
        return lambda scope: scope.values.__setitem__(word, value(scope))

    def _event(self) -> Callable[[Scope], None]:
        self._tokens.expect("(")
        event = self._tokens.next()
        if event == "timer":
            self._tokens.expect("(")
            self._arguments()
        else:
            assert event == "initial_step"
        self._tokens.expect(")")
        inner = self._statement()
        return lambda scope: inner(scope) if event in scope.events else None

    def _contribution(self) -> Callable[[Scope], None]:
        assert self._local is None
        self._tokens.expect("(")
        branch = tuple(self._tokens.names(")"))
        assert set(branch) <= self.nodes
        self._tokens.expect("<+")
        value = self._expression()
        self._tokens.expect(";")

        def run(scope: Scope) -> None:
            scope.contributed[branch] = scope.contributed.get(branch, 0.0) + value(scope)

        return run

    # --- expressions

    def _expression(self, level: int = -1) -> Callable[[Scope], Any]:
        if level == len(_BINARY):
            return self._primary()
        left = self._expression(level + 1)
        if level == -1:
            if self._tokens.peek() != "?":
                return left
            self._tokens.expect("?")
            yes = self._expression()
            self._tokens.expect(":")
            no = self._expression()
            return lambda scope: yes(scope) if left(scope) else no(scope)
        while self._tokens.peek() in _BINARY[level]:
            left = _combined(_BINARY[level][self._tokens.next()], left, self._expression(level + 1))
        return left

    def _primary(self) -> Callable[[Scope], Any]:
        word = self._tokens.next()
        if word == "-":
            inner = self._primary()
            return lambda scope: -inner(scope)
        if word == "(":
            inner = self._expression()
            self._tokens.expect(")")
            return inner
        if isinstance(word, (int, float)):
            return lambda scope: word
        if word == "inf":
            return lambda scope: math.inf
        if self._tokens.peek() == "(":
            self._tokens.expect("(")
            return self._call(word)
        assert word in (self._local if self._local is not None else self.variables), f"{word} is not declared"
        return lambda scope: scope.values[word]  # a KeyError: read before it is assigned

    def _call(self, name: str) -> Callable[[Scope], Any]:
        if name == "V":
            nodes = tuple(self._tokens.names(")"))
            assert set(nodes) <= self.nodes
            return lambda scope: scope.probes[nodes]
        arguments = self._arguments()
        if name == "ddt":
            return lambda scope: 0.0
        if name == "analysis":
            return lambda scope: {"static": scope.static}[arguments[0](scope)]
        if name == "$rdist_normal":
            return lambda scope: arguments[1](scope) + arguments[2](scope) * scope.deviate
        if name in _CALLS:
            return lambda scope: _CALLS[name](*(argument(scope) for argument in arguments))
        names, _, body = self.functions[name]
        assert len(names) == len(arguments)

        def run(scope: Scope) -> Any:
            inner = Scope(dict(zip(names, (argument(scope) for argument in arguments), strict=True)))
            body(inner)
            return inner.values[name]

        return run

    def _arguments(self) -> list[Callable[[Scope], Any]]:
        found = []
        while True:
            if str(self._tokens.peek()).startswith('"'):
                text = self._tokens.next().strip('"')
                found.append(lambda scope, text=text: text)
            else:
                found.append(self._expression())
            if (sign := self._tokens.next()) == ")":
                return found
            assert sign == ","


def _combined(operator: Callable[[Any, Any], Any], left: Any, right: Any) -> Callable[[Scope], Any]:
    return lambda scope: operator(left(scope), right(scope))
