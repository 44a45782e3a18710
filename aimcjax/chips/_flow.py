"""What waits for what in one sequence on a placed model: on the host, once, for the closed form of its latency."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np

from ..nn import Activity, Step


class Flow(eqx.Module):
    """Nodes of one sequence, each after those that it waits for: uses of layers, and products of activations.

    `layer`, its position (-1 for none); `products`, whether it is products of activations, which wait for all vectors
    of the nodes in `before`, while others take vectors one by one as they come; `vectors` through it; digital `ops` and
    multiply-accumulates `weight_macs` after the layer; `attention_macs` of the products.
    """

    layer: tuple[int, ...] = eqx.field(static=True)
    products: tuple[bool, ...] = eqx.field(static=True)
    before: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    vectors: Any
    ops: Any
    weight_macs: Any
    attention_macs: Any


class Order(NamedTuple):
    """Of a flow. `before` [nodes, most], padded with 0 where not `known`; `earlier` and `path` [nodes, nodes]: for each
    column, itself and the nodes between the same barriers that come before it, and those of them that it waits for;
    `last`: nodes that none waits for."""

    before: np.ndarray
    known: np.ndarray
    earlier: np.ndarray
    path: np.ndarray
    last: np.ndarray


def steps_of(activity: Activity | None, names: Sequence[str]) -> tuple[Step, ...]:
    """What one sequence does; without a sample one vector through one layer after the other."""
    if activity is not None:
        return activity.steps
    return (
        Step("", 0, 0, 0, 0, (), ()),
        *(Step(name, 1, 0, 0, 0, (index,), ()) for index, name in enumerate(names)),
    )


def flow_of(steps: Sequence[Step], names: Sequence[str]) -> Flow:
    """The flow of `steps` through the layers called `names`. Of the nodes that one waits for, those are left out that
    another of them waits for."""
    number = {name: index for index, name in enumerate(names)}
    rows: list[tuple[int, bool, tuple[int, ...], float, float, float, float]] = []
    ends, ancestors = [], []

    def add(layer: int, nodes: set[int], step: Step, *, products: bool) -> None:
        behind = [ancestors[node] for node in nodes]
        kept = tuple(sorted(node for node in nodes if not any(node in other for other in behind)))
        macs = (0.0, 0.0, float(step.activation_macs)) if products else (float(step.ops), float(step.weight_macs), 0.0)
        ancestors.append(nodes.union(*behind))
        rows.append((layer, products, kept, float(step.vectors), *macs))

    for step in steps:
        add(number.get(step.layer, -1), {ends[index] for index in step.after}, step, products=False)
        if step.activation_macs:
            add(-1, {len(rows) - 1, *(ends[index] for index in step.joins)}, step, products=True)
        ends.append(len(rows) - 1)
    layer, products, before, *numbers = zip(*rows, strict=True)
    return Flow(layer, products, before, *(np.asarray(column) for column in numbers))


def order_of(flow: Flow) -> Order:
    """See `Order`."""
    n, most = len(flow.layer), max(1, max(map(len, flow.before)))
    before, known = np.zeros((n, most), int), np.zeros((n, most), bool)
    path, barriers, last = np.eye(n, dtype=bool), np.zeros(n, int), np.ones(n, bool)
    for node, nodes in enumerate(flow.before):
        before[node, : len(nodes)], known[node, : len(nodes)] = nodes, True
        last[list(nodes)] = False
        barriers[node] = max((barriers[other] for other in nodes), default=0) + flow.products[node]
        path[:, node] |= path[:, list(nodes)].any(axis=1)
    together = barriers[:, None] == barriers
    return Order(before, known, np.triu(together), path & together, last)
