"""The published encoders: their configs, their heads, and the names of their tensors."""

from collections.abc import Mapping, Sequence
from typing import Any

from ._albert import Albert, AlbertConfig
from ._bert import Bert, BertConfig
from ._encoder import ACTIVATIONS
from ._layout import Layout, give, insist, take


_W = r"\.(weight|bias)"  # of a layer; \1, \2 or \3 in the name

_KEYS = {
    "vocab_size": "vocab_size",
    "n_positions": "max_position_embeddings",
    "n_types": "type_vocab_size",
    "dim": "hidden_size",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "hidden": "intermediate_size",
    "norm_eps": "layer_norm_eps",
    "activation": "hidden_act",
    "tied": "tie_word_embeddings",
}
_ALBERT_KEYS = _KEYS | {"embedding_dim": "embedding_size"}
_ONLY = {
    "hidden_act": list(ACTIVATIONS),
    "position_embedding_type": ["absolute"],
    "is_decoder": [False],
    "add_cross_attention": [False],
}
# Heads by the ending of the published class: whether there is a masked-language head and a pooler.
_HEADS = {
    "ForMaskedLM": {"masked_lm": True, "pooler": False},
    "Model": {"masked_lm": False, "pooler": True},
    "ForPreTraining": {"masked_lm": True, "pooler": True, "n_classes": 2},
    "ForSequenceClassification": {"masked_lm": False, "pooler": True, "n_classes": None},
    "ForQuestionAnswering": {"masked_lm": False, "pooler": False, "n_token_classes": 2},
}


def _read_heads(published: Mapping[str, Any], family: str) -> dict[str, Any]:
    listed = published.get("architectures") or [family + "ForMaskedLM"]
    known = [family + ending for ending in _HEADS]
    if not isinstance(listed, list) or len(listed) != 1 or listed[0] not in known:
        raise ValueError(f"config.json: architectures={listed} is not supported, only one of {', '.join(known)}")
    heads = dict(_HEADS[listed[0].removeprefix(family)])
    if "n_classes" in heads and heads["n_classes"] is None:
        labels = published.get("id2label")
        heads["n_classes"] = len(labels) if isinstance(labels, dict) else published.get("num_labels", 2)
    return heads


def _write_heads(config: BertConfig | AlbertConfig, family: str) -> dict[str, Any]:
    for ending, heads in _HEADS.items():
        wanted = {"n_classes": None, "n_token_classes": None, **heads}
        if ending == "ForSequenceClassification" and config.n_classes is not None:
            wanted["n_classes"] = config.n_classes
        if all(getattr(config, name) == value for name, value in wanted.items()):
            labels = {} if config.n_classes is None else {f"{i}": f"LABEL_{i}" for i in range(config.n_classes)}
            named = ending == "ForSequenceClassification"
            ids = {"id2label": labels, "label2id": {v: int(k) for k, v in labels.items()}} if named else {}
            return {"architectures": [family + ending], **ids}
    raise ValueError(f"no published {family} has the heads of {config}")


def _read_bert(published: Mapping[str, Any]) -> BertConfig:
    insist(published, _ONLY)
    return BertConfig(**take(published, _KEYS, BertConfig), **_read_heads(published, "Bert"))


def _write_bert(config: BertConfig) -> dict[str, Any]:
    return give(config, _KEYS) | _write_heads(config, "Bert")


def _read_albert(published: Mapping[str, Any]) -> AlbertConfig:
    insist(published, _ONLY | {"num_hidden_groups": [1], "inner_group_num": [1]})
    return AlbertConfig(**take(published, _ALBERT_KEYS, AlbertConfig), **_read_heads(published, "Albert"))


def _write_albert(config: AlbertConfig) -> dict[str, Any]:
    fixed = {"num_hidden_groups": 1, "inner_group_num": 1}
    return give(config, _ALBERT_KEYS) | fixed | _write_heads(config, "Albert")


