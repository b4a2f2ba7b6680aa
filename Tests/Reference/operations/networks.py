"""Softmax, losses, normalization, attention and rotary positions."""

import torch
import torch.nn.functional as F

from .case import case, indices, normal, operation, uniform, values


@operation
def softmax(x, *, axis):
    """e^x over its sum along the axis."""
    return x.softmax(axis)


@operation
def logSoftmax(x, *, axis):
    """ln of the softmax along the axis."""
    return x.log_softmax(axis)


for function in (softmax, logSoftmax):
    case(function, "last", x=normal(3, 6, scale=2), axis=-1)
    case(function, "inner", x=normal(2, 4, 3), axis=1)
    case(function, "far", smooth=False, x=values(1000, 999, -1000, 998, shape=(1, 4)), axis=1)


@operation
def crossEntropy(logits, targets, *, smoothing=0.0, ignored=-100, reduction="mean"):
    """Cross-entropy of [n, classes] logits with class ids; the mean is over rows that are not
    ignored; smoothing spreads that share of the target evenly over all classes."""
    return F.cross_entropy(
        logits, targets, ignore_index=ignored, label_smoothing=smoothing, reduction=reduction)


LOGITS = dict(logits=normal(4, 5, scale=2), targets=indices(3, 0, 4, 3))
case(crossEntropy, "mean", **LOGITS)
case(crossEntropy, "each", **LOGITS, reduction="none")
case(crossEntropy, "smoothed", **LOGITS, smoothing=0.1)
case(crossEntropy, "ignored", logits=normal(4, 5), targets=indices(3, -1, 4, -1), ignored=-1)
case(crossEntropy, "smoothedIgnored", logits=normal(4, 5), targets=indices(3, -1, 4, 2),
     ignored=-1, smoothing=0.2)


@operation
def binaryCrossEntropy(logits, targets):
    """Mean of max(x, 0) - x t + ln(1 + e^-|x|)."""
    return F.binary_cross_entropy_with_logits(logits, targets)


@operation
def focal(logits, targets, *, alpha, gamma):
    """Mean of a (1 - p)^gamma · cross-entropy, p the probability of the true side (t is 0 or 1),
    a = alpha where t is 1 and 1 - alpha where it is 0; T.-Y. Lin et al., arXiv:1708.02002."""
    each = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    chance = torch.sigmoid(logits)
    right = chance * targets + (1 - chance) * (1 - targets)
    weight = alpha * targets + (1 - alpha) * (1 - targets)
    return (weight * (1 - right) ** gamma * each).mean()


@operation
def klDivergence(logits, reference):
    """Mean over rows of sum p (ln p - ln q): p the softmax of `reference`, q that of `logits`."""
    return F.kl_div(
        logits.log_softmax(-1), reference.log_softmax(-1), reduction="batchmean", log_target=True)


@operation
def meanSquaredError(x, target):
    """Mean of (x - target)²."""
    return F.mse_loss(x, target)


@operation
def huber(x, target, *, delta):
    """Mean of d²/2 where |d| <= delta, and delta (|d| - delta/2) beyond."""
    return F.huber_loss(x, target, delta=delta)


@operation
def contrastive(a, b, *, temperature):
    """InfoNCE over pairs: rows scaled to unit length, logits a bᵀ / temperature, the mean of the
    cross-entropy along rows and along columns with the diagonal as target."""
    logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / temperature
    target = torch.arange(len(a))
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


case(binaryCrossEntropy, "plain", logits=normal(3, 4, scale=3), targets=uniform(0, 1, 3, 4))
case(focal, "plain", logits=normal(6, scale=2), targets=values(0, 1, 1, 0, 1, 0), alpha=0.25,
     gamma=2.0)
case(klDivergence, "plain", logits=normal(3, 5, scale=2), reference=normal(3, 5, scale=2))
case(meanSquaredError, "plain", x=normal(3, 4), target=normal(3, 4))
case(huber, "plain", x=normal(3, 4, scale=2), target=normal(3, 4), delta=0.8)
case(contrastive, "plain", a=normal(4, 6), b=normal(4, 6), temperature=0.2)


@operation
def layerNorm(x, weight=None, bias=None, *, epsilon):
    """Last axis to mean 0 and (biased) variance 1, epsilon inside the root; then weight, bias."""
    return F.layer_norm(x, x.shape[-1:], weight, bias, epsilon)


@operation
def rmsNorm(x, weight, *, epsilon):
    """x / √(mean of x² over the last axis + epsilon) · weight."""
    return F.rms_norm(x, x.shape[-1:], weight, epsilon)


@operation
def groupNorm(x, weight, bias, *, groups, epsilon):
    """Channels of [n, c, ...] in groups that share a mean and a variance; weight and bias [c]."""
    return F.group_norm(x, groups, weight, bias, epsilon)


@operation
def batchNormTraining(x, weight, bias, *, momentum, epsilon):
    """Statistics of the batch per channel (axis 1), biased variance in the value. runningMean and
    runningVariance start at 0 and 1 and move by `momentum` towards the batch's mean and unbiased
    variance."""
    mean = torch.zeros(x.shape[1], dtype=x.dtype)
    variance = torch.ones(x.shape[1], dtype=x.dtype)
    y = F.batch_norm(x, mean, variance, weight, bias, True, momentum, epsilon)
    return y, {"runningMean": mean, "runningVariance": variance}


