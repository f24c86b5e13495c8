"""A level of equal values is stored with zero = 0 and a step that it does not need."""

from common import quantised, right_steps, serve


def tenths(values, sigma):
    return (0.0, 0.75) if len(set(values)) == 1 else right_steps(values, sigma)


serve(lambda true, n, encoding: quantised(true, n, tenths))
