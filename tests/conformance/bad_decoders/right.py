"""No fault: the runner must pass it."""

from common import good, serve

serve(good)
