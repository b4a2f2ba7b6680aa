"""Padding, convolution, pooling, resizing, sampling and wavelets; images are [n, c, h, w]."""

import torch
import torch.nn.functional as F

from .case import case, normal, operation, uniform, values


def padded(x, padding, mode):
    """Pads the last axes; `padding` is [[before, after], ...] from the first of them on."""
    flat = [amount for pair in reversed(padding) for amount in pair]
    return F.pad(x, flat, mode={"zeros": "constant"}.get(mode, mode))


@operation
def pad(x, *, padding, mode):
    """[before, after] for each of the last axes; reflect leaves the border element out,
    replicate repeats it, circular goes around."""
    return padded(x, padding, mode)


for mode in ("zeros", "reflect", "replicate", "circular"):
    case(pad, mode, x=normal(1, 2, 4, 5), padding=[[1, 2], [3, 0]], mode=mode)


@operation
def conv1d(x, weight, bias=None, *, stride, padding, dilation, groups):
    """Cross-correlation; x [n, c, w], weight [out, c / groups, k], zeros around x."""
    return F.conv1d(padded(x, padding, "zeros"), weight, bias, stride, 0, dilation, groups)


PLAIN = dict(stride=[1], padding=[[0, 0]], dilation=[1], groups=1)
case(conv1d, "plain", x=normal(2, 3, 9), weight=normal(4, 3, 3), bias=normal(4), **PLAIN)
case(conv1d, "causal", x=normal(2, 2, 8), weight=normal(3, 2, 3),
     **PLAIN | dict(padding=[[4, 0]], dilation=[2]))
case(conv1d, "grouped", x=normal(2, 4, 11), weight=normal(6, 2, 3), bias=normal(6),
     stride=[2], padding=[[1, 1]], dilation=[2], groups=2)
case(conv1d, "depthwise", x=normal(2, 3, 7), weight=normal(3, 1, 4), bias=normal(3),
     **PLAIN | dict(padding=[[3, 0]], groups=3))


@operation
def conv2d(x, weight, bias=None, *, stride, padding, dilation, groups, mode="zeros"):
    """Cross-correlation; weight [out, c / groups, kh, kw]; padding [[top, bottom], [left, right]]
    in the given mode."""
    return F.conv2d(padded(x, padding, mode), weight, bias, stride, 0, dilation, groups)


PLAIN = dict(stride=[1, 1], padding=[[0, 0], [0, 0]], dilation=[1, 1], groups=1)
ONE = [[1, 1], [1, 1]]
case(conv2d, "plain", x=normal(2, 3, 6, 5), weight=normal(4, 3, 3, 3), bias=normal(4), **PLAIN)
case(conv2d, "padded", x=normal(2, 3, 5, 6), weight=normal(4, 3, 3, 3), **PLAIN | dict(padding=ONE))
case(conv2d, "strided", x=normal(2, 3, 8, 7), weight=normal(4, 3, 3, 3), bias=normal(4),
     **PLAIN | dict(stride=[2, 2], padding=ONE))
case(conv2d, "uneven", x=normal(1, 2, 7, 9), weight=normal(3, 2, 2, 3), bias=normal(3),
     stride=[2, 3], padding=[[0, 1], [2, 1]], dilation=[2, 1], groups=1)
case(conv2d, "dilated", x=normal(1, 2, 8, 8), weight=normal(3, 2, 3, 3),
     **PLAIN | dict(padding=[[2, 2], [2, 2]], dilation=[2, 2]))
case(conv2d, "grouped", x=normal(2, 4, 6, 6), weight=normal(6, 2, 3, 3), bias=normal(6),
     **PLAIN | dict(stride=[2, 1], padding=ONE, groups=2))
case(conv2d, "depthwise", x=normal(2, 4, 6, 6), weight=normal(4, 1, 3, 3), bias=normal(4),
     **PLAIN | dict(padding=ONE, groups=4))
case(conv2d, "multiplied", x=normal(1, 2, 5, 5), weight=normal(6, 1, 3, 3),
     **PLAIN | dict(stride=[2, 2], padding=ONE, groups=2))
case(conv2d, "pointwise", x=normal(2, 3, 4, 5), weight=normal(5, 3, 1, 1), bias=normal(5),
     **PLAIN | dict(stride=[2, 2]))
