"""How methods paragraphs call what configs name."""

NETWORKS = {
    "vit": "a vision transformer",
    "mlp": "a perceptron",
    "cnn": "a convolutional network",
    "lstm": "an LSTM",
    "gpt": "a decoder transformer of the GPT-2 kind",
    "llama": "a decoder transformer of the Llama kind",
    "moe": "a decoder with mixtures of experts of the Mixtral kind",
    "sigma_moe": "a decoder with sigma-MoE mixtures",
    "encoder": "an encoder transformer of the BERT kind",
    "albert": "an encoder transformer of the ALBERT kind",
    "pretrained": "a pretrained network",
}
DATA = {
    "digits": "handwritten digits of 8 by 8 pixels",
    "idx_images": "images in the format of MNIST",
    "sst2": "the Stanford Sentiment Treebank with two classes",
    "python_docs": "the documentation of Python, by character",
    "tinyshakespeare": "Tiny Shakespeare, by character",
    "wikitext2": "WikiText-2, by character",
    "random_tokens": "random tokens",
}
PARTS = {
    "differential_pair": "pairs of cells, one for positive and one for negative weights",
    "significance_pairs": "pairs of cells of several significances",
    "bit_sliced": "slices of bits",
    "offset": "cells around a digital offset",
    "offset_unit_column": "cells around the column of a unit weight",
    "replicated": "replicated cells",
    "cubic_ir_drop": "the IR drop of the wires in a cubic approximation",
    "wire_resistance": "the resistance of the wires, solved as a circuit",
    "ideal_crossbar": "ideal wires",
    "nonlinear_crossbar": "cells with their current-voltage law",
    "series_resistance": "a resistance in series with every cell",
    "one_shot": "once, without verification",
    "write_verify": "by write and verify",
    "gradient_programming": "by descent on the error of products",
    "global_drift_compensation": "one digital factor for each tile, from calibration reads",
    "column_drift_compensation": "one digital factor for each column, from calibration reads",
    "no_compensation": "no compensation of drift",
}
STUDIES = {
    "in_memory_training": "Networks were trained from scratch inside the memory.",
    "in_memory_toy": "A matrix of weights was learned inside the memory from random inputs.",
    "in_memory_lora": "A network was fine-tuned inside the memory, by the factors of an adapter or all matrices.",
    "delta_rule": "A single layer was trained inside the memory by the batch delta rule.",
    "service": "One chip served for a stretch of calendar time, under several runtime policies.",
    "economics": "Yield, cost and break-even of machines were calculated from their inputs.",
    "codesign": "Resolutions and voltages were found by gradient, from loss and cost of the same design.",
    "sweep": "Physical parameters were swept over a population of simulated chips.",
    "train": "A network was trained.",
}
STUDY_NAMES = {
    "score_over_time": "score over time of a trained network on chips",
    **{name: name.replace("_", " ") for name in STUDIES},
}


def called(kind: str) -> str:
    """A component in words."""
    return PARTS.get(kind, kind.replace("_", " "))
