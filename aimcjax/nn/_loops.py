"""Loops of the user's own around recurrent cells: every step reads the same cells with noise of its own."""

import contextlib
import functools as ft
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import jax.tree_util as jtu
from jax import lax
from jax.extend import core
from jaxtyping import Array

from .._types import PRNGKey
from ._convert import map_layers


@ft.singledispatch
def is_recurrent(node: Any) -> bool:
    """Whether `node` is a cell that a loop calls in every step. `apply` gives every read of a model with such cells
    noise of its own; register your own cell, `@nn.is_recurrent.register`."""
    return isinstance(node, (eqx.nn.LSTMCell, eqx.nn.GRUCell))


def has_cells(model: Any) -> bool:
    """Whether `model` has recurrent cells."""
    found: list[str] = []

    def note(path: str, node: Any) -> Any:
        found.append(path)
        return node

    map_layers(model, note, is_recurrent)
    return bool(found)


def fresh_in_loops(f: Callable[..., Any], keys: dict[str, PRNGKey], *args: Any) -> Any:
    """`f(keys, *args)` in which each use of a key is another key: the first is the key itself, a later one has the
    number of the use folded in, and in a `scan` that of the step.

    `f` is traced and its program evaluated with those keys in place, through `scan`, `jit`, `checkpoint` and `cond`. A
    `while` loop, and rules of differentiation of the user's own, are left as they are: noise repeats there.
    """
    closed, shape = jax.make_jaxpr(f, return_shape=True)(keys, *args)
    n_keys, inputs = len(keys), jtu.tree_leaves((keys, args))
    flags = [i < n_keys for i in range(len(inputs))]
    outputs = _evaluate(closed.jaxpr, closed.consts, inputs, flags)
    return jtu.tree_unflatten(jtu.tree_structure(shape), outputs)


def _evaluate(jaxpr: core.Jaxpr, consts: Sequence[Any], inputs: Sequence[Any], flags: Sequence[bool]) -> list[Any]:
    """The outputs of `jaxpr`; `flags` says which inputs are keys to be kept fresh."""
    values = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *inputs), strict=True))
    keys = {v for v, is_key in zip(jaxpr.invars, flags, strict=True) if is_key}
    used: Counter[Any] = Counter()

    def read(atom: Any) -> Any:
        if isinstance(atom, core.Literal):
            return atom.val
        if atom not in keys:
            return values[atom]
        used[atom] += 1
        return values[atom] if used[atom] == 1 else jr.fold_in(values[atom], used[atom])

    eqn: Any
    for eqn in jaxpr.eqns:
        eqn_flags = [isinstance(v, core.Var) and v in keys for v in eqn.invars]
        rule = _RULES.get(eqn.primitive.name, _bind) if any(eqn_flags) else _bind
        found = rule(eqn, [read(v) for v in eqn.invars], eqn_flags)
        values.update(zip(eqn.outvars, found, strict=True))
        for v, origin in zip(eqn.outvars, _origins_of(eqn), strict=True):
            if origin is not None and eqn_flags[origin]:  # handed through: the key as it was
                values[v] = values[eqn.invars[origin]]
                keys.add(v)
    return [atom.val if isinstance(atom, core.Literal) else values[atom] for atom in jaxpr.outvars]


def _bind(eqn: Any, inputs: list[Any], flags: list[bool]) -> list[Any]:
    del flags
    scope = str(eqn.source_info.name_stack)
    with jax.named_scope(scope) if scope else contextlib.nullcontext(), eqn.ctx.manager:
        found = eqn.primitive.bind(*inputs, **eqn.primitive.get_bind_params(eqn.params))
    return found if eqn.primitive.multiple_results else [found]


def _jit(eqn: Any, inputs: list[Any], flags: list[bool]) -> list[Any]:
    inner = eqn.params["jaxpr"]
    return _evaluate(inner.jaxpr, inner.consts, inputs, flags)


def _checkpoint(eqn: Any, inputs: list[Any], flags: list[bool]) -> list[Any]:
    how = {name: eqn.params[name] for name in ("prevent_cse", "policy")}
    return jax.checkpoint(lambda *inputs: _evaluate(eqn.params["jaxpr"], (), inputs, flags), **how)(*inputs)


def _cond(eqn: Any, inputs: list[Any], flags: list[bool]) -> list[Any]:
    branch = lambda inner: lambda *inputs: _evaluate(inner.jaxpr, inner.consts, inputs, flags[1:])
    return lax.switch(inputs[0], [branch(inner) for inner in eqn.params["branches"]], *inputs[1:])


def _scan(eqn: Any, inputs: list[Any], flags: list[bool]) -> list[Any]:
    how, body = eqn.params, eqn.params["jaxpr"]
    first, last = how["num_consts"], how["num_consts"] + how["num_carry"]
    origins = _origins(body.jaxpr)
    # Constants of the loop, and what it carries unchanged, as Flax NNX does with all of a model
    same = [i < first or (i < last and origins[i - first] == i) for i in range(len(inputs))]
    keys = [is_key and stays for is_key, stays in zip(flags, same, strict=True)]

    def step(carry: tuple[Array, list[Any]], xs: list[Any]) -> tuple[tuple[Array, list[Any]], list[Any]]:
        number, carried = carry
        values = [*inputs[:first], *carried, *xs]
        fresh = [jr.fold_in(v, number) if is_key else v for v, is_key in zip(values, keys, strict=True)]
        found = _evaluate(body.jaxpr, body.consts, fresh, keys)
        after = [old if keys[first + i] else found[i] for i, old in enumerate(carried)]
        return (number + 1, after), found[last - first :]

    start = (jnp.zeros((), int), inputs[first:last])
    options = {name: how[name] for name in ("length", "reverse", "unroll")}
    (_, carried), ys = lax.scan(step, start, inputs[last:], **options)
    return [*carried, *ys]


_RULES = {"jit": _jit, "pjit": _jit, "checkpoint": _checkpoint, "remat2": _checkpoint, "cond": _cond, "scan": _scan}


def _origins_of(eqn: Any) -> list[int | None]:
    """For each output, the input that it is, if it is one."""
    inner = eqn.params.get("jaxpr")
    if eqn.primitive.name not in ("jit", "pjit", "checkpoint", "remat2", "scan") or inner is None:
        return [None] * len(eqn.outvars)
    found = _origins(getattr(inner, "jaxpr", inner))
    if eqn.primitive.name != "scan":
        return found
    first, n_carry = eqn.params["num_consts"], eqn.params["num_carry"]
    return [first + i if i < n_carry and origin == first + i else None for i, origin in enumerate(found)]


def _origins(jaxpr: core.Jaxpr) -> list[int | None]:
    where: dict[Any, int] = {v: i for i, v in enumerate(jaxpr.invars)}
    for eqn in jaxpr.eqns:
        for v, origin in zip(eqn.outvars, _origins_of(eqn), strict=True):
            source = None if origin is None else eqn.invars[origin]
            if isinstance(source, core.Var) and source in where:
                where[v] = where[source]
    return [where.get(v) if isinstance(v, core.Var) else None for v in jaxpr.outvars]
