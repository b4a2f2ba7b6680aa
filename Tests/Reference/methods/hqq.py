"""Half-quadratic quantization of one group: H. Badri and A. Shaji, "Half-Quadratic Quantization of
Large Machine Learning Models", 2023. `python3 -m methods.hqq` prints what HQQTests holds."""

import numpy as np


def group(values, bits, p=0.7, beta=10.0, growth=1.01, turns=20):
    """Scale, zero point, codes, and the sums of |error|^p at each turn."""
    most = 2 ** bits - 1
    low, high = min(values.min(), 0), max(values.max(), 0)
    exact = (high - low) / most
    scale = np.float16(exact)
    if scale < exact:
        scale = np.nextafter(scale, np.float16(np.inf))
    scale = np.float64(scale)
    zero, best, errors = np.float64(np.float16(-low / scale)), None, []
    for turn in range(turns + 1):
        codes = np.clip(np.round(values / scale + zero), 0, most)
        rest = values - scale * (codes - zero)
        error = (np.abs(rest) ** p).sum()
        if best is not None and error >= best[0]:
            break
        errors.append(error)
        best = error, zero, codes
        with np.errstate(divide="ignore"):
            shrunk = np.abs(rest) - np.abs(rest) ** (p - 1) / (beta * growth ** turn)
        kept = np.sign(rest) * np.maximum(shrunk, 0)
        zero = np.float64(np.float16((codes - (values - kept) / scale).mean()))
    return scale, best[1], best[2].astype(int), errors


if __name__ == "__main__":
    index = np.arange(32)
    for bits, unit in [(2, 16.0), (3, 16.0), (2, 1024.0), (4, 1.0)]:
        values = ((index * index * 7 + index * 3) % 61 - 25) ** 3 / 900.0 / unit
        values = values.astype(np.float32).astype(np.float64)
        scale, zero, codes, errors = group(values, bits)
        print(bits, unit, scale, zero, len(errors), errors[0], errors[-1], codes.tolist())
