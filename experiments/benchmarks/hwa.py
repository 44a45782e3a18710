"""What hardware-aware training costs over plain training, and chips of the network over the network.

The GPT of `configs/char_gpt.yaml` (256 features, 4 layers, 128 characters, batches of 16, AdamW) on random text. A step
on chips has quantised inputs with learned ranges, noise on every weight and every output; with and without an ADC, on
one tile and on many, in half precision, in the memory of one block; and the step of the config as it is. Then a chip at
six times, from programming to logits, over as many digital passes.

python -m experiments.benchmarks.hwa
"""

import functools as ft
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from aimcjax import config, nn, periphery, tiles, training
from aimcjax.models import Gpt2, Gpt2Config

from . import peers
from ._measure import FASTER, Call, Row, compiled, digital_passes, in_turn, main, rounds_of, row


CONFIG = Path(__file__).parents[2] / "configs" / "char_gpt.yaml"
VOCABULARY, WIDEST = 96, 1024  # characters; inputs of the widest matrix
WEIGHT_NOISE = 0.03
TIMES = (20.0, 3600.0, 86400.0, 604800.0, 2592000.0, 31557600.0)
FEATURES = "8-bit inputs with learned ranges, 8-bit outputs, output noise 0.04, weight noise 0.03, tiles of 512 rows"


class Step(NamedTuple):
    """One compiled step of training, the bytes it needs and the seconds to compile it."""

    run: Call
    n_bytes: int
    compile_s: float


def sizes_of(quick: bool) -> tuple[Gpt2Config, training.Schedule]:
    """Those of the config, or the smallest."""
    settings = config.load_config(CONFIG)
    model: Any = settings.model
    trained: Any = settings.hwa_training
    length = getattr(settings.data, "length")  # noqa: B009  # of texts alone
    if quick:
        sizes = Gpt2Config(vocab_size=16, n_positions=8, dim=16, n_layers=1, n_heads=2, tied=False)
        return sizes, training.Schedule(epochs=1, batch_size=2, learning_rate=1e-4)
    sizes = Gpt2Config(
        vocab_size=VOCABULARY, n_positions=length, dim=model.dim, n_layers=model.n_layers, n_heads=model.n_heads,
        tied=False,
    )  # fmt: skip
    return sizes, training.Schedule(epochs=1, batch_size=trained.batch_size, learning_rate=1e-4)


def step(
    model: Any, forward: Callable[..., Any], tokens: jax.Array, schedule: training.Schedule, clip: float | None = None
) -> Step:
    """The step that `training.fit` makes of `model`: an epoch of one batch."""
    extra = None if clip is None else training.keep_programmable(clip)
    optimiser = training.optimiser_of(schedule, 1, extra)
    params, fixed, structure = training.parts_of(model)
    loss, layout = training.loss_of(forward, structure), training.Layout(None)
    epoch = training.compiled_epoch(loss, optimiser, structure, schedule, 1, layout)
    arguments = (params, optimiser.init(params), fixed, (tokens[:, :-1], tokens[:, 1:]), jnp.asarray(0), jr.key(0))
    start = time.perf_counter()
    call = epoch.lower(*arguments).compile()
    compile_s, memory = time.perf_counter() - start, call.memory_analysis()
    n_bytes = memory.temp_size_in_bytes + memory.argument_size_in_bytes + memory.output_size_in_bytes
    return Step(lambda: call(*arguments), n_bytes, compile_s)


def analog(model: Any, n_rows: int, *, bits: int | None = 8) -> Any:
    """`model` on weight-level tiles of so many rows, with the features above; `bits=None` for outputs as they are."""
    adc = None if bits is None else periphery.UniformAdc(bits=bits, i_max=10.0, noise=0.0)
    tile = tiles.WeightLevelTile(noise=WEIGHT_NOISE, adc=adc, rows=n_rows, cols=WIDEST)
    return nn.with_ranges(nn.convert(model, [nn.Rule(".*", tile)]), nn.ClippingRange(), per_tile=True)