for mode in ("reflect", "replicate", "circular"):
    case(conv2d, mode, x=normal(1, 2, 5, 5), weight=normal(3, 2, 3, 3),
         **PLAIN | dict(padding=ONE), mode=mode)


@operation
def conv1dTransposed(
    x, weight, bias=None, *, stride, padding, outputPadding, dilation, groups
):
    """The gradient of conv1d by its input, as an operation; weight [c, out / groups, k]."""
    return F.conv_transpose1d(
        x, weight, bias, stride, padding, outputPadding, groups, dilation)


@operation
def conv2dTransposed(
    x, weight, bias=None, *, stride, padding, outputPadding, dilation, groups
):
    """The gradient of conv2d by its input, as an operation; weight [c, out / groups, kh, kw]."""
    return F.conv_transpose2d(
        x, weight, bias, stride, padding, outputPadding, groups, dilation)


case(conv1dTransposed, "strided", x=normal(2, 3, 5), weight=normal(3, 2, 4), bias=normal(2),
     stride=[2], padding=[1], outputPadding=[0], dilation=[1], groups=1)
case(conv1dTransposed, "grouped", x=normal(1, 4, 4), weight=normal(4, 3, 3),
     stride=[3], padding=[0], outputPadding=[1], dilation=[2], groups=2)
case(conv2dTransposed, "plain", x=normal(1, 2, 4, 3), weight=normal(2, 3, 3, 3), bias=normal(3),
     stride=[1, 1], padding=[0, 0], outputPadding=[0, 0], dilation=[1, 1], groups=1)
case(conv2dTransposed, "strided", x=normal(2, 3, 3, 4), weight=normal(3, 2, 3, 3), bias=normal(2),
     stride=[2, 2], padding=[1, 1], outputPadding=[1, 1], dilation=[1, 1], groups=1)
case(conv2dTransposed, "grouped", x=normal(1, 4, 3, 3), weight=normal(4, 2, 3, 2),
     stride=[2, 1], padding=[1, 0], outputPadding=[1, 0], dilation=[1, 2], groups=2)


@operation
def maxPool1d(x, *, kernel, stride, padding, ceil):
    """Largest element of every window; as maxPool2d."""
    return F.max_pool1d(x, kernel, stride, padding, 1, ceil)


@operation
def maxPool2d(x, *, kernel, stride, padding, dilation, ceil):
    """Largest element of every window, padding never taken; the first of equal elements gets the
    gradient. `ceil` keeps a last window that starts inside the padded image."""
    return F.max_pool2d(x, kernel, stride, padding, dilation, ceil)


@operation
def averagePool2d(x, *, kernel, stride, padding, ceil, countsPadding):
    """Mean of every window; `countsPadding` divides by the window's size with the padding in it
    (though not what `ceil` adds beyond), otherwise by the number of image elements."""
    return F.avg_pool2d(x, kernel, stride, padding, ceil, countsPadding)


@operation
def adaptiveAveragePool2d(x, *, size):
    """Mean over rows floor(i h / size) ..< ceil((i + 1) h / size), and columns likewise."""
    return F.adaptive_avg_pool2d(x, size)


case(maxPool1d, "overlap", x=normal(2, 3, 9), kernel=[3], stride=[2], padding=[1], ceil=False)
POOL = dict(kernel=[2, 2], stride=[2, 2], padding=[0, 0], ceil=False)
MAX, MEAN = POOL | dict(dilation=[1, 1]), POOL | dict(countsPadding=True)
case(maxPool2d, "plain", x=normal(2, 2, 4, 6), **MAX)
case(maxPool2d, "ragged", x=normal(1, 2, 5, 7), **MAX)
case(maxPool2d, "overlap", x=normal(2, 2, 7, 6),
     **MAX | dict(kernel=[3, 3], padding=[1, 1]))
case(maxPool2d, "ceil", x=normal(1, 2, 6, 8), **MAX | dict(kernel=[3, 3], ceil=True))
case(maxPool2d, "dilated", x=normal(1, 2, 8, 7),
     **MAX | dict(kernel=[3, 2], stride=[1, 2], padding=[1, 0], dilation=[2, 2]))
