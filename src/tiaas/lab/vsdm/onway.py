"""What can happen to a request between Intermediär and service: it loses an element, or gets to another insurer.

The service that it reaches finds out: what its schema refuses is 11148 or 12148, a message for somebody else 1006.
"""

from collections.abc import Iterable

from tiaas.soap.envelope import Limits, open_envelope_untrusted
from tiaas.soap.errors import SoapError
from tiaas.soap.markup import written

MISROUTED, DAMAGED = "misrouted", "damaged"
_NOBODY = "000000000"


def misrouted(path: str, providers: Iterable[str]) -> str:
    """The path of the same service of another insurer."""
    _, provider, rest = path.split("/", 2)
    return f"/{min(set(providers) - {provider}, default=_NOBODY)}/{rest}"


def without_first_element(message: bytes, limits: Limits) -> bytes:
    """A SOAP message whose content has lost its first element; what is no message is cut in half. Raises nothing."""
    try:
        _, content = open_envelope_untrusted(message, limits)
    except SoapError:
        return message[: len(message) // 2]
    for element in content[:1]:
        content.remove(element)
    return written(content.getroottree().getroot()).encode()
