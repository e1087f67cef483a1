"""
AutoAttack (pyautoattack) on a network of this package: what its cascade leaves, and what each part leaves alone.

    python autoattack.py MODEL.safetensors X.bin Y.json --samples 256 --norm Linf --epsilon 0.1 --attacks standard,apgd-ce
"""

import argparse
import json
import time

import torch
from pyautoattack import AutoAttack

import network


@torch.no_grad()
def right(model, x, y) -> list[bool]:
    return torch.cat([model(part).argmax(1) == own for part, own in zip(x.split(256), y.split(256))]).tolist()


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ('model', 'x', 'y'):
        parser.add_argument(name)
    parser.add_argument('--samples', type=int, default=256)
    parser.add_argument('--norm', default='Linf')
    parser.add_argument('--epsilon', type=float, default=0.1)
    parser.add_argument('--attacks', default='standard')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--threads', type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    model = network.load(options.model).to(options.device)
    x, y = (part.to(options.device) for part in network.images(options.x, options.y, options.samples))
    print(json.dumps({'attack': 'clean', 'right': right(model, x, y)}), flush=True)
    for name in options.attacks.split(','):
        whole = name in ('standard', 'plus', 'rand')
        how = {'version': name} if whole else {'version': 'custom', 'attacks': [name]}
        attack = AutoAttack(model, eps=options.epsilon, norm=options.norm, seed=0, device=options.device, **how)
        attack.verbose = False
        if name == 'apgd-ce':
            attack.apgd.n_restarts = 1
        begun = time.time()
        found = attack.run_standard_evaluation(x, y, batch_size=256)
        found = found[0] if isinstance(found, tuple) else found
        seconds = time.time() - begun
        survived = right(model, found, y)
        left = sum(survived) / len(survived)
        print(json.dumps({'attack': name, 'left': left, 'seconds': round(seconds, 2), 'right': survived}), flush=True)


if __name__ == '__main__':
    main()
