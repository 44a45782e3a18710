"""A walk over a jaxpr that finds every product, what is done between them, and which waits for which."""

import math
import pathlib
import re
from collections import Counter
from typing import Any

import jax.numpy as jnp
from jax.extend import core


_UNROLLED = 64  # steps of a loop that stand for themselves; longer ones are one step that is repeated


class Use:
    """One use of the layer in scope `scope` ("" for what comes before all layers), and what is done off the tiles
    between its outputs and the next layer. `after`, `joins`: bit sets of the uses that it, and its products of
    activations, wait for."""

    def __init__(self, scope: str, after: int) -> None:
        self.scope, self.after, self.joins = scope, after, 0
        self.macs = self.ops = self.weight_macs = self.activation_macs = 0


class Tally:
    """Counts of a walk: analog products by layer, digital ones by place, elementwise operations; `uses` of layers in
    the order of execution. What a value comes from is a bit set of uses, 0 where it does not depend on the sample."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.digital: Counter[tuple[str, str, bool]] = Counter()
        self.kept: Counter[tuple[str, str, bool]] = Counter()
        self.uses = [Use("", 0)]
        self.before = [0]  # all that each use waits for, directly or not
        self._again = False

    def walk(self, jaxpr: core.Jaxpr, inputs: list[int], stack: str, repeats: int) -> list[int]:
        """Counts `jaxpr` and says what its outputs come from, given that of its inputs."""
        live = {v: origin for v, origin in zip(jaxpr.invars, inputs, strict=True) if origin}
        origins = lambda variables: [live.get(v, 0) if isinstance(v, core.Var) else 0 for v in variables]
        eqn: Any
        for eqn in jaxpr.eqns:
            here = f"{stack}/{eqn.source_info.name_stack}"
            outputs = self._count(eqn, origins(eqn.invars), here, repeats)
            live |= {v: origin for v, origin in zip(eqn.outvars, outputs, strict=True) if origin}
        return origins(jaxpr.outvars)

    def _count(self, eqn: Any, origins: list[int], here: str, repeats: int) -> list[int]:
        inner = [jaxpr for value in eqn.params.values() for jaxpr in _jaxprs(value)]
        n_out, name, joined = len(eqn.outvars), eqn.primitive.name, self._union(origins)
        if name == "cond":
            return self._cond(inner, origins, here, repeats)
        if name == "while":
            _refuse_products(inner, here)
            return [joined] * n_out
        if name == "scan":
            return self._scan(eqn, inner[0], origins, here, repeats)
        if inner:
            fit = [origins if len(origins) == len(sub.invars) else [joined] * len(sub.invars) for sub in inner]
            outputs = [self.walk(sub, given, here, repeats) for sub, given in zip(inner, fit, strict=True)]
            return outputs[0] if len(outputs[0]) == n_out else [joined] * n_out
        if name in _PRODUCTS:
            joined = self._product(eqn, origins[:2], here, repeats)
        elif name in _ARITHMETIC and not _is_index(eqn.outvars[0].aval):
            ops = repeats * max(math.prod(v.aval.shape) for v in (*eqn.invars, *eqn.outvars))
            self.counts["digital_ops"] += ops
            self._last_of(joined).ops += ops
        return [joined] * n_out

    def _cond(self, branches: list[core.Jaxpr], origins: list[int], here: str, repeats: int) -> list[int]:
        tallies, given = [Tally() for _ in branches], [int(origin > 0) for origin in origins]
        outputs = [t.walk(sub, given[1:], here, repeats) for t, sub in zip(tallies, branches, strict=True)]
        dearest = max(range(len(branches)), key=lambda index: tallies[index].counts.total())
        found = self.walk(branches[dearest], origins[1:], here, repeats)
        alive = [origins[0] or any(column) for column in zip(*outputs, strict=True)]
        return [
            self._union([origin, origins[0] or 1]) if live else 0 for origin, live in zip(found, alive, strict=True)
        ]

    def _scan(self, eqn: Any, body: core.Jaxpr, origins: list[int], here: str, repeats: int) -> list[int]:
        first, n_carry, length = eqn.params["num_consts"], eqn.params["num_carry"], int(eqn.params["length"])
        flags = [int(origin > 0) for origin in origins]
        while True:  # what is carried depends on the sample as soon as any step makes it so
            outputs = Tally().walk(body, flags, here, 1)
            carried = [int(a or b > 0) for a, b in zip(flags[first : first + n_carry], outputs[:n_carry], strict=True)]
            settled = [*flags[:first], *carried, *flags[first + n_carry :]]
            if settled == flags:
                break
            flags = settled
        given = [origin or flag for origin, flag in zip(origins, flags, strict=True)]
        if length > _UNROLLED:
            return self.walk(body, given, here, repeats * length)
        again, stacked, carry = self._again, [0] * (len(eqn.outvars) - n_carry), given[first : first + n_carry]
        for _ in range(length):
            outputs = self.walk(body, [*given[:first], *carry, *given[first + n_carry :]], here, repeats)
            carry = [new or int(old > 0) for new, old in zip(outputs[:n_carry], carry, strict=True)]
            stacked = [self._union(pair) for pair in zip(stacked, outputs[n_carry:], strict=True)]
            self._again = True
        self._again = again
        return [*carry, *stacked]

    def _product(self, eqn: Any, origins: list[int], here: str, repeats: int) -> int:
        macs, of_activations = repeats * _PRODUCTS[eqn.primitive.name](eqn), all(origins)
        joined, found = self._union(origins), re.findall(r"mvm:[^/()]*", here)
        if found:
            self.counts[found[-1]] += macs
            return self._used(found[-1], joined, macs)
        self.counts["digital_macs"] += macs
        last = self._last_of(joined)
        if of_activations:
            last.activation_macs += macs
            last.joins |= joined
        else:
            last.weight_macs += macs
        shapes = " x ".join(str(tuple(v.aval.shape)) for v in eqn.invars[:2])
        place, sizes = (_place(eqn, here), shapes, of_activations), [math.prod(v.aval.shape) for v in eqn.invars[:2]]
        self.digital[place] += macs
        if of_activations:
            self.kept[place] += repeats * min(sizes)
        elif not self._again:
            self.kept[place] += sum(size for size, origin in zip(sizes, origins, strict=True) if not origin)
        return joined

    def _used(self, scope: str, after: int, macs: int) -> int:
        last = self.uses[-1]
        if (last.scope, last.after) != (scope, after) or last.ops or last.weight_macs or last.activation_macs:
            self.uses.append(Use(scope, after))
            self.before.append(after | self._all_before(after))
        self.uses[-1].macs += macs
        return 1 << (len(self.uses) - 1)

    def _last_of(self, origins: int) -> Use:
        return self.uses[max(origins.bit_length() - 1, 0)]

    def _all_before(self, origins: int) -> int:
        everything = 0
        for index in bits_of(origins):
            everything |= self.before[index]
        return everything

    def _union(self, origins: Any) -> int:
        """Together, without those that others wait for anyway."""
        together = 0
        for origin in origins:
            together |= origin
        return together & ~self._all_before(together) if together & (together - 1) else together


def bits_of(mask: int) -> list[int]:
    """The positions of its ones."""
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found


_NOT_THE_USERS = {"jax", "equinox", "flax", "jaxtyping"}


def _place(eqn: Any, stack: str) -> str:
    """The line of the user's code that asked for a product, else the scopes that it is in."""
    for frame in getattr(eqn.source_info.traceback, "frames", ()):
        parts = pathlib.PurePath(frame.file_name).parts
        ours = parts[-3:-1] == ("aimcjax", "nn")
        if not ours and not _NOT_THE_USERS & set(parts) and not frame.file_name.startswith("<"):
            return f"{frame.function_name}, {parts[-1]}:{frame.line_num}"
    return stack.strip("/")


