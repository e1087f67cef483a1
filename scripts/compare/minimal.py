"""
Attacks of minimum norm of foolbox, adversarial-robustness-toolbox, torchattacks and adv-lib on a network of this package,
with the settings of settings.json, as main.mjs gives them to its own: the distance of every image. What a program has no
attack for is left out.

    python minimal.py MODEL.safetensors X.bin Y.json --samples 128 --norm l2 --attacks ddn,fmn,deepfool
"""

import torch

from peers import SETTINGS, Attacks, art_model, foolbox_model, run
from task import ORDERS, Task


def of_foolbox(task: Task) -> Attacks:
    from foolbox import attacks

    model = foolbox_model(task)
    deepfool = {'linf': attacks.LinfDeepFoolAttack, 'l2': attacks.L2DeepFoolAttack}
    fmn = {
        'linf': attacks.LInfFMNAttack,
        'l2': attacks.L2FMNAttack,
        'l1': attacks.L1FMNAttack,
        'l0': attacks.L0FMNAttack,
    }
    made = {'fmn': fmn[task.norm](**SETTINGS['fmn'])}
    if task.norm in deepfool:
        made['deepfool'] = deepfool[task.norm](**SETTINGS['deepfool'])
    if task.norm == 'l2':
        steps, searches = SETTINGS['carliniWagner']['steps'], SETTINGS['carliniWagner']['searches']
        made['ddn'] = attacks.DDNAttack(**SETTINGS['ddn'])
        made['carliniWagner'] = attacks.L2CarliniWagnerAttack(binary_search_steps=searches, steps=steps)
    return {name: lambda x, y, attack=attack: attack(model, x, y, epsilons=None)[0] for name, attack in made.items()}


def of_art(task: Task) -> Attacks:
    from art.attacks import evasion

    if task.norm != 'l2':
        return {}
    model = art_model(task)

    def made(attack):
        return lambda x, y: torch.from_numpy(attack.generate(x.cpu().numpy(), y.cpu().numpy()))

    how = SETTINGS['deepfool']
    attack = evasion.DeepFool(
        model, max_iter=how['steps'], epsilon=how['overshoot'], batch_size=len(task.x), verbose=False
    )
    return {'deepfool': made(attack)}


def of_torchattacks(task: Task) -> Attacks:
    import torchattacks

    if task.norm != 'l2':
        return {}
    # It has one constant, 1, in place of a search.
    return {
        'deepfool': torchattacks.DeepFool(task.model, **SETTINGS['deepfool']),
        'carliniWagner': torchattacks.CW(task.model, steps=SETTINGS['carliniWagner']['steps']),
    }


def of_adv_lib(task: Task) -> Attacks:
    from adv_lib import attacks

    def made(attack, **how):
        return lambda x, y: attack(task.model, x, y, **how)

    norm, order = task.norm, float(ORDERS[task.norm])
    fmn = SETTINGS['fmn']
    found = {
        'fmn': made(attacks.fmn, norm=order, steps=fmn['steps'], γ_init=fmn['gamma']),
        'pdpgd': made(attacks.pdpgd, norm=order, num_steps=SETTINGS['pdpgd']['steps']),
    }
    if norm in ('linf', 'l2'):
        found['deepfool'] = made(attacks.df, norm=order, **SETTINGS['deepfool'])
    if norm == 'l2':
        how = SETTINGS['carliniWagner']
        found['ddn'] = made(attacks.ddn, levels=None, steps=SETTINGS['ddn']['steps'], γ=SETTINGS['ddn']['gamma'])
        found['carliniWagner'] = made(
            attacks.carlini_wagner_l2, binary_search_steps=how['searches'], max_iterations=how['steps']
        )
    if norm == 'l0':
        found['sigmaZero'] = made(attacks.sigma_zero, num_steps=SETTINGS['sigmaZero']['steps'])
    return found


PROGRAMS = {'foolbox': of_foolbox, 'art': of_art, 'torchattacks': of_torchattacks, 'adv_lib': of_adv_lib}


def main() -> None:
    task = Task(__doc__)
    run(task, PROGRAMS, task.report_distances)


if __name__ == '__main__':
    main()
