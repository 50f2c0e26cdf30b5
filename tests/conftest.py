"""What holds for all tests."""

import os

import pytest

from tiaas.base import opensslconf


def pytest_configure(config: pytest.Config) -> None:
    """Without our OpenSSL configuration every TLS test would fail in its own obscure way; say it once."""
    if not opensslconf.is_ours(os.environ):
        pytest.exit(
            f"ssl has no brainpool here: run the tests with ./tiaas test, or with {opensslconf.VARIABLE}="
            f"{opensslconf.CONFIGURATION}",
            returncode=4,
        )
