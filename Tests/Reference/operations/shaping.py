"""Products of matrices, moving elements about, sorting and scans."""

import torch
import torch.nn.functional as F

from .case import case, indices, integers, normal, operation, values


@operation
def matmul(a, b):
    """Matrix product over the last two axes; the axes before broadcast, as NumPy's `@` does."""
    return a @ b


case(matmul, "plain", a=normal(4, 6), b=normal(6, 5))
case(matmul, "batched", a=normal(3, 4, 6), b=normal(3, 6, 5))
case(matmul, "oneRight", a=normal(2, 3, 4, 6), b=normal(6, 5))
case(matmul, "oneLeft", a=normal(4, 6), b=normal(3, 6, 5))
case(matmul, "broadcast", a=normal(2, 1, 4, 6), b=normal(3, 6, 5))
case(matmul, "rowVector", a=normal(6), b=normal(3, 6, 5))
case(matmul, "columnVector", a=normal(3, 4, 6), b=normal(6))
case(matmul, "dot", a=normal(6), b=normal(6))


@operation
def linear(x, weight, bias):
    """x weightᵀ + bias; weight is [outFeatures, inFeatures]."""
    return F.linear(x, weight, bias)


case(linear, "plain", x=normal(2, 3, 6), weight=normal(5, 6), bias=normal(5))


@operation
def permute(x, *, order):
    """Axis i of the result is axis order[i] of x."""
    return x.permute(order)


@operation
def slice(x, *, starts, ends, steps):
    """x[starts[i] ..< ends[i] by steps[i]] on every axis i."""
    for axis, (start, end, step) in enumerate(zip(starts, ends, steps)):
        x = x.index_select(axis, torch.arange(start, end, step))
    return x


@operation
def concatenate(a, b, *, axis):
    """a before b along the axis."""
    return torch.cat([a, b], axis)


@operation
def stack(a, b, *, axis):
    """a before b along a new axis."""
    return torch.stack([a, b], axis)


@operation
def flip(x, *, axes):
    """The order of the elements along the axes turned round."""
    return x.flip(axes)


@operation
def roll(x, *, shift, axis):
    """Element i moves to i + shift, around the end."""
    return x.roll(shift, axis)


@operation
def tile(x, *, counts):
    """The whole array repeated counts[i] times along axis i (torch.Tensor.repeat)."""
    return x.repeat(counts)


@operation
def repeatElements(x, *, count, axis):
    """Each element repeated count times in place along the axis (torch.repeat_interleave)."""
    return x.repeat_interleave(count, axis)


@operation
def lowerTriangle(x, *, diagonal):
    """Elements with column - row <= diagonal, zero elsewhere, in the last two axes."""
    return x.tril(diagonal)


@operation
def diagonal(x):
    """The diagonal of the last two axes."""
    return x.diagonal(dim1=-2, dim2=-1)


@operation
def pixelShuffle(x, *, factor):
    """[n, c f², h, w] to [n, c, h f, w f]: channel c f² + i f + j goes to row i, column j."""
    return F.pixel_shuffle(x, factor)


case(permute, "plain", x=normal(2, 3, 4), order=[2, 0, 1])
case(slice, "steps", x=normal(4, 7), starts=[1, 0], ends=[4, 7], steps=[1, 3])
case(concatenate, "plain", a=normal(2, 3), b=normal(2, 4), axis=1)
case(stack, "plain", a=normal(2, 3), b=normal(2, 3), axis=1)
case(flip, "plain", x=normal(2, 3, 4), axes=[0, 2])
case(roll, "plain", x=normal(2, 5), shift=2, axis=1)
case(tile, "plain", x=normal(2, 3), counts=[2, 1, 3])
case(repeatElements, "plain", x=normal(2, 3), count=3, axis=0)
case(lowerTriangle, "plain", x=normal(2, 4, 4), diagonal=-1)
case(diagonal, "plain", x=normal(2, 4, 4))
case(pixelShuffle, "plain", x=normal(2, 8, 2, 3), factor=2)