@operation
def batchNormInference(x, weight, bias, mean, variance, *, epsilon):
    """(x - mean) / √(variance + epsilon) · weight + bias per channel (axis 1), with gradients of
    the statistics too, which PyTorch's own function has none of."""
    shape = (1, -1) + (1,) * (x.ndim - 2)
    scale = weight / torch.sqrt(variance + epsilon)
    result = (x - mean.reshape(shape)) * scale.reshape(shape) + bias.reshape(shape)
    theirs = F.batch_norm(x, mean.detach(), variance.detach(), weight, bias, False, 0, epsilon)
    torch.testing.assert_close(result, theirs, rtol=1e-5, atol=1e-5)
    return result


SCALES = dict(weight=normal(6, scale=0.5, shift=1), bias=normal(6))
case(layerNorm, "plain", x=normal(2, 3, 6), **SCALES, epsilon=1e-5)
case(layerNorm, "bare", x=normal(2, 3, 6), epsilon=1e-5)
case(rmsNorm, "plain", x=normal(2, 3, 6), weight=SCALES["weight"], epsilon=1e-5)
case(groupNorm, "two", x=normal(2, 6, 3, 2), **SCALES, groups=2, epsilon=1e-5)
case(groupNorm, "instance", x=normal(2, 6, 4), **SCALES, groups=6, epsilon=1e-5)
case(batchNormTraining, "images", x=normal(3, 6, 2, 3, scale=2, shift=1), **SCALES, momentum=0.1,
     epsilon=1e-5)
case(batchNormTraining, "rows", x=normal(8, 6), **SCALES, momentum=0.1, epsilon=1e-5)
case(batchNormInference, "images", x=normal(2, 6, 2, 3), **SCALES, mean=normal(6),
     variance=uniform(0.5, 2, 6), epsilon=1e-5)


@operation
def attention(query, key, value, mask=None, *, causal=False, window=None, scale=None):
    """softmax(query keyᵀ scale + mask) value over [batch, heads, sequence, headSize]; scale is
    1/√headSize when null. Query head h reads key head h / (query heads / key heads). Causal: query
    i of q sees key j of k when j <= i + k - q, and with a window when also j > i + k - q - window.
    """
    group = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(group, 1), value.repeat_interleave(group, 1)
    rows, columns = query.shape[2], key.shape[2]
    here = torch.arange(rows)[:, None] + columns - rows
    there = torch.arange(columns)[None, :]
    allowed = torch.ones(rows, columns, dtype=torch.bool)
    if causal:
        allowed &= there <= here
    if window is not None:
        allowed &= there > here - window
    bias = torch.zeros(rows, columns, dtype=query.dtype).masked_fill(~allowed, float("-inf"))
    if mask is not None:
        bias = bias + mask
    return F.scaled_dot_product_attention(query, key, value, bias, scale=scale)


HEADS = dict(query=normal(2, 4, 5, 6), key=normal(2, 4, 5, 6), value=normal(2, 4, 5, 6))
GROUPED = HEADS | dict(key=normal(2, 2, 5, 6), value=normal(2, 2, 5, 6))
case(attention, "plain", **HEADS)
case(attention, "causal", **HEADS, causal=True)
case(attention, "grouped", **GROUPED, causal=True)
case(attention, "oneKeyHead", query=normal(1, 3, 4, 4), key=normal(1, 1, 4, 4),
     value=normal(1, 1, 4, 4))
case(attention, "window", **GROUPED, causal=True, window=3)
case(attention, "mask", **HEADS, mask=normal(2, 1, 5, 5))
case(attention, "cross", query=normal(2, 2, 3, 4), key=normal(2, 2, 7, 4),
     value=normal(2, 2, 7, 5), scale=0.7)
case(attention, "suffix", query=normal(1, 2, 2, 4), key=normal(1, 2, 6, 4),
     value=normal(1, 2, 6, 4), causal=True)


def angles(x, theta, start):
    half = x.shape[-1] // 2
    place = torch.arange(start, start + x.shape[-2], dtype=torch.float64)
    turn = place[:, None] * theta ** (-torch.arange(half, dtype=torch.float64) / half)
    return turn.cos().to(x.dtype), turn.sin().to(x.dtype)


@operation
def ropeHalfSplit(x, *, theta, start):
    """Pairs (i, i + d/2) of the last axis turned by (start + position) theta^(-2i/d); positions
    along the axis before the last (Llama, GPT-NeoX)."""
    cosine, sine = angles(x, theta, start)
    a, b = x.chunk(2, -1)
    return torch.cat([a * cosine - b * sine, b * cosine + a * sine], -1)


@operation
def ropeInterleaved(x, *, theta, start):
    """Pairs (2i, 2i + 1) of the last axis turned by (start + position) theta^(-2i/d) (GPT-J)."""
    cosine, sine = angles(x, theta, start)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cosine - b * sine, b * cosine + a * sine], -1).flatten(-2)


case(ropeHalfSplit, "plain", x=normal(2, 2, 5, 8), theta=10000.0, start=0)
case(ropeHalfSplit, "later", x=normal(1, 2, 3, 8), theta=10000.0, start=37)
case(ropeInterleaved, "plain", x=normal(2, 2, 5, 8), theta=10000.0, start=0)