def _embeddings(prefix: str) -> Sequence[tuple[str, str]]:
    return [
        (r"embeddings\.tokens\.weight", prefix + "embeddings.word_embeddings.weight"),
        (r"embeddings\.positions\.weight", prefix + "embeddings.position_embeddings.weight"),
        (r"embeddings\.types\.weight", prefix + "embeddings.token_type_embeddings.weight"),
        (r"embeddings\.norm" + _W, prefix + r"embeddings.LayerNorm.\1"),
    ]


_BLOCK, _AT = r"blocks\.(\d+)\.", r"bert.encoder.layer.\1."
_BERT_NAMES = [
    *_embeddings("bert."),
    (_BLOCK + r"attention\.q" + _W, _AT + r"attention.self.query.\2"),
    (_BLOCK + r"attention\.k" + _W, _AT + r"attention.self.key.\2"),
    (_BLOCK + r"attention\.v" + _W, _AT + r"attention.self.value.\2"),
    (_BLOCK + r"attention\.out" + _W, _AT + r"attention.output.dense.\2"),
    (_BLOCK + "norm1" + _W, _AT + r"attention.output.LayerNorm.\2"),
    (_BLOCK + "up" + _W, _AT + r"intermediate.dense.\2"),
    (_BLOCK + "down" + _W, _AT + r"output.dense.\2"),
    (_BLOCK + "norm2" + _W, _AT + r"output.LayerNorm.\2"),
    ("pooler" + _W, r"bert.pooler.dense.\1"),
    (r"masked_lm\.transform" + _W, r"cls.predictions.transform.dense.\1"),
    (r"masked_lm\.norm" + _W, r"cls.predictions.transform.LayerNorm.\1"),
    (r"masked_lm\.bias", "cls.predictions.bias"),
    (r"masked_lm\.decoder" + _W, r"cls.predictions.decoder.\1"),
    ("token_classifier" + _W, r"qa_outputs.\1"),
]


def _bert_names(config: BertConfig) -> Sequence[tuple[str, str]]:
    classifier = "cls.seq_relationship" if config.masked_lm else "classifier"
    return [*_BERT_NAMES, ("classifier" + _W, classifier + r".\1")]


BERT = Layout(
    model=Bert,
    read_config=_read_bert,
    write_config=_write_bert,
    names=_bert_names,
    prefix="bert.",
    ignored=r".*\.position_ids|cls\..*|bert\.pooler\..*",
)


_SHARED = "albert.encoder.albert_layer_groups.0.albert_layers.0."
_ALBERT_NAMES = [
    *_embeddings("albert."),
    ("widen" + _W, r"albert.encoder.embedding_hidden_mapping_in.\1"),
    (r"block\.attention\.q" + _W, _SHARED + r"attention.query.\1"),
    (r"block\.attention\.k" + _W, _SHARED + r"attention.key.\1"),
    (r"block\.attention\.v" + _W, _SHARED + r"attention.value.\1"),
    (r"block\.attention\.out" + _W, _SHARED + r"attention.dense.\1"),
    (r"block\.norm1" + _W, _SHARED + r"attention.LayerNorm.\1"),
    (r"block\.up" + _W, _SHARED + r"ffn.\1"),
    (r"block\.down" + _W, _SHARED + r"ffn_output.\1"),
    (r"block\.norm2" + _W, _SHARED + r"full_layer_layer_norm.\1"),
    ("pooler" + _W, r"albert.pooler.\1"),
    (r"masked_lm\.transform" + _W, r"predictions.dense.\1"),
    (r"masked_lm\.norm" + _W, r"predictions.LayerNorm.\1"),
    (r"masked_lm\.bias", "predictions.bias"),
    (r"masked_lm\.decoder" + _W, r"predictions.decoder.\1"),
    ("token_classifier" + _W, r"qa_outputs.\1"),
]


def _albert_names(config: AlbertConfig) -> Sequence[tuple[str, str]]:
    classifier = "sop_classifier.classifier" if config.masked_lm else "classifier"
    return [*_ALBERT_NAMES, ("classifier" + _W, classifier + r".\1")]


ALBERT = Layout(
    model=Albert,
    read_config=_read_albert,
    write_config=_write_albert,
    names=_albert_names,
    prefix="albert.",
    ignored=r".*\.position_ids|predictions\..*|sop_classifier\..*|albert\.pooler\..*",
)
