"""Whole steps of the small CNN in PyTorch, with ReLU or with k-WTA by torch.topk's threshold."""

import torch
import torch.nn.functional as F
from torch import nn

from protocol import Spec, Variant


class KWTA(nn.Module):
    """Keeps what reaches the k-th largest value of its sample, as k-WTA is commonly written for PyTorch."""

    def __init__(self, gamma: float):
        super().__init__()
        self.gamma = gamma

    def forward(self, x):
        k = int(self.gamma * x[0].numel())
        threshold = x.flatten(1).topk(k, dim=1)[0][:, -1]
        return x * (x >= threshold.view(-1, 1, 1, 1)).to(x)


class GlobalAverage(nn.Module):
    def forward(self, x):
        return x.mean(dim=(2, 3))


def small_cnn(spec: Spec) -> nn.Sequential:
    layers: list = []
    channels = 1
    for out, stride in [(16, 1), (32, 2), (64, 2)]:
        activation = nn.ReLU() if spec['activation'] == 'relu' else KWTA(spec['gamma'])
        layers += [nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), activation]
        channels = out
    model = nn.Sequential(*layers, GlobalAverage(), nn.Linear(channels, 10))
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
        model = small_cnn(spec).to(memory_format=layout)
        x = torch.from_numpy(spec.array('x', spec['batch'], 1, 28, 28))
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
    """One step of SGD; its result is the gradients, in the order of the parameters."""
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)

    def run():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        return model

    return Variant(run, lambda model: torch.cat([value.grad.reshape(-1) for value in model.parameters()]).numpy())
