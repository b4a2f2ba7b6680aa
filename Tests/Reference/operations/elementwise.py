"""Elementwise operations, with broadcasting, and reductions."""

import torch
import torch.nn.functional as F

from .case import case, normal, operation, uniform, values

UNARY = {
    "exp": (torch.exp, "e^x", normal(3, 7)),
    "exponentialMinusOne": (torch.expm1, "e^x - 1", normal(3, 7)),
    "logarithm": (torch.log, "ln x", uniform(0.05, 4, 3, 7)),
    "logarithmOnePlus": (torch.log1p, "ln(1 + x)", uniform(-0.9, 3, 3, 7)),
    "squareRoot": (torch.sqrt, "√x", uniform(0.05, 4, 3, 7)),
    "reciprocalSquareRoot": (torch.rsqrt, "1/√x", uniform(0.05, 4, 3, 7)),
    "reciprocal": (torch.reciprocal, "1/x", uniform(0.2, 3, 3, 7)),
    "squared": (torch.square, "x²", normal(3, 7)),
    "absolute": (torch.abs, "|x|; gradient 0 at 0", normal(3, 7)),
    "sine": (torch.sin, "sin x", normal(3, 7, scale=3)),
    "cosine": (torch.cos, "cos x", normal(3, 7, scale=3)),
    "hyperbolicTangent": (torch.tanh, "tanh x", normal(3, 7, scale=2)),
    "errorFunction": (torch.erf, "erf x", normal(3, 7)),
    "sigmoid": (torch.sigmoid, "1 / (1 + e^-x)", normal(3, 7, scale=3)),
    "relu": (F.relu, "max(x, 0); gradient 0 at 0", normal(3, 7)),
    "relu6": (F.relu6, "min(max(x, 0), 6); gradient 0 at 0 and at 6", normal(3, 7, scale=5)),
    "elu": (F.elu, "x > 0 ? x : e^x - 1", normal(3, 7)),
    "gelu": (F.gelu, "x Phi(x), with the error function", normal(3, 7, scale=2)),
    "silu": (F.silu, "x sigmoid(x)", normal(3, 7, scale=3)),
    "softplus": (F.softplus, "ln(1 + e^x); x itself above 20", normal(3, 7, scale=4)),
    "mish": (F.mish, "x tanh(softplus(x))", normal(3, 7, scale=2)),
    "hardSigmoid": (F.hardsigmoid, "min(max(x + 3, 0), 6) / 6", normal(3, 7, scale=3)),
    "hardSwish": (F.hardswish, "x min(max(x + 3, 0), 6) / 6", normal(3, 7, scale=3)),
}

for name, (compute, text, inputs) in UNARY.items():
    def unary(x, *, compute=compute):
        return compute(x)
    unary.__name__, unary.__doc__ = name, text
    case(operation(unary), "plain", x=inputs)
    if name in ("absolute", "relu", "relu6"):
        case(unary, "kinks", smooth=False, x=values(-1, -0.0, 0.0, 1, 6, 7))
    if name in ("sigmoid", "softplus", "silu", "gelu", "hyperbolicTangent", "mish"):
        case(unary, "far", smooth=False, x=values(-100, -25, -12, 0.5, 12, 19, 25, 100))


@operation
def geluTanh(x):
    """x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))."""
    return F.gelu(x, approximate="tanh")


@operation
def leakyRelu(x, *, slope):
    """x > 0 ? x : slope x."""
    return F.leaky_relu(x, slope)


@operation
def clamp(x, *, lower, upper):
    """min(max(x, lower), upper); gradient 1 within and at the bounds, 0 outside."""
    return x.clamp(lower, upper)


@operation
def powerOfScalar(x, *, exponent):
    """x^exponent."""
    return x.pow(exponent)


case(geluTanh, "plain", x=normal(3, 7, scale=2))
case(geluTanh, "far", smooth=False, x=values(-100, -25, -12, 0.5, 12, 25, 100))
case(leakyRelu, "plain", x=normal(3, 7), slope=0.1)
case(leakyRelu, "kinks", smooth=False, x=values(-1, 0, 1), slope=0.1)
case(clamp, "plain", x=normal(3, 7), lower=-0.5, upper=0.75)
case(clamp, "kinks", smooth=False, x=values(-1, -0.5, 0, 0.75, 1), lower=-0.5, upper=0.75)
case(powerOfScalar, "real", x=uniform(0.1, 3, 3, 7), exponent=2.5)
case(powerOfScalar, "whole", x=normal(3, 7), exponent=3.0)

