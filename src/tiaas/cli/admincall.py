"""`tiaas admin call METHOD PATH`: any operation of the management interface of an instance, or (`--base`) of the node.

Both interfaces are tables of paths; whoever asks the wrong one for a path of the other is told so.
"""

import argparse
import json
import sys
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from tiaas.cli.adminaccess import read_json, with_admin
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.writer import note, out_json
from tiaas.client.admin import AdminRefused


def register_call(action: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds `call`."""
    call = action("call", "any operation of the interface", _call)
    call.add_argument("method", choices=("GET", "POST", "PUT", "PATCH", "DELETE"))
    call.add_argument("path", metavar="PATH", help="like /terminals; see docs/reference/management-api.md")
    call.add_argument("--body", type=Path, metavar="FILE", help="a JSON document; - is standard input")
    call.add_argument("--if-match", metavar="ETAG")
    call.add_argument("--base", action="store_true", dest="is_base", help="of the node instead of an instance")


def _call(args: argparse.Namespace) -> int:
    body = None if args.body is None else read_json(args.body)
    path = f"/{args.path.removeprefix('/')}"
    try:
        answer = with_admin(args, lambda admin: admin.exchange(args.method, path, body, if_match=args.if_match))
    except AdminRefused as refused:
        if refused.status != HTTPStatus.NOT_FOUND:
            raise
        raise _with_plane(refused, path) from None
    if answer.tag is not None:
        note(f"ETag: {answer.tag}")
    if answer.body:
        try:
            out_json(json.loads(answer.body))
        except ValueError:
            sys.stdout.buffer.write(answer.body)
    return ExitCode.OK


def _with_plane(refused: AdminRefused, path: str) -> AdminRefused:
    """The refusal, with the interface to ask if it was the path that is unknown and one of the two has it."""
    # The tables are loaded for this answer only: nothing else here needs them.
    from tiaas.konnektor.admin.base import BASE_ROUTES
    from tiaas.konnektor.admin.problems import no_such_path
    from tiaas.konnektor.admin.table import INSTANCE_ROUTES

    if refused.detail != no_such_path().detail:
        return refused
    segments = tuple(path.partition("?")[0].strip("/").split("/"))
    of_node, of_instance = (
        any(route.match(segments) is not None for route in routes) for routes in (BASE_ROUTES, INSTANCE_ROUTES)
    )
    if of_node:
        remedy = "the node has this path: call --base, or with --url the node's own interface"
    elif of_instance:
        remedy = "an instance has this path: call without --base, or with --url the instance's own interface"
    else:
        remedy = refused.remedy
    return AdminRefused(refused.status, refused.detail, remedy, refused.code)
