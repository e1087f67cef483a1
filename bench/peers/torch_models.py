"""The networks of the benchmarks in PyTorch, with ReLU or with k-WTA by torch.topk's threshold."""

from torch import Tensor, nn

from protocol import Spec


class KWTA(nn.Module):
    """Keeps what reaches the k-th largest value of its sample, as k-WTA is commonly written for PyTorch."""

    def __init__(self, gamma: float):
        super().__init__()
        self.gamma = gamma

    def forward(self, x: Tensor) -> Tensor:
        k = int(self.gamma * x[0].numel())
        threshold = x.flatten(1).topk(k, dim=1)[0][:, -1]
        return x * (x >= threshold.view(-1, 1, 1, 1)).to(x)


class GlobalAverage(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


def activation(spec: Spec) -> nn.Module:
    return nn.ReLU() if spec['activation'] == 'relu' else KWTA(spec['gamma'])


def small_cnn(spec: Spec) -> nn.Module:
    layers: list = []
    channels = spec['channels']
    for factor, stride in [(1, 1), (2, 2), (4, 2)]:
        out = factor * spec['base']
        layers += [nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), activation(spec)]
        channels = out
    return nn.Sequential(*layers, GlobalAverage(), nn.Linear(channels, 10))


class Block(nn.Module):
    """Activation after bn1 and after the residual add."""

    def __init__(self, spec: Spec, channels: int, out: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        else:
            self.downsample = nn.Identity()
        self.activation = activation(spec)

    def forward(self, x: Tensor) -> Tensor:
        y = self.activation(self.bn1(self.conv1(x)))
        return self.activation(self.bn2(self.conv2(y)) + self.downsample(x))


class ResNet18(nn.Module):
    """For 32x32 images; ReLU after the stem."""

    def __init__(self, spec: Spec):
        super().__init__()
        base = spec['base']
        self.conv1 = nn.Conv2d(spec['channels'], base, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(base)
        channels = base
        for i in range(4):
            out, stride = base * 2**i, 1 if i == 0 else 2
            stage = nn.Sequential(Block(spec, channels, out, stride), Block(spec, out, out, 1))
            self.add_module(f'layer{i + 1}', stage)
            channels = out
        self.fc = nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn1(self.conv1(x)).relu()
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            y = stage(y)
        return self.fc(y.mean(dim=(2, 3)))


def network(spec: Spec) -> nn.Module:
    if spec['network'] == 'smallCnn':
        return small_cnn(spec)
    if spec['network'] == 'resNet18':
        return ResNet18(spec)
    # Needs torchvision, which the other suites do without.
    import torch_zoo

    return torch_zoo.network(spec, lambda: activation(spec))
