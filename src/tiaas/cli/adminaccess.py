"""Which management interface `tiaas admin` talks to: a running lab's, or `--url` with `--ca` and a token or a login."""

import argparse
import asyncio
import getpass
import json
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import MOST, read_input
from tiaas.base.secret import Secret
from tiaas.cli.outputfiles import NotWritten
from tiaas.cli.whichlab import find_lab
from tiaas.cli.writer import local_time, note
from tiaas.client.admin import Admin, AdminAccess, connect_admin
from tiaas.client.errors import ClientError
from tiaas.interfaces.management.accounts import Login, SecurityNews, SessionOpened
from tiaas.lab.ready import read_ready

T = TypeVar("T")


def add_access_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--dir`, `--practice`, `--url`, `--ca`, `--token-file`, `--user`, `--json`."""
    group = parser.add_argument_group("which management interface (default: that of the running lab)")
    group.add_argument("--dir", type=Path, metavar="DIR", help="folder of a running lab (default: TIAAS_DIR)")
    group.add_argument("--practice", type=int, default=1, metavar="N", help="which practice of the lab (default: 1)")
    group.add_argument("--url", metavar="URL", help="any management interface, like https://127.0.0.1:9443")
    group.add_argument("--ca", type=Path, metavar="FILE", help="with --url: certificates to trust, PEM")
    group.add_argument("--token-file", type=Path, metavar="FILE", help="with --url: file with a token")
    group.add_argument("--user", metavar="NAME", help="with --url: log in; the password is asked for")
    parser.add_argument("--json", action="store_true", help="write JSON instead of text")


def with_admin(args: argparse.Namespace, work: Callable[[Admin], Awaitable[T]]) -> T:
    """Connects, logs in if asked to, does `work`. Raises `InvalidInput`, `LabNotFound`, `ClientError`."""
    access = _access(args)
    password = read_secret(f"password of {args.user}: ") if args.url and args.user else None

    async def session() -> T:
        async with connect_admin(access) as admin:
            if password is not None:
                opened = await admin.change("POST", "/session", Login(args.user, password), SessionOpened)
                admin.token = opened.token
                _tell(opened.security)
            try:
                return await work(admin)
            finally:
                if password is not None:
                    # After a restart or an import the session is gone already.
                    with suppress(ClientError):
                        await admin.change("DELETE", "/session")

    return asyncio.run(session())


def _tell(news: SecurityNews | None) -> None:
    """What the security log has got since the last logout, on standard error (TIP1-A_4996)."""
    if news is None or not news.entries:
        return
    since = "" if news.since is None else f" since your logout at {local_time(news.since)}"
    what = "entry" if news.entries == 1 else "entries"
    note(f"security log: {news.entries} new {what}{since}")
    for entry in news.newest:
        told = entry.topic or " ".join(part for part in (str(entry.code or ""), entry.text) if part)
        note(f"  {local_time(entry.at)} {entry.level.value}: {told}")


def read_secret(prompt: str) -> Secret:
    """A secret typed at the terminal without echo, or the first line of standard input if that is no terminal."""
    text = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if not text:
        raise InvalidInput("nothing was typed")
    return Secret(text.encode())


def require_new(*paths: Path) -> None:
    """To be asked before a secret is made that is shown once. Raises `InvalidInput` for what is there, `NotWritten`."""
    for path in paths:
        if os.path.lexists(path):
            raise InvalidInput(f"cannot make {path}: it is there already")
        if not os.access(path.parent, os.W_OK):
            raise NotWritten(f"cannot make {path}: its folder cannot be written")


def read_json(path: Path) -> Any:
    """A JSON document; `-` is standard input. Raises `InvalidInput`."""
    try:
        return json.loads(sys.stdin.buffer.read(MOST) if str(path) == "-" else read_input(path))
    except ValueError:
        raise InvalidInput(f"{path} is no JSON") from None


def _access(args: argparse.Namespace) -> AdminAccess:
    if args.url is None:
        if args.ca or args.token_file or args.user:
            raise InvalidInput("--ca, --token-file and --user go with --url")
        return lab_access(args, is_base=args.is_base)
    if args.ca is None:
        raise InvalidInput("--url needs --ca FILE: the certificate to trust, from whoever runs the node")
    if (args.token_file is None) is (args.user is None):
        raise InvalidInput("--url needs --token-file FILE or --user NAME")
    token = None if args.token_file is None else Secret(read_input(args.token_file).strip())
    return AdminAccess(args.url.rstrip("/"), read_input(args.ca).decode("ascii", "replace"), token)


def node_access(args: argparse.Namespace) -> AdminAccess | None:
    """The interface of the node whose instance `args` name; None for one that is not a lab's. Raises `LabNotFound`."""
    return None if args.url is not None else lab_access(args, is_base=True)


def lab_access(args: argparse.Namespace, *, is_base: bool) -> AdminAccess:
    """The interface of the running lab that `args` name, of its node if `is_base`. Raises `LabNotFound`."""
    ready = read_ready(find_lab(args.dir))
    if is_base:
        entry: Any = ready["base"]
    else:
        instances: list[Any] = ready["instances"]
        if not 1 <= args.practice <= len(instances):
            raise InvalidInput(f"the lab has {len(instances)} practices; --practice counts from 1")
        entry = instances[args.practice - 1]["admin"]
    return AdminAccess(entry["url"], read_input(Path(entry["ca"])).decode(), Secret(entry["token"].encode()))
