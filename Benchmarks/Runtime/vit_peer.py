#!/usr/bin/env python3
"""ONNX Runtime's time for one image of a CLIP-type vision transformer with random weights, dynamically quantised to int8.

Prints one JSON object: median milliseconds in fp32 and in int8.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from make_models import SIZES


class Graph:
    """Nodes and initialisers while they are collected."""

    def __init__(self):
        self.nodes, self.initializers, self.count = [], [], 0
        self.random = numpy.random.default_rng(5)

    def constant(self, array):
        """An initialiser's name."""
        self.count += 1
        name = f"c{self.count}"
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def weight(self, *shape):
        """Random weights with the spread of trained ones."""
        return self.constant((self.random.standard_normal(shape) / shape[0] ** 0.5).astype(numpy.float32))

    def node(self, kind, *inputs, **attributes):
        """A node's output."""
        self.count += 1
        name = f"n{self.count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def linear(self, x, inputs, outputs):
        """x W + b."""
        bias = self.constant(numpy.zeros(outputs, numpy.float32))
        return self.node("Add", self.node("MatMul", x, self.weight(inputs, outputs)), bias)

    def norm(self, x, width):
        """Layer normalisation."""
        ones, zeros = numpy.ones(width, numpy.float32), numpy.zeros(width, numpy.float32)
        return self.node("LayerNormalization", x, self.constant(ones), self.constant(zeros), epsilon=1e-5)


def build(size):
    """The encoder from patches to features."""
    graph, width, heads = Graph(), size["hidden"], size["heads"]
    tokens = (size["image"] // size["patch"]) ** 2 + 1
    x = graph.linear("patches", 3 * size["patch"] ** 2, width)

    def heads_of(y, order):
        shape = graph.constant(numpy.array([tokens, heads, width // heads], numpy.int64))
        return graph.node("Transpose", graph.node("Reshape", y, shape), perm=order)

    for _ in range(size["layers"]):
        y = graph.norm(x, width)
        query, key, value = (graph.linear(y, width, width) for _ in range(3))
        scale = graph.constant(numpy.float32((width // heads) ** -0.5))
        scores = graph.node("MatMul", heads_of(query, [1, 0, 2]), heads_of(key, [1, 2, 0]))
        weights = graph.node("Softmax", graph.node("Mul", scores, scale), axis=-1)
        mixed = graph.node("Transpose", graph.node("MatMul", weights, heads_of(value, [1, 0, 2])), perm=[1, 0, 2])
        flat = graph.node("Reshape", mixed, graph.constant(numpy.array([tokens, width], numpy.int64)))
        x = graph.node("Add", x, graph.linear(flat, width, width))
        hidden = graph.linear(graph.norm(x, width), width, size["inner"])
        gate = graph.node("Sigmoid", graph.node("Mul", hidden, graph.constant(numpy.float32(1.702))))
        x = graph.node("Add", x, graph.linear(graph.node("Mul", hidden, gate), size["inner"], width))
    inputs = [helper.make_tensor_value_info("patches", TensorProto.FLOAT, [tokens, 3 * size["patch"] ** 2])]
    outputs = [helper.make_tensor_value_info(x, TensorProto.FLOAT, [tokens, width])]
    body = helper.make_graph(graph.nodes, "vit", inputs, outputs, graph.initializers)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tokens


def median_milliseconds(path, patches, threads, repetitions):
    """Median over repetitions after one warm-up."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    session.run(None, {"patches": patches})
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        session.run(None, {"patches": patches})
        times.append((time.perf_counter() - start) * 1000)
    return sorted(times)[len(times) // 2]


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=5)
    arguments = parser.parse_args()
    size = SIZES[arguments.size]["vision"]
    model, tokens = build(size)
    patches = numpy.random.default_rng(1).standard_normal((tokens, 3 * size["patch"] ** 2)).astype(numpy.float32)
    with tempfile.TemporaryDirectory() as scratch:
        plain, quantised = Path(scratch) / "vit.onnx", Path(scratch) / "vit-int8.onnx"
        onnx.save(model, plain, save_as_external_data=True)
        quantize_dynamic(plain, quantised, weight_type=QuantType.QInt8, use_external_data_format=True)
        result = {
            "fp32": median_milliseconds(plain, patches, arguments.threads, arguments.repetitions),
            "int8": median_milliseconds(quantised, patches, arguments.threads, arguments.repetitions),
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