def as_shipped(model: Any) -> tuple[Any, Callable[..., Any], float]:
    """The model as the config trains it, its forward pass, and where its weights are clipped."""
    asked: Any = config.load_config(CONFIG).hwa_training
    made = nn.with_ranges(nn.convert(model, [nn.Rule(".*", asked.tile)]), asked.ranges, per_tile=asked.tile_ranges)
    return made, ft.partial(training.hwa_forward, ages=asked.ages), asked.clip_sigma


def training_rows(quick: bool) -> Iterator[Row]:
    """Steps over the plain one, and over AIHWKit's."""
    sizes, schedule = sizes_of(quick)
    model = Gpt2(sizes, key=jr.key(0))
    tokens = jr.randint(jr.key(1), (schedule.batch_size, sizes.n_positions + 1), 0, sizes.vocab_size)
    hwa = training.hwa_forward
    half = ft.partial(training.in_precision, dtype=jnp.bfloat16)
    again = ft.partial(training.rematerialised, blocks="blocks/[0-9]+")
    shipped, forward, clip = as_shipped(model)
    plain = step(model, training.digital_forward, tokens, schedule)
    equal = analog(model, 512)
    goal = {"goal": 1.25, "bound": "noise of weights and outputs is drawn and written, ADCs read it again"}
    cases: list[tuple[str, Any, Callable[..., Any], dict[str, Any]]] = [
        ("512-row tiles, 8-bit ADC", equal, hwa, {**goal, "note": FEATURES}),
        ("as in the config", shipped, forward, {"clip": clip, **goal, "note": "PCM of a random age, 8-bit ADC"}),
        ("512-row tiles, no ADC", analog(model, 512, bits=None), hwa, {}),
        ("128-row tiles, no ADC", analog(model, 128, bits=None), hwa, {}),
        ("128-row tiles, 8-bit ADC", analog(model, 128), hwa, {}),
        ("512-row tiles, blocks again", equal, again(hwa), {}),
        ("512-row tiles, bfloat16", equal, half(hwa), {}),
    ]
    for name, made, forward, about in cases[:2] if quick else cases:
        other = step(made, forward, tokens, schedule, about.pop("clip", None))
        spent = in_turn({"ours": other.run, "plain": plain.run}, **rounds_of(quick))
        memory = f"{other.n_bytes / plain.n_bytes:.2f} times its memory"
        note = "; ".join(text for text in (about.pop("note", ""), memory) if text)
        work = f"HWA step, {name}"
        yield row(work, spent["ours"], "plain JAX", spent["plain"], compile_s=other.compile_s, note=note, **about)
    ours = step(equal, hwa, tokens, schedule).run
    for beside in peers.tiles():
        yield _step_beside(beside, ours, sizes, np.asarray(tokens), quick)
    if peers.has("aihwkit_lightning", "torch"):
        from .peers import lightning  # noqa: PLC0415  # optional

        theirs = lightning.hwa_step(sizes, np.asarray(tokens), rows=512, weight_noise=WEIGHT_NOISE)
        spent = in_turn({"ours": ours, "theirs": theirs}, **rounds_of(quick))
        about = {"unit": FASTER, "note": f"{FEATURES}; AdamW on both sides"}
        yield row("HWA step, 512-row tiles, 8-bit ADC", spent["ours"], peers.LIGHTNING, spent["theirs"], **about)
    if peers.has("torch"):
        from .peers import gpt  # noqa: PLC0415  # optional

        spent = in_turn({"ours": plain.run, "theirs": gpt.plain_step(sizes, np.asarray(tokens))}, **rounds_of(quick))
        yield row("plain step", spent["ours"], "PyTorch", spent["theirs"], unit=FASTER, note="AdamW on both sides")


