"""Training on meshes of CPU devices: the same numbers, less of each array on every device, a plan that adds up."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from jax.sharding import NamedSharding

from aimcjax import checkpoint, models, nn, tiles, training
from aimcjax.config import ConfigError, load_config
from aimcjax.training._loop import optimiser_of


CONFIGS = Path(__file__).parents[2] / "configs"
P = jax.sharding.PartitionSpec
SIZES = {"vocab_size": 32, "n_positions": 4, "dim": 16, "n_layers": 1, "n_heads": 4, "n_kv_heads": 2, "hidden": 24}
X = np.asarray(jr.randint(jr.key(1), (8, 4), 0, 32))
Y = np.roll(X, -1, 1)
SCHEDULE = training.Schedule(epochs=3, batch_size=8, learning_rate=1e-2)
TWO, FOUR, EIGHT = {"data": 2}, {"data": 2, "model": 2}, {"data": 2, "model": 2, "expert": 2}


@pytest.fixture(autouse=True)
def standard_promotion():
    with jax.numpy_dtype_promotion("standard"):  # optax is not written for strict promotion
        yield


def _llama(n_layers: int = 1) -> models.Llama:
    return models.Llama(models.LlamaConfig(**{**SIZES, "n_layers": n_layers}), key=jr.key(0))


def _moe() -> models.Mixtral:
    return models.Mixtral(models.MixtralConfig(**SIZES, n_experts=4), key=jr.key(0))


def _analog(model: Any, layers: str) -> Any:
    # Of rows and columns neither grid divides as the mesh does.
    return nn.convert(model, [nn.Rule(layers, tiles.WeightLevelTile(rows=6, cols=10)), nn.Rule(".*", None)])


MODELS = {
    "llama": (_llama, training.digital_forward),
    "llama on tiles": (lambda: _analog(_llama(), "blocks/.*/down"), training.hwa_forward),
    "moe": (_moe, training.digital_forward),
    "moe on tiles": (lambda: _analog(_moe(), "blocks/.*/up"), training.hwa_forward),
}


def _fit(name: str, mesh: dict[str, int] | None) -> tuple[Any, list[float]]:
    make, forward = MODELS[name]
    on = None if mesh is None else training.make_mesh(mesh)
    return training.fit(make(), X, Y, forward=forward, schedule=SCHEDULE, key=jr.key(2), mesh=on)


@pytest.mark.parametrize(
    ("name", "meshes"),
    [
        ("llama on tiles", [EIGHT]),
        pytest.param("llama", [{}, TWO, FOUR, EIGHT], marks=pytest.mark.slow),
        pytest.param("llama on tiles", [{}, TWO, FOUR, {"data": 8}, {"model": 8}], marks=pytest.mark.slow),
        pytest.param("moe", [{}, TWO, FOUR, EIGHT], marks=pytest.mark.slow),
        pytest.param("moe on tiles", [{}, TWO, FOUR, EIGHT], marks=pytest.mark.slow),
    ],
)
def test_the_loss_is_the_same_on_any_mesh(name: str, meshes: list[dict[str, int]]) -> None:
    _, alone = _fit(name, None)
    assert alone[2] < alone[0]  # the third has seen a step, so gradients count
    for mesh in meshes:
        np.testing.assert_allclose(_fit(name, mesh)[1], alone, rtol=0, atol=1e-5)


def _shard(leaf: Any) -> tuple[int, ...]:
    return leaf.sharding.shard_shape(leaf.shape)


def test_parameters_lie_where_they_should(tmp_path: Path) -> None:
    mesh = training.make_mesh(EIGHT)
    moe = _analog(_moe(), ".*/up")
    split = jax.tree.map(jax.device_put, eqx.filter(moe, eqx.is_array), training.shardings(moe, mesh))
    block = split.blocks[0]
    assert _shard(block.attention.q.weight) == (8, 8)  # outputs over model, inputs over data
    assert block.attention.q.weight.sharding.spec == P("model", "data")
    assert block.attention.out.weight.sharding.spec == P("data", "model")
    assert block.moe.gate.weight.sharding.spec == P("expert", "model", "data")
    assert block.moe.up.weight.sharding.spec == P("expert", "model", "data")  # a stack on tiles as well
    assert block.moe.down.weight.sharding.spec == P("expert", "data", "model")
    assert _shard(block.moe.down.weight) == (2, 8, 12)
    assert block.norm1.weight.sharding.spec == P()
    for leaf in jax.tree.leaves(block.moe.up.design):
        assert leaf.sharding.is_fully_replicated
    assert training.shardings(jnp.zeros((7, 9)), mesh).is_fully_replicated
    assert training.shardings(jnp.zeros((7, 10)), mesh).spec == P(None, "model")  # the axis that divides

    checkpoint.save(tmp_path / "split", model=split)
    other = training.shardings(moe, training.make_mesh({"model": 4, "data": 2}))
    like = jax.tree.map(lambda leaf, where: jax.device_put(jnp.zeros_like(leaf), where), split, other)
    loaded = checkpoint.load(tmp_path / "split", "model", like)
    assert eqx.tree_equal(jax.device_get(loaded), jax.device_get(split))
    assert loaded.blocks[0].attention.q.weight.sharding.is_equivalent_to(other.blocks[0].attention.q.weight, 2)


def test_optimiser_follows_its_parameters_and_tiles_their_matrix() -> None:
    mesh = training.make_mesh(FOUR)
    layer = nn.convert(eqx.nn.Linear(16, 32, key=jr.key(0)), [nn.Rule(".*", tiles.WeightLevelTile(rows=8, cols=8))])
    params = eqx.filter(layer, nn.trainable(layer))
    state = optimiser_of(SCHEDULE, 1, None).init(params)
    moments = [leaf.spec for leaf in jax.tree.leaves(training.shardings(state, mesh)) if leaf.spec]
    assert moments == [P("model", "data")] * 2
    whole = eqx.filter_jit(nn.program)(layer, key=jr.key(3)).matrix.tiles.w
    place = training.shardings(layer, mesh)
    split = eqx.combine(jax.tree.map(jax.device_put, eqx.filter(layer, eqx.is_array), place), layer)
    found = eqx.filter_jit(nn.program)(split, key=jr.key(3)).matrix.tiles.w
    assert np.prod(_shard(found)) < found.size
    np.testing.assert_array_equal(np.asarray(found), np.asarray(whole))


def test_the_model_of_the_caller_survives() -> None:
    model = models.Mlp(8, 2, (16,), key=jr.key(0))
    x, y = np.ones((8, 8), np.float32), np.zeros(8, np.int32)
    trained, _ = training.fit(
        model, x, y, forward=training.digital_forward, schedule=SCHEDULE, key=jr.key(1), mesh=training.make_mesh(TWO)
    )
    assert np.isfinite(np.asarray(model.layers[0].weight)).all()  # steps overwrite their own copies only
    assert _shard(trained.layers[0].weight) == (8, 8)


def test_one_step_of_experts_on_any_mesh() -> None:
    moe, rows = models.MixtralMoe(8, 12, n_experts=4, top_k=2, key=jr.key(0)), jr.normal(jr.key(1), (8, 3, 8))
    analog = nn.convert(moe, [nn.Rule("up", tiles.WeightLevelTile(rows=6, cols=10)), nn.Rule(".*", None)])

    @eqx.filter_jit
    def loss(model: Any, rows: jax.Array) -> jax.Array:
        return jnp.sum(jax.vmap(lambda x: nn.bind(nn.program(model, key=jr.key(2)), jr.key(3))(x)[0])(rows) ** 2)

    alone = loss(analog, rows)
    for mesh in map(training.make_mesh, (TWO, EIGHT)):
        place, batch = training.shardings(analog, mesh), NamedSharding(mesh, P(("data", "expert")))
        arrays = jax.tree.map(jax.device_put, eqx.filter(analog, eqx.is_array), place)
        np.testing.assert_allclose(loss(eqx.combine(arrays, analog), jax.device_put(rows, batch)), alone, rtol=1e-5)


def _gpt(n_layers: int = 2) -> models.Gpt2:
    sizes = {name: size for name, size in SIZES.items() if name != "n_kv_heads"}
    return models.Gpt2(models.Gpt2Config(**{**sizes, "n_layers": n_layers}, tied=False), key=jr.key(0))


def _sigma(n_layers: int = 2) -> models.SigmaDecoder:
    sizes = {**SIZES, "n_layers": n_layers, "n_experts": 4, "top_k": 2}
    return models.SigmaDecoder(models.SigmaDecoderConfig(**sizes), key=jr.key(0))


def test_blocks_of_a_deep_network_are_one_loop() -> None:
    model = _gpt(3)
    program = jax.make_jaxpr(training.scanned(model))(X[0])
    assert [eqn.params["length"] for eqn in program.eqns if eqn.primitive.name == "scan"] == [3]
    found, wanted = (
        eqx.filter_jit(lambda model: model(jnp.asarray(X[0])))(m) for m in (training.scanned(model), model)
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "layers"),
    [(lambda: _llama(2), "q|down"), (_gpt, "qkv|down"), (_sigma, "q|down")],
    ids=["llama", "gpt2", "sigma"],
)
def test_a_deep_network_is_the_same_network(make: Any, layers: str) -> None:
    model = _analog(make(), f"blocks/.*/({layers})")
    loss = lambda model, forward: training.cross_entropy(forward(model, jnp.asarray(X), key=jr.key(5)), jnp.asarray(Y))
    gradient = lambda f: eqx.filter_jit(eqx.filter_value_and_grad(f))(model)
    plain, grads = gradient(lambda model: loss(model, training.hwa_forward))
    deep, deep_grads = gradient(lambda model: loss(training.scanned(model), training.deep_hwa_forward))
    np.testing.assert_allclose(deep, plain, rtol=1e-6)
    for found, expected in zip(jax.tree.leaves(deep_grads), jax.tree.leaves(grads), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_the_plan_of_a_small_model_adds_up() -> None:
    x, y = jax.ShapeDtypeStruct((8, 6), float), jax.ShapeDtypeStruct((8,), int)
    found = training.plan(
        lambda key: models.Mlp(6, 3, (8,), key=key), x, y,
        forward=training.digital_forward, schedule=SCHEDULE, mesh=training.make_mesh(FOUR),
    )  # fmt: skip
    # 8x6 over four devices, 3x8 over four by its inputs and none by its outputs; biases of 8 and 3 on each.
    on_paper = 4 * (8 * 6 // 4 + 3 * 8 // 2 + 8 + 3)
    assert found.n_parameters == 8 * 6 + 8 + 3 * 8 + 3
    assert found.parameters == found.gradients == on_paper
    assert found.optimiser == 2 * on_paper + 12  # two moments, three counters
    assert found.total >= found.parameters + found.optimiser + found.temporaries


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"tensor": 2}, "axes data, model, expert, got 'tensor'"),
        ({"data": 0}, "data needs a whole number of devices above zero, got 0"),
        ({"data": 16}, "mesh wants 16 devices, this machine has 8; on CPUs set XLA_FLAGS=.*device_count=16"),
    ],
)
def test_refuses_meshes_that_cannot_be(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        training.make_mesh(sizes)


def test_a_config_names_its_mesh() -> None:
    path = CONFIGS / "quickstart.yaml"
    assert load_config(path).mesh.build() is None
    mesh = load_config(path, ["mesh={data: 2, expert: 4}"]).mesh.build()
    assert dict(mesh.shape) == {"data": 2, "model": 1, "expert": 4}
    with pytest.raises(ConfigError, match=r"mesh\.modle: unknown key; did you mean 'model'"):
        load_config(path, ["mesh.modle=2"])
    with pytest.raises(ConfigError, match="mesh.data: .* greater than 0"):
        load_config(path, ["mesh.data=0"])


def test_refuses_what_does_not_split() -> None:
    with pytest.raises(ValueError, match="batch_size=6 does not split over 4 devices"):
        training.check_batch(6, {"data": 2, "expert": 2})
    with pytest.raises(ValueError, match="is for decoders .*, got Mlp"):
        training.scanned(models.Mlp(8, 2, (16,), key=jr.key(0)))
    with pytest.raises(ValueError, match="deep=True needs equal blocks, got different ones"):
        training.scanned(_analog(_gpt(), "blocks/1/.*/qkv"))


@pytest.mark.slow
def test_a_network_of_seven_billion_parameters_fits_eight_devices() -> None:
    command = "from aimcjax.cli import main; main()"
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": "", "COLUMNS": "120"}
    config = CONFIGS / "llama_7b_plan.yaml"
    command = [sys.executable, "-c", command, "plan", str(config)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    lines = [line for line in result.stdout.splitlines() if line.startswith("│")]
    rows = {line.split()[1]: re.findall(r"[\d.,]+", line) for line in lines}
    # 6.74e9 parameters of four bytes over eight devices, but for vectors, which lie on each.
    assert rows["parameters"][0] == "6,738,415,616"  # the last row of that name, in all
    assert float(rows["optimiser"][0]) == pytest.approx(2 * 4 * 6738415616 / 8 / 2**30, rel=1e-3)
    assert all(float(total) < 80 for total in rows["total"])
