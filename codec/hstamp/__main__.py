"""``python -m hstamp`` is the command ``hstamp``."""

from .cli import main

raise SystemExit(main())
