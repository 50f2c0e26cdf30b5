"""The doors of a lab beside SOAP: management, recorder, events, directory. Each is used, what came out is kept."""

import json
import socket
import ssl
import struct
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree

from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.caller import CONN, EVENT, Caller, envelope
from tiaas.konnektor.admin.routes import Method
from tiaas.konnektor.admin.table import INSTANCE_ROUTES

TOPICS = ("BOOTUP", "CARD", "CERT", "CT", "KSR", "LOG", "MGM", "NTP", "OPERATIONAL_STATE", "SIG", "VSDM")
_BASIC, _WRONG = "Hintertuer-86420975", "Irrtum-57913086"


@dataclass(slots=True)
class Doors:
    """What came out, by door; `passwords` went in, or came out once where they have to."""

    management: dict[str, bytes] = field(default_factory=dict)
    refusals: list[bytes] = field(default_factory=list)
    recording: Path = Path()
    diagram: Path = Path()
    verbs: list[str] = field(default_factory=list)
    events: list[etree._Element] = field(default_factory=list)
    passwords: set[str] = field(default_factory=set)


class Receiver:
    """A port for events that keeps all of them; the certificate is that of the Clientsystem."""

    def __init__(self, ready: dict[str, Any], events: list[etree._Element]) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(ready["client"]["cert"], ready["client"]["key"])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._url = f"cetp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._events = events
        threading.Thread(target=self._run, daemon=True).start()

    def subscribe(self, caller: Caller) -> None:
        """To everything there is."""
        for topic in TOPICS:
            body = (
                f'<e:Subscribe xmlns:e="{EVENT}" xmlns:n="{CONN}">{caller.context()}<e:Subscription>'
                f"<e:EventTo>{self._url}</e:EventTo><e:Topic>{topic}</e:Topic></e:Subscription></e:Subscribe>"
            )
            reply = caller.post("EventService", envelope(body))
            assert reply.status == 200, reply.body

    def close(self) -> None:
        """No more events."""
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
                with self._context.wrap_socket(plain, server_side=True) as connection:
                    octets = b"".join(iter(lambda: connection.recv(4096), b""))
            except OSError:
                if self._listener.fileno() < 0:
                    return
                continue
            (size,) = struct.unpack(">I", octets[4:8])
            assert size == len(octets) - 8
            self._events.append(etree.fromstring(octets[8:]))


def start_recording(lab: LabProcess) -> None:
    """Whatever a Clientsystem does from now on is kept."""
    assert lab.tiaas("record", "start", "--dir", str(lab.folder)).returncode == 0


def stop_recording(lab: LabProcess, doors: Doors) -> None:
    """Ends it; the file and its diagram lie in the lab's folder."""
    folder = lab.folder / "recordings"
    doors.recording, doors.diagram = folder / "story.json", folder / "story.html"
    folder.mkdir(mode=0o700, exist_ok=True)
    for words in (
        ("stop", "-o", str(doors.recording)),
        ("export", str(doors.recording), "-o", str(doors.diagram)),
        ("show", str(doors.recording)),
    ):
        done = lab.tiaas("record", *words, "--dir", str(lab.folder))
        assert done.returncode == 0, done.stderr
        doors.verbs.append(done.stdout + done.stderr)


def log_everything(ready: dict[str, Any]) -> None:
    """The protocol takes whatever it can, uses of keys too; comfort signatures are on."""
    told = {"system_level": "Info", "crypto_operations": True, "performance": True}
    told["fachmodule"] = {"VSDM": {"level": "Debug"}}
    for path, document in (("/log-settings", told), ("/parameters", {"comfort_signature": True})):
        status, answer = _ask(ready, "PUT", path, document)
        assert status < 300, answer


def use_management(lab: LabProcess, doors: Doors) -> None:
    """Changes with secrets, refusals with personal data in all places, then everything that can be read."""
    ready = lab.ready
    client = ready["context"]["client_system_id"]
    patient = ready["cards"]["egk"][0]
    doors.passwords |= {_BASIC, _WRONG, ready["admin"]["token"]}
    assert _ask(ready, "PUT", f"/client-systems/{client}/users/u", {"password": _BASIC})[0] < 300
    refused = [
        _ask(ready, "POST", "/session", {"user": "nobody", "password": _WRONG}),
        _ask(ready, "POST", "/session", {"user": patient["kvnr"], "password": _WRONG}),
        _ask(ready, "POST", "/session", {"pin": ready["cards"]["hba"][0]["pins"]["PIN.CH"]}),
        _ask(ready, "GET", f"/terminals/{patient['kvnr']}"),
        _ask(ready, "POST", f"/cards/{patient['iccsn']}/pin-smc/verify", {"mandant_id": patient["kvnr"]}),
    ]
    assert all(status >= 400 for status, _ in refused)
    doors.refusals = [answer for _, answer in refused]
    for route in INSTANCE_ROUTES:
        if route.method is Method.GET:
            path = route.path.format(
                user="u", client_system_id=client, ct_id=ready["terminals"][0]["ct_id"], log="system", name="VSDM"
            )
            doors.management[path] = _ask(ready, "GET", path)[1]
    doors.management["/logs/security"] = _ask(ready, "GET", "/logs/security")[1]


def use_directory(lab: LabProcess, doors: Doors) -> None:
    """Searches for what no directory should be asked for."""
    patient = lab.ready["cards"]["egk"][0]
    for word in (patient["kvnr"], patient["iccsn"], "(mail=nobody@kim.tiaas.example)"):
        done = lab.tiaas("directory", "search", word, "--dir", str(lab.folder))
        doors.verbs.append(done.stderr)


def _ask(ready: dict[str, Any], method: str, path: str, document: object = None) -> tuple[int, bytes]:
    """One call of the management interface as the Super-Administrator."""
    admin = ready["admin"]
    context = ssl.create_default_context(cafile=admin["ca"])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    body = None if document is None else json.dumps(document).encode()
    fields = {"Authorization": f"Bearer {admin['token']}", "Content-Type": "application/json"}
    try:
        request = urllib.request.Request(admin["url"] + path, body, fields, method=method)
        with opener.open(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()
