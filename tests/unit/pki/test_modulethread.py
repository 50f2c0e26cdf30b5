"""The thread of a PKCS#11 module: order, and a module that hangs."""

import asyncio
from collections.abc import Iterator
from threading import Event, get_ident

import pytest

from tiaas.pki.modulethread import ModuleThread, NoAnswer, Stuck

LONG = 20.0
SHORT = 0.05


class Hang:
    """Something a module does that ends when `over` is set."""

    def __init__(self) -> None:
        self.begun, self.over = Event(), Event()

    def __call__(self) -> str:
        self.begun.set()
        self.over.wait(30)
        return "late"


@pytest.fixture
def hang() -> Iterator[Hang]:
    made = Hang()
    yield made
    made.over.set()


async def until(thread: ModuleThread, *, stuck: bool) -> None:
    for _ in range(2000):
        if thread.is_stuck is stuck:
            return
        await asyncio.sleep(0.005)
    pytest.fail(f"the module is {'not ' if stuck else ''}stuck")


async def test_one_thing_after_the_other_on_one_thread() -> None:
    thread, done = ModuleThread("m"), list[tuple[int, int]]()
    await asyncio.gather(*(thread.run(LONG, lambda number: done.append((number, get_ident())), n) for n in range(50)))
    assert [number for number, _ in done] == list(range(50))
    assert len({ident for _, ident in done}) == 1


async def test_what_is_raised_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await ModuleThread("m").run(LONG, lambda: 1 // 0)


async def test_a_module_that_hangs_holds_nobody_and_is_used_again_when_it_answers(hang: Hang) -> None:
    thread, done = ModuleThread("m"), list[str]()
    hanging = asyncio.create_task(thread.run(SHORT, hang))
    behind = asyncio.create_task(thread.run(SHORT, done.append, "behind it"))
    for task in (hanging, behind):
        with pytest.raises(NoAnswer):
            await task
    assert thread.is_stuck
    # Whoever comes now waits for nothing.
    async with asyncio.timeout(LONG / 2):
        with pytest.raises(Stuck):
            await thread.run(LONG, done.append, "refused")
    thread.later(lambda: done.append("left behind"))
    hang.over.set()
    await until(thread, stuck=False)
    await thread.run(LONG, done.append, "after it")
    assert done == ["left behind", "after it"]


async def test_a_caller_who_goes_does_not_hide_a_module_that_hangs(hang: Hang) -> None:
    thread = ModuleThread("m")
    task = asyncio.create_task(thread.run(SHORT, hang))
    await asyncio.to_thread(hang.begun.wait, 10)
    task.cancel()
    await until(thread, stuck=True)


async def test_what_is_cancelled_before_its_turn_is_never_done(hang: Hang) -> None:
    thread, done = ModuleThread("m"), list[str]()
    first = asyncio.create_task(thread.run(LONG, hang))
    second = asyncio.create_task(thread.run(LONG, done.append, "cancelled"))
    await asyncio.to_thread(hang.begun.wait, 10)
    second.cancel()
    await asyncio.sleep(0)
    hang.over.set()
    assert await first == "late"
    await thread.run(LONG, done.append, "later")
    assert done == ["later"]


async def test_a_slow_module_is_not_one_that_hangs(hang: Hang) -> None:
    """Who waits for his turn for long is refused; what is done meanwhile has its own time."""
    thread = ModuleThread("m")
    first = asyncio.create_task(thread.run(LONG, hang))
    await asyncio.to_thread(hang.begun.wait, 10)
    with pytest.raises(NoAnswer):
        await thread.run(SHORT, lambda: None)
    assert not thread.is_stuck
    hang.over.set()
    assert await first == "late"


def test_a_thread_serves_several_loops() -> None:
    thread = ModuleThread("m")
    assert [asyncio.run(thread.run(LONG, int, text)) for text in ("1", "2")] == [1, 2]
