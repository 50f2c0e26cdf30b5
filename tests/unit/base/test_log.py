"""Logging: JSON lines, declared fields only, nothing secret and nothing personal."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiaas.base.errors import InvalidInput
from tiaas.base.log import JsonLines, configure, redact
from tiaas.base.logfields import NAMES, LogField
from tiaas.base.secret import Secret

_OWN_KEYS = {"time", "level", "logger", "message"}


@pytest.fixture
def lines() -> Iterator[tuple[logging.Logger, Any]]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("tiaas.test")
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    yield logger, lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.propagate = True


def test_a_line_has_its_fields(lines: tuple[logging.Logger, Any]) -> None:
    logger, read = lines
    logger.info("hello %s", "world", extra={"ct_id": "CT1", "slot": 2, "duration_ms": 1.5})
    (line,) = read()
    assert line["message"] == "hello world"
    assert line["level"] == "info"
    assert line["logger"] == "tiaas.test"
    assert (line["ct_id"], line["slot"], line["duration_ms"]) == ("CT1", 2, 1.5)
    assert line["time"].endswith("Z")


def test_undeclared_fields_stay_out(lines: tuple[logging.Logger, Any]) -> None:
    logger, read = lines
    logger.info("x", extra={"holder": "Erika Mustermann", "ct_id": "CT1"})
    (line,) = read()
    assert "Erika" not in json.dumps(line)
    assert line["undeclared"] == ["holder"]


def test_a_secret_never_shows(lines: tuple[logging.Logger, Any]) -> None:
    logger, read = lines
    secret = Secret(b"123456")
    logger.info("pin %s %r", secret, [secret], extra={"reason": secret, "state": b"123456", "kind": {"pin": "123456"}})
    try:
        raise ValueError(f"bad {secret}")
    except ValueError:
        logger.exception("failed")
    text = json.dumps(read())
    assert "123456" not in text
    assert "313233343536" not in text
    assert "<Secret>" in text


@given(st.binary(min_size=4, max_size=40))
def test_no_form_of_a_secret_shows_its_octets(value: bytes) -> None:
    secret = Secret(value)
    shown = f"{secret!r}{secret!s}{secret}"
    assert shown == "Secret(…)" * 3


@pytest.mark.parametrize("personal", ["X110411675", "80276883110000012345"])
def test_kvnr_and_iccsn_are_blackened(lines: tuple[logging.Logger, Any], personal: str) -> None:
    logger, read = lines
    logger.warning("card %s", personal, extra={"reason": f"for {personal}."})
    try:
        raise ValueError(personal)
    except ValueError:
        logger.exception("failed")
    assert personal not in json.dumps(read())


def test_other_numbers_stay() -> None:
    text = "port 12345 at 2026-01-31, code 4085, id 123e4567-e89b-12d3-a456-426614174000"
    assert redact(text) == text


def test_field_names_are_json_friendly() -> None:
    assert all(field.isidentifier() and field == field.lower() for field in NAMES)
    assert not NAMES & _OWN_KEYS
    # A field with the name of one of logging's own attributes could never be passed in `extra`.
    assert not NAMES & set(vars(logging.makeLogRecord({})))
    assert "ct_id" in {str(field) for field in LogField}


def test_configure_writes_to_a_file_and_replaces(tmp_path: Path) -> None:
    root = logging.getLogger("tiaas")
    http = logging.getLogger("uvicorn")
    before = [(logger, logger.level, logger.propagate) for logger in (root, http)]
    try:
        configure("info")
        handler = configure("debug", tmp_path / "x.log")
        assert root.handlers == [handler]
        logging.getLogger("tiaas.x").debug("deep")
        logging.getLogger("uvicorn.error").info("chatter")
        logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
        lines = (tmp_path / "x.log").read_text().splitlines()
        assert [json.loads(line)["message"] for line in lines] == ["deep", "Invalid HTTP request received."]
        with pytest.raises(InvalidInput, match="unknown log level"):
            configure("loud")
    finally:
        for logger, level, propagate in before:
            for handler in logger.handlers[:]:
                logger.removeHandler(handler)
                handler.close()
            logger.setLevel(level)
            logger.propagate = propagate


def test_a_disk_that_is_full_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    handler = configure("info", Path("/dev/full"))
    try:
        for _ in range(3):
            logging.getLogger("tiaas").error("something")
    finally:
        configure("info")
        with suppress(OSError):
            handler.close()
    told = capsys.readouterr().err
    assert told.count("cannot be written: No space left on device") == 1
    assert "Traceback" not in told
