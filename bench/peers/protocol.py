"""The child's side of the conversation with the harness, for peers in Python; see protocol.mjs."""

import json
import sys
import time
import traceback

import numpy


class Spec(dict):
    """The numbers and strings of a `load` request."""

    def array(self, name: str, *shape: int) -> numpy.ndarray:
        return numpy.fromfile(f'{self["dir"]}/{name}.f32', dtype='<f4').reshape(shape)


class Variant:
    """One way to do a task. `reset` is not timed; `output` turns the result of `run` into an array."""

    def __init__(self, run, output, reset=None):
        self.run = run
        self.output = output
        self.reset = reset or (lambda: None)


def serve(versions: dict, loaders: dict) -> None:
    """Answers requests until stdin closes. A loader takes a Spec and returns variants by name."""
    variants: dict = {}

    def answer(line: str) -> dict:
        nonlocal variants
        command, *words = line.split()
        if command == 'info':
            return {'versions': versions}
        if command == 'load':
            variants = {}  # lets the old task go before the new one is built
            spec = Spec((key, number(value)) for key, value in (word.split('=', 1) for word in words[1:]))
            variants = loaders[words[0]](spec) if words[0] in loaders else {}
            return {'variants': list(variants)}
        variant = variants[words[0]]
        if command == 'check':
            variant.reset()
            numpy.asarray(variant.output(variant.run()), dtype='<f4').tofile(words[1])
            return {'ok': True}
        if command == 'time':
            ms = []
            for _ in range(int(words[1])):
                variant.reset()
                start = time.perf_counter_ns()
                variant.run()
                ms.append((time.perf_counter_ns() - start) / 1e6)
            return {'ms': ms}
        raise ValueError(f'no such command: {line}')

    for line in sys.stdin:
        try:
            reply = answer(line)
        except Exception:
            reply = {'error': traceback.format_exc()}
        print(json.dumps(reply), flush=True)


def number(text: str):
    try:
        value = float(text)
        return int(value) if value.is_integer() else value
    except ValueError:
        return text
