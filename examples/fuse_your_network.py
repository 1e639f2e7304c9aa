"""Fuse a network of your own, written with plain torch.nn, and read the certificate.

python examples/fuse_your_network.py
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

import edge_sdk


class Block(nn.Module):
    """Three branches and an identity, as RepVGG has them, and a pair that is linear throughout."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.wide = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        self.narrow = nn.Conv2d(channels, channels, 1)
        self.deep = nn.Sequential(
            nn.Conv2d(channels, 4 * channels, 3, padding=1, bias=False),
            nn.Conv2d(4 * channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.wide(x) + self.narrow(x) + self.deep(x) + x)


def main() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), Block(16), Block(16)).eval()
    example = torch.rand(1, 3, 48, 48)
    fused, certificate = edge_sdk.fuse(network, example)

    for region in certificate.regions:
        print(f"{region.name}: {region.branches} branches in one kernel of {region.kernel}")
    for refusal in certificate.refusals:
        print(f"{refusal.name} apart: {refusal.reason}")
    print(
        f"{certificate.parameters_before} → {certificate.parameters_after} parameters, "
        f"{certificate.macs_before / 1e6:.1f} → {certificate.macs_after / 1e6:.1f} million MACs"
    )
    print("compared on", ", ".join(certificate.probes))
    print(f"largest error in float64: {certificate.error_float64:.1e} of the RMS output")
    agreement = edge_sdk.agreement_db(network, fused, [example], clip=False)
    print(f"the same output: {agreement:.0f} dB")


if __name__ == "__main__":
    main()
