"""A language model of the Llama architecture, parameters named as in its checkpoints."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Shape:
    """Sizes of the model; the embedding is the output projection too."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    keyHeads: int
    mlp: int
    theta: float = 10000.0
    epsilon: float = 1e-5


class Attention(nn.Module):
    """Causal attention with grouped queries and half-split rotary positions."""

    def __init__(self, shape):
        super().__init__()
        self.heads, self.keyHeads = shape.heads, shape.keyHeads
        self.size = shape.width // shape.heads
        self.q_proj = nn.Linear(shape.width, shape.heads * self.size, bias=False)
        self.k_proj = nn.Linear(shape.width, shape.keyHeads * self.size, bias=False)
        self.v_proj = nn.Linear(shape.width, shape.keyHeads * self.size, bias=False)
        self.o_proj = nn.Linear(shape.heads * self.size, shape.width, bias=False)

    def forward(self, x, cosine, sine):
        batch, length, _ = x.shape
        q = self.q_proj(x).view(batch, length, self.heads, self.size).transpose(1, 2)
        k = self.k_proj(x).view(batch, length, self.keyHeads, self.size).transpose(1, 2)
        v = self.v_proj(x).view(batch, length, self.keyHeads, self.size).transpose(1, 2)
        q, k = turned(q, cosine, sine), turned(k, cosine, sine)
        if self.keyHeads != self.heads:
            k = k.repeat_interleave(self.heads // self.keyHeads, 1)
            v = v.repeat_interleave(self.heads // self.keyHeads, 1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(y.transpose(1, 2).reshape(batch, length, -1))


def turned(x, cosine, sine):
    a, b = x.chunk(2, -1)
    return x * cosine + torch.cat([-b, a], -1) * sine


class Feedforward(nn.Module):
    """SwiGLU."""

    def __init__(self, shape):
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.mlp, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.mlp, bias=False)
        self.down_proj = nn.Linear(shape.mlp, shape.width, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    """Attention and feedforward, each on a normalized copy and added back."""

    def __init__(self, shape):
        super().__init__()
        self.input_layernorm = nn.RMSNorm(shape.width, shape.epsilon)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = nn.RMSNorm(shape.width, shape.epsilon)
        self.mlp = Feedforward(shape)

    def forward(self, x, cosine, sine):
        x = x + self.self_attn(self.input_layernorm(x), cosine, sine)
        return x + self.mlp(self.post_attention_layernorm(x))


class Trunk(nn.Module):
    """Embedding, blocks and final norm: the `model.` part of a checkpoint."""

    def __init__(self, shape):
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, shape.epsilon)


class Language(nn.Module):
    """Mean cross-entropy of the next token."""

    def __init__(self, shape, length):
        super().__init__()
        self.model = Trunk(shape)
        half = shape.width // shape.heads // 2
        turn = torch.arange(length, dtype=torch.float64)[:, None] * shape.theta ** (
            -torch.arange(half, dtype=torch.float64) / half)
        turn = torch.cat([turn, turn], -1)
        # Computed in float64 and rounded once.
        kind = torch.get_default_dtype()
        self.register_buffer("cosine", turn.cos().to(kind), persistent=False)
        self.register_buffer("sine", turn.sin().to(kind), persistent=False)

    def forward(self, ids, targets):
        x = self.model.embed_tokens(ids)
        for block in self.model.layers:
            x = block(x, self.cosine, self.sine)
        logits = F.linear(self.model.norm(x), self.model.embed_tokens.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def rate(step, steps, peak, warmup, floor):
    """Learning rate of a step: linear to the peak, then half a cosine down to the floor."""
    if step < warmup:
        return peak * (step + 1) / warmup
    share = (step - warmup) / max(1, steps - warmup)
    return floor + (peak - floor) * (1 + math.cos(math.pi * share)) / 2
