"""Networks, as plain Equinox models: `convert` puts their linear layers on tiles.

- `Mlp`: perceptron on the flattened input.
- `ResNet`: convolutions with residual connections; `Lstm`: long short-term memory.
- `VisionTransformer`: patches, attention, MLP; `Attention`, `FeedForward`, `Block` are its parts.
- `Bert`, `Albert` (`AbstractEncoder`), with `BertConfig`, `AlbertConfig`: encoders, with heads;
  `SentenceClassifier`: with padding.
- `Gpt2`, `Llama`, `Mixtral`, `SigmaDecoder` (`AbstractDecoder`), with `Gpt2Config`, `LlamaConfig`, `MixtralConfig`,
  `SigmaDecoderConfig`, `RopeConfig`, `Llama3Scaling`: decoders with a cache (`KvCache`); `generate` continues one.
- `MixtralMoe`, `SigmaMoe`: mixtures of experts, of `Router` and `ExpertLinear`; `RoutingStats` says how tokens spread,
  `load_balancing_loss` and `routing_entropy_loss` make it even; `WithRouting` gives them to training.
- `through`: the way through the blocks, for what holds them in another way than a list.
- `load_pretrained`, `save_pretrained`: folders in the published Hugging Face layout; `pretrained_shapes`, without
  reading tensors; `untie`, a head of its own.
- `save_adapters`, `load_adapters`: adapters alone (`nn.adapt`), in the published PEFT layout.
"""

from ._adapter_files import load_adapters as load_adapters, save_adapters as save_adapters
from ._albert import Albert as Albert, AlbertConfig as AlbertConfig
from ._bert import Bert as Bert, BertConfig as BertConfig
from ._cache import KvCache as KvCache
from ._cnn import ResNet as ResNet
from ._decoder import AbstractDecoder as AbstractDecoder
from ._encoder_model import AbstractEncoder as AbstractEncoder
from ._experts import ExpertLinear as ExpertLinear
from ._generate import generate as generate
from ._gpt2 import Gpt2 as Gpt2, Gpt2Config as Gpt2Config
from ._llama import Llama as Llama, LlamaConfig as LlamaConfig
from ._lstm import Lstm as Lstm
from ._mixtral import (
    Mixtral as Mixtral,
    MixtralConfig as MixtralConfig,
    MixtralMoe as MixtralMoe,
)
from ._mlp import Mlp as Mlp
from ._moe_decoder import WithRouting as WithRouting
from ._pretrained import (
    load_pretrained as load_pretrained,
    pretrained_shapes as pretrained_shapes,
    save_pretrained as save_pretrained,
)
from ._rope import Llama3Scaling as Llama3Scaling, RopeConfig as RopeConfig
from ._routing import (
    Router as Router,
    RoutingStats as RoutingStats,
    load_balancing_loss as load_balancing_loss,
    routing_entropy_loss as routing_entropy_loss,
)
from ._sentence import SentenceClassifier as SentenceClassifier
from ._sigma_decoder import SigmaDecoder as SigmaDecoder, SigmaDecoderConfig as SigmaDecoderConfig
from ._sigma_moe import SigmaMoe as SigmaMoe
from ._through import through as through
from ._untie import untie as untie
from ._vit import (
    Attention as Attention,
    Block as Block,
    FeedForward as FeedForward,
    VisionTransformer as VisionTransformer,
)