@operation
def embedding(table, ids):
    """Row ids[...] of the table; rows taken twice get both gradients."""
    return table[ids]


@operation
def gather(x, index, *, axis):
    """x at `index` along the axis, at the index's own place elsewhere (torch.gather)."""
    return x.gather(axis, index)


@operation
def indexSelect(x, index, *, axis):
    """The slices of x that `index` names along the axis."""
    return x.index_select(axis, index.reshape(-1))


@operation
def scatterAdd(x, source, index, *, axis):
    """x with source added at `index` along the axis; repeated places sum (scatter_add)."""
    return x.scatter_add(axis, index, source)


@operation
def scatter(x, source, index, *, axis):
    """x with source put at `index` along the axis, every place once (torch.scatter)."""
    return x.scatter(axis, index, source)


@operation
def segmentSum(x, index, *, count):
    """Row s of the result sums the rows of x whose index is s (index_add on zeros)."""
    return torch.zeros(count, *x.shape[1:], dtype=x.dtype).index_add(0, index, x)


case(embedding, "repeated", table=normal(7, 4), ids=indices(1, 3, 1, 6, 0, 3, shape=(2, 3)))
case(gather, "last", x=normal(3, 6), index=integers(0, 6, 3, 4), axis=1)
case(gather, "first", x=normal(4, 3, 2), index=integers(0, 4, 5, 3, 2), axis=0)
case(indexSelect, "repeated", x=normal(3, 5, 2), index=indices(4, 0, 4), axis=1)
case(scatterAdd, "repeated", x=normal(3, 4), source=normal(3, 6), index=integers(0, 4, 3, 6),
     axis=1)
case(scatter, "distinct", x=normal(3, 5), source=normal(3, 2),
     index=indices(4, 0, 1, 2, 3, 0, shape=(3, 2)), axis=1)
case(segmentSum, "plain", x=normal(6, 3), index=indices(2, 0, 2, 3, 0, 2), count=5)


@operation
def sort(x, *, axis, descending):
    """Sorted values (stable) and, as `indices`, where each came from."""
    result = x.sort(dim=axis, descending=descending, stable=True)
    return result.values, {"indices": result.indices}


@operation
def topK(x, *, count, axis):
    """The `count` largest in falling order and, as `indices`, where each came from."""
    result = x.topk(count, dim=axis)
    return result.values, {"indices": result.indices}


@operation
def cumulativeSum(x, *, axis):
    """Running sum, the element itself included."""
    return x.cumsum(axis)


@operation
def cumulativeProduct(x, *, axis):
    """Running product, the element itself included; exact where elements are zero."""
    return x.cumprod(axis)


@operation
def cumulativeMaximum(x, *, axis):
    """Running maximum; the gradient goes to the element that it is."""
    return x.cummax(axis).values


@operation
def cumulativeLogSumExp(x, *, axis):
    """ln of the running sum of e^x."""
    return x.logcumsumexp(axis)


case(sort, "rising", x=normal(3, 6), axis=1, descending=False)
case(sort, "falling", x=normal(5, 3), axis=0, descending=True)
case(topK, "last", x=normal(3, 7), count=3, axis=-1)
case(topK, "first", x=normal(6, 3), count=2, axis=0)
case(cumulativeSum, "last", x=normal(3, 6), axis=-1)
case(cumulativeSum, "first", x=normal(4, 3), axis=0)
case(cumulativeProduct, "last", x=normal(3, 5), axis=1)
case(cumulativeProduct, "zeros", x=values(2, 0, 3, 4, 0, 1, 2, 3, shape=(2, 4)), axis=1)
case(cumulativeMaximum, "last", x=normal(3, 6), axis=1)
case(cumulativeLogSumExp, "last", x=normal(3, 6, scale=3), axis=1)
