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


serve({'numpy': numpy.__version__}, {'select': select, 'matmul': matmul})
