"""
Attacks of foolbox, adversarial-robustness-toolbox and torchattacks on a network of this package, in linf and l2, with the
settings of settings.json, as main.mjs gives them to its own. What a program has no attack for is left out.

    python peers.py MODEL.safetensors X.bin Y.json --samples 256 --norm linf --epsilon 0.1 --attacks pgd,fgsm,bim
"""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Callable

import numpy as np
import torch
from torch import Tensor, nn

from task import ORDERS, Task, tell

SETTINGS = json.loads(Path(__file__).with_name('settings.json').read_text())

Attacks = dict[str, Callable[[Tensor, Tensor], Tensor]]


def step_of(name: str, epsilon: float) -> float:
    return 2.5 * epsilon / SETTINGS[name]['steps']


def foolbox_model(task: Task, model: nn.Module | None = None):
    from foolbox import PyTorchModel

    return PyTorchModel(model or task.model, bounds=(0, 1), device=task.device)


def art_model(task: Task, model: nn.Module | None = None):
    from art.estimators.classification import PyTorchClassifier

    return PyTorchClassifier(
        model=model or task.model,
        loss=torch.nn.CrossEntropyLoss(),
        input_shape=tuple(task.x.shape[1:]),
        nb_classes=task.classes,
        clip_values=(0.0, 1.0),
        device_type=task.device,
    )


def of_foolbox(task: Task) -> Attacks:
    from foolbox import attacks

    model = foolbox_model(task)
    ball = {'linf': 'Linf', 'l2': 'L2'}[task.norm]

    def made(kind: str, **how):
        return getattr(attacks, ball + kind)(**how)

    def climbing(name: str, kind: str, **how):
        attack = made(kind, steps=SETTINGS[name]['steps'], abs_stepsize=step_of(name, task.epsilon), **how)
        return lambda x, y: attack(model, x, y, epsilons=task.epsilon)[1]

    return {
        'pgd': climbing('pgd', 'ProjectedGradientDescentAttack', random_start=True),
        'fgsm': lambda x, y: made('FastGradientAttack')(model, x, y, epsilons=task.epsilon)[1],
        'bim': climbing('bim', 'BasicIterativeAttack'),
        'mim': climbing('mim', 'MomentumIterativeFastGradientMethod', momentum=SETTINGS['mim']['decay']),
    }


def of_art(task: Task) -> Attacks:
    from art.attacks import evasion

    model = art_model(task)

    def made(kind: str, **how):
        attack = getattr(evasion, kind)(model, batch_size=256, **how)
        return lambda x, y: torch.from_numpy(attack.generate(x.cpu().numpy(), y.cpu().numpy()))

    def climbing(name: str, kind: str, **how):
        steps, step = SETTINGS[name]['steps'], step_of(name, task.epsilon)
        return made(kind, **ball, max_iter=steps, eps_step=step, verbose=False, **how)

    ball = {'norm': ORDERS[task.norm], 'eps': task.epsilon}
    return {
        'pgd': climbing('pgd', 'ProjectedGradientDescent', num_random_init=1),
        'fgsm': made('FastGradientMethod', **ball),
        'bim': climbing('bim', 'ProjectedGradientDescent', num_random_init=0),
        'mim': climbing('mim', 'MomentumIterativeMethod', decay=SETTINGS['mim']['decay']),
    }


def of_torchattacks(task: Task) -> Attacks:
    import torchattacks

    def climbing(name: str, kind: str, **how):
        steps = SETTINGS[name]['steps']
        return getattr(torchattacks, kind)(
            task.model, eps=task.epsilon, alpha=step_of(name, task.epsilon), steps=steps, **how
        )

    if task.norm == 'l2':
        return {
            'pgd': climbing('pgd', 'PGDL2', random_start=True),
            'bim': climbing('bim', 'PGDL2', random_start=False),
        }
    spsa = SETTINGS['spsa']
    # Adam moves a pixel by about its rate, as a step along the signs does.
    walk = torchattacks.SPSA(
        task.model,
        eps=task.epsilon,
        delta=spsa['sigma'],
        lr=spsa['step'] * task.epsilon,
        nb_iter=spsa['steps'],
        nb_sample=spsa['pairs'],
        max_batch_size=spsa['pairs'],
    )
    return {
        'pgd': climbing('pgd', 'PGD', random_start=True),
        'fgsm': torchattacks.FGSM(task.model, eps=task.epsilon),
        'bim': climbing('bim', 'BIM'),
        'mim': climbing('mim', 'MIFGSM', decay=SETTINGS['mim']['decay']),
        'spsa': lambda x, y: torch.cat([walk(*part) for part in zip(x.split(32), y.split(32))]),
    }


PROGRAMS = {'foolbox': of_foolbox, 'art': of_art, 'torchattacks': of_torchattacks}


def run(task: Task, programs: dict[str, Callable[[Task], Attacks]], report: Callable) -> None:
    """Each attack of each program that is installed; `report` takes program, name and attack."""
    for program, of in programs.items():
        installed = find_spec(program) is not None
        tell(program, installed=installed)
        attacks = of(task) if installed else {}
        for name in task.names:
            if name not in attacks:
                continue
            torch.manual_seed(task.seed)
            np.random.seed(task.seed)
            report(program, name, attacks[name])


def main() -> None:
    task = Task(__doc__)
    run(task, PROGRAMS if task.norm in ('linf', 'l2') else {}, task.report)


if __name__ == '__main__':
    main()
