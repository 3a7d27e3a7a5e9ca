"""A BERT's weights -> its computation as ONNX, without torch.

Only operators of the ONNX standard stand in the graph; the runtime joins them to what its
processor does best. Weights lie beside the graph in a file of their own, so that a runtime maps
them into memory instead of copying them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

OPSET = 17
"""ONNX operator set: the oldest with LayerNormalization, for the widest choice of runtimes."""

IR_VERSION = 8
"""ONNX file format that goes with the operator set."""

WEIGHTS = "weights.bin"
"""File of the weights, beside the graph's."""

ALIGNMENT = 4_096
"""Bytes: each weight begins where a page of memory may begin."""

SMALL = 1_024
"""Bytes under which a constant stands in the graph itself."""

STATES = "states"
"""Output of the graph that has the states of several layers."""

INNER = (0, 3)
"""Layers whose states are given besides the last one's; layer 0 is what goes into the first."""

MASKED = -1e9
"""What is added to the attention scores of padding: its share of attention becomes 0."""

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class BertShape:
    """The numbers in a BERT's config.json that its computation depends on."""

    layers: int
    heads: int
    width: int
    epsilon: float

    @classmethod
    def of(cls, folder: Path) -> BertShape:
        """Read a model's config; raises ValueError for a model that is computed otherwise."""
        config = json.loads((folder / "config.json").read_text("utf-8"))
        told = (
            config["model_type"],
            config["hidden_act"],
            config.get("position_embedding_type", "absolute"),
        )
        if told != ("bert", "gelu", "absolute"):
            raise ValueError(f"{folder} holds a model of another kind: {told}")
        return cls(
            layers=int(config["num_hidden_layers"]),
            heads=int(config["num_attention_heads"]),
            width=int(config["hidden_size"]),
            epsilon=float(config["layer_norm_eps"]),
        )


def write_bert(folder: Path, graph: Path) -> None:
    """Write the model in `folder` as `graph`, with its weights beside it.

    The graph takes input_ids and attention_mask, int64 (n, length), and returns token_embeddings,
    float32 (n, length, width), and STATES, the same and behind it the states of the layers INNER:
    (n, length, 3 * width). Raises ValueError, KeyError or OSError where the model is of
    another kind or incomplete.
    """
    from safetensors.numpy import load_file

    weights = {
        name.removeprefix("bert."): array
        for name, array in load_file(folder / "model.safetensors").items()
    }
    shape = BertShape.of(folder)
    made = _Graph(shape, weights)
    made.model()
    made.save(graph)


