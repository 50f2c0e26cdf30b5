"""Fuzz target: the service directory as a client reads it."""

from tiaas.client.directory import BadDirectory, decode_directory_untrusted
from tiaas.client.errors import ServiceMissing

_FULL = (
    b'<ConnectorServices xmlns="http://ws.gematik.de/conn/ServiceDirectory/v3.1" '
    b'xmlns:SI="http://ws.gematik.de/conn/ServiceInformation/v2.0"><SI:ServiceInformation>'
    b'<SI:Service Name="EventService"><SI:Abstract/><SI:Versions><SI:Version TargetNamespace="n" Version="7.2.0">'
    b'<SI:Abstract/><SI:EndpointTLS Location="https://k/e"/></SI:Version></SI:Versions></SI:Service>'
    b"</SI:ServiceInformation></ConnectorServices>"
)
SEEDS: list[bytes] = [_FULL, b'<ConnectorServices xmlns="http://ws.gematik.de/conn/ServiceDirectory/v3.1"/>']


def target(data: bytes) -> None:
    """Only `BadDirectory` may escape; what was read can be used."""
    try:
        directory = decode_directory_untrusted(data)
    except BadDirectory:
        return
    moved = directory.rewritten("https://10.0.0.1:8443")
    if any(not item.location.startswith("https://10.0.0.1:8443") for item in moved.versions):
        raise AssertionError("not rewritten")
    for item in directory.versions:
        try:
            directory.find(item.service, "7.2")
        except ServiceMissing:
            continue
