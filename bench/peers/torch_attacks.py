"""Attacks on whole networks in PyTorch, all samples of a batch together."""

import torch
import torch.nn.functional as F

from protocol import Spec, Variant
from torch_steps import load


def attack(spec: Spec) -> dict:
    n = spec['batch']
    labels = torch.from_numpy(spec.array('labels', n)).long()

    def variant(layout: torch.memory_format) -> Variant:
        model = load(spec).to(memory_format=layout).eval().requires_grad_(False)
        x = torch.from_numpy(spec.array('x', n, spec['channels'], spec['height'], spec['width']))
        x = x.contiguous(memory_format=layout)
        run = {'pgd': pgd, 'estimatedGradient': estimated_gradient}[spec['attack']]
        return Variant(lambda: run(model, x, labels, spec), lambda moved: moved.contiguous().numpy())

    return {'NCHW': variant(torch.contiguous_format), 'channels-last': variant(torch.channels_last)}


def step(moved: torch.Tensor, x: torch.Tensor, gradient: torch.Tensor, spec: Spec) -> torch.Tensor:
    size = 2.5 * spec['epsilon'] / spec['steps']
    moved = moved + size * gradient.sign()
    return moved.clamp(x - spec['epsilon'], x + spec['epsilon']).clamp(0, 1)


def pgd(model, x: torch.Tensor, labels: torch.Tensor, spec: Spec) -> torch.Tensor:
    moved = x
    for _ in range(spec['steps']):
        leaf = moved.detach().requires_grad_()
        loss = F.cross_entropy(model(leaf), labels, reduction='sum')
        moved = step(moved, x, torch.autograd.grad(loss, leaf)[0], spec)
    return moved


@torch.no_grad()
def estimated_gradient(model, x: torch.Tensor, labels: torch.Tensor, spec: Spec) -> torch.Tensor:
    """Antithetic Gaussian sampling on the margin, sample by sample: its queries fill a batch."""
    sigma, pairs = 8 / 255, spec['queries'] // 2
    moved = x.clone()
    for _ in range(spec['steps']):
        for i, label in enumerate(labels.tolist()):
            noise = torch.randn(pairs, *x.shape[1:])
            logits = model(torch.cat([moved[i] + sigma * noise, moved[i] - sigma * noise]))
            own = logits[:, label].clone()
            logits[:, label] = -torch.inf
            margin = logits.max(1)[0] - own
            difference = (margin[:pairs] - margin[pairs:]).view(-1, 1, 1, 1)
            gradient = (difference * noise).mean(0) / (2 * sigma)
            moved[i] = step(moved[i], x[i], gradient, spec)
        model(moved)
    return moved