BINARY = {
    "add": (torch.add, "a + b", normal),
    "subtract": (torch.sub, "a - b", normal),
    "multiply": (torch.mul, "a b", normal),
    "divide": (torch.div, "a / b", lambda *shape: uniform(0.3, 2, *shape)),
    "power": (torch.pow, "a^b", lambda *shape: uniform(0.3, 2, *shape)),
    "maximum": (torch.maximum, "max(a, b); equal elements share the gradient by halves", normal),
    "minimum": (torch.minimum, "min(a, b); equal elements share the gradient by halves", normal),
    "arcTangent2": (torch.atan2, "the angle of the point (b, a): a is the sine's side", normal),
}

for name, (compute, text, draw) in BINARY.items():
    def binary(a, b, *, compute=compute):
        return compute(a, b)
    binary.__name__, binary.__doc__ = name, text
    case(operation(binary), "same", a=draw(3, 5), b=draw(3, 5))
    case(binary, "row", a=draw(2, 3, 5), b=draw(5))
    case(binary, "bothWays", a=draw(3, 1, 4), b=draw(2, 1, 5, 1))
    if name in ("maximum", "minimum"):
        case(binary, "ties", smooth=False, a=values(1, 2, 3), b=values(2, 2, 2))


@operation
def select(a, b, *, condition):
    """condition ? a : b, the condition of the broadcast shape given as 0 and 1."""
    return torch.where(torch.tensor(condition) != 0, a, b)


case(select, "broadcast", a=normal(2, 4), b=normal(4), condition=[[1, 0, 1, 0], [0, 0, 1, 1]])


def axes_of(x, axes):
    return tuple(range(x.ndim)) if axes is None else tuple(axes)


@operation
def sum(x, *, axes, keeps):
    """Sum over the axes (null: all); `keeps` leaves them with length 1."""
    return x.sum(axes_of(x, axes), keepdim=keeps)


@operation
def mean(x, *, axes, keeps):
    """Mean over the axes."""
    return x.mean(axes_of(x, axes), keepdim=keeps)


@operation
def variance(x, *, axes, keeps, correction):
    """Sum of squared distances from the mean over (count - correction)."""
    return x.var(axes_of(x, axes), correction=correction, keepdim=keeps)


@operation
def standardDeviation(x, *, axes, keeps, correction):
    """Square root of the variance."""
    return x.std(axes_of(x, axes), correction=correction, keepdim=keeps)


@operation
def largest(x, *, axes, keeps):
    """Largest element over the axes; equal ones share the gradient evenly (torch.amax)."""
    return x.amax(axes_of(x, axes), keepdim=keeps)


@operation
def smallest(x, *, axes, keeps):
    """Smallest element over the axes; equal ones share the gradient evenly (torch.amin)."""
    return x.amin(axes_of(x, axes), keepdim=keeps)


@operation
def logSumExp(x, *, axes, keeps):
    """ln of the sum of e^x over the axes, without overflow."""
    return x.logsumexp(axes_of(x, axes), keepdim=keeps)


@operation
def norm(x, *, axes, keeps):
    """Euclidean length over the axes; gradient 0 at the zero vector."""
    return torch.linalg.vector_norm(x, dim=axes_of(x, axes), keepdim=keeps)


@operation
def product(x, *, axis):
    """Product along one axis; exact where elements are zero."""
    return x.prod(axis)


for reduce, extra in (
    (sum, {}), (mean, {}), (largest, {}), (smallest, {}), (logSumExp, {}), (norm, {}),
    (variance, dict(correction=0)), (standardDeviation, dict(correction=1)),
):
    case(reduce, "all", x=normal(2, 3, 4), axes=None, keeps=False, **extra)
    case(reduce, "last", x=normal(2, 3, 4), axes=[-1], keeps=True, **extra)
    case(reduce, "outer", x=normal(2, 3, 4), axes=[0, 2], keeps=False, **extra)
case(variance, "unbiased", x=normal(2, 3, 4), axes=[0, 2], keeps=False, correction=1)
case(largest, "ties", smooth=False, x=values(1, 3, 3, 2), axes=None, keeps=False)
case(norm, "zero", smooth=False, x=values(0, 0, 0, 3, 4, 0, shape=(2, 3)), axes=[1], keeps=False)
case(logSumExp, "far", smooth=False, x=values(1000, 999, -1000, 998), axes=None, keeps=False)
case(product, "plain", x=normal(3, 5), axis=1)
case(product, "zeros", x=values(2, 0, 3, 0, 4, 0, 1, 2, 3, shape=(3, 3)), axis=1)
