"""Whole steps of networks in PyTorch."""

import torch
import torch.nn.functional as F
from torch import nn

from protocol import Spec, Variant
from torch_models import network


def load(spec: Spec) -> nn.Module:
    """The network with the weights of the task."""
    model = network(spec)
    model.load_state_dict(
        {
            name: torch.tensor(0) if value.dim() == 0 else torch.from_numpy(spec.array(name, *value.shape))
            for name, value in model.state_dict().items()
        }
    )
    return model


def step(spec: Spec) -> dict:
    labels = torch.from_numpy(spec.array('labels', spec['batch'])).long()

    def variant(layout: torch.memory_format) -> Variant:
        model = load(spec).to(memory_format=layout)
        x = torch.from_numpy(spec.array('x', spec['batch'], spec['channels'], spec['height'], spec['width']))
        x = x.contiguous(memory_format=layout)
        return {'inference': inference, 'inputGradient': attack, 'training': training}[spec['what']](model, x, labels)

    return {'NCHW': variant(torch.contiguous_format), 'channels-last': variant(torch.channels_last)}


def inference(model: nn.Module, x: torch.Tensor, labels: torch.Tensor) -> Variant:
    model.eval()

    def run():
        with torch.no_grad():
            return model(x)

    return Variant(run, lambda logits: logits.numpy())


def attack(model: nn.Module, x: torch.Tensor, labels: torch.Tensor) -> Variant:
    """One step of PGD: gradient of the per-sample losses, sign, projection, clipping."""
    model.eval().requires_grad_(False)
    epsilon, step_size = 0.1, 0.02

    def run():
        leaf = x.detach().requires_grad_()
        loss = F.cross_entropy(model(leaf), labels, reduction='sum')
        gradient = torch.autograd.grad(loss, leaf)[0]
        moved = (x + step_size * gradient.sign()).clamp(x - epsilon, x + epsilon).clamp(0, 1)
        return gradient, moved

    return Variant(run, lambda result: result[0].contiguous().numpy())


def training(model: nn.Module, x: torch.Tensor, labels: torch.Tensor) -> Variant:
    """One step of SGD; its result are the loss and the gradients, in the order of the parameters."""
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

    def run():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    def output(loss: torch.Tensor):
        return torch.cat([loss.reshape(1), *(value.grad.reshape(-1) for value in model.parameters())]).numpy()

    return Variant(run, output)
