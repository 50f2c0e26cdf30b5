"""`python -m tiaas` is the command line."""

import sys


def _start() -> int:
    try:
        from tiaas.cli.entry import main

        return main()
    except KeyboardInterrupt:
        # Before `main` could answer it, or a second one while it did.
        return 130


if __name__ == "__main__":
    sys.exit(_start())
