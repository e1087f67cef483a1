"""What a comparison asks for: command line, network, images, who counts as left, and how far away adversarials are."""

import argparse
import json
import time
from typing import Callable

import torch
from torch import Tensor, nn

import network

ORDERS = {'linf': float('inf'), 'l2': 2, 'l1': 1, 'l0': 0}


class Task:
    """The network on which images are attacked, within epsilon of a norm."""

    def __init__(self, about: str):
        parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
        for name in ('model', 'x', 'y'):
            parser.add_argument(name)
        parser.add_argument('--samples', type=int, default=256)
        parser.add_argument('--norm', default='linf', choices=ORDERS)
        parser.add_argument('--epsilon', type=float, default=0.1)
        parser.add_argument('--queries', type=int, default=5000)
        parser.add_argument('--attacks', required=True)
        parser.add_argument('--seed', type=int, default=0)
        parser.add_argument('--device', default='cpu')
        parser.add_argument('--threads', type=int)
        options = parser.parse_args()
        if options.threads:
            torch.set_num_threads(options.threads)
        self.norm: str = options.norm
        self.epsilon: float = options.epsilon
        self.queries: int = options.queries
        self.seed: int = options.seed
        self.device: str = options.device
        self.names: list[str] = options.attacks.split(',')
        self.model: nn.Module = network.load(options.model).to(self.device)
        images = network.images(options.x, options.y, options.samples)
        self.x, self.y = (part.to(self.device) for part in images)
        self.classes: int = self.model(self.x[:1]).shape[1]

    @torch.no_grad()
    def right(self, x: Tensor) -> Tensor:
        parts = zip(x.split(256), self.y.split(256))
        return torch.cat([self.model(part).argmax(1) == own for part, own in parts])

    def left(self, found: Tensor) -> list[bool]:
        """Samples the model has right that were not broken within the ball and the box, but for rounding."""
        fair = (self.distances(found) <= self.epsilon * (1 + 1e-4)) & boxed(found)
        return (self.right(self.x) & (self.right(found) | ~fair)).tolist()

    def distances(self, found: Tensor) -> Tensor:
        return (found - self.x).flatten(1).norm(p=ORDERS[self.norm], dim=1)

    def report(self, program: str, attack: str, attacked: Callable[[Tensor, Tensor], Tensor]) -> None:
        """Attacks, and prints what is left as a line of JSON."""
        begun = time.time()
        found = attacked(self.x.clone(), self.y.clone())
        seconds = round(time.time() - begun, 2)
        right = self.left(found.to(self.x))
        tell(program, attack=attack, left=sum(right) / len(right), seconds=seconds, right=right)


    def report_distances(self, program: str, attack: str, attacked: Callable[[Tensor, Tensor], Tensor]) -> None:
        """Attacks the samples that the model has right, and prints how far each is moved; null where that fails."""
        open = self.right(self.x)
        begun = time.time()
        found = self.x.clone()
        found[open] = attacked(self.x[open].clone(), self.y[open].clone()).to(self.x)
        seconds = round(time.time() - begun, 2)
        broken = ~self.right(found) & boxed(found)
        distances = [d if good else None for d, good in zip(self.distances(found).tolist(), broken.tolist())]
        tell(program, attack=attack, distances=distances, seconds=seconds)


def boxed(found: Tensor) -> Tensor:
    """Who is in the box, but for rounding."""
    pixels = found.flatten(1)
    return (pixels.amin(1) >= -1e-6) & (pixels.amax(1) <= 1 + 1e-6)


def tell(program: str, **what) -> None:
    print(json.dumps({'program': program, **what}), flush=True)
