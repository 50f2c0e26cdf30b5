"""Calls to a running lab's control port, for the verbs that act on a lab."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tiaas.cli.whichlab import find_lab
from tiaas.lab.errors import LabError
from tiaas.lab.ready import read_ready

_SECONDS = 15.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--dir` and `--json`, which all these verbs have."""
    parser.add_argument("--dir", type=Path, metavar="DIR", help="folder of a running lab (default: TIAAS_DIR)")
    parser.add_argument("--json", action="store_true", help="write JSON instead of text")


@contextmanager
def control_port(args: argparse.Namespace) -> Iterator[httpx.Client]:
    """An HTTP client of the lab that `--dir` means. Raises `LabNotFound`."""
    ready = read_ready(find_lab(args.dir))
    with httpx.Client(base_url=ready["lab"]["control"], timeout=_SECONDS, trust_env=False) as http:
        yield http


def ask_octets(http: httpx.Client, path: str) -> bytes:
    """The octets in the answer. Raises `LabError`."""
    try:
        answer = http.get(path)
    except httpx.HTTPError as error:
        raise LabError(f"the lab's control port {http.base_url} does not answer ({type(error).__name__})") from error
    if answer.is_error:
        raise LabError(f"{path}: {answer.status_code}")
    return answer.content


def ask(http: httpx.Client, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The JSON object in the answer. Raises `LabError` with the control port's own words."""
    try:
        answer = http.request(method, path, json=body)
        document: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise LabError(f"the lab's control port {http.base_url} does not answer ({type(error).__name__})") from error
    if answer.is_error:
        raise LabError(str(document.get("error", answer.status_code)))
    return document
