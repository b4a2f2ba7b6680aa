#!/usr/bin/env python3
"""Write what published quantization and merging methods compute under Tests/Fixtures/Training.

methods.safetensors holds CASE/NAME: float32, or int32 for codes and other whole numbers.
methods.json:
  definitions  method: what its cases compute
  cases        name, method, inputs, results (names of tensors), attributes
Each method is a plain reference in float64 under methods/, from the mathematics of its paper, on
float32 inputs. Numbers about to be rounded or compared with a boundary are kept away from it, so
that float32 takes the same decision; ties are the subject of cases of their own.

Made with: torch==2.13.0 safetensors==0.8.0 numpy==2.4.6

Usage: qat_reference.py [--out DIR]
"""

import argparse
import json
from pathlib import Path

import torch
from methods import (
    adapters, bitlinear, compensation, denseshift, doublerounding, merging, whitepaper)
from methods.fixture import Fixture
from safetensors.numpy import save_file


def main():
    parser = argparse.ArgumentParser()
    default = Path(__file__).resolve().parent.parent / "Fixtures" / "Training"
    parser.add_argument("--out", type=Path, default=default)
    options = parser.parse_args()
    torch.set_num_threads(1)
    fixture = Fixture()
    for add in (
        denseshift.add, bitlinear.add, doublerounding.add, adapters.add, merging.add_ties,
        merging.add_ifm, whitepaper.add, compensation.add,
    ):
        add(fixture)
    options.out.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(f"  {json.dumps(entry)}" for entry in fixture.cases)
    index = dict(madeBy="Tests/Reference/qat_reference.py", torch=torch.__version__,
                 definitions=fixture.definitions, cases=None)
    text = json.dumps(index, indent=1, ensure_ascii=False)
    text = text.replace('"cases": null', f'"cases": [\n{lines}\n ]')
    (options.out / "methods.json").write_text(text + "\n")
    path = options.out / "methods.safetensors"
    save_file(fixture.arrays, path)
    path.chmod(0o644)
    print(f"{len(fixture.cases)} cases, {len(fixture.arrays)} tensors")


if __name__ == "__main__":
    main()
