"""Losses of a discriminator D and of what it judges, on its logits z = D(x).

The document's L_GAN = −Σ log D(I_t, G(I_s)) adds the verdicts on the true and on the made picture,
both through a logarithm. Its pair lists what is judged, one picture at a time; the term of the true
picture does not depend on G, so that for G there is −log σ(z) of what G made. Everything is written
by softplus, log(1 + eᶻ), since −log σ(z) = softplus(−z) stays finite where σ(z) rounds to 0; sums
are means, so that a factor means the same for any batch and size.

With ``relativistic`` z is taken less the mean of the logits of the other kind (relativistic average
GAN, Jolicoeur-Martineau 2018), and then both terms depend on G.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import softplus


def discriminator_loss(real: Tensor, made: Tensor, *, relativistic: bool = False) -> Tensor:
    """Binary cross-entropy of the discriminator: true pictures are 1, made ones 0.

    Args:
        real: float, logits of true pictures.
        made: float, logits of made ones.
        relativistic: see the module.

    Returns:
        Float [], mean over the logits of both kinds, added: 2·log 2 where it knows nothing.

    Example:
        >>> import torch
        >>> from edge_sdk.training.adversarial.losses import discriminator_loss
        >>> f"{discriminator_loss(torch.zeros(4), torch.zeros(4)):.4f}"
        '1.3863'
    """
    if relativistic:
        real, made = real - made.mean(), made - real.mean()
    return softplus(-real).mean() + softplus(made).mean()


def generator_loss(made: Tensor, real: Tensor | None = None) -> Tensor:
    """L_GAN for what makes pictures: small where they are taken for true ones.

    Args:
        made: float, logits of made pictures.
        real: logits of true ones, for the relativistic form.

    Returns:
        Float [], −log σ of the logits, mean; of both kinds, added, if relativistic.

    Example:
        >>> import torch
        >>> from edge_sdk.training.adversarial.losses import generator_loss
        >>> f"{generator_loss(torch.tensor([2.0, -1.0])):.4f}"
        '0.7201'
    """
    if real is None:
        return softplus(-made).mean()
    return softplus(real - made.mean()).mean() + softplus(-(made - real.mean())).mean()


def feature_loss(real: Sequence[Tensor], made: Sequence[Tensor]) -> Tensor:
    """Mean absolute difference of features, averaged over layers; those of ``real`` are fixed."""
    each = [(one.detach() - other).abs().mean() for one, other in zip(real, made, strict=True)]
    return torch.stack(each).mean()