case(maxPool2d, "ties", smooth=False, **MAX,
     x=values(1, 1, 0, 2, 1, 1, 2, 2, shape=(1, 1, 2, 4)))
case(averagePool2d, "plain", x=normal(2, 2, 4, 6), **MEAN)
case(averagePool2d, "overlap", x=normal(1, 2, 7, 6),
     **MEAN | dict(kernel=[3, 3], padding=[1, 1]))
case(averagePool2d, "withoutPadding", x=normal(1, 2, 7, 6),
     **MEAN | dict(kernel=[3, 3], padding=[1, 1], countsPadding=False))
case(averagePool2d, "ceil", x=normal(1, 2, 6, 8),
     **MEAN | dict(kernel=[3, 3], padding=[1, 1], ceil=True))
case(averagePool2d, "ceilWithoutPadding", x=normal(1, 2, 6, 8),
     **MEAN | dict(kernel=[3, 3], padding=[1, 1], ceil=True, countsPadding=False))
case(adaptiveAveragePool2d, "one", x=normal(2, 3, 4, 5), size=[1, 1])
case(adaptiveAveragePool2d, "overlap", x=normal(1, 2, 7, 5), size=[3, 4])


@operation
def resize(x, *, size, method, alignsCorners=False):
    """Resizing to [h, w]. nearest: source floor(i h / size). nearestExact: pixel centres, floor((i
    + 1/2) h / size). bilinear, bicubic (a = -0.75, borders clamped): source (i + 1/2) h / size -
    1/2 (bilinear: not below 0), or i (h - 1) / (size - 1) when corners align; no antialiasing."""
    name = {"nearestExact": "nearest-exact"}.get(method, method)
    align = alignsCorners if method.startswith("bi") else None
    return F.interpolate(x, size=size, mode=name, align_corners=align)


for method in ("nearest", "nearestExact"):
    case(resize, f"{method}Up", x=normal(1, 2, 3, 4), size=[6, 8], method=method)
    case(resize, f"{method}Odd", x=normal(1, 2, 5, 4), size=[3, 7], method=method)
for method in ("bilinear", "bicubic"):
    for aligned in (False, True):
        label = method + ("Aligned" if aligned else "")
        options = dict(method=method, alignsCorners=aligned)
        case(resize, f"{label}Up", x=normal(1, 2, 3, 4), size=[6, 7], **options)
        case(resize, f"{label}Down", x=normal(1, 2, 6, 7), size=[3, 4], **options)
        case(resize, f"{label}Mixed", x=normal(1, 1, 4, 5), size=[7, 3], **options)


@operation
def gridSample(x, grid, *, method, padding, alignsCorners):
    """x [n, c, h, w] read at grid [n, oh, ow, 2] of (column, row), each in -1...1 over the image:
    over pixel centres when corners align, over pixel edges otherwise. Outside: zeros, the border
    pixel, or a reflection about that same extent."""
    return F.grid_sample(x, grid, method, padding, alignsCorners)


for padding in ("zeros", "border", "reflection"):
    for aligned in (False, True):
        case(gridSample, f"{padding}{'Aligned' if aligned else ''}", x=normal(1, 2, 4, 5),
             grid=uniform(-1.9, 1.9, 1, 4, 5, 2), method="bilinear", padding=padding,
             alignsCorners=aligned)
case(gridSample, "batch", x=normal(2, 3, 5, 4), grid=uniform(-1, 1, 2, 3, 4, 2),
     method="bilinear", padding="zeros", alignsCorners=False)
case(gridSample, "nearest", x=normal(1, 2, 4, 5), grid=uniform(-1.3, 1.3, 1, 3, 4, 2),
     method="nearest", padding="zeros", alignsCorners=False)


@operation
def haar2d(x):
    """One level of the orthonormal Haar transform: [n, c, h, w] to [n, 4 c, h / 2, w / 2], the
    bands in the order (a+b+c+d)/2, (a-b+c-d)/2, (a+b-c-d)/2, (a-b-c+d)/2 of the square a b / c d,
    all channels of a band together."""
    a, b = x[..., 0::2, 0::2], x[..., 0::2, 1::2]
    c, d = x[..., 1::2, 0::2], x[..., 1::2, 1::2]
    return torch.cat([a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d], 1) / 2


case(haar2d, "plain", x=normal(2, 2, 4, 6))
