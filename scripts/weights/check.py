"""Holds networks that were exported against onnx.checker and ONNX Runtime.

python check.py FOLDER: of each entry in exports.json what ONNX Runtime computes, as JSON on standard output.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

folder = pathlib.Path(sys.argv[1])
results = []
for entry in json.loads((folder / 'exports.json').read_text()):
    path = folder / entry['file']
    onnx.checker.check_model(onnx.load(path), full_check=True)
    x = np.fromfile(folder / entry['x'], np.float32).reshape(entry['shape'])
    (output,) = onnxruntime.InferenceSession(path).run(None, {'input': x})
    results.append({'name': entry['name'], 'logits': output.flatten().tolist()})
print(json.dumps({'versions': [onnx.__version__, onnxruntime.__version__], 'results': results}))