class _Graph:
    """A graph under construction: nodes in the order of computation, and their constants.

    The operators and the formulas are those of Devlin et al. 2019, "BERT: Pre-training of Deep
    Bidirectional Transformers"; scores are scaled by scaling the query's weights.
    """

    def __init__(self, shape: BertShape, weights: Mapping[str, Array]) -> None:
        self.shape = shape
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}
        self.unpadded = ""

    def model(self) -> None:
        """Put the whole model together."""
        states = self.embedded()
        self.unpadded = self.whole()
        masked = self.mask()
        reached = [states]
        for layer in range(self.shape.layers):
            reached.append(self.layer(reached[-1], masked, f"encoder.layer.{layer}."))
        self.node("Identity", reached[-1], name="token_embeddings")
        side_by_side = [reached[-1], *(reached[layer] for layer in INNER)]
        self.node("Concat", *side_by_side, name=STATES, axis=-1)

    def embedded(self) -> str:
        """Add up the vectors of word, place and the first kind of text, and normalise."""
        words = self.constant("words", self.weights["embeddings.word_embeddings.weight"])
        place = self.weights["embeddings.position_embeddings.weight"]
        kind = self.weights["embeddings.token_type_embeddings.weight"][0]
        places = self.constant("places", place + kind)
        zero = self.constant("zero", np.array([0], np.int64))
        length = self.node("Shape", "input_ids", start=1, end=2)
        used = self.node("Slice", places, zero, length, zero)
        found = self.node("Gather", words, "input_ids")
        return self.normed(self.node("Add", found, used), "embeddings.LayerNorm")

    def mask(self) -> str:
        """Turn the mask into what is added to scores, (n, 1, 1, length)."""
        from onnx import TensorProto

        one = self.constant("one", np.array(1, np.float32))
        far = self.constant("masked", np.array(MASKED, np.float32))
        axes = self.constant("inner", np.array([1, 2], np.int64))
        kept = self.node("Cast", "attention_mask", to=TensorProto.FLOAT)
        return self.node("Mul", self.node("Sub", one, self.node("Unsqueeze", kept, axes)), far)

    def whole(self) -> str:
        """Tell whether no text is padded, bool ()."""
        unmasked = self.constant("unmasked", np.array(1, np.int64))
        return self.node("Equal", self.node("ReduceMin", "attention_mask", keepdims=0), unmasked)

    def layer(self, states: str, masked: str, name: str) -> str:
        """Add one layer: attention, then two linear maps, each with its residual and norm."""
        mixed = self.linear(self.attention(states, masked, name), f"{name}attention.output.dense")
        states = self.normed(self.node("Add", mixed, states), f"{name}attention.output.LayerNorm")
        wide = self.gelu(self.linear(states, f"{name}intermediate.dense"))
        narrow = self.linear(wide, f"{name}output.dense")
        return self.normed(self.node("Add", narrow, states), f"{name}output.LayerNorm")

    def attention(self, states: str, masked: str, name: str) -> str:
        """Let each token gather from all tokens, head by head."""
        heads, width = self.shape.heads, self.shape.width
        size = width // heads
        apart = self.constant("apart", np.array([0, 0, heads, size], np.int64))
        whole = self.constant("whole", np.array([0, 0, width], np.int64))
        parts = []
        for part, scale, order in (
            ("query", size**-0.5, [0, 2, 1, 3]),
            ("key", 1.0, [0, 2, 3, 1]),
            ("value", 1.0, [0, 2, 1, 3]),
        ):
            mapped = self.linear(states, f"{name}attention.self.{part}", scale)
            parts.append(self.node("Transpose", self.node("Reshape", mapped, apart), perm=order))
        query, key, value = parts
        branches = {
            "then_branch": self.shares(query, key, None),
            "else_branch": self.shares(query, key, masked),
        }
        gathered = self.node("MatMul", self.node("If", self.unpadded, **branches), value)
        joined = self.node("Transpose", gathered, perm=[0, 2, 1, 3])
        return self.node("Reshape", joined, whole)

    def shares(self, query: str, key: str, masked: str | None) -> Any:
        """Return a graph of its own that tells how much each token takes of each other one.

        The mask is left out where nothing is padded: adding zeros takes 2% of a pass over a long
        passage, and long ones come alone.
        """
        from onnx import TensorProto, helper

        name = f"{'masked' if masked else 'whole'} {len(self.nodes)}"
        nodes = [helper.make_node("MatMul", [query, key], [f"product, {name}"])]
        if masked:
            nodes.append(helper.make_node("Add", [*nodes[-1].output, masked], [f"sum, {name}"]))
        nodes.append(helper.make_node("Softmax", nodes[-1].output, [f"shares, {name}"], axis=-1))
        shares = helper.make_tensor_value_info(f"shares, {name}", TensorProto.FLOAT, None)
        return helper.make_graph(nodes, name, [], [shares])

    def linear(self, states: str, name: str, scale: float = 1.0) -> str:
        """Map states by a weight and its bias, both scaled."""
        weight = self.weights[f"{name}.weight"].T * np.float32(scale)
        bias = self.weights[f"{name}.bias"] * np.float32(scale)
        product = self.node("MatMul", states, self.constant(f"{name}.weight", weight))
        return self.node("Add", product, self.constant(f"{name}.bias", bias))

    def normed(self, states: str, name: str) -> str:
        """Normalise each token's state."""
        scale = self.constant(f"{name}.weight", self.weights[f"{name}.weight"])
        bias = self.constant(f"{name}.bias", self.weights[f"{name}.bias"])
        epsilon = self.shape.epsilon
        return self.node("LayerNormalization", states, scale, bias, axis=-1, epsilon=epsilon)

    def gelu(self, states: str) -> str:
        """Apply x (1 + erf(x / sqrt 2)) / 2 (Hendrycks and Gimpel 2016)."""
        one = self.constant("one", np.array(1, np.float32))
        half = self.constant("half", np.array(0.5, np.float32))
        root = self.constant("root of two", np.array(2**0.5, np.float32))
        curve = self.node("Erf", self.node("Div", states, root))
        return self.node("Mul", self.node("Mul", states, self.node("Add", curve, one)), half)

    def constant(self, name: str, value: Array) -> str:
        """Keep a constant under a name; return the name."""
        self.constants[name] = value
        return name

    def node(self, operator: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """Append an operator with one output; return the output's name."""
        from onnx import helper

        output = name or f"{operator} {len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def save(self, path: Path) -> None:
        """Write the graph, and beside it the large constants."""
        from onnx import TensorProto, helper

        with path.with_name(WEIGHTS).open("wb") as stream:
            tensors = [_tensor(name, array, stream) for name, array in self.constants.items()]
        text = ["n", "length"]
        graph = helper.make_graph(
            self.nodes,
            "bert",
            [
                helper.make_tensor_value_info(name, TensorProto.INT64, text)
                for name in ("input_ids", "attention_mask")
            ],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, [*text, width])
                for name, width in (
                    ("token_embeddings", self.shape.width),
                    (STATES, self.shape.width * (1 + len(INNER))),
                )
            ],
            tensors,
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
        path.write_bytes(model.SerializeToString())


def _tensor(name: str, array: Array, stream: Any) -> Any:
    """Return a constant for the graph; the bytes of a large one go to the stream."""
    from onnx import TensorProto, numpy_helper
    from onnx.external_data_helper import set_external_data

    array = np.ascontiguousarray(array)
    if array.nbytes < SMALL:
        return numpy_helper.from_array(array, name)
    stream.write(b"\0" * (-stream.tell() % ALIGNMENT))
    offset = stream.tell()
    stream.write(array.astype("<f4").tobytes())
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=array.shape, raw_data=b"")
    set_external_data(tensor, WEIGHTS, offset=offset, length=array.nbytes)
    tensor.ClearField("raw_data")
    return tensor
