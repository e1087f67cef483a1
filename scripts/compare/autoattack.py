"""
AutoAttack (pyautoattack) on a network of this package: what its cascade leaves, and what each part leaves alone.

    python autoattack.py MODEL.safetensors X.bin Y.json --samples 256 --norm linf --epsilon 0.1 --attacks standard,apgd-ce
"""

from importlib.util import find_spec

from task import Task, tell

NORMS = {'linf': 'Linf', 'l2': 'L2', 'l1': 'L1'}


def main() -> None:
    task = Task(__doc__)
    installed = find_spec('pyautoattack') is not None
    tell('AutoAttack', installed=installed)
    if not installed:
        return
    from pyautoattack import AutoAttack

    for name in task.names:
        whole = name in ('standard', 'plus', 'rand')
        how = {'version': name} if whole else {'version': 'custom', 'attacks': [name]}
        common = {'eps': task.epsilon, 'norm': NORMS[task.norm], 'seed': task.seed, 'device': task.device}
        attack = AutoAttack(task.model, **common, **how)
        attack.verbose = False
        if name == 'apgd-ce':
            attack.apgd.n_restarts = 1

        def attacked(x, y):
            found = attack.run_standard_evaluation(x, y, batch_size=256)
            return found[0] if isinstance(found, tuple) else found

        task.report('AutoAttack', name, attacked)


if __name__ == '__main__':
    main()
