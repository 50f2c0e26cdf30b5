"""Configuration: typed, strict, and all problems at once."""

import enum
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tiaas.base.config import BadConfig, check_config, describe, load_config, parse_config, required, setting
from tiaas.base.errors import InvalidInput


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    host: str = required("where it is")
    port: int = setting(443, "its port")


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    level: str = setting("info", "from which level on")
    file: Path | None = setting(None, "where to")

    def __post_init__(self) -> None:
        if self.level not in ("info", "debug"):
            raise InvalidInput("level must be info or debug")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    listen: str = setting("127.0.0.1", "address")
    names: tuple[str, ...] = setting((), "names")
    wait: float = setting(1.5, "seconds")
    fast: bool = setting(False, "in a hurry")
    colour: Colour = setting(Colour.RED, "of the shed")
    log: Log = setting(Log(), "what is logged")
    peers: tuple[Peer, ...] = setting((), "others")


def test_empty_means_defaults() -> None:
    assert parse_config(Node, "") == Node()


def test_everything_is_read() -> None:
    text = """
        listen = "::1"
        names = ["a", "b"]
        wait = 2
        fast = true
        colour = "blue"
        [log]
        level = "debug"
        file = "x.log"
        [[peers]]
        host = "h"
    """
    assert parse_config(Node, text) == Node(
        listen="::1",
        names=("a", "b"),
        wait=2.0,
        fast=True,
        colour=Colour.BLUE,
        log=Log(level="debug", file=Path("x.log")),
        peers=(Peer(host="h"),),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lissten = 'x'", "lissten: unknown key; did you mean listen?"),
        ("[log]\nzzz = 1", "log.zzz: unknown key; known are level, file"),
        ("listen = 1", "listen: must be a string"),
        ("fast = 1", "fast: must be true or false"),
        ("wait = true", "wait: must be a number"),
        ("colour = 'green'", "colour: must be one of 'red', 'blue'"),
        ("names = ['a', 1]", "names[1]: must be a string"),
        ("log = 3", "log: must be a table"),
        ("[[peers]]\nport = 1", "peers[0].host: missing: where it is"),
        ("[log]\nlevel = 'loud'", "log: level must be info or debug"),
        ("= 1", "is not TOML"),
    ],
)
def test_problems_name_the_key(text: str, message: str) -> None:
    with pytest.raises(BadConfig) as caught:
        parse_config(Node, text, "node.toml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("node.toml: ")


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text("listen = 1\nwaitt = 2\n[[peers]]\n")
    assert [problem.key for problem in check_config(Node, file)] == ["waitt", "listen", "peers[0].host"]
    file.write_text("wait = 3")
    assert check_config(Node, file) == ()
    assert load_config(Node, file).wait == 3.0


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="gone.toml: cannot be read"):
        load_config(Node, tmp_path / "gone.toml")


def test_describe_documents_every_key_with_a_default_that_reads_back() -> None:
    docs = {item.key: item for item in describe(Node)}
    assert set(docs) == {
        "listen", "names", "wait", "fast", "colour", "log.level", "log.file", "peers", "peers[].host", "peers[].port",
    }  # fmt: skip
    assert docs["peers[].host"].default is None
    assert docs["log.file"].default == ""
    for key in ("listen", "names", "wait", "fast", "colour"):
        default = docs[key].default
        assert default is not None
        assert docs[key].doc
        assert parse_config(Node, f"{key} = {default}") == Node()
        assert tomllib.loads(f"x = {default}")
