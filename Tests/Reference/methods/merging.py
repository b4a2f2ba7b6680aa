"""TIES-Merging: P. Yadav et al., arXiv:2306.01708; and iterative feature merging: Y. Chen et al.,
arXiv:2310.06756."""

import numpy as np

from .fixture import normal

TIES = """deltas are [models, d]. Per model over the whole vector: c = d - int(keep d), threshold =
the c-th smallest |delta| (c = 0: nothing is trimmed), trimmed = entries with |delta| >= threshold.
signs = sign of the sum over models; where that sum is 0, sign of the sum of all signs. merged =
mean of the nonzero trimmed entries that have the elected sign (for an elected 0: the negative
ones), over at least 1. result = base + lambda merged. Baselines: mean of the deltas, sum of the
deltas."""

IFM = """Layers x -> ReLU(x inᵀ + b) ... -> logits. D_ij = |in_i - in_j|² + |out_i - out_j|² over
the rows of the weight before and the columns of the weight after a hidden layer, biases left out.
In each round every hidden layer, in order, merges its closest pair i < j once if D_ij <= beta max
D (its own largest distance): in_i += in_j, b_i += b_j, out_i = (N_i out_i + N_j out_j) / (N_i +
N_j), N_i += N_j, channel j deleted; until a round merges nothing. merges lists [layer, i, j] with
the numbers that channels have at that moment; counts.l the channels that each left one stands
for."""


def ties(deltas, keep):
    """Trimmed deltas, elected signs and merged delta, in float64."""
    deltas = deltas.astype(np.float64)
    d = deltas.shape[1]
    c = d - int(keep * d)
    size = np.abs(deltas)
    threshold = np.sort(size, axis=1)[:, max(c, 1) - 1] if c > 0 else np.zeros(len(deltas))
    trimmed = np.where(size >= threshold[:, None], deltas, 0)
    total = trimmed.sum(0)
    signs = np.sign(total)
    signs = np.where(signs == 0, np.sign(signs.sum()), signs)
    agree = np.where(signs > 0, trimmed > 0, trimmed < 0)
    merged = (trimmed * agree).sum(0) / np.maximum(agree.sum(0), 1)
    return threshold, trimmed, signs, merged


def add_ties(fixture):
    fixture.define("ties", TIES)
    random = [normal(f"ties/{label}", 3, 50) for label in "abc"]
    # Values in eighths: sums are exact, so that equal magnitudes and zero sums really occur.
    coarse = np.round(normal("ties/coarse", 4, 40) * 4) / np.float32(8)
    cancelling = np.array(
        [[2, -1, 0, 3, -4, 0.5], [-2, 1, 0, 1, 4, 0.5], [0, 0, 0, -1, 0, 0.25]], np.float32)
    toy = np.array([[5, -1, 0.1], [4, 2, -0.1], [-3, 0.5, 0.2]], np.float32)
    for label, deltas, keep, factor in (
        ("random", random[0], 0.2, 1.0), ("half", random[1], 0.5, 0.8),
        ("everything", random[2], 1.0, 1.0), ("tiesAndZeroSums", coarse, 0.3, 1.0),
        ("cancelling", cancelling, 1.0, 1.0), ("negativeMajority", -cancelling, 1.0, 1.0),
        ("toy", toy, 1.0, 1.0), ("lessThanOne", toy, 0.2, 1.0),
    ):
        base = normal(f"ties/base/{label}", deltas.shape[1])
        threshold, trimmed, signs, merged = ties(deltas, keep)
        fixture.add(
            f"ties/{label}", dict(base=base, deltas=deltas),
            dict(threshold=threshold, trimmed=trimmed, signs=signs.astype(np.int32), merged=merged,
                 result=base + factor * merged, mean=deltas.astype(np.float64).mean(0),
                 sum=deltas.astype(np.float64).sum(0)),
            keep=keep, **{"lambda": factor})
    expected = fixture.arrays["ties/toy/merged"]
    np.testing.assert_allclose(expected, [4.5, 1.25, 0.15], rtol=1e-6)


def distances(before, after):
    """Squared distances between the channels of a layer."""
    rows = np.concatenate([before, after.T], 1)
    return ((rows[:, None] - rows[None]) ** 2).sum(-1)


