"""DenseShift: X. Li et al., arXiv:2208.09708."""

import numpy as np
import torch

from .fixture import generator, leaf, normal, through

TEXT = """Latents sign and t_1...t_K, K = 2^(bits - 1) - 1. b(t) = t > 0, sgn(w) = w >= 0 ? 1 : -1;
S_1 = b(t_1), S_k = (S_{k-1} + 1) b(t_k), S = S_K. weight = sgn(sign) 2^S; its gradient is that of
surrogate = sgn(sign) √(S + 1), with the identity for b and sgn everywhere. gradient.* answer
`upstream` at the weight; plain.* are those without the surrogate, where dS counts ln 2 · 2^S."""


def by_hand(sign, latents, upstream, plain):
    """Shift, and gradients of sign and latents, by the recursion written out."""
    on = (latents > 0).astype(np.float64)
    before, shift = [], np.zeros_like(sign, np.float64)
    for gate in on:
        before.append(shift)
        shift = (shift + 1) * gate
    direction = np.where(sign >= 0, 1.0, -1.0)
    if plain:
        magnitude, slope = 2.0**shift, np.log(2) * 2.0**shift
    else:
        magnitude, slope = np.sqrt(shift + 1), 0.5 / np.sqrt(shift + 1)
    carried, gradients = upstream * direction * slope, np.zeros_like(on)
    for place in reversed(range(len(on))):
        gradients[place] = carried * (before[place] + 1)
        carried = carried * on[place]
    return shift, upstream * magnitude, gradients


def by_torch(sign, latents, upstream, plain):
    """The same by automatic differentiation of straight-through operations."""
    sign, latents = leaf(sign), leaf(latents)
    shift = torch.zeros_like(sign)
    for latent in latents:
        shift = (shift + 1) * through((latent > 0).double(), latent)
    direction = through(torch.where(sign >= 0, 1.0, -1.0), sign)
    weight = direction * 2.0**shift
    surrogate = weight if plain else direction * torch.sqrt(shift + 1)
    (through(weight, surrogate) * torch.tensor(upstream)).sum().backward()
    return shift.detach().numpy(), sign.grad.numpy(), latents.grad.numpy()


def add(fixture):
    fixture.define("denseshift", TEXT)
    for bits in (2, 3, 4):
        name = f"denseshift/{bits}bit"
        count = 2 ** (bits - 1) - 1
        sign, latents = normal(f"{name}/sign", 6, 7), normal(f"{name}/latents", count, 6, 7)
        # Mostly open gates at the end, so that large shifts occur; some latents exactly zero.
        latents[1:] += np.float32(0.8)
        zeros = generator(f"{name}/zeros").random(latents.shape) < 0.04
        latents[zeros] = 0
        sign[0, :3] = [0, -0.0, 0.5]
        upstream = normal(f"{name}/upstream", 6, 7)
        results = {}
        for label, plain in (("gradient", False), ("plain", True)):
            hand = by_hand(sign, latents, upstream, plain)
            for mine, other in zip(hand, by_torch(sign, latents, upstream, plain)):
                np.testing.assert_allclose(mine, other, rtol=1e-12)
            shift, of_sign, of_latents = hand
            results |= {f"{label}.sign": of_sign, f"{label}.latents": of_latents}
        direction = np.where(sign >= 0, 1.0, -1.0)
        assert set(np.unique(shift)) == set(range(count + 1)), np.unique(shift)
        results |= dict(
            shift=shift.astype(np.int32), weight=direction * 2.0**shift,
            surrogate=direction * np.sqrt(shift + 1))
        fixture.add(name, dict(sign=sign, latents=latents, upstream=upstream), results, bits=bits)
