"""
Attacks by decisions of foolbox and adversarial-robustness-toolbox on a network of this package, as they are made by default:
the distance of every image. All get the same number of queries of an image, which the model counts: what counts for an attack is
the closest adversarial that it asked about by then. Images are attacked one by one, for a batch of foolbox shares its steps.

    python decisions.py MODEL.safetensors X.bin Y.json --samples 32 --norm l2 --queries 5000 --attacks hopSkipJump,boundary
"""

import contextlib
import tempfile

import numpy as np
import torch
from torch import Tensor, nn

from peers import Attacks, art_model, foolbox_model, run
from task import ORDERS, Task


# ART's GeoDA asks for a name that NumPy 2 has no more.
np.mat = np.asmatrix


class Spent(Exception):
    """All queries were asked."""


class Meter(nn.Module):
    """The model, asked about one image: keeps the closest adversarial of its first queries, and answers no more."""

    def __init__(self, task: Task):
        super().__init__()
        self.model, self.limit, self.order = task.model, task.queries, ORDERS[task.norm]
        self.left = 0
        self.eval()

    def begin(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y, self.left = x, y, self.limit
        self.found, self.distance = x, float('inf')

    def forward(self, points: Tensor) -> Tensor:
        if self.left == 0:
            raise Spent
        points = points.float()[: self.left]
        self.left -= len(points)
        logits = self.model(points)
        distances = (points - self.x).flatten(1).norm(p=self.order, dim=1)
        distances[logits.argmax(1) == self.y] = float('inf')
        nearest = distances.argmin()
        if distances[nearest] < self.distance:
            self.found, self.distance = points[nearest : nearest + 1].clone(), distances[nearest]
        return logits


def metered(meter: Meter, attack) -> Attacks:
    """Attacks one image after another; one that finds no image to begin at fails."""

    def attacked(x: Tensor, y: Tensor) -> Tensor:
        found = []
        for image, label in zip(x.split(1), y.split(1)):
            meter.begin(image, label)
            # foolbox says by a ValueError that it found nothing to begin at; the last points are not answered in full.
            with contextlib.suppress(Spent, ValueError, IndexError):
                attack(image, label)
            found.append(meter.found)
        return torch.cat(found)

    return attacked


def of_foolbox(task: Task) -> Attacks:
    from foolbox import attacks
    from foolbox.criteria import Misclassification

    meter = Meter(task)
    model = foolbox_model(task, meter)
    made = {'hopSkipJump': attacks.HopSkipJumpAttack(constraint=task.norm)} if task.norm in ('l2', 'linf') else {}
    if task.norm == 'l2':
        made['boundary'] = attacks.BoundaryAttack()
    return {
        name: metered(meter, lambda x, y, attack=attack: attack.run(model, x, Misclassification(y)))
        for name, attack in made.items()
    }


def of_art(task: Task) -> Attacks:
    from art.attacks import evasion

    meter = Meter(task)
    model = art_model(task, meter)
    order = np.inf if task.norm == 'linf' else ORDERS[task.norm]
    endless = task.queries
    made = {'geoDa': evasion.GeoDA(model, norm=order, max_iter=task.queries, verbose=False)}
    if task.norm in ('l2', 'linf'):
        made['hopSkipJump'] = evasion.HopSkipJump(model, norm=order, max_iter=endless, verbose=False)
    if task.norm == 'l2':
        made['boundary'] = evasion.BoundaryAttack(model, targeted=False, max_iter=endless, verbose=False)
        made['signOpt'] = evasion.SignOPTAttack(
            model, targeted=False, max_iter=endless, query_limit=task.queries, verbose=False
        )
    return {
        name: metered(meter, lambda x, y, attack=attack: attack.generate(x.cpu().numpy(), y.cpu().numpy()))
        for name, attack in made.items()
    }


PROGRAMS = {'foolbox': of_foolbox, 'art': of_art}


def main() -> None:
    task = Task(__doc__)
    # ART leaves a file of its own where it runs.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        run(task, PROGRAMS, task.report_distances)


if __name__ == '__main__':
    main()