def merge(weights, biases, beta):
    """Merges channels of every hidden layer until none is close; returns the new network."""
    weights, biases = [w.copy() for w in weights], [b.copy() for b in biases]
    counts, merges = [np.ones(len(w)) for w in weights[:-1]], []
    while True:
        found = False
        for layer in range(len(counts)):
            if len(counts[layer]) < 2:
                continue
            d = distances(weights[layer], weights[layer + 1])
            upper = np.triu_indices(len(d), 1)
            best = int(np.argmin(d[upper]))
            i, j = upper[0][best], upper[1][best]
            ranked = np.sort(d[upper])
            # Exact copies may tie at 0: any order of merging them ends at the same network.
            assert len(ranked) < 2 or ranked[1] < 1e-9 or ranked[1] > ranked[0] * 1.0001, "a tie"
            assert abs(d[i, j] - beta * d.max()) > 1e-4 * beta * d.max(), "too near the limit"
            if d[i, j] > beta * d.max():
                continue
            found = True
            merges.append([layer, int(i), int(j)])
            n = counts[layer]
            weights[layer][i] += weights[layer][j]
            biases[layer][i] += biases[layer][j]
            out = weights[layer + 1]
            out[:, i] = (n[i] * out[:, i] + n[j] * out[:, j]) / (n[i] + n[j])
            n[i] += n[j]
            weights[layer] = np.delete(weights[layer], j, 0)
            biases[layer] = np.delete(biases[layer], j)
            weights[layer + 1] = np.delete(out, j, 1)
            counts[layer] = np.delete(n, j)
        if not found:
            return weights, biases, counts, merges


def logits(x, weights, biases):
    for w, b in zip(weights[:-1], biases[:-1]):
        x = np.maximum(x @ w.T + b, 0)
    return x @ weights[-1].T + biases[-1]


def add_ifm(fixture):
    fixture.define("ifm", IFM)
    sizes = [6, 12, 10, 3]
    for label, beta in (("duplicates", 1e-9), ("clusters", 0.1), ("clustersFurther", 0.22)):
        name = f"ifm/{label}"
        pairs = list(zip(sizes, sizes[1:]))
        weights = [normal(f"{name}/w{i}", b, a, scale=a**-0.5) for i, (a, b) in enumerate(pairs)]
        biases = [normal(f"{name}/b{i}", b, scale=0.1) for i, (_, b) in enumerate(pairs)]
        x = normal(f"{name}/x", 5, 6)
        noise = 0 if label == "duplicates" else 0.15
        for layer, (kept, copied) in ((0, (1, 4)), (0, (2, 9)), (1, (0, 7)), (1, (3, 5))):
            # The same outgoing weights, and the same or nearly the same incoming ones.
            shake = normal(f"{name}/{layer}/{copied}", weights[layer].shape[1], scale=noise)
            weights[layer][copied] = weights[layer][kept] + shake
            biases[layer][copied] = biases[layer][kept]
            weights[layer + 1][:, copied] = weights[layer + 1][:, kept]
        old = [w.astype(np.float64) for w in weights], [b.astype(np.float64) for b in biases]
        w, b, counts, merges = merge(*old, beta)
        inputs = dict(x=x) | {f"weight.{i}": v for i, v in enumerate(weights)} | {
            f"bias.{i}": v for i, v in enumerate(biases)}
        results = dict(
            distances=distances(old[0][0], old[0][1]), logits=logits(x, *old),
            mergedLogits=logits(x, w, b), merges=np.array(merges).reshape(-1, 3))
        results |= {f"merged.weight.{i}": v for i, v in enumerate(w)}
        results |= {f"merged.bias.{i}": v for i, v in enumerate(b)}
        results |= {f"counts.{i}": v.astype(np.int32) for i, v in enumerate(counts)}
        if label == "duplicates":
            assert len(merges) == 4
            np.testing.assert_allclose(results["logits"], results["mergedLogits"], atol=1e-12)
        fixture.add(name, inputs, results, beta=beta, left=[len(c) for c in counts])
        print(name, "channels left", [len(c) for c in counts])
