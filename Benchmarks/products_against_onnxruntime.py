#!/usr/bin/env python3
"""Times integer products with Halftone and with onnxruntime, in turns, and compares them.

A matrix of 4096 × 4096 times M vectors of float32: in 8 bits (groups of 32) against
DynamicQuantizeMatMul, which has one scale for the matrix and one for all vectors, and in 4 bits
(groups of 32 in both) against MatMulNBits with integer products. All of them round the vectors
themselves. Each round runs Halftone's program and onnxruntime once for each shape; the figures are
medians of rounds, in 10⁹ multiplications and additions a second.

    swift build -c release --package-path Benchmarks --product Benchmarks
    Benchmarks/products_against_onnxruntime.py [--rounds 5] [--threads N]

Made with: onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
"""

import argparse
import json
import os
import statistics
import subprocess
import time

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
SIZE = 4096
COUNTS = [1, 16, 128, 512]
SECONDS = 0.3


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=os.path.join(HERE, ".build/release/Benchmarks"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    return parser.parse_args()


def session(node, initializers, threads):
    graph = helper.make_graph(
        [node], "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["M", SIZE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["M", SIZE])],
        [numpy_helper.from_array(array, name) for name, array in initializers])
    model = helper.make_model(
        graph, ir_version=10,
        opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def sessions(threads):
    random = numpy.random.default_rng(0)
    bytes8 = session(
        helper.make_node(
            "DynamicQuantizeMatMul", ["x", "w", "s", "z"], ["y"], domain="com.microsoft"),
        [("w", random.integers(-127, 128, (SIZE, SIZE), dtype=numpy.int8)),
         ("s", numpy.array([0.001], numpy.float32)), ("z", numpy.array([0], numpy.int8))],
        threads)
    groups = SIZE // 32
    bits4 = session(
        helper.make_node(
            "MatMulNBits", ["x", "w", "s"], ["y"], domain="com.microsoft",
            K=SIZE, N=SIZE, bits=4, block_size=32, accuracy_level=4),
        [("w", random.integers(0, 256, (SIZE, groups, 16), dtype=numpy.uint8)),
         ("s", numpy.full((SIZE * groups,), 0.01, numpy.float32))],
        threads)
    return {"int8-g32": bytes8, "int4-g32": bits4}


def theirs(session, count):
    x = numpy.random.default_rng(1).standard_normal((count, SIZE), dtype=numpy.float32)
    session.run(None, {"x": x})
    times = []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        session.run(None, {"x": x})
        times.append(time.perf_counter() - start)
    return 2e-9 * count * SIZE * SIZE / statistics.median(times)


def main():
    options = arguments()
    peers = sessions(options.threads)
    found = {}
    for _ in range(options.rounds):
        # The benchmark says itself, by its exit status, when a result is wrong.
        done = subprocess.run(
            [options.program, "--filter", "wide", "--json"], check=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for measured in json.loads(done.stdout):
            count, form = measured["name"].removeprefix("wide-").split("/")
            speed = 2 * int(count) * SIZE * SIZE / measured["nanoseconds"]
            found.setdefault((form, int(count), "halftone"), []).append(speed)
        for form, peer in peers.items():
            for count in COUNTS:
                found.setdefault((form, count, "onnxruntime"), []).append(theirs(peer, count))
    print(f"{'weights':10} {'M':>4} {'Halftone':>9} {'onnxruntime':>12} {'ratio':>6}   spread of both")
    for form in peers:
        for count in COUNTS:
            ours, other = (found[form, count, who] for who in ("halftone", "onnxruntime"))
            a, b = statistics.median(ours), statistics.median(other)
            spread = " ".join(f"{min(s):.0f}–{max(s):.0f}" for s in (ours, other))
            print(f"{form:10} {count:4} {a:9.0f} {b:12.0f} {a / b:6.2f}   {spread}")


if __name__ == "__main__":
    main()
