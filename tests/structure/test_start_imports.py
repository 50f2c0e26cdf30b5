"""What `tiaas up` does not load: every start would wait for it."""

import subprocess
import sys


def test_the_start_does_not_load_tlslite() -> None:
    """A third of a second, needed by the first handshake with a card's key only."""
    script = "import sys, tiaas.cli.up, tiaas.cli.upserving; print([name for name in sys.modules if 'tlslite' in name])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
