"""PyTorch on the CPU (oneDNN). Usage: torch_peer.py THREADS"""

import sys

import torch
import torch.nn.functional as F

from protocol import Spec, Variant, serve
from torch_attacks import attack
from torch_steps import step

torch.set_num_threads(int(sys.argv[1]))


def tensor(spec: Spec, name: str, *shape: int) -> torch.Tensor:
    return torch.from_numpy(spec.array(name, *shape))


def numpy_of(result: torch.Tensor):
    return result.detach().contiguous().numpy()


def both_gradients(result: tuple):
    """The weights' gradient before the input's."""
    return torch.cat([result[1].flatten(), result[0].flatten()]).numpy()


def select(spec: Spec) -> dict:
    x, k = tensor(spec, 'x', 1, spec['n']), spec['k']
    return {
        'topk-sorted': Variant(lambda: x.topk(k, dim=1)[0][:, -1], numpy_of),
        'topk-unsorted': Variant(lambda: x.topk(k, dim=1, sorted=False)[0].min(dim=1)[0], numpy_of),
        'kthvalue': Variant(lambda: x.kthvalue(spec['n'] - k + 1, dim=1)[0], numpy_of),
    }


def matmul(spec: Spec) -> dict:
    a, b = tensor(spec, 'a', spec['m'], spec['k']), tensor(spec, 'b', spec['k'], spec['n'])
    c = torch.empty(spec['m'], spec['n'])
    return {'matmul': Variant(lambda: torch.matmul(a, b, out=c), numpy_of)}


def conv2d(spec: Spec) -> dict:
    stride, padding = spec['stride'], spec['padding']
    x = tensor(spec, 'x', spec['n'], spec['in'], spec['h'], spec['w'])
    weight = tensor(spec, 'weight', spec['out'], spec['in'], spec['kernel'], spec['kernel'])
    dy = tensor(spec, 'dy', spec['n'], spec['out'], spec['oh'], spec['ow'])

    def variant(layout: torch.memory_format) -> Variant:
        x_, weight_, dy_ = (value.contiguous(memory_format=layout) for value in (x, weight, dy))

        def backward(*wanted: bool):
            return torch.ops.aten.convolution_backward(
                dy_, x_, weight_, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, [*wanted, False]
            )

        runs = {
            'forward': lambda: F.conv2d(x_, weight_, None, stride, padding),
            'inputGradient': lambda: backward(True, False)[0],
            'weightGradient': lambda: backward(False, True)[1],
            'gradients': lambda: backward(True, True),
        }
        output = both_gradients if spec['pass'] == 'gradients' else numpy_of
        return Variant(runs[spec['pass']], output)

    return {'NCHW': variant(torch.contiguous_format), 'channels-last': variant(torch.channels_last)}


versions = {'torch': torch.__version__, 'vectors': torch.backends.cpu.get_cpu_capability()}
serve(versions, {'select': select, 'matmul': matmul, 'conv2d': conv2d, 'step': step, 'attack': attack})
