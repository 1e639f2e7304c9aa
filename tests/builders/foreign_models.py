"""Models in the manner of public repositories: restorers, detectors, transformers.

Each takes N×3×H×W in [0, 1]; weights are drawn by ``seeded``. Small, and written anew: what counts
is how such code looks to a tracer.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FSRCNN(nn.Module):
    """Feature extraction, shrinking, mapping, expanding; PReLU throughout, a sub-pixel end."""

    def __init__(self, scale: int = 2, d: int = 20, s: int = 8, m: int = 3) -> None:
        super().__init__()
        self.first_part = nn.Sequential(nn.Conv2d(3, d, 5, padding=5 // 2), nn.PReLU(d))
        mid: list[nn.Module] = [nn.Conv2d(d, s, 1), nn.PReLU(s)]
        for _ in range(m):
            mid += [nn.Conv2d(s, s, 3, padding=3 // 2), nn.PReLU(s)]
        mid += [nn.Conv2d(s, d, 1), nn.PReLU(d)]
        self.mid_part = nn.Sequential(*mid)
        self.last_part = nn.Sequential(
            nn.Conv2d(d, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.last_part(self.mid_part(self.first_part(x)))


class LayerNorm2d(nn.Module):
    """Normalizes channels by mean and power, weights as vectors."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        _, C, _, _ = x.size()
        mu = x.mean(1, keepdim=True)
        var = (x - mu).pow(2).mean(1, keepdim=True)
        y = (x - mu) / (var + self.eps).sqrt()
        return self.weight.view(1, C, 1, 1) * y + self.bias.view(1, C, 1, 1)


