"""No fault: it writes f4 where the range of the values forbids a step within the noise."""

from common import serve

serve()
