"""``python -m reference_model``."""

from __future__ import annotations

import sys

from reference_model.cli import main

if __name__ == "__main__":
    sys.exit(main())