class SimpleGate(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        x1, x2 = x.chunk(2, dim=1)
        return x1 * x2


class NAFBlock(nn.Module):
    """Depthwise conv, simple gate, simplified channel attention, and a gated feed-forward part."""

    def __init__(self, c: int) -> None:
        super().__init__()
        dw = c * 2
        self.conv1, self.conv2 = nn.Conv2d(c, dw, 1), nn.Conv2d(dw, dw, 3, 1, 1, groups=dw)
        self.conv3 = nn.Conv2d(dw // 2, c, 1)
        self.sca = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(dw // 2, dw // 2, 1))
        self.sg = SimpleGate()
        self.conv4, self.conv5 = nn.Conv2d(c, 2 * c, 1), nn.Conv2d(c, c, 1)
        self.norm1, self.norm2 = LayerNorm2d(c), LayerNorm2d(c)
        self.beta = nn.Parameter(torch.ones((1, c, 1, 1)))
        self.gamma = nn.Parameter(torch.ones((1, c, 1, 1)))

    def forward(self, inp: Tensor) -> Tensor:
        x = self.sg(self.conv2(self.conv1(self.norm1(inp))))
        x = x * self.sca(x)
        y = inp + self.conv3(x) * self.beta
        x = self.conv5(self.sg(self.conv4(self.norm2(y))))
        return y + x * self.gamma


class NAFNet(nn.Module):
    """An encoder and a decoder of one level each; pads to whole cells and cuts again."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.intro, self.ending = nn.Conv2d(3, width, 3, 1, 1), nn.Conv2d(width, 3, 3, 1, 1)
        self.encoder, self.middle = NAFBlock(width), NAFBlock(2 * width)
        self.decoder = NAFBlock(width)
        self.down = nn.Conv2d(width, 2 * width, 2, 2)
        self.up = nn.Sequential(nn.Conv2d(2 * width, 4 * width, 1, bias=False), nn.PixelShuffle(2))
        self.padder_size = 4

    def forward(self, inp: Tensor) -> Tensor:
        _, _, H, W = inp.shape
        inp = self.check_image_size(inp)
        skip = self.encoder(self.intro(inp))
        x = self.up(self.middle(self.down(skip)))
        x = self.ending(self.decoder(x + skip)) + inp
        return x[:, :, :H, :W]

    def check_image_size(self, x: Tensor) -> Tensor:
        _, _, h, w = x.size()
        mod_pad_h = (self.padder_size - h % self.padder_size) % self.padder_size
        mod_pad_w = (self.padder_size - w % self.padder_size) % self.padder_size
        return F.pad(x, (0, mod_pad_w, 0, mod_pad_h))


class Conv(nn.Module):
    """Convolution, batch norm, SiLU, padded to keep the size."""

    def __init__(self, c1: int, c2: int, k: int = 1, s: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c1, c2, k, s, k // 2, bias=False)
        self.bn, self.act = nn.BatchNorm2d(c2), nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    def __init__(self, c: int, shortcut: bool = True) -> None:
        super().__init__()
        self.cv1, self.cv2, self.add = Conv(c, c, 3), Conv(c, c, 3), shortcut

    def forward(self, x: Tensor) -> Tensor:
        return x + self.cv2(self.cv1(x)) if self.add else self.cv2(self.cv1(x))


class C2f(nn.Module):
    """Two halves of the channels; one goes through bottlenecks, all their results are joined."""

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = False) -> None:
        super().__init__()
        self.c = c2 // 2
        self.cv1, self.cv2 = Conv(c1, 2 * self.c), Conv((2 + n) * self.c, c2)
        self.m = nn.ModuleList(Bottleneck(self.c, shortcut) for _ in range(n))

    def forward(self, x: Tensor) -> Tensor:
        y = list(self.cv1(x).chunk(2, 1))
        y.extend(m(y[-1]) for m in self.m)
        return self.cv2(torch.cat(y, 1))


class C2fSplit(C2f):
    """The same, cut by sizes."""

    def forward(self, x: Tensor) -> Tensor:
        y = list(self.cv1(x).split((self.c, self.c), 1))
        y.extend(m(y[-1]) for m in self.m)
        return self.cv2(torch.cat(y, 1))


class SPPF(nn.Module):
    def __init__(self, c: int, k: int = 5) -> None:
        super().__init__()
        self.cv1, self.cv2 = Conv(c, c // 2), Conv(c * 2, c)
        self.m = nn.MaxPool2d(kernel_size=k, stride=1, padding=k // 2)

    def forward(self, x: Tensor) -> Tensor:
        y = [self.cv1(x)]
        y.extend(self.m(y[-1]) for _ in range(3))
        return self.cv2(torch.cat(y, 1))


class C2fDetector(nn.Module):
    """Two scales, joined from above; boxes as expectations over bins, and class scores."""

    def __init__(self, nc: int = 4, reg_max: int = 4) -> None:
        super().__init__()
        self.nc, self.reg_max = nc, reg_max
        self.stem, self.one = Conv(3, 8, 3, 2), C2fSplit(8, 16, 1, True)
        self.two = nn.Sequential(Conv(16, 24, 3, 2), C2f(24, 24, 2, True), SPPF(24))
        self.up, self.join = nn.Upsample(scale_factor=2, mode="nearest"), C2f(40, 16)
        self.heads = nn.ModuleList(nn.Conv2d(c, 4 * reg_max + nc, 1) for c in (16, 24))
        self.register_buffer("bins", torch.arange(reg_max, dtype=torch.float))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        one = self.one(self.stem(x))
        two = self.two(one)
        one = self.join(torch.cat((self.up(two), one), 1))
        shape = (x.shape[0], 4 * self.reg_max + self.nc, -1)
        maps = [head(y).view(shape) for head, y in zip(self.heads, (one, two), strict=True)]
        box, cls = torch.cat(maps, 2).split((4 * self.reg_max, self.nc), 1)
        b, _, a = box.shape
        spread = box.view(b, 4, self.reg_max, a).transpose(2, 1).softmax(1)
        return (spread * self.bins.view(1, -1, 1, 1)).sum(1), cls.sigmoid()


class C2fClassifier(nn.Module):
    def __init__(self, nc: int = 4) -> None:
        super().__init__()
        self.model = nn.Sequential(
            Conv(3, 8, 3, 2), C2f(8, 16, 1, True), Conv(16, 24, 3, 2), C2f(24, 24, 1, True)
        )
        self.conv, self.pool = Conv(24, 48), nn.AdaptiveAvgPool2d(1)
        self.drop, self.linear = nn.Dropout(p=0.0, inplace=True), nn.Linear(48, nc)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.drop(self.pool(self.conv(self.model(x))).flatten(1)))


def window_partition(x: Tensor, window_size: int) -> Tensor:
    """(B, H, W, C) → (windows·B, window, window, C)."""
    B, H, W, C = x.shape
    x = x.view(B, H // window_size, window_size, W // window_size, window_size, C)
    return x.permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, window_size, window_size, C)


def window_reverse(windows: Tensor, window_size: int, H: int, W: int) -> Tensor:
    """(windows·B, window, window, C) → (B, H, W, C)."""
    B = int(windows.shape[0] / (H * W / window_size / window_size))
    x = windows.view(B, H // window_size, W // window_size, window_size, window_size, -1)
    return x.permute(0, 1, 3, 2, 4, 5).contiguous().view(B, H, W, -1)


class WindowAttention(nn.Module):
    """Heads of softmax attention in windows, with a bias by relative place."""

    def __init__(self, dim: int, window_size: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads, self.scale = num_heads, (dim // num_heads) ** -0.5
        self.window_size = window_size
        self.relative_position_bias_table = nn.Parameter(
            torch.randn((2 * window_size - 1) ** 2, num_heads) * 0.5
        )
        coords = torch.stack(
            torch.meshgrid(torch.arange(window_size), torch.arange(window_size), indexing="ij")
        ).flatten(1)
        relative = (coords[:, :, None] - coords[:, None, :]).permute(1, 2, 0).contiguous()
        relative[:, :, 0] += window_size - 1
        relative[:, :, 1] += window_size - 1
        relative[:, :, 0] *= 2 * window_size - 1
        self.register_buffer("relative_position_index", relative.sum(-1))
        self.qkv, self.proj = nn.Linear(dim, dim * 3), nn.Linear(dim, dim)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        B_, N, C = x.shape
        qkv = self.qkv(x).reshape(B_, N, 3, self.num_heads, C // self.num_heads)
        qkv = qkv.permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        attn = (q * self.scale) @ k.transpose(-2, -1)
        bias = self.relative_position_bias_table[self.relative_position_index.view(-1)]
        attn = attn + bias.view(N, N, -1).permute(2, 0, 1).contiguous().unsqueeze(0)
        if mask is not None:
            nW = mask.shape[0]
            attn = attn.view(B_ // nW, nW, self.num_heads, N, N) + mask.unsqueeze(1).unsqueeze(0)
            attn = attn.view(-1, self.num_heads, N, N)
        x = (attn.softmax(dim=-1) @ v).transpose(1, 2).reshape(B_, N, C)
        return self.proj(x)


class SwinLayer(nn.Module):
    """Window attention, shifted by half a window or not, and a feed-forward part; B×HW×C."""

    def __init__(self, dim: int, window_size: int, shift_size: int) -> None:
        super().__init__()
        self.window_size, self.shift_size = window_size, shift_size
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = WindowAttention(dim, window_size, 2)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def calculate_mask(self, H: int, W: int) -> Tensor:
        img_mask = torch.zeros((1, H, W, 1))
        slices = (
            slice(0, -self.window_size),
            slice(-self.window_size, -self.shift_size),
            slice(-self.shift_size, None),
        )
        cnt = 0
        for h in slices:
            for w in slices:
                img_mask[:, h, w, :] = cnt
                cnt += 1
        windows = window_partition(img_mask, self.window_size).view(-1, self.window_size**2)
        attn_mask = windows.unsqueeze(1) - windows.unsqueeze(2)
        return attn_mask.masked_fill(attn_mask != 0, -100.0).masked_fill(attn_mask == 0, 0.0)

    def forward(self, x: Tensor, x_size: tuple[int, int]) -> Tensor:
        H, W = x_size
        B, _, C = x.shape
        shortcut, size, shift = x, self.window_size, self.shift_size
        x = self.norm1(x).view(B, H, W, C)
        if shift > 0:
            x = torch.roll(x, shifts=(-shift, -shift), dims=(1, 2))
        windows = window_partition(x, size).view(-1, size * size, C)
        windows = self.attn(windows, self.calculate_mask(H, W).to(x.device) if shift > 0 else None)
        x = window_reverse(windows.view(-1, size, size, C), size, H, W)
        if shift > 0:
            x = torch.roll(x, shifts=(shift, shift), dims=(1, 2))
        x = shortcut + x.view(B, H * W, C)
        return x + self.mlp(self.norm2(x))


class SwinUpscaler(nn.Module):
    """Shallow and deep features, window attention between them, a pixel shuffle at the end."""

    def __init__(self, dim: int = 12, window_size: int = 4) -> None:
        super().__init__()
        self.window_size = window_size
        self.conv_first = nn.Conv2d(3, dim, 3, 1, 1)
        self.layers = nn.ModuleList(
            SwinLayer(dim, window_size, shift) for shift in (0, window_size // 2)
        )
        self.norm, self.conv_after_body = nn.LayerNorm(dim), nn.Conv2d(dim, dim, 3, 1, 1)
        self.upsample = nn.Sequential(nn.Conv2d(dim, 12, 3, 1, 1), nn.PixelShuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        H, W = x.shape[2:]
        pad_h, pad_w = -H % self.window_size, -W % self.window_size
        x = F.pad(x, (0, pad_w, 0, pad_h), "reflect")
        first = self.conv_first(x)
        x_size = (first.shape[2], first.shape[3])
        y = first.flatten(2).transpose(1, 2)
        for layer in self.layers:
            y = layer(y, x_size)
        y = self.norm(y).transpose(1, 2).view(first.shape[0], -1, *x_size)
        y = self.upsample(self.conv_after_body(y) + first)
        return y[:, :, : H * 2, : W * 2]


class ResnetBlock(nn.Module):
    """Group norm, swish, convolution, twice; with a 1×1 shortcut."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(4, in_channels, eps=1e-6, affine=True)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, 1, 1)
        self.norm2 = nn.GroupNorm(4, out_channels, eps=1e-6, affine=True)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1)
        self.nin_shortcut = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm1(x)
        h = self.conv1(h * torch.sigmoid(h))
        h = self.norm2(h)
        h = self.conv2(h * torch.sigmoid(h))
        return self.nin_shortcut(x) + h


class AttnBlock(nn.Module):
    """Attention over all places of a map, by batched products."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(4, c, eps=1e-6)
        self.q, self.k, self.v = (nn.Conv2d(c, c, 1) for _ in range(3))
        self.proj_out = nn.Conv2d(c, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        q, k, v = self.q(h), self.k(h), self.v(h)
        b, c, height, width = q.shape
        q = q.reshape(b, c, height * width).permute(0, 2, 1)
        w = torch.bmm(q, k.reshape(b, c, height * width)) * c**-0.5
        w = F.softmax(w, dim=2).permute(0, 2, 1)
        h = torch.bmm(v.reshape(b, c, height * width), w).reshape(b, c, height, width)
        return x + self.proj_out(h)


class GroupNormAutoencoder(nn.Module):
    """Strided down with a one-sided pad, attention in the middle, nearest up."""

    def __init__(self, ch: int = 8) -> None:
        super().__init__()
        self.conv_in, self.down = nn.Conv2d(3, ch, 3, 1, 1), nn.Conv2d(ch, ch, 3, 2, 0)
        self.block, self.attn = ResnetBlock(ch, 2 * ch), AttnBlock(2 * ch)
        self.up, self.norm_out = ResnetBlock(2 * ch, ch), nn.GroupNorm(4, ch)
        self.conv_out = nn.Conv2d(ch, 3, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.down(F.pad(self.conv_in(x), (0, 1, 0, 1), mode="constant", value=0))
        h = self.attn(self.block(h))
        h = self.up(F.interpolate(h, scale_factor=2.0, mode="nearest"))
        return self.conv_out(F.silu(self.norm_out(h)))


class VisionTransformer(nn.Module):
    """Patches, a class token, positions, pre-norm blocks; logits of the class token."""

    def __init__(self, nc: int = 4, dim: int = 24, depth: int = 2, side: int = 8) -> None:
        super().__init__()
        self.patch_embed = nn.Conv2d(3, dim, 8, 8)
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim) * 0.1)
        self.pos_embed = nn.Parameter(torch.randn(1, side * side // 4 + 1, dim) * 0.1)
        self.blocks = nn.ModuleList(TransformerBlock(dim) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(dim, eps=1e-6), nn.Linear(dim, nc)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.expand(x.shape[0], -1, -1), x), dim=1)
        x = x + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class TransformerBlock(nn.Module):
    def __init__(self, dim: int, num_heads: int = 3) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.fc1, self.act, self.fc2 = nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        B, N, C = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(B, N, 3, self.num_heads, C // self.num_heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v)
        x = x + self.proj(y.transpose(1, 2).reshape(B, N, C))
        return x + self.fc2(self.act(self.fc1(self.norm2(x))))


class TwoInputs(nn.Module):
    """A picture and a map of its noise, each through a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.picture, self.noise = nn.Conv2d(3, 4, 3), nn.Conv2d(1, 4, 3)

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self.picture(x) + self.noise(sigma)


class Stripes:
    """A small task: which of four ways stripes run, under noise, in any color and phase.

    Args:
        seed: seed of all draws.
        size: side of the pictures in pixels.
    """

    def __init__(self, seed: int, size: int = 32) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        axis = torch.arange(size) / size
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        self._ways = torch.stack((x, y, (x + y) / math.sqrt(2), (x - y) / math.sqrt(2)))

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """Pictures [count, 3, size, size] in [0, 1] and classes int64 [count]."""
        generator = self._generator
        classes = torch.randint(4, (count,), generator=generator)
        phase, waves, colors, noise = (
            torch.rand(shape, generator=generator)
            for shape in ((count, 1, 1, 1), (count, 1, 1, 1), (count, 3, 1, 1), (1,))
        )
        angle = 2 * math.pi * (self._ways[classes][:, None] * (3 + 3 * waves) + phase)
        pictures = 0.5 + 0.3 * torch.sin(angle) * (0.3 + 0.7 * colors)
        grain = torch.randn(pictures.shape, generator=generator) * (0.02 + 0.03 * noise)
        return (pictures + grain).clamp(0, 1), classes
