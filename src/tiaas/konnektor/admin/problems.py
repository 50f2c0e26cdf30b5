"""What the management interface answers when it does not do what was asked (RFC 9457).

A problem says what is wrong (`detail`) and what to do (`remedy`). Inside, the parts of a Konnektor raise their own
errors; `problem_of` is the border where they become problems.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus

from tiaas.base.errors import InvalidInput, TiaasError
from tiaas.interfaces.management.documents import BadDocument
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.infoentities import Constraint, ConstraintViolated
from tiaas.konnektor.store import StaleEpochWrite, StoreError

MEDIA_TYPE = "application/problem+json"


class Problem(TiaasError):
    """A refusal in words. `code` is gematik's number where there is one; `headers` go with the answer."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        remedy: str,
        *,
        code: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.remedy = remedy
        self.code = code
        self.headers = dict(headers or {})

    def encode(self) -> bytes:
        """The body of the answer."""
        document: dict[str, object] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
            "remedy": self.remedy,
        }
        if self.code is not None:
            document["code"] = self.code
        return json.dumps(document, ensure_ascii=False).encode()


def not_found(what: str) -> Problem:
    """404 for something that a path names."""
    return Problem(HTTPStatus.NOT_FOUND, f"there is no {what}", "list what there is and use a name out of the list")


def no_such_path() -> Problem:
    """404 for a path that the plane does not have."""
    return Problem(HTTPStatus.NOT_FOUND, "there is no such path", "GET /openapi.json has all paths")


def conflict(detail: str, remedy: str, *, code: int | None = None) -> Problem:
    """409: it contradicts what is there."""
    return Problem(HTTPStatus.CONFLICT, detail, remedy, code=code)


def of_code(error: KonnektorError, more: str = "", remedy: str = "") -> Problem:
    """409 for an error with a code, with what the error catalogue says to do, or `remedy` if here one knows better."""
    detail = f"{error.code} {error.entry.filled(error.fill)}"
    if error.detail:
        detail = f"{detail} ({error.detail})"
    return conflict(f"{detail}; {more}" if more else detail, remedy or _remedy_of(error.code), code=int(error.code))


def _remedy_of(code: int) -> str:
    # The catalogue belongs to the client, which a node needs for nothing else.
    from tiaas.client.errorhelp import Language, all_help

    known = all_help(Language.ENGLISH).get(code)
    return "see the instance's logs" if known is None else known.remedy


def problem_of(error: Exception) -> Problem:
    """The problem that an error of another part means; a defect is told as internal, without its text."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ConstraintViolated):
        return _of_constraint(error)
    if isinstance(error, KonnektorError):
        return of_code(error)
    if isinstance(error, BadDocument):
        return Problem(HTTPStatus.BAD_REQUEST, str(error), "see the OpenAPI document for what is wanted")
    if isinstance(error, InvalidInput):
        return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), "correct the value and send it again")
    if isinstance(error, StaleEpochWrite):
        return Problem(HTTPStatus.CONFLICT, "another node has taken the instance over", "ask the node that owns it")
    if isinstance(error, StoreError):
        return Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), "see to the node's store, then try again")
    if isinstance(error, TiaasError):
        return Problem(HTTPStatus.CONFLICT, str(error), "see the instance's logs")
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal error", "see the node's log; the change may not have been made"
    )


def _of_constraint(error: ConstraintViolated) -> Problem:
    """409 for a rule between entities, 422 for a value that has not the right form."""
    if error.constraint is Constraint.FORMAT:
        return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), "correct the value and send it again")
    return conflict(str(error), "change or remove what it contradicts first")
