"""Experts on stacked arrays: which share a tile, and what that costs."""

from collections.abc import Mapping

import equinox as eqx
import numpy as np
from jaxtyping import Float, Int, Real

from .._strategies import spread
from ._budget import Caps
from ._graph import MVM, Graph
from ._resources import Resources
from ._schedule import schedule


def coactivation(choices: Int[np.ndarray, "... k"], n_experts: int) -> Float[np.ndarray, "experts experts"]:
    r"""How often two experts work on the same token, $P_{ij} = \frac{1}{T} \sum_t [i \in S_t][j \in S_t]$, with how
    often each works on the diagonal.

    **Arguments:** `choices`, experts [..., k] of each token, of `n_experts`.
    """
    chosen = np.reshape(choices, (-1, choices.shape[-1]))
    hot = np.zeros((chosen.shape[0], n_experts))
    np.put_along_axis(hot, chosen, 1.0, axis=1)
    return hot.T @ hot / hot.shape[0]


def banks_in_order(n_experts: int, n_banks: int) -> Int[np.ndarray, " experts"]:
    """The bank of each of `n_experts` where `n_banks` are filled one after another: neighbours share one."""
    return np.arange(n_experts) // -(-n_experts // n_banks)


def banks_by_coactivation(together: Real[np.ndarray, "experts experts"], n_banks: int) -> Int[np.ndarray, " experts"]:
    r"""The bank, one of `n_banks`, of each expert such that those which often work on the same token, and those which
    work much, do not share one.

    One array of a bank works at a time, so experts i, j in one bank wait for each other $P_{ij}$ times a token, and a
    bank is as busy as its experts together. Greedy, the busiest expert first: each goes to the bank with room where
    $\sum_{j \in bank} (P_{ij} + P_{ii} P_{jj})$ is smallest, with ties to the emptiest.

    **Arguments:** `together`, from `coactivation`; a bank has room for ceil(experts / banks).

    **Reference:** assumed; greedy over pairwise co-activation as one of the public 3D-CiM simulator's strategies
    (Buechel, Nat. Comput. Sci. 5, 2025), which however orders the experts by it.
    """
    often = np.diag(together)
    room = np.full(n_banks, -(-often.size // n_banks))
    order = np.argsort(-often, kind="stable")
    bank = np.empty(often.size, int)
    bank[order] = spread(order, together + np.outer(often, often), room, np.zeros(n_banks, int))
    return bank


def bank_tiles(
    graph: Graph, bank: Int[np.ndarray, "*layers experts"], *, tiers: int | None = None
) -> Int[np.ndarray, " arrays"]:
    """The tile of each array of `graph`, for `Resources`: a bank has one tile for each array of an expert, and stacks
    its experts there, an array of each on a tier. What is no expert has a tile of its own.

    **Arguments:** `bank` of each expert, or [layers, experts]; `tiers` that a tile has (unlimited if None). Every
    layer has its own banks.

    **Raises:** `ValueError` if an expert has no bank, or a tile more arrays than tiers; it names the layer.
    """
    labels: list[tuple] = []
    tables = np.atleast_2d(bank)
    for i, block in enumerate(graph.blocks):
        where, _, part = block.layer.partition("/expert/")
        if not part:
            labels.append((i,))
            continue
        table = tables[int(where.rsplit("/")[-1])] if len(tables) > 1 else tables[0]
        if block.copy >= table.size or table[block.copy] < 0:
            raise ValueError(f"expert {block.copy} of {where} has no bank; give each of its experts one from 0")
        labels.append((where, part, int(table[block.copy]), block.row, block.col))
    number: dict[tuple, int] = {}
    tiles = np.asarray([number.setdefault(label, len(number)) for label in labels])
    used = np.bincount(tiles)
    if tiers is not None and used.max(initial=0) > tiers:
        tile = int(used.argmax())
        layer = graph.blocks[int(np.argmax(tiles == tile))].layer
        raise ValueError(f"tile {tile} holds {used[tile]} arrays of {layer} and has {tiers} tiers; use more banks")
    return tiles


class TierResult(eqx.Module):
    """What a placement comes to: seconds from start to end, MVMs that found their tile taken, seconds that they waited
    for it (all added up), and for power, and joules."""

    latency_s: float
    conflicts: int
    wait_s: float
    throttled_s: float
    energy_J: float


def compare_banks(
    graph: Graph,
    banks: Mapping[str, Int[np.ndarray, "... experts"]],
    *,
    tiers: int | None = None,
    caps: Caps | None = None,
    resources: Resources | None = None,
) -> dict[str, TierResult]:
    """The schedule of `graph` for each placement of experts in `banks` (see `bank_tiles`).

    **Arguments:** `caps` on power; `resources` other than tiles.
    """
    results = {}
    for name, bank in banks.items():
        machine = eqx.tree_at(
            lambda r: r.tiles, resources or Resources(), bank_tiles(graph, bank, tiers=tiers), is_leaf=_none
        )
        done = schedule(graph, machine, caps=caps)
        on_tiles = [n for label, n in done.conflicts().items() if label.startswith("tile")]
        wait = float(done.wait_s[graph.kind == MVM].sum() - done.throttled_s.sum())
        results[name] = TierResult(
            latency_s=done.latency_s,
            conflicts=sum(on_tiles),
            wait_s=wait,
            throttled_s=float(done.throttled_s.sum()),
            energy_J=done.energy_J,
        )
    return results


def _none(value: object) -> bool:
    return value is None
