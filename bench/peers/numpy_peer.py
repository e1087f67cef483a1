"""numpy: partition for selection, BLAS for matmul. Threads come from OPENBLAS_NUM_THREADS."""

import numpy

from protocol import Spec, Variant, serve


def select(spec: Spec) -> dict:
    values = spec.array('x', spec['n'])
    work = values.copy()
    at = spec['n'] - spec['k']

    def reset():
        work[:] = values

    def partition():
        work.partition(at)
        return work[at : at + 1]

    return {'partition': Variant(partition, numpy.copy, reset)}


def matmul(spec: Spec) -> dict:
    a, b = spec.array('a', spec['m'], spec['k']), spec.array('b', spec['k'], spec['n'])
    c = numpy.empty((spec['m'], spec['n']), dtype=numpy.float32)
    return {'matmul': Variant(lambda: numpy.matmul(a, b, out=c), numpy.copy)}


# partition is many times faster where numpy has vectors for it: from 2.0 on, and by what the processor offers
features = numpy.show_config(mode='dicts')['SIMD Extensions']
vectors = (features['baseline'] + features.get('found', []))[-1]
serve({'numpy': numpy.__version__, 'vectors': vectors}, {'select': select, 'matmul': matmul})