def _step_beside(beside: str, ours: Call, sizes: Gpt2Config, tokens: np.ndarray, quick: bool) -> Row:
    from .peers import gpt_on_chips  # noqa: PLC0415  # optional

    cpp = beside == peers.CPP
    theirs = gpt_on_chips.hwa_step(sizes, tokens, cpp=cpp, weight_noise=WEIGHT_NOISE)
    spent = in_turn({"ours": ours, "theirs": theirs}, **rounds_of(quick))
    how = "SGD on its tiles, Adam beside; ours AdamW" if cpp else "AdamW on both sides"
    about = {"goal": 4.0 if cpp else 1.2, "note": f"{FEATURES}; {how}", "bound": "both spend most in the same products"}
    return row("HWA step, 512-row tiles, 8-bit ADC", spent["ours"], beside, spent["theirs"], unit=FASTER, **about)


def chip_rows(quick: bool) -> Iterator[Row]:
    """Chips from programming to the logits at six times, over as many digital passes."""
    settings: Any = config.load_config(CONFIG)
    (sizes, _), n_windows = sizes_of(quick), 2 if quick else settings.data.max_test
    model = Gpt2(sizes, key=jr.key(0))
    tokens = jr.randint(jr.key(1), (n_windows, sizes.n_positions), 0, sizes.vocab_size)
    device = tiles.TileDesign().device
    digital = digital_passes(lambda logits: jnp.mean(jnp.abs(logits)), model, tokens, len(TIMES))
    full = tiles.TileDesign(rows=512, cols=512)
    about = {"goal": 1.6, "bound": "converters, and a second product for the law of the read noise"}
    level = tiles.WeightLevelTile(rows=512, cols=WIDEST, device=device)
    cases = [
        ("weight-level tiles", level, about),
        ("full tiles", full, about),
        ("the config's, IR drop", settings.tile, {}),
    ]
    text = f"{n_windows} windows; programmed, aged with compensation, 8-bit inputs and outputs"
    for name, design, more in cases[:1] if quick else cases:
        chip = nn.convert(model, [nn.Rule(".*", design)])
        call, compile_s = compiled(one_chip, chip, tokens, jr.key(2))
        times: dict[str, Any] = {"budget_s": 60.0 if more else 20.0, "rounds": (5, 32)}
        spent = in_turn({"ours": call, "plain": digital}, **(rounds_of(quick) if quick else times))
        work = f"a chip of the GPT at six times, {name}"
        note = f"{len(spent['ours'])} chips one by one, {text}"
        yield row(work, spent["ours"], "plain JAX", spent["plain"], compile_s=compile_s, note=note, **more)
    call, _ = compiled(one_chip, nn.convert(model, [nn.Rule(".*", level)]), tokens, jr.key(2))
    for beside in peers.tiles():
        from .peers import gpt_on_chips  # noqa: PLC0415  # optional

        theirs = gpt_on_chips.chip(sizes, np.asarray(tokens), TIMES, cpp=beside == peers.CPP)
        spent = in_turn({"ours": call, "theirs": theirs}, rounds=(2, 2) if quick else (3, 9), budget_s=10.0)
        goal = {"goal": 2.0} if beside == peers.TORCH else {}
        more = {"unit": FASTER, "note": text, "bound": "the products, the same on both sides", **goal}
        yield row("a chip of the GPT at six times, weight-level tiles", spent["ours"], beside, spent["theirs"], **more)


def one_chip(model: Any, tokens: jax.Array, key: jax.Array) -> jax.Array:
    """Mean logit magnitudes of a fresh chip at all times."""
    key_program, key_read = jr.split(key)
    chip = nn.program(model, key=key_program)
    at = lambda t: jnp.mean(jnp.abs(nn.apply(nn.at(chip, t=t), tokens, key=key_read)))
    return jax.lax.map(at, jnp.asarray(TIMES))


def rows(quick: bool) -> Iterator[Row]:
    """Training, then chips."""
    yield from training_rows(quick)
    yield from chip_rows(quick)


if __name__ == "__main__":
    sys.exit(main(__doc__, rows))
