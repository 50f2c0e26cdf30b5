"""What holds for all tests."""

import os
import signal

import pytest

from tiaas.base import opensslconf


def pytest_configure(config: pytest.Config) -> None:
    """Without our OpenSSL configuration every TLS test would fail in its own obscure way; say it once.

    A shell tells what it runs in the background to ignore Ctrl-C, and children inherit that: tests of Ctrl-C would wait
    for ever.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not opensslconf.is_ours(os.environ):
        pytest.exit(
            f"ssl has no brainpool here: run the tests with ./tiaas test, or with {opensslconf.VARIABLE}="
            f"{opensslconf.CONFIGURATION}",
            returncode=4,
        )