def _refuse_products(inner: list[core.Jaxpr], stack: str) -> None:
    for sub in inner:
        tally = Tally()
        tally.walk(sub, [1] * len(sub.invars), stack, 1)
        products = [kind for kind in tally.counts if kind != "digital_ops"]
        if products:
            where = products[0].removeprefix("mvm:")
            raise ValueError(
                f"cannot count the products ({where}) of a while loop, whose number of steps is not known beforehand; "
                "use scan, or fori_loop with fixed bounds"
            )


def _dot_macs(eqn: Any) -> int:
    (contract, _), _ = eqn.params["dimension_numbers"]
    return math.prod(eqn.invars[0].aval.shape[axis] for axis in contract) * math.prod(eqn.outvars[0].aval.shape)


def _conv_macs(eqn: Any) -> int:
    _, n_in, *window = (eqn.invars[1].aval.shape[axis] for axis in eqn.params["dimension_numbers"].rhs_spec)
    return n_in * math.prod(window) * math.prod(eqn.outvars[0].aval.shape)  # n_in is per group already


def _ragged_macs(eqn: Any) -> int:
    rows, n_in = eqn.invars[0].aval.shape
    return rows * n_in * eqn.invars[1].aval.shape[-1]  # every row meets one group


_PRODUCTS = {
    "dot_general": _dot_macs,
    "conv_general_dilated": _conv_macs,
    "ragged_dot": _ragged_macs,
    "ragged_dot_general": _ragged_macs,
}


def _is_index(aval: Any) -> bool:
    return not jnp.issubdtype(aval.dtype, jnp.inexact)


def _jaxprs(value: Any) -> list[core.Jaxpr]:
    if isinstance(value, core.ClosedJaxpr):
        return [value.jaxpr]
    if isinstance(value, core.Jaxpr):
        return [value]
    if isinstance(value, (tuple, list)):
        return [jaxpr for item in value for jaxpr in _jaxprs(item)]
    return []


# Primitives that cost an arithmetic unit an operation per element; moving, reshaping and comparing data is not counted.
_ARITHMETIC = frozenset({
    "add", "sub", "mul", "div", "max", "min", "neg", "abs", "exp", "log", "tanh", "logistic", "erf", "rsqrt", "sqrt",
    "pow", "integer_pow", "square", "reduce_sum", "reduce_max", "reduce_min",
})  # fmt: skip
