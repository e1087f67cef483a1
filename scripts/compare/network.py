"""A network of this package in PyTorch: description and weights from its safetensors file."""

import json
import struct

import numpy as np
import torch
from torch import Tensor, nn


class KWTA(nn.Module):
    """
    Keeps the k largest values of its sample: what reaches the k-th, by topk, but of values equal to it (a plain background
    makes many) only the first, unless the description has them kept.
    """

    def __init__(self, spec: dict):
        super().__init__()
        self.spec = spec

    def forward(self, x: Tensor) -> Tensor:
        values = x.flatten(1)
        n = values.shape[1]
        k = self.spec.get('k') or int(round(self.spec['gamma'] * n, 6))
        threshold = values.topk(k, dim=1)[0][:, -1:]
        kept = values >= threshold
        if self.spec.get('ties', 'lowest') == 'lowest':
            rows = (kept.sum(1) > k).nonzero().flatten()
            above = values[rows] > threshold[rows]
            tied = values[rows] == threshold[rows]
            room = k - above.sum(1, keepdim=True)
            kept[rows] = above | (tied & (tied.cumsum(1) <= room))
        return (values * kept.to(x)).view_as(x)


class Residual(nn.Module):
    def __init__(self, main: nn.Module, shortcut: nn.Module):
        super().__init__()
        self.main, self.shortcut = main, shortcut

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x) + self.shortcut(x)


class GlobalAverage(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


class Reader:
    """Builds modules in the order of the description; each takes the next parameters of the file."""

    def __init__(self, weights: dict):
        self.names = iter(weights)
        self.weights = weights

    def take(self, suffix: str) -> Tensor:
        name = next(self.names)
        assert name.endswith(suffix), f'expected {suffix}, got {name}'
        return self.weights[name]

    def sequential(self, layers: list) -> nn.Sequential:
        return nn.Sequential(*[self.layer(spec) for spec in layers])

    def layer(self, spec: dict) -> nn.Module:
        kind = spec['type']
        if kind == 'sequential':
            return self.sequential(spec['layers'])
        if kind == 'residual':
            return Residual(self.sequential(spec['main']), self.sequential(spec['shortcut']))
        if kind == 'kwta':
            return KWTA(spec)
        if kind in ('conv2d', 'linear'):
            weight = self.take('.weight')
            bias = self.take('.bias') if spec.get('bias', True) else None
            if kind == 'linear':
                module = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
            else:
                out, inside, height, width = weight.shape
                module = nn.Conv2d(inside, out, (height, width), spec['stride'], spec['padding'], bias=bias is not None)
            module.weight.data = weight
            if bias is not None:
                module.bias.data = bias
            return module
        if kind == 'batchNorm2d':
            weight, bias = self.take('.weight'), self.take('.bias')
            module = nn.BatchNorm2d(len(weight), eps=spec['eps'])
            module.weight.data, module.bias.data = weight, bias
            module.running_mean, module.running_var = self.take('.running_mean'), self.take('.running_var')
            return module
        simple = {'relu': nn.ReLU, 'flatten': nn.Flatten, 'globalAvgPool2d': GlobalAverage}
        return simple[kind]()


def load(path: str) -> nn.Module:
    with open(path, 'rb') as file:
        (length,) = struct.unpack('<Q', file.read(8))
        header = json.loads(file.read(length))
        body = file.read()
    spec = json.loads(header.pop('__metadata__')['kwta.model'])
    order = sorted(header.items(), key=lambda item: item[1]['data_offsets'])
    weights = {}
    for name, entry in order:
        begin, end = entry['data_offsets']
        values = np.frombuffer(body[begin:end], np.float32).reshape(entry['shape'])
        weights[name] = torch.from_numpy(values.copy())
    return Reader(weights).sequential(spec['layers']).eval().requires_grad_(False)


def images(path: str, labels: str, samples: int) -> tuple[Tensor, Tensor]:
    """Little-endian float32 pixels, and JSON with `shape` and `labels`."""
    with open(labels) as file:
        known = json.load(file)
    x = torch.from_numpy(np.fromfile(path, np.float32)).view(*known['shape'])[:samples]
    return x, torch.tensor(known['labels'][:samples])
