"""Ready-made models in PyTorch: the modules of scripts/fixtures/zoo.py at full width, with the activation of the benchmarks."""

import sys
from pathlib import Path

from torch import nn
from torchvision.models import resnet34

sys.path.append(str(Path(__file__).parents[2] / 'scripts/fixtures'))
import zoo  # noqa: E402


def network(spec: dict, activation) -> nn.Module:
    base, classes = spec['base'], 10
    shared = {'classes': classes, 'activation': activation}
    if spec['network'] == 'resNet34':
        return zoo.res_net(resnet34, True, factor=64 // base, **shared)
    if spec['network'] == 'denseNet121':
        return zoo.dense_net(True, growth=base, blocks=(6, 12, 24, 16), **shared)
    if spec['network'] == 'alexNet':
        return zoo.with_activation(zoo.CifarAlexNet(factor=64 // base, classes=classes), (), activation)
    return zoo.with_activation(zoo.WideResNet(16, 2, base, classes), (), activation)
