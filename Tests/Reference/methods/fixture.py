"""Where the reference methods put their seeded inputs and results."""

import zlib

import numpy as np
import torch


class Fixture:
    """Arrays by "case/name", and what each case is."""

    def __init__(self):
        self.arrays, self.cases, self.definitions = {}, [], {}

    def define(self, method, text):
        self.definitions[method] = " ".join(text.split())

    def add(self, name, inputs, results, **attributes):
        """Stores a case; floats become float32 and all integers int32."""
        for label, value in (inputs | results).items():
            value = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
            kind = np.float32 if np.issubdtype(value.dtype, np.floating) else np.int32
            assert np.isfinite(value).all(), (name, label)
            key = f"{name}/{label}"
            assert key not in self.arrays, key
            self.arrays[key] = np.ascontiguousarray(value, dtype=kind)
        self.cases.append(dict(
            name=name, method=name.split("/")[0], inputs=list(inputs), results=list(results),
            attributes=attributes))


class NearTie(Exception):
    """A number about to be rounded lies where float32 and float64 might differ."""


ATTEMPT = [0]


def settled(make, *arguments):
    """Calls `make` with fresh draws until none of its numbers is near a tie."""
    for ATTEMPT[0] in range(200):
        try:
            return make(*arguments)
        except NearTie:
            continue
        finally:
            ATTEMPT[0] = 0
    raise RuntimeError(f"{make.__name__}{arguments[1:]}: every draw is near a tie")


def generator(name):
    """A generator that depends on the name and the attempt alone."""
    return np.random.default_rng([zlib.crc32(name.encode()), ATTEMPT[0]])


def normal(name, *shape, scale=1.0):
    """Values of N(0, scale²), rounded to float32."""
    return (generator(name).standard_normal(shape) * scale).astype(np.float32)


def leaf(array):
    """A float64 leaf that gradients can be asked for."""
    return torch.tensor(array, dtype=torch.float64, requires_grad=True)


def through(value, carrier):
    """`value` forward, the gradient of `carrier` backward."""
    return carrier + (value - carrier).detach()


def away_from_ties(scaled, margin=2e-4):
    """Holds numbers that are about to be rounded away from halves, so that float32 and float64
    round alike."""
    scaled = np.asarray(scaled.detach() if isinstance(scaled, torch.Tensor) else scaled)
    if np.abs(scaled - np.floor(scaled) - 0.5).min() <= margin:
        raise NearTie
