"""``python -m stepwire``: the same as the command ``stepwire``."""

import sys

from stepwire.cli import main

if __name__ == "__main__":
    sys.exit(main())
