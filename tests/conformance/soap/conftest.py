"""Where the official schemas are."""

from pathlib import Path

import pytest

API = Path(__file__).parents[3].parent / "shared" / "gematik-api"


@pytest.fixture(scope="session")
def api() -> Path:
    """gematik's WSDL and XSD files; tests that need them are skipped where they are not at hand."""
    if not API.is_dir():
        pytest.skip(f"gematik's interface definitions are not at {API}")
    return API
