"""``python -m hstamp.cli``."""

import sys

from . import main

sys.exit(main())
