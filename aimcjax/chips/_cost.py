"""What a placed model costs: energy by component and layer, latency, area.

Energy and area are sums; the latency is that of a schedule of events where it is small enough, and `price` has a closed
form with a gradient.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from .._types import Scalar
from ._conversions import physical_tile
from ._counts import layers_of
from ._description import Chip
from ._latency import Stages
from ._place import Placement
from ._price import COMPONENTS, OFF_TILES, Bill, priced, static_power
from .timing import count_operations, placement_schedule


EVENTS = 100_000  # operations of a schedule that take about a second


class Cost(eqx.Module):
    """Cost of `batch` sequences of `n_tokens` in all: `parts`, energy [J] by component (`COMPONENTS`) and layer
    (`layers`), `latency_s`, `area_m2`; `closed_latency_s`, the latency in closed form, and `stages`, the times behind
    it; `n_events`, operations of the schedule that `latency_s` is from, 0 where it is the closed form; `n_macs`,
    `n_tiles` and `n_cells` of the mapped model. `gap`: what the other mode says of energy, latency and area,
    `smooth / exact - 1`. `notes`: what was assumed."""

    parts: Float[Array, "components layers"]
    latency_s: Scalar
    area_m2: Scalar
    gap: dict[str, Scalar]
    stages: Stages | None
    batch: int = eqx.field(static=True)
    n_tokens: int = eqx.field(static=True)
    n_macs: int = eqx.field(static=True)
    n_tiles: int = eqx.field(static=True)
    n_cells: int = eqx.field(static=True)
    layers: tuple[str, ...] = eqx.field(static=True)
    mode: str = eqx.field(static=True, default="exact")
    notes: tuple[str, ...] = eqx.field(static=True, default=())
    closed_latency_s: Scalar | float = 0.0
    n_events: int = eqx.field(static=True, default=0)

    @property
    def energy_J(self) -> Float[Array, ""]:
        """Energy of the batch [J], the sum of `parts`."""
        return jnp.sum(self.parts)

    @property
    def components_J(self) -> dict[str, Float[Array, ""]]:
        """Energy [J] by component."""
        return dict(zip(COMPONENTS, jnp.sum(self.parts, axis=1), strict=True))

    @property
    def breakdown(self) -> Any:
        """Energy [J] as an `xarray.DataArray`, component by layer."""
        import xarray as xr  # noqa: PLC0415  # slow to import, and not needed for numbers

        coords = {"component": list(COMPONENTS), "layer": list(self.layers)}
        return xr.DataArray(
            np.asarray(self.parts), dims=("component", "layer"), coords=coords,
            attrs={"units": "J", "long_name": f"energy of {self.batch} sequences"},
        )  # fmt: skip

    @property
    def power_W(self) -> Float[Array, ""]:
        """Mean power [W]."""
        return self.energy_J / self.latency_s

    @property
    def tops_per_watt(self) -> Float[Array, ""]:
        """Efficiency [10^12 operations per joule]; a multiply-accumulate counts as two operations."""
        return 2.0 * self._all_macs / self.energy_J * 1e-12

    @property
    def _all_macs(self) -> float:
        return float(self.batch) * self.n_macs  # a plain integer may not fit into 32 bits

    @property
    def fj_per_mac(self) -> Float[Array, ""]:
        """Energy of a multiply-accumulate, wherever it is done [fJ]."""
        return self.energy_J / self._all_macs * 1e15

    @property
    def j_per_token(self) -> Float[Array, ""]:
        """Energy of a token, or of an inference where a sample is one [J]."""
        return self.energy_J / self.n_tokens

    @property
    def tokens_per_s(self) -> Float[Array, ""]:
        """Throughput [1/s]."""
        return self.n_tokens / self.latency_s

    def energy_per_mac_J(self) -> dict[str, Float[Array, ""]]:
        """Energy per multiply-accumulate [J] by component, and their `total`."""
        parts = {name: energy / self._all_macs for name, energy in self.components_J.items()}
        return {**parts, "total": self.energy_J / self._all_macs}


def cost(placement: Placement, *, batch: int = 1, seq_len: int | None = None, mode: str = "exact") -> Cost:
    """The cost of running `batch` sequences on a placed model.

    **Arguments:** `placement`, from `place`; `seq_len`, tokens of a sequence if not as many as in the sample that was
    counted: attention grows with its square, all else with it (assumed; a sample of that length gives the counts);
    `mode`: `"exact"` has the latency of `timing.placement_schedule`, up to `EVENTS` operations, and of the closed form
    beyond and under `grad`, `jit` or `vmap` (`notes` say so); `"smooth"` has the closed form with a gradient everywhere
    (no ceilings, no jumps; see `gap`). `price` is the function behind it, for many designs at once.

    **Raises:** `ValueError` for sizes below one or another mode.
    """
    if mode not in ("exact", "smooth"):
        raise ValueError(f"mode is 'exact' or 'smooth', got {mode!r}")
    for name, value in (("batch", batch), ("seq_len", seq_len)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise ValueError(f"{name} is a whole number from 1, got {value!r}")
    counts, chip = placement.counts, placement.chip
    tokens = int(counts.tokens)
    length = 1.0 if seq_len is None else seq_len / tokens
    exact, smooth = (priced(counts, chip, batch=batch, length=length, smooth=each) for each in (False, True))
    closed, notes = (smooth if mode == "smooth" else exact).latency_s, placement.notes
    unscheduled = _unscheduled(placement, batch, seq_len)
    exact, n_events = (exact, 0) if unscheduled else _scheduled(exact, placement, batch, seq_len)
    if unscheduled:
        notes = (*notes, f"the latency is a closed form: {unscheduled}")
    bill = smooth if mode == "smooth" else exact
    ratio = lambda of: of(smooth) / of(exact) - 1.0
    gap = {
        "energy_J": ratio(lambda bill: bill.energy_J),
        "latency_s": ratio(lambda bill: bill.latency_s),
        "area_m2": ratio(lambda bill: bill.area_m2),
    }
    n_macs = counts.n_macs if seq_len is None else _macs_of_length(placement, length)
    return Cost(
        bill.parts, bill.latency_s, bill.area_m2, gap, bill.stages, batch, batch * (seq_len or tokens), n_macs,
        len(placement.items), counts.n_cells, (*counts.names, OFF_TILES), mode, notes, closed,
        n_events if mode == "exact" else 0,
    )  # fmt: skip


def _unscheduled(placement: Placement, batch: int, seq_len: int | None) -> str:
    """Why there is no schedule, empty if there is one."""
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((placement.chip, placement.counts))):
        return "a schedule has no gradient and needs known values"
    if count_operations(placement, batch=batch, seq_len=seq_len) > EVENTS:
        return f"a schedule would have more than {EVENTS:,} operations"
    return ""


def _scheduled(bill: Bill, placement: Placement, batch: int, seq_len: int | None) -> tuple[Bill, int]:
    """The bill with the latency of a schedule, and static energy for as long; the operations of it."""
    found = placement_schedule(placement, batch=batch, seq_len=seq_len)
    latency = jnp.asarray(found.latency_s, bill.latency_s.dtype)
    parts = bill.parts.at[COMPONENTS.index("static"), -1].set(static_power(placement.chip) * latency)
    return Bill(parts, latency, bill.area_m2, bill.stages), found.graph.n_operations


def _macs_of_length(placement: Placement, length: float) -> int:
    activity = placement.activity
    squared = 0 if activity is None else activity.activation_macs
    return round(length * (placement.counts.n_macs - squared) + length**2 * squared)


def check_cost(model: Any, chip: Chip | None = None) -> None:
    """Raises `ValueError` for a tile or converter without a cost; `model` from `nn.convert`, before any work."""
    layers_of(model, None, None if chip is None or chip.tile is None else physical_tile(chip.tile))
