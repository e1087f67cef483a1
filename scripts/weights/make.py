"""Makes files of PyTorch in a folder, with pixels and the logits that PyTorch computes of them: torchvision's and other modules of
the zoo's families with random weights, under the wrappers and in the types that checkpoints come in; networks exported to ONNX;
and ONNX's own tests of the operators that are imported.

python make.py FOLDER weights exported operators
"""

import json
import pathlib
import sys
import warnings

import numpy as np
import torch
import torchvision
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'fixtures'))
from kwta import KWTA  # noqa: E402
from zoo import CifarAlexNet, WideResNet, logits, randomised, small_cnn, with_activation  # noqa: E402

GAMMA = 0.1
SAMPLES = 8


def cifar_res_net(make) -> nn.Module:
    module = make(num_classes=10)
    module.conv1, module.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    return module


def cifar_dense_net() -> nn.Module:
    module = torchvision.models.DenseNet(16, (3, 4, 3), 32, num_classes=10)
    module.features.conv0, module.features.pool0 = nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.Identity()
    return module


def families() -> dict:
    """Name: module, size of its images, names of activations that stay."""
    return {
        'resNet18': (cifar_res_net(torchvision.models.resnet18), 32, ('relu',)),
        'resNet34': (cifar_res_net(torchvision.models.resnet34), 32, ('relu',)),
        'resNet18-imageNet': (torchvision.models.resnet18(num_classes=10), 64, ('relu',)),
        'wideResNet': (WideResNet(16, 4), 32, ()),
        'denseNet121': (cifar_dense_net(), 32, ('features.relu0',)),
        'alexNet': (CifarAlexNet(), 32, ()),
        'smallCnn': (small_cnn([16, 32, 64], 3, 10), 32, ()),
    }


def wrapped(name: str, module: nn.Module):
    """What a training script might save, by turns."""
    state = module.state_dict()
    if name == 'resNet18':
        optimizer = torch.optim.SGD(module.parameters(), lr=1e-5, momentum=0.9)
        sum(p.sum() for p in module.parameters()).backward()
        optimizer.step()
        return {'epoch': 9, 'model_state_dict': module.state_dict(), 'optimizer': optimizer.state_dict()}, {}
    if name == 'resNet34':
        return nn.DataParallel(module).state_dict(), {}
    if name == 'wideResNet':
        return {'state_dict': {f'module.model.{key}': value for key, value in state.items()}}, {}
    if name == 'denseNet121':
        return {key: value.half() if value.is_floating_point() else value for key, value in state.items()}, {}
    if name == 'alexNet':
        return state, {'_use_new_zipfile_serialization': False}
    return state, {}


def weights(out: pathlib.Path) -> list:
    cases = []
    for name, (module, size, keep) in families().items():
        module = randomised(module)
        value, options = wrapped(name, module)
        torch.save(value, out / f'{name}.pth', **options)
        if name == 'denseNet121':
            module = module.half().float()
        x = torch.rand(SAMPLES, 3, size, size)
        case = {'name': name, 'file': f'{name}.pth', 'shape': list(x.shape), 'gamma': GAMMA}
        (out / f'{name}.x').write_bytes(x.numpy().tobytes())
        case['relu'] = logits(module, x)
        # Torchvision's blocks call one activation twice; both places have it.
        case['kwta'] = logits(with_activation(module, keep, lambda: KWTA(GAMMA)), x)
        cases.append(case)
    return cases


def exported(out: pathlib.Path) -> list:
    """Networks as PyTorch writes them in ONNX, by both of its exporters."""
    cases = []
    for name, (module, size, _) in families().items():
        module = randomised(module).float()
        x = torch.rand(SAMPLES, 3, size, size)
        for kind, dynamo in [('traced', False), ('exported', True)]:
            file = f'{name}-{kind}.onnx'
            options = {'external_data': False} if dynamo else {}
            torch.onnx.export(module, (x,), out / file, dynamo=dynamo, verbose=False, **options)
            (out / f'{file}.x').write_bytes(x.numpy().tobytes())
            cases.append({'name': file, 'file': file, 'shape': list(x.shape), 'logits': logits(module, x)})
            module = module.float()
    return cases


IMPORTED = """Add AveragePool BatchNormalization Concat Conv Dropout Elu Flatten Gelu Gemm GlobalAveragePool GroupNormalization
Identity LayerNormalization LeakyRelu MatMul MaxPool ReduceMean Relu""".split()


def operators(out: pathlib.Path) -> list:
    """ONNX's tests of one node each: weights become constants, as in a network's file."""
    from onnx import numpy_helper
    from onnx.backend.test.case.node import collect_testcases

    cases = []
    for test in collect_testcases(None):
        model = test.model
        if model is None or len(model.graph.node) != 1 or model.graph.node[0].op_type not in IMPORTED:
            continue
        given, expected = test.data_sets[0]
        arrays = [value if isinstance(value, np.ndarray) else None for value in given]
        if any(value is None for value in arrays) or not arrays:
            continue
        first, *others = arrays
        if first.dtype != np.float32 or first.ndim not in (2, 4):
            continue
        inputs = list(model.graph.input)
        for value, info in zip(others, inputs[1:]):
            model.graph.initializer.append(numpy_helper.from_array(value, info.name))
            model.graph.input.remove(info)
        del model.graph.output[1:]
        (out / f'{test.name}.onnx').write_bytes(model.SerializeToString())
        (out / f'{test.name}.x').write_bytes(np.ascontiguousarray(first).tobytes())
        output = np.asarray(expected[0]).astype(np.float32).flatten().tolist()
        cases.append({'name': test.name, 'file': f'{test.name}.onnx', 'shape': list(first.shape), 'output': output})
    return cases


def main():
    warnings.simplefilter('ignore')
    torch.manual_seed(0)
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for part in sys.argv[2:]:
        cases = {'weights': weights, 'exported': exported, 'operators': operators}[part](out)
        (out / f'{part}.json').write_text(json.dumps(cases))


main()
