"""Writes values and codes of number formats as other programs have them.

Usage: python3 number_formats.py OUTPUT [FUNCTIONAL]

FUNCTIONAL is `bitsandbytes/functional.py` of a download from PyPI; its tables have to be those here.
They are in 0.50.2. Sources: `ml_dtypes` of PyPI for its floats; the published tables and decision thresholds of
bitsandbytes for NF4 and FP4; for all else a brute-force search here, in Python floats, over the
values that the definition gives. Little-endian: u16 number of common inputs, these as float32;
then for each format u8 length and the name; u8 whether overflow gives special codes; u16 number of
values, the values as float32; u16 number of runs, each u8 code and u16 length less 1: the codes of
all 65536 float16 patterns in order; a code for each common input; u16 number of inputs of its own,
these, and a code for each. The codes of inputs that the source has no rule for mean nothing: NaN,
where a format has no NaN, and numbers that are not positive in E8M0.
Tests/Fixtures/Formats/formats.bin was written by this script with ml_dtypes 0.6.0 and numpy 2.4.6.
"""

import ast
import struct
import sys
from statistics import NormalDist

import ml_dtypes
import numpy as np

np.seterr(all="ignore")
HALVES = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32)
random = np.random.default_rng(4)
SCATTERED = np.concatenate([
    random.integers(0, 2**32, 600, dtype=np.uint32).view(np.float32),
    (random.standard_normal(900) * np.exp2(random.integers(-12, 10, 900))).astype(np.float32),
    np.array([0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 2**-126, 3e38, -3e38], np.float32),
])


def inputs(values):
    """Every value, every middle of two, and the float32 beside each."""
    finite = np.unique(values[np.isfinite(values)].astype(np.float64))
    middles = (finite[1:] + finite[:-1]) / 2
    gap = finite[-1] - finite[-2]
    points = np.concatenate([finite, middles, finite[-1] + gap * np.array([0.5, 1, 2])])
    points = points.astype(np.float32)
    around = [points, np.nextafter(points, np.float32(np.inf)), np.nextafter(points, np.float32(-np.inf))]
    return np.unique(np.concatenate(around).astype(np.float32).view(np.uint32)).view(np.float32)


def nearest(values, ties_up):
    """An encoder: the nearest value, by exhaustive search; ties_up(lower code, upper code)."""
    order = sorted((float(v), np.signbit(v), c) for c, v in enumerate(values) if np.isfinite(v))
    order = [(v, c) for v, negative, c in order if not (v == 0 and negative)]
    zero = [c for c, v in enumerate(values) if v == 0 and np.signbit(v)]

    def encode(x):
        x = float(x)
        if x != x:
            return 0
        if x >= order[-1][0]:
            best = len(order) - 1
        elif x <= order[0][0]:
            best = 0
        else:
            at = max(i for i in range(len(order)) if order[i][0] <= x)
            down, up = x - order[at][0], order[at + 1][0] - x
            # Both differences are exact or the comparison is far from equal.
            middle = order[at][0] + order[at + 1][0]
            tie = 2 * x == middle
            best = at + 1 if (ties_up(order[at][1], order[at + 1][1]) if tie else 2 * x > middle) else at
        value, code = order[best]
        return zero[0] if value == 0 and zero and np.signbit(np.float64(x)) else code

    return encode


def even(lower, upper):
    return upper % 2 == 0


def larger_but_zero(values):
    """Significands are integers: of 0 and 1, and of 1 and 2, the even one; +1 of the two signs."""
    def ties_up(lower, upper):
        low, up = values[lower], values[upper]
        return low != 0 and (up == 0 or abs(up) >= abs(low))
    return ties_up


def integers(levels):
    zero = 0.5 if levels == 2 else levels // 2
    values = np.arange(levels, dtype=np.float32) - np.float32(zero)

    def encode(x):
        if levels == 2:
            return int(x > 0)
        return 0 if np.isnan(x) else int(np.clip(np.rint(x) + zero, 0, levels - 1))

    return values, encode


def floats(exponent, mantissa, signed=True, bias=None, specials="", subnormals=True):
    """A float by its definition."""
    bias = 2 ** (exponent - 1) - 1 if bias is None else bias
    values = []
    for code in range(2 ** (exponent + mantissa + signed)):
        magnitude = code % 2 ** (exponent + mantissa)
        e, m = magnitude >> mantissa, magnitude % 2**mantissa
        if e == 0 and subnormals:
            value = 2.0 ** (1 - bias) * m / 2**mantissa
        else:
            value = 2.0 ** (e - bias) * (1 + m / 2**mantissa)
        if specials == "fn" and magnitude == 2 ** (exponent + mantissa) - 1:
            value = np.nan
        values.append(-value if code > magnitude or code >> (exponent + mantissa) else value)
    return np.array(values, np.float32)


