#!/usr/bin/env python3
"""Write values and gradients of tensor operations under Tests/Fixtures/Training.

operations.safetensors holds, for each case NAME and each input INPUT,
  NAME/INPUT           F32, or I32 for indices: the input
  NAME/output          F32: the operation's value
  NAME/EXTRA           F32 or I32: what else it returns (indices of a sort, running statistics)
  NAME/upstream        F32, the output's shape: the gradient that arrives at the output
  NAME/gradient.INPUT  F32: the gradient of sum(output · upstream) with respect to that input
operations.json says what each case is:
  operations   operation: its definition
  cases        name, operation, inputs, integers (the inputs that are indices), extras, attributes;
               smooth: false where an input sits on a kink, so that the gradient is PyTorch's
               choice; float32: tensor: the largest difference between float32 PyTorch and the
               stored value, over the largest stored magnitude of that tensor: what float32
               arithmetic costs this case

PyTorch computes everything in float64 from the float32 inputs, so each stored number is the true
one rounded once. Every smooth case is also held to central differences here
(torch.autograd.gradcheck).
Inputs come from NumPy and depend only on the names of the case and the input.

Made with: torch==2.13.0 safetensors==0.8.0 numpy==2.4.6

Usage: operation_gradients.py [--out DIR] [--only PREFIX]
"""

import argparse
import json
import zlib
from pathlib import Path

import numpy as np
import torch
from operations import algebra, elementwise, networks, shaping, spatial  # noqa: F401
from operations.case import CASES, DEFINITIONS
from safetensors.numpy import save_file


def tensors(case, dtype):
    """The inputs as tensors: floats as leaves of this dtype, indices as int64."""
    return {
        name: torch.tensor(array, dtype=dtype, requires_grad=True)
        if array.dtype == np.float32 else torch.tensor(array, dtype=torch.int64)
        for name, array in case.arrays.items()
    }


def evaluate(case, dtype, upstream=None):
    """Output, extras and gradients of one case in this precision, as a dict of arrays."""
    inputs = tensors(case, dtype)
    result = case.function(**inputs, **case.attributes)
    output, extras = result if isinstance(result, tuple) else (result, {})
    if upstream is None:
        seed = zlib.crc32(f"{case.name}/upstream".encode())
        upstream = np.random.default_rng(seed).standard_normal(tuple(output.shape))
        upstream = upstream.astype(np.float32)
    leaves = {name: leaf for name, leaf in inputs.items() if leaf.requires_grad}
    gradients = torch.autograd.grad(
        output, list(leaves.values()), torch.tensor(upstream, dtype=dtype), allow_unused=True)
    found = {"output": output.detach()} | {name: extra.detach() for name, extra in extras.items()}
    for name, gradient in zip(leaves, gradients):
        if gradient is not None:
            found[f"gradient.{name}"] = gradient
    return {name: value.numpy() for name, value in found.items()}, upstream, list(extras)


def check(case):
    """Holds the float64 gradients to central differences."""
    def first(*leaves):
        inputs = iter(leaves)
        arguments = {
            name: next(inputs) if array.dtype == np.float32 else torch.tensor(array).long()
            for name, array in case.arrays.items()
        }
        result = case.function(**arguments, **case.attributes)
        return result[0] if isinstance(result, tuple) else result

    leaves = [leaf for leaf in tensors(case, torch.float64).values() if leaf.requires_grad]
    torch.autograd.gradcheck(first, leaves, eps=1e-6, atol=1e-6, rtol=1e-5)


def stored(array):
    """Float64 to float32, integers to int32, contiguous."""
    kind = np.float32 if np.issubdtype(array.dtype, np.floating) else np.int32
    return np.ascontiguousarray(array, dtype=kind)


def record(case, arrays):
    """Computes one case into `arrays`; returns its entry in the index."""
    case.make()
    exact, upstream, extras = evaluate(case, torch.float64)
    rough, _, _ = evaluate(case, torch.float32, upstream)
    if case.smooth:
        check(case)
    errors = {}
    for name, value in exact.items():
        assert np.isfinite(value).all(), (case.name, name)
        if np.issubdtype(value.dtype, np.floating):
            largest = np.abs(value).max(initial=0)
            error = np.abs(value - rough[name]).max(initial=0)
            errors[name] = float(f"{error / largest if largest else error:.1e}")
    for name, value in (case.arrays | exact | {"upstream": upstream}).items():
        arrays[f"{case.name}/{name}"] = stored(value)
    integers = [name for name, array in case.arrays.items() if array.dtype == np.int32]
    return dict(
        name=case.name, operation=case.operation, inputs=list(case.arrays), integers=integers,
        extras=extras, attributes=case.attributes, smooth=case.smooth, float32=errors)


def main():
    parser = argparse.ArgumentParser()
    default = Path(__file__).resolve().parent.parent / "Fixtures" / "Training"
    parser.add_argument("--out", type=Path, default=default)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    torch.set_num_threads(1)
    arrays, entries = {}, []
    for case in CASES:
        if case.name.startswith(options.only):
            entries.append(record(case, arrays))
    options.out.mkdir(parents=True, exist_ok=True)
    index = dict(
        madeBy="Tests/Reference/operation_gradients.py", torch=torch.__version__,
        operations=DEFINITIONS, cases=entries)
    lines = ",\n".join(f"  {json.dumps(entry, ensure_ascii=False)}" for entry in entries)
    text = json.dumps(index | dict(cases=None), indent=1, ensure_ascii=False)
    text = text.replace('"cases": null', f'"cases": [\n{lines}\n ]')
    (options.out / "operations.json").write_text(text + "\n")
    save_file(arrays, options.out / "operations.safetensors")
    (options.out / "operations.safetensors").chmod(0o644)
    worst = sorted(entries, key=lambda entry: -max(entry["float32"].values()))[:8]
    for entry in worst:
        print(entry["name"], entry["float32"])
    print(f"{len(DEFINITIONS)} operations, {len(entries)} cases, {len(arrays)} tensors")


if __name__ == "__main__":
    main()
