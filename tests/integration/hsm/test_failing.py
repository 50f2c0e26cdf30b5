"""A SoftHSM2 token that hangs in the middle of a signature, is away or busy, or whose PIN is another one."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.integration.hsm.house import CT, House
from tests.integration.konnektor_core.practice import Practice
from tiaas.base.entropy import SystemEntropy
from tiaas.base.secret import Secret
from tiaas.konnektor.cardmap import AUT, ECC
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Topic
from tiaas.konnektor.hsm import hsms
from tiaas.konnektor.keys import signer_of
from tiaas.konnektor.sessions import CallContext
from tiaas.lab.hsm import CONFIGURATION, SoftHsm, VirtualSmbContent, make_soft_hsm, personalise_smb, write_token
from tiaas.pki import pkcs11
from tiaas.pki.keys import Digest, Signer, SigningScheme
from tiaas.pki.pkcs11 import PinRefused, Token, TokenError

DIGEST = bytes(32)


@pytest.fixture
async def content() -> VirtualSmbContent:
    practice = Practice()
    practice.handshakes.close()
    return await personalise_smb(practice.personaliser, practice.seed.institutions[0], practice.entropy)


@pytest.fixture
async def hsm(content: VirtualSmbContent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftHsm:
    hsm = await make_soft_hsm(tmp_path, "praxis", SystemEntropy())
    monkeypatch.setenv(CONFIGURATION, str(hsm.configuration))
    token = hsm.token(writable=True)
    await token.open()
    await write_token(content, token)
    await token.close()
    return hsm


@pytest.fixture
async def house(content: VirtualSmbContent, hsm: SoftHsm) -> AsyncIterator[House]:
    house = House(content, 3.0, module=hsm.module, token=hsm.label, pin_file=hsm.pin_file)
    yield house
    await house.hsms.stop()


async def signer(house: House) -> Signer:
    (card,) = house.context.cards
    return await signer_of(card, card.session(CallContext("M1", "CS1", "AP1")), AUT, ECC, house.clock)


async def signer_of_started(house: House, content: VirtualSmbContent) -> Signer:
    """The instance's HSM in use, its virtual SMC-B activated."""
    await house.hsms.start()
    (view,) = house.hsms
    await house.hsms.activate(view, "M1", content.code)
    return await signer(house)


async def opened(hsm: SoftHsm) -> Token:
    """The token once more, as another instance has it."""
    neighbour = hsm.token()
    await neighbour.open()
    return neighbour


class Hang:
    """SoftHSM2 reads a key's file anew when it uses the key: with a FIFO in its place it waits for a writer."""

    def __init__(self, folder: Path) -> None:
        self._files = [path for path in folder.rglob("*.object") if path.name != "token.object"]
        self._is_over = False
        for path in self._files:
            path.rename(path.with_suffix(".aside"))
            os.mkfifo(path)

    def end(self) -> None:
        """The files are back; whoever waits for a FIFO reads the same out of it."""
        if self._is_over:
            return
        self._is_over = True
        for path in self._files:
            fifo = path.with_suffix(".fifo")
            path.rename(fifo)
            path.with_suffix(".aside").rename(path)
            with suppress(OSError):  # nobody reads it
                writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
                os.write(writer, path.read_bytes())
                os.close(writer)


@pytest.mark.requirement("TIP1-A_4581")
@pytest.mark.code(4094)
async def test_a_token_that_hangs_is_out_of_use_until_it_answers(
    house: House, content: VirtualSmbContent, hsm: SoftHsm, caplog: pytest.LogCaptureFixture
) -> None:
    by, neighbour = await signer_of_started(house, content), await opened(hsm)
    await by.sign_digest(DIGEST, by.scheme)
    hang = Hang(hsm.folder)
    try:
        with pytest.raises(KonnektorError) as caught:
            await by.sign_digest(DIGEST, by.scheme)
        assert caught.value.code == 4094
        # A terminal that lost its connection, for whoever looks.
        assert house.is_missing()
        assert list(house.context.cards) == []
        assert [view.loaded for view in house.hsms] == [None]
        told = {event.topic for event in house.events}
        assert told >= {Topic.CARD_REMOVED, Topic.CT_DISCONNECTED, Topic.CT_TLS_ESTABLISHMENT_FAILURE}
        assert [record.levelname for record in caplog.records if "HSM hangs" in record.getMessage()] == ["ERROR"]
        # Whoever comes now waits for nothing: no time limit is as short as this.
        async with asyncio.timeout(2):
            with pytest.raises(KonnektorError):
                await by.sign_digest(DIGEST, by.scheme)
            with pytest.raises(TokenError, match="hangs"):
                await signature(neighbour, content)
            await neighbour.close()
    finally:
        hang.end()
    await house.until(lambda: bool(list(house.context.cards)))
    assert not house.is_missing()
    by = await signer(house)
    await by.sign_digest(DIGEST, by.scheme)
    assert house.context.terminals.entry(CT).connected


@pytest.mark.requirement("TIP1-A_4581")
@pytest.mark.code(4044)
@pytest.mark.parametrize("is_all_away", [True, False])
async def test_a_token_that_was_away_comes_back(
    house: House,
    content: VirtualSmbContent,
    hsm: SoftHsm,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    is_all_away: bool,
) -> None:
    """SoftHSM2 remembers what was there until it is initialised anew, also if somebody else uses the module."""
    monkeypatch.setattr(pkcs11, "RENEWED_SECONDS", 0.0)
    neighbour = hsm.token() if is_all_away else await another_token(hsm)
    by = await signer_of_started(house, content)
    await neighbour.open()
    folder, away = (hsm.folder / "tokens" if is_all_away else token_folder(hsm)), hsm.folder / "away"
    folder.rename(away)
    with pytest.raises(KonnektorError) as caught:
        await by.sign_digest(DIGEST, by.scheme)
    assert caught.value.code == 4044
    await house.until(house.is_missing)
    assert list(house.context.cards) == []
    (told,) = [record for record in caplog.records if "HSM fails" in record.getMessage()]
    assert told.__dict__["reason"].startswith("token praxis: ")
    tries = len(caplog.records)
    await house.until(lambda: len(caplog.records) > tries + 2)
    away.rename(folder)
    await house.until(lambda: bool(list(house.context.cards)))
    by = await signer(house)
    await by.sign_digest(DIGEST, by.scheme)
    await neighbour.certificate("none")
    await neighbour.close()