def normal_float(bits):
    """QLoRA, appendix E, for any number of bits."""
    count = 2**bits
    offset = 1 - (1 / (2 * count) + 1 / (2 * count - 2)) / 2
    quantile = NormalDist().inv_cdf
    upper = [quantile(p) for p in np.linspace(offset, 0.5, count // 2 + 1)[:-1]]
    lower = [-quantile(p) for p in np.linspace(offset, 0.5, count // 2)[:-1]]
    values = np.array(sorted(lower + [0.0] + upper))
    return (values / values.max()).astype(np.float32)


NF4 = np.array([
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
    -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
    0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
    0.7229568362236023, 1.0], np.float32)
# The thresholds of bitsandbytes' decision tree: above the n-th the code is n + 1 or more.
NF4_THRESHOLDS = np.array([
    -0.8480964004993439, -0.6106329262256622, -0.4599952697753906, -0.33967943489551544,
    -0.23460740596055984, -0.13791173323988914, -0.045525018125772476, 0.03979014977812767,
    0.1202552504837513, 0.2035212516784668, 0.2920137718319893, 0.3893125355243683,
    0.5016634166240692, 0.6427869200706482, 0.8614784181118011], np.float32)
FP4 = np.array([0, 0.005208333333, 0.66666667, 1.0, 0.33333333, 0.5, 0.16666667, 0.25], np.float32)
FP4 = np.concatenate([FP4, -FP4])


def check_tables(path):
    """Compares the tables with the lists in `get_4bit_type`, which it divides by the largest."""
    lists = [
        np.array(ast.literal_eval(node.value), np.float64)
        for function in ast.walk(ast.parse(open(path).read()))
        if isinstance(function, ast.FunctionDef) and function.name == "get_4bit_type"
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List)
        and node.targets[0].id == "data"]
    tables = [(np.float32(one) / np.float32(np.abs(one).max())) for one in lists]
    exact_fp4 = np.array([0, 0.0625, 8, 12, 4, 6, 2, 3], np.float32) / np.float32(12)
    assert any(np.array_equal(NF4, one) for one in tables), "NF4"
    assert any(np.array_equal(np.concatenate([exact_fp4, -exact_fp4]), one) for one in tables), "FP4"
    # The thresholds of its kernels lie halfway, to the digits that they are written with.
    assert np.allclose(NF4_THRESHOLDS, (NF4[1:] + NF4[:-1]) / 2, atol=1e-7)
    levels = np.sort(exact_fp4)
    assert np.allclose(FP4_THRESHOLDS, (levels[1:] + levels[:-1]) / 2, atol=1e-6)


FP4_THRESHOLDS = np.array([
    0.00260417, 0.0859375, 0.20833333, 0.29166667, 0.4166667, 0.583333, 0.8333333], np.float32)
FP4_CODES = [0b000, 0b001, 0b110, 0b111, 0b100, 0b101, 0b010, 0b011]


def encode_fp4(x):
    code = FP4_CODES[int(np.sum(abs(x) > FP4_THRESHOLDS))]
    return code | (8 if np.signbit(x) else 0)


records = []
for name, kind in {
    "e4m3": "float8_e4m3fn", "e5m2": "float8_e5m2", "e4m3fnuz": "float8_e4m3fnuz",
    "e5m2fnuz": "float8_e5m2fnuz", "e4m3fnuzb11": "float8_e4m3b11fnuz", "e3m4": "float8_e3m4",
    "e4m3ieee": "float8_e4m3", "e8m0": "float8_e8m0fnu", "e3m2": "float6_e3m2fn",
    "e2m3": "float6_e2m3fn", "e2m1": "float4_e2m1fn",
}.items():
    kind = getattr(ml_dtypes, kind)
    bits = {"e3m2": 6, "e2m3": 6, "e2m1": 4}.get(name, 8)
    values = np.arange(2**bits, dtype=np.uint8).view(kind).astype(np.float32)

    def encode_all(x, kind=kind):
        return x.astype(kind).view(np.uint8)

    records.append((name, 1, values, encode_all))

one_by_one = {f"int{bits}": integers(2**bits) for bits in range(2, 9)}
one_by_one |= {"binary": integers(2), "ternary": integers(3), "levels5": integers(5)}
one_by_one |= {"levels6": integers(6), "int4n": integers(15), "int8n": integers(255)}
one_by_one["nf4"] = NF4, lambda x: int(np.sum(x > NF4_THRESHOLDS))
one_by_one["fp4"] = FP4, encode_fp4
for bits in (2, 3):
    values = normal_float(bits)
    one_by_one[f"nf{bits}"] = values, nearest(values, lambda lower, upper: False)
for name, values in {
    "e2m2": floats(2, 2), "e1m2": floats(1, 2), "e2m5": floats(2, 5), "e5m0": floats(5, 0),
    "e3m2b7.5": floats(3, 2, bias=7.5), "e2m1b-0.25": floats(2, 1, bias=-0.25),
    "ue5m3": floats(5, 3, signed=False, specials="fn"), "ue4m2": floats(4, 2, signed=False),
    "shift4": floats(3, 0, bias=0, subnormals=False), "pot4": floats(3, 0, bias=1),
}.items():
    ties = larger_but_zero(values) if name in ("e5m0", "shift4", "pot4") else even
    one_by_one[name] = values, nearest(values, ties)
for name, (values, encode) in one_by_one.items():
    encode_all = lambda x, encode=encode: np.array([encode(v) for v in x], np.uint8)
    records.append((name, 0, values, encode_all))

if len(sys.argv) > 2:
    check_tables(sys.argv[2])
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<H", len(SCATTERED)) + SCATTERED.astype("<f4").tobytes())
    for name, special, values, encode_all in records:
        file.write(struct.pack("<B", len(name)) + name.encode())
        file.write(struct.pack("<BH", special, len(values)) + values.astype("<f4").tobytes())
        codes = encode_all(HALVES)
        # One code for all NaN, whatever their sign and payload are.
        codes[np.isnan(HALVES)] = 0
        starts = np.concatenate([[0], np.flatnonzero(np.diff(codes)) + 1, [65536]])
        file.write(struct.pack("<H", len(starts) - 1))
        for start, end in zip(starts, starts[1:]):
            file.write(struct.pack("<BH", codes[start], end - start - 1))
        file.write(encode_all(SCATTERED).tobytes())
        points = inputs(values)
        file.write(struct.pack("<H", len(points)) + points.astype("<f4").tobytes())
        file.write(encode_all(points).tobytes())
