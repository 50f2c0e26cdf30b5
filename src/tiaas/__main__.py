"""`python -m tiaas` is the command line."""

import sys

from tiaas.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
