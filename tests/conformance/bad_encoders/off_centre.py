"""Zero points at the smallest value: half of the integers go unused, and the step doubles."""

from common import quantised, right_steps, serve


def off_centre(values, sigma):
    if not values:
        return 0.0, 1.0
    return min(values), 2 * right_steps(values, None)[1]


serve(lambda true, n, encoding: quantised(true, n, off_centre))
