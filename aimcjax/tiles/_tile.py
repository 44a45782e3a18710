"""The physical tile: every arrow of the story, from weights to a digital vector."""

import dataclasses
import typing

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Time
from ..components import shorten
from ..devices import AbstractCells, AbstractDevice, Pcm
from ..periphery import AbstractAdc, AbstractDac, UniformAdc, UniformDac
from ._base import AbstractTileDesign, check_weights
from ._crossbar import AbstractCrossbar, Cells, IdealCrossbar
from ._encoding import AbstractEncoding, DifferentialPair


class TileState(eqx.Module):
    """One programmed tile: its `cells` (arrays of shape `pair rows cols`) and the digital `gain` [weight / S]."""

    cells: AbstractCells
    gain: Float[Array, " cols"]


class TileSnapshot(eqx.Module):
    """One tile at one time: conductances `g` [S], deviation of one read `g_std` [S] or None, `gain` [weight / S]."""

    g: Cells
    g_std: Cells | None
    gain: Float[Array, " cols"]


class TileTrace(eqx.Module):
    """What happens in one MVM: `v` [V] on the rows, `g` [S] in the cells, `i` [A] from the columns, `code` [A] as
    converted, `y` in units of the weights."""

    v: Float[Array, " rows"]
    g: Cells
    i: Float[Array, " cols"]
    code: Float[Array, " cols"]
    y: Float[Array, " cols"]


class TileDesign(AbstractTileDesign):
    """One crossbar of resistive cells with its converters.

    **Arguments:** `device`, the physics of a cell; `encoding`, weights to conductances; `crossbar`, voltages to
    currents; `dac`, `adc`; `rows`, `cols`, the largest matrix it holds (inputs, outputs), in weights.

    **Reference:** the order of the steps follows Rasch et al., Nat. Commun. 14:5282 (2023), Methods.
    """

    device: AbstractDevice = eqx.field(default_factory=Pcm)
    encoding: AbstractEncoding = eqx.field(default_factory=DifferentialPair)
    crossbar: AbstractCrossbar = eqx.field(default_factory=IdealCrossbar)
    dac: AbstractDac = eqx.field(default_factory=UniformDac)
    adc: AbstractAdc = eqx.field(default_factory=UniformAdc)
    rows: int = eqx.field(static=True, default=256)
    cols: int = eqx.field(static=True, default=256)

    def __check_init__(self) -> None:
        if not (isinstance(self.rows, int) and isinstance(self.cols, int) and self.rows > 0 and self.cols > 0):
            raise ValueError(f"rows and cols are whole numbers from 1, got rows={self.rows}, cols={self.cols}")
        for field in dataclasses.fields(self):
            part = getattr(self, field.name)
            if not field.metadata.get("static") and not isinstance(part, typing.cast(type, field.type)):
                raise ValueError(
                    f"{field.name} must be an {typing.cast(type, field.type).__name__}, got {shorten(part)}"
                )

    def program(self, w: Float[Array, "rows cols"], *, key: PRNGKey) -> TileState:
        """weights → targets → cells; see `AbstractTileDesign.program`."""
        check_weights(w, self.rows, self.cols)
        g_target, gain = self.encoding.encode(w, self.device)
        return TileState(cells=self.device.program(g_target, key=key), gain=gain)

    def at(self, state: TileState, t: Time) -> TileSnapshot:
        """cells → conductances at `t` [s] after programming."""
        return TileSnapshot(
            g=self.device.drift(state.cells, t), g_std=self.device.read_std(state.cells, t), gain=state.gain
        )

    def read(self, snapshot: TileSnapshot, x: Float[Array, " rows"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """conductances → currents → codes → y, for one vector `x` in [-1, 1]."""
        return self._trace(snapshot, x, key=key).y

    def trace(self, state: TileState, x: Float[Array, " rows"], *, t: Time, key: PRNGKey) -> TileTrace:
        """One MVM at `t` [s] with everything in between, to look at."""
        return self._trace(self.at(state, t), x, key=key)

    def expected(self, snapshot: TileSnapshot, x: Float[Array, " rows"]) -> Float[Array, " cols"]:
        """See `AbstractTileDesign.expected`."""
        v_max = self.dac.v_max
        i = self.crossbar.mean_currents(snapshot.g, v_max * x, self._polarity(x), v_max=v_max)
        return snapshot.gain * i / self.dac.v_max

    def gain(self, snapshot: TileSnapshot) -> Float[Array, " cols"]:
        """Weight of a full cell in every column."""
        return snapshot.gain * (self.device.g_max - self.device.g_min)

    def _trace(self, snapshot: TileSnapshot, x: Float[Array, " rows"], *, key: PRNGKey) -> TileTrace:
        rows = snapshot.g.shape[-2]
        if x.shape != (rows,):
            raise ValueError(f"a tile reads one vector of shape ({rows},), got {x.shape}; for a batch use `jax.vmap`")
        key_read, key_adc = _random.split(key, 2)
        with jax.named_scope("aimc.dac"):
            v = self.dac(x)
        with jax.named_scope("aimc.crossbar"):
            i = self.crossbar.currents(
                snapshot.g, snapshot.g_std, v, self._polarity(v), v_max=self.dac.v_max, key=key_read
            )
        with jax.named_scope("aimc.adc"):
            code = self.adc(i, key=key_adc)
        y = snapshot.gain * code / self.dac.v_max
        return TileTrace(v=v, g=snapshot.g, i=i, code=code, y=y)

    def _polarity(self, like: Float[Array, " rows"]) -> Float[Array, " pair"]:
        return jnp.asarray(self.encoding.polarity, like.dtype)
