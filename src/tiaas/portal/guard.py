"""What every request of the portal must be and every answer says to the browser.

The portal has no users yet, so it answers on this machine only. What changes something (in a lab) must come from a page
of its own: same origin by the browser's word, and the token that only such a page knows.
"""

from collections.abc import Mapping
from hmac import compare_digest

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tiaas.base.localweb import is_local_host, is_local_request
from tiaas.base.secret import Secret

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: with it a browser sends `Origin: null` with a form, and we could not tell whose form it was.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Middleware: refuses requests that name another host than this machine, adds `HEADERS` to all answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3."""
        if scope["type"] != "http":
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if is_local_host(host):
            await self._app(scope, receive, guarded)
        else:
            await PlainTextResponse("the portal answers this machine only\n", 403)(scope, receive, guarded)


def is_own_form(headers: Mapping[str, str], shown: str, token: Secret) -> bool:
    """Whether a POST came from a page of ours. `headers` have lower-case names; `shown` is the token in the form."""
    return is_local_request(headers) and compare_digest(shown.encode(), token.reveal())
