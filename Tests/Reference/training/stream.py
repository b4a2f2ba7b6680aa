"""Batches that a few lines of integer arithmetic make again anywhere.

Word i of seed s is the i-th output of SplitMix64 started at s: with z = s + (i + 1) ·
0x9E3779B97F4A7C15 (all modulo 2⁶⁴), z = (z ^ (z >> 30)) · 0xBF58476D1CE4E5B9, z = (z ^ (z >> 27))
· 0x94D049BB133111EB, the word is z ^ (z >> 31).
"""

import numpy as np

SEQUENCE, ROWS, VOCABULARY, TOKEN_SEED = 64, 8, 256, 20250
IMAGES, SIDE, CLASSES, IMAGE_SEED = 32, 32, 10, 20251
WAVES = [(1, 0), (0, 1), (1, 1), (1, 31), (2, 0), (0, 2), (2, 2), (2, 30), (2, 1), (1, 2)]

TOKENS = """Row r of batch t has 65 tokens from words w(p) = word (t · 8 + r) · 65 + p of seed
20250. Token 0 is w(0) >> 56. With c = (w(p) >> 32) & 15, token p is (5 · token[p - 1] + 17) mod
256 where c < 12; else token[p - 8] where c < 14 and p >= 8; else w(p) >> 56. Inputs are tokens
0..<64, targets tokens 1...64; the loss is the mean cross-entropy over all 512."""

PICTURES = """Image e of batch t is made from words w(j) = word (t · 32 + e) · 385 + j of seed
20251. h = w(0): the pattern is (h >> 32) mod 10, the phase h & 31; the label is the pattern, or (h
>> 48) mod 10 where (h >> 40) & 7 is 0. With (a, b) = waves[pattern] and u = (a · x + b · y +
phase) mod 32, channel c, row y, column x of the image is (8 · |u - 16| - 64 + n - 128) / 64, exact
in float32: n is byte k mod 8, the lowest first, of w(1 + k / 8) for k = (c · 32 + y) · 32 + x. The
layout is [batch, channel, row, column]; the loss is the mean cross-entropy."""


def words(seed, indices):
    """Words of a seed, as uint64."""
    places = indices.astype(np.uint64) + np.uint64(1)
    z = np.uint64(seed) + places * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def tokens(step):
    """Batch `step`, int64 [ROWS, SEQUENCE + 1]."""
    count = SEQUENCE + 1
    start = step * ROWS * count
    drawn = words(TOKEN_SEED, np.arange(start, start + ROWS * count)).reshape(ROWS, count)
    batch = np.zeros((ROWS, count), np.int64)
    for row in range(ROWS):
        for place in range(count):
            word = int(drawn[row, place])
            choice = word >> 32 & 15
            if place == 0:
                batch[row, place] = word >> 56
            elif choice < 12:
                batch[row, place] = (5 * batch[row, place - 1] + 17) % 256
            elif choice < 14 and place >= 8:
                batch[row, place] = batch[row, place - 8]
            else:
                batch[row, place] = word >> 56
    return batch


def pictures(step):
    """Batch `step`: float32 [IMAGES, 3, SIDE, SIDE] and int64 labels [IMAGES]."""
    count = 1 + 3 * SIDE * SIDE // 8
    start = step * IMAGES * count
    drawn = words(IMAGE_SEED, np.arange(start, start + IMAGES * count)).reshape(IMAGES, count)
    noise = np.ascontiguousarray(drawn[:, 1:]).astype("<u8").view(np.uint8)
    noise = noise.reshape(IMAGES, 3, SIDE, SIDE).astype(np.int64)
    images = np.zeros((IMAGES, 3, SIDE, SIDE), np.float32)
    labels = np.zeros(IMAGES, np.int64)
    y, x = np.mgrid[:SIDE, :SIDE]
    for place in range(IMAGES):
        head = int(drawn[place, 0])
        pattern = (head >> 32) % CLASSES
        labels[place] = (head >> 48) % CLASSES if head >> 40 & 7 == 0 else pattern
        a, b = WAVES[pattern]
        wave = 8 * np.abs((a * x + b * y + (head & 31)) % 32 - 16) - 64
        images[place] = (wave + noise[place] - 128) / 64
    return images, labels


def checksum(numbers):
    """Sum of (position + 1) · number over the integers, modulo 2³²."""
    flat = np.asarray(numbers).reshape(-1).astype(np.int64)
    return int(np.sum((np.arange(flat.size) + 1) * flat) % 2**32)
