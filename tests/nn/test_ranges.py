"""Input ranges: what each rule does with the inputs of a step, against the same recurrence in NumPy."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest
import tolerances

from aimcjax import models, nn, tiles, training


PARTS = ((0, 4), (4, 8), (8, 11))


def _tile(rows: int = 4):
    """On tiles of four rows 11 inputs are 4, 4 and 3."""
    return tiles.WeightLevelTile(noise=0.0, output_noise=0.0, adc=None, rows=rows)


def _layer(rule, *, per_tile: bool = True):
    linear = eqx.nn.Linear(11, 3, key=jr.key(0), dtype=jnp.float64)
    return nn.with_ranges(nn.convert(linear, [nn.Rule(".*", _tile())]), rule, per_tile=per_tile)


@eqx.filter_jit
def _step(layer, state, xs):
    """One step of descent with a rate of one, on ranges alone."""
    layer = nn.watched(layer)
    learned = lambda it: (it.input_range,) if it.seen is None else (it.input_range, it.seen)
    mask = jax.tree.map(lambda _: False, layer)
    mask = eqx.tree_at(learned, mask, (True,) * len(learned(layer)))
    params, rest = eqx.partition(layer, mask)
    loss = lambda params: jnp.sum(training.hwa_forward(eqx.combine(params, rest), xs, key=jr.key(1)) ** 2)
    learn = training.learn_ranges(optax.sgd(1.0))
    state = learn.init(params) if state is None else state
    grads = jax.grad(loss)(params)
    updates, state = learn.update(grads, state, params, rules={"": layer.ranges})
    moved = optax.apply_updates(params, updates)
    return nn.unwatched(eqx.combine(moved, rest)), state


def _trajectory(rule, batches, **how):
    layer, state, found = _layer(rule, **how), None, []
    for xs in batches:
        layer, state = _step(layer, state, jnp.asarray(xs))
        found.append(np.asarray(layer.input_range))
    return np.stack(found)


def _batches(n: int = 6):
    rng = np.random.default_rng(1)
    xs = [rng.normal(scale=rng.uniform(0.5, 3), size=(8, 11)) + 0.5 for _ in range(n)]
    xs[min(2, n - 1)][:, 4:8] = 0.0  # a part of a network that is silent for a step
    return xs


@pytest.mark.parametrize("per_tile", [True, False])
def test_initial_ranges_are_means_of_deviations(per_tile: bool) -> None:
    with jax.enable_x64(True):
        found = _trajectory(nn.InitialRange(nn.FixedRange(), steps=4.0, deviations=2.0), _batches(), per_tile=per_tile)
        parts, r, wanted = PARTS if per_tile else [(0, 11)], np.ones(3 if per_tile else 1), []
        for n, xs in enumerate(_batches()):
            for i, (start, stop) in enumerate(parts):
                std = np.std(xs[:, start:stop], ddof=1)
                r[i] = (n * r[i] + 2 * std) / (n + 1) if n < 4 and std > 0 else r[i]
            wanted.append(r.copy())
        np.testing.assert_allclose(found.reshape(6, -1), wanted, rtol=tolerances.FLOAT64)
        np.testing.assert_array_equal(found[4:], found[3:5])  # frozen to the last bit


def test_after_the_initial_steps_the_rule_learns() -> None:
    with jax.enable_x64(True):
        rule = nn.ClippingRange(decay=0.1, inside=0.0)
        found = _trajectory(nn.InitialRange(rule, steps=2.0, deviations=20.0), _batches())
        np.testing.assert_allclose(found[2:], found[1:2] * 0.9 ** np.arange(1, 5)[:, None], rtol=tolerances.FLOAT64)


@pytest.mark.parametrize("rule", ["alone", "after three initial steps"])
def test_running_ranges_are_exponential_means(rule: str) -> None:
    with jax.enable_x64(True):
        running = nn.RunningRange(momentum=0.8, steps=2.0)
        first = 0 if rule == "alone" else 3
        found = _trajectory(nn.InitialRange(running, steps=3.0) if first else running, _batches())
        r, wanted = found[first - 1].copy() if first else np.ones(3), []
        for n, xs in enumerate(_batches()[first:]):
            for i, (start, stop) in enumerate(PARTS):
                mean = np.max(np.abs(xs[:, start:stop]), axis=1).mean()
                r[i] = (mean if n == 0 else 0.8 * r[i] + 0.2 * mean) if n < 2 and mean > 0 else r[i]
            wanted.append(r.copy())
        np.testing.assert_allclose(found[first:], wanted, rtol=tolerances.FLOAT64)


@pytest.mark.parametrize("rule", [nn.FixedRange, nn.VectorRange])
def test_ranges_that_are_not_learned_stay(rule) -> None:
    with jax.enable_x64(True):
        np.testing.assert_array_equal(_trajectory(rule(), _batches(2)), np.ones((2, 3)))


def test_a_range_of_each_vector() -> None:
    """Every part of every vector has its largest magnitude for a range; it has no gradient."""
    with jax.enable_x64(True):
        layer, x = _layer(nn.VectorRange()), _batches()[2][0]
        y, dx = jax.jit(jax.value_and_grad(lambda x: jnp.sum(nn.apply(layer, x[None], key=jr.key(0)))))(jnp.asarray(x))
        q = np.concatenate([np.rint(x[a:b] / m * 127) * m / 127 for a, b in PARTS
                            for m in [np.max(np.abs(x[a:b])) or 1.0]])  # fmt: skip
        np.testing.assert_allclose(y, np.sum(layer.weight @ q + layer.bias), rtol=tolerances.FLOAT64)
        np.testing.assert_allclose(dx, layer.weight.sum(0), rtol=tolerances.FLOAT64)


def test_lsq_ranges_follow_the_quantiser() -> None:
    with jax.enable_x64(True):
        xs, r = _batches()[0], np.asarray([0.7, 1.4, 2.1])
        layer = dataclasses.replace(_layer(nn.LsqRange()), input_range=jnp.asarray(r))
        loss = lambda r: jnp.sum(nn.apply(dataclasses.replace(layer, input_range=r), jnp.asarray(xs), key=jr.key(0)))
        found = jax.jit(jax.grad(loss))(layer.input_range)
        g, wanted = np.asarray(layer.weight).sum(0), []
        for i, (a, b) in enumerate(PARTS):
            u = xs[:, a:b] / r[i] * 127
            slope = np.where(np.abs(np.rint(u)) > 127, np.sign(u), (np.rint(u) - u) / 127)
            wanted.append(np.sum(slope * g[a:b]))
        np.testing.assert_allclose(found, wanted, rtol=1e-10)


RULES = [nn.RunningRange(steps=9.0), nn.InitialRange(nn.FixedRange(), deviations=2.0)]


@pytest.mark.parametrize("rule", RULES, ids=["running", "initial"])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_experts_note_their_own_tokens_and_nothing_else(rule, accumulate: int) -> None:
    """Also when blocks of experts are filled up, when an expert has one token in all parts of a batch, or none."""
    rng = np.random.default_rng(2)
    xs = rng.normal(size=(4, 5, 12)).astype(np.float32)
    which = np.asarray([[0, 2, 0, 0, 2], [0, 0, 0, 2, 2], [0, 1, 0, 0, 0], [2, 0, 0, 2, 0]], np.int32)
    xs *= np.asarray([1.0, 5.0, 0.2, 1.0], np.float32)[which][..., None]
    stack = models.ExpertLinear(4, 12, 3, std=1.0, key=jr.key(0))
    layer = nn.with_ranges(nn.convert(stack, [nn.Rule(".*", _tile(rows=5))]), rule, per_tile=True)

    def forward(model, samples, *, key):
        del key
        y = jax.vmap(lambda x, e: nn.bind(nn.program(model, key=jr.key(0)), jr.key(1))(x, e))(
            samples[..., :-1], samples[..., -1].astype(jnp.int32)
        )
        return jnp.mean(y, axis=1)

    samples = np.concatenate([xs, which[..., None].astype(np.float32)], axis=-1)
    schedule = training.Schedule(epochs=1, batch_size=4, learning_rate=0.0, accumulate=accumulate)
    with jax.numpy_dtype_promotion("standard"):
        trained, _ = training.fit(
            layer, samples, np.zeros(4, np.int32), forward=forward, schedule=schedule, key=jr.key(3)
        )
    for e in range(4):
        tokens = xs[which == e]
        for i in range(3):
            part = tokens[:, 4 * i : 4 * i + 4].astype(float)
            if len(part) == 0:
                wanted = 1.0
            else:
                running = isinstance(rule, nn.RunningRange)
                wanted = np.max(np.abs(part), axis=1).mean() if running else 2 * np.std(part, ddof=1)
            np.testing.assert_allclose(trained.input_range[e, i], wanted, rtol=tolerances.PRIMITIVE)


X = np.random.default_rng(5).normal(size=(800, 8)).astype(np.float32)
X /= np.std(X, ddof=1)


@pytest.mark.parametrize(
    "rule",
    [lambda steps: nn.InitialRange(nn.FixedRange(), steps=steps), lambda steps: nn.RunningRange(steps=steps)],
    ids=["initial", "running"],
)
def test_ranges_freeze_at_the_step_in_half_precision(rule) -> None:
    """bfloat16 cannot count beyond 256; integers can. Three epochs of a hundred steps, then inputs ten times larger."""
    linear = eqx.nn.Linear(8, 2, key=jr.key(0))
    tile = tiles.WeightLevelTile(adc=None, rows=8)
    y, schedule = jnp.zeros(800, jnp.int32), training.Schedule(epochs=4, batch_size=8, learning_rate=0.0)
    forward = training.in_precision(training.hwa_forward, jnp.bfloat16)
    with jax.numpy_dtype_promotion("standard"):
        optimiser = training.optimiser_of(schedule, 100, None)
        parts = lambda steps: training.parts_of(nn.with_ranges(nn.convert(linear, [nn.Rule(".*", tile)]), rule(steps)))
        structure = parts(300.0)[2]
        loss = training.loss_of(forward, structure)
        epoch = training.compiled_epoch(loss, optimiser, structure, schedule, 100, training.Layout(None))
        moved = {}
        for steps in (300.0, 301.0):
            params, fixed, _ = parts(steps)
            start, state = params, optimiser.init(params)
            for index, scale in enumerate((1.0, 1.0, 1.0, 10.0)):
                before = params.input_range
                params, state, _ = epoch(params, state, fixed, (scale * X, y), jnp.asarray(index), jr.key(index))
            moved[steps] = float(params.input_range) / float(before)
            assert params.input_range.dtype == params.weight.dtype == jnp.float32
            np.testing.assert_array_equal(params.weight, start.weight)
    assert moved[300.0] == 1.0
    assert moved[301.0] > 1.02
    assert state.step == 400
    if isinstance(rule(1.0), nn.InitialRange):
        np.testing.assert_allclose(float(before), 3.0, rtol=0.02)


class Tied(eqx.Module):
    """A head on tiles that shares the weights of the table, read by rows or by columns."""

    shared: eqx.nn.Shared

    def __init__(self, *, transposed: bool) -> None:
        n = 9 if transposed else 5
        pair = (eqx.nn.Embedding(5, 9, key=jr.key(0)), eqx.nn.Linear(5 if transposed else 9, n, key=jr.key(1)))
        source = lambda pair: pair[0].weight.T if transposed else pair[0].weight
        self.shared = eqx.nn.Shared(pair, lambda pair: pair[1].weight, source)

    def __call__(self, x):
        table, head = self.shared()
        return head(table(x)[: head.weight.shape[1]])


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("per", ["tensor", "column"])
def test_recipes_know_weights_that_are_kept_elsewhere(transposed: bool, per: str) -> None:
    analog = nn.convert(Tied(transposed=transposed), [nn.Rule(".*", _tile())])
    (name,) = nn.analog_layers(analog)
    w = np.asarray(analog.shared.pytree[0].weight)
    w = w.T if transposed else w
    analog = nn.with_weight_ranges(nn.with_ranges(analog, nn.ClippingRange(), per_tile=True))
    layer = nn.analog_layers(nn.watched(analog))[name]
    np.testing.assert_array_equal(layer.weight_range, np.max(np.abs(w), axis=1))
    assert layer.input_range.shape == layer.seen.shape[:1] == (2 if transposed else 3,)
    params = eqx.filter(analog, nn.trainable(analog))
    clip = training.keep_programmable(1.2, per=per)
    updates, _ = clip.update(jax.tree.map(jnp.zeros_like, params), clip.init(params), params, rest=analog)
    moved = optax.apply_updates(params, updates)
    limit = 1.2 * (np.std(w, ddof=1) if per == "tensor" else np.std(w, axis=1, ddof=1, keepdims=True))
    found = moved.shared.pytree[0].weight
    np.testing.assert_allclose(found.T if transposed else found, np.clip(w, -limit, limit), atol=1e-6)