def token_folder(hsm: SoftHsm) -> Path:
    """Where the keys are."""
    (found,) = [path for path in (hsm.folder / "tokens").iterdir() if len(list(path.glob("*.object"))) > 1]
    return found


async def another_token(hsm: SoftHsm) -> Token:
    """Made before the module is in use, for then it finds no new one."""
    pin = "1234567"
    words = ("--init-token", "--free", "--label", "other", "--pin", pin, "--so-pin", pin)
    made = await asyncio.create_subprocess_exec("softhsm2-util", *words, stdout=asyncio.subprocess.DEVNULL)
    assert await made.wait() == 0
    return Token(hsm.module, "other", Secret(pin.encode()))


async def test_a_module_that_is_busy_is_not_away(house: House, content: VirtualSmbContent, hsm: SoftHsm) -> None:
    """Whoever waits too long for his turn has no signature; the HSM of another practice is as it was."""
    by, neighbour = await signer_of_started(house, content), await opened(hsm)
    work = [asyncio.create_task(neighbour.work(lambda _: time.sleep(0.5))) for _ in range(14)]
    await asyncio.sleep(0)
    with pytest.raises(KonnektorError) as caught:
        await by.sign_digest(DIGEST, by.scheme)
    assert caught.value.code == 4094
    await asyncio.gather(*work, return_exceptions=True)
    await house.until(lambda: not house.hsms._tasks)
    assert not house.is_missing()
    await by.sign_digest(DIGEST, by.scheme)
    await neighbour.close()


async def test_a_stop_while_it_is_left_leaves_nothing_open(
    house: House, content: VirtualSmbContent, hsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    by, neighbour = await signer_of_started(house, content), await opened(hsm)
    (mine,) = [token for token in neighbour._module.tokens if token is not neighbour]

    async def gone(*_: object) -> bytes:
        raise TokenError("token praxis: GeneralError")

    monkeypatch.setattr(mine, "sign", gone)
    monkeypatch.setattr(mine, "certificate", gone)
    others = asyncio.create_task(neighbour.work(lambda _: time.sleep(0.5)))
    await asyncio.sleep(0)
    with pytest.raises(KonnektorError):
        await by.sign_digest(DIGEST, by.scheme)
    await house.until(house.is_missing)
    await house.hsms.stop()
    await others
    assert neighbour._module.tokens == [neighbour]
    await neighbour.close()


def sessions_ended(neighbour: Token) -> None:
    """As when the module is initialised anew for another one."""

    def end() -> None:
        for token in neighbour._module.tokens:
            token._end_session()

    neighbour._module.thread.later(end)


async def test_a_pin_that_was_changed_is_tried_once(
    house: House, content: VirtualSmbContent, hsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = await signer_of_started(house, content)
    tried = list[Token]()

    def refused(self: Token) -> object:
        if not self._is_refused:
            tried.append(self)
        self._is_refused = True
        raise PinRefused("token praxis: its PIN was refused")

    monkeypatch.setattr(Token, "_login", refused)
    neighbour = hsm.token()
    sessions_ended(neighbour)
    with pytest.raises(KonnektorError):
        await by.sign_digest(DIGEST, by.scheme)
    await house.until(house.is_missing)
    await asyncio.sleep(0.1)  # several tries
    assert len(tried) == 1


async def test_a_key_that_cannot_be_used_leaves_the_others_in_use(
    house: House, content: VirtualSmbContent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    by = await signer_of_started(house, content)

    async def no_such_key(*_: object) -> bytes:
        raise TokenError("token praxis: NoSuchKey")

    with monkeypatch.context() as patched:
        patched.setattr(Token, "sign", no_such_key)
        with pytest.raises(KonnektorError) as caught:
            await by.sign_digest(DIGEST, by.scheme)
        assert caught.value.code == 4044
        await house.until(lambda: not house.hsms._tasks)
    assert not house.is_missing()
    assert any(record.__dict__.get("reason") == "token praxis: NoSuchKey" for record in caplog.records)
    await by.sign_digest(DIGEST, by.scheme)


async def signature(token: Token, content: VirtualSmbContent) -> bytes:
    return await token.sign(f"{content.iccsn}.AUT.E256", DIGEST, SigningScheme.ECDSA, Digest.SHA256)


async def test_a_refused_pin_is_tried_once_until_its_file_has_another_one(
    house: House, hsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, tokens = hsm.pin_file.read_bytes(), list[Token]()

    def token(module: Path, label: str, pin: Secret, *, seconds: float) -> Token:
        tokens.append(Token(module, label, pin, seconds=seconds))
        return tokens[-1]

    monkeypatch.setattr(hsms, "Token", token)
    hsm.pin_file.write_bytes(b"wrong-pin")
    await house.hsms.start()
    await asyncio.sleep(0.1)  # several tries
    assert len(tokens) == 1
    assert house.is_missing()
    hsm.pin_file.write_bytes(right + b"\n")
    await house.until(lambda: bool(list(house.context.cards)))
