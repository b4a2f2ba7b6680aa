"""What a case of operation_gradients.py is, and the seeded inputs it is made of."""

import zlib
from dataclasses import dataclass, field
from typing import Any, Callable

import numpy as np

CASES = []
DEFINITIONS = {}


@dataclass
class Case:
    """One operation on one set of inputs; `inputs` map a name to a function of a generator."""

    name: str
    operation: str
    function: Callable
    inputs: dict[str, Callable]
    attributes: dict[str, Any]
    smooth: bool = True
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def make(self):
        """Draws every input from a generator that depends on the names alone."""
        for name, draw in self.inputs.items():
            seed = zlib.crc32(f"{self.name}/{name}".encode())
            self.arrays[name] = np.asarray(draw(np.random.default_rng(seed)))
        return self.arrays


def operation(function):
    """Registers a function of tensors (positional) and attributes (keyword only)."""
    DEFINITIONS[function.__name__] = " ".join(function.__doc__.split())
    return function


def case(function, label, smooth=True, **arguments):
    """Registers a case: callables among the arguments are inputs, the rest are attributes.

    `smooth` is false where an input sits on a kink, so that central differences do not apply and
    the gradient is PyTorch's choice among the one-sided ones.
    """
    inputs = {name: value for name, value in arguments.items() if callable(value)}
    attributes = {name: value for name, value in arguments.items() if not callable(value)}
    name = f"{function.__name__}/{label}"
    assert all(name != other.name for other in CASES), name
    CASES.append(Case(name, function.__name__, function, inputs, attributes, smooth))


def normal(*shape, scale=1.0, shift=0.0):
    """Values of N(shift, scale²), rounded to float32."""
    return lambda random: (random.standard_normal(shape) * scale + shift).astype(np.float32)


def uniform(low, high, *shape):
    """Values evenly in [low, high), rounded to float32."""
    return lambda random: random.uniform(low, high, shape).astype(np.float32)


def values(*numbers, shape=None):
    """The numbers themselves."""
    return lambda random: np.array(numbers, np.float32).reshape(shape or (len(numbers),))


def definite(*shape):
    """Symmetric positive definite matrices, `shape[-1]` square, condition number below 10."""
    def draw(random):
        n = shape[-1]
        basis = np.linalg.qr(random.standard_normal(shape + (n,)))[0]
        spectrum = random.uniform(0.5, 3, shape)
        matrix = (basis * spectrum[..., None, :]) @ np.swapaxes(basis, -1, -2)
        lower = np.tril(matrix.astype(np.float32))
        return lower + np.swapaxes(np.tril(lower, -1), -1, -2)
    return draw


def integers(low, high, *shape):
    """Integers in low..<high, as int32."""
    return lambda random: random.integers(low, high, shape, dtype=np.int32)


def indices(*numbers, shape=None):
    """The integers themselves, as int32."""
    return lambda random: np.array(numbers, np.int32).reshape(shape or (len(numbers),))
