"""Ready-made models in PyTorch: the modules of scripts/fixtures/zoo.py at full width, with the activation of the benchmarks."""

import sys
from pathlib import Path

from torch import nn
from torchvision.models import resnet34

sys.path.append(str(Path(__file__).parents[2] / 'scripts/fixtures'))
import zoo  # noqa: E402


def network(spec: dict, make_activation) -> nn.Module:
    base, classes = spec['base'], 10
    if spec['network'] == 'resNet34':
        module = zoo.res_net(resnet34, True, factor=64 // base, classes=classes)
    elif spec['network'] == 'denseNet121':
        module = zoo.dense_net(True, growth=base, blocks=(6, 12, 24, 16), classes=classes)
    elif spec['network'] == 'alexNet':
        module = zoo.with_activation(zoo.CifarAlexNet(factor=64 // base, classes=classes), ())
    else:
        module = zoo.with_activation(zoo.WideResNet(16, 2, base, classes), ())
    for path, layer in list(module.named_modules()):
        if isinstance(layer, zoo.KWTA):
            zoo.replace(module, path, make_activation())
    return module
