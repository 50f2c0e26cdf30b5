"""What holds for all tests."""

import os
import signal
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from tiaas.base import opensslconf

# The same examples in every run, as long as each of them takes: the fuzz targets look for new ones.
settings.register_profile("tiaas", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tiaas")


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


MAY_BE_SKIPPED = (
    "names no copy of the specification",
    "Konfigurationsdienst.wsdl is not at",
    "InfrastrukturKonfig.xsd is not at",
    "the kernel gives no network namespace",
)
"""The reasons that .ci/run lets pass: no registry has it, a folder of official schemas may be without the KSR's, and
many a container may not make network namespaces."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With TIAAS_SKIPS=refused (.ci/run) a test that would be skipped fails: a recording or schema is missing."""
    report = yield
    if report.skipped and os.environ.get("TIAAS_SKIPS") == "refused":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(known in reason for known in MAY_BE_SKIPPED):
            report.outcome, report.longrepr = "failed", f"{reason}; TIAAS_SKIPS=refused"
    return report
