"""The step is a quarter of the noise where a sixteenth was asked for."""

from common import quantised, right_steps, serve


def coarse(values, sigma):
    return right_steps(values, 4 * sigma if sigma else sigma)


serve(lambda true, n, encoding: quantised(true, n, coarse))
