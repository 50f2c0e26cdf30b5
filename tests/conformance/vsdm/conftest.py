"""The running services of a lab, and where the official WSDLs are."""

from tests.conformance.soap.conftest import api
from tests.integration.lab_vsdm.conftest import lab, made_once

__all__ = ["api", "lab", "made_once"]
