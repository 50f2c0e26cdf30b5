"""What web servers on a loopback address must ask of a request: a page in a browser here may come from anywhere."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def is_local_host(netloc: str) -> bool:
    """True if a `Host` field names this machine by a loopback address or as localhost.

    Another name for 127.0.0.1 means that a foreign page resolves its own name to us (DNS rebinding).
    """
    if "@" in netloc:
        return False
    try:
        host = urlsplit(f"//{netloc}").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_local_request(headers: Mapping[str, str]) -> bool:
    """True if `headers` (names in lower case) name a loopback host and no foreign page as origin."""
    if not is_local_host(headers.get("host", "")):
        return False
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers["host"]
