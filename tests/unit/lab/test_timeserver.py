"""The lab's time server finds out by errno that its port is taken, so that labs beside each other take other ports."""

import errno
import socket

import pytest
import uvloop

from tiaas.base.clock import SystemClock
from tiaas.lab.faults import FaultBook
from tiaas.lab.journal import Journal
from tiaas.lab.timeserver import TimeServer


def _server() -> TimeServer:
    clock = SystemClock()
    return TimeServer(clock, FaultBook(clock), Journal(clock))


def test_a_taken_port_has_its_errno() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, pytest.raises(OSError, match="in use") as taken:
        other.bind(("127.0.0.1", 0))
        uvloop.run(_server().start("127.0.0.1", other.getsockname()[1]))
    assert taken.value.errno == errno.EADDRINUSE
