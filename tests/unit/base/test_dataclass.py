"""Classes made by `tiaas.base.dataclass` do what the standard library's do."""

import dataclasses
import operator
from collections.abc import Callable
from dataclasses import KW_ONLY, FrozenInstanceError, field
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from tiaas.base.dataclass import dataclass

T = TypeVar("T")

OPTIONS: list[dict[str, bool]] = [
    {},
    {"frozen": True, "slots": True},
    {"frozen": True, "slots": True, "kw_only": True},
    {"frozen": True, "slots": True, "order": True},
    {"frozen": True, "kw_only": True},
    {"slots": True},
    {"slots": True, "eq": False},
    {"slots": True, "repr": False},
    {"slots": True, "eq": False, "repr": False},
]


CALLS: list[tuple[tuple[object, ...], dict[str, object]]] = [
    ((1,), {}),
    ((), {"number": 1}),
    ((2,), {}),
    ((-1,), {}),
    ((), {}),
    ((1, "a", "b", "c"), {}),
    ((), {"number": 1, "nonsense": 2}),
]


def plain() -> type[Any]:
    class Sample:
        number: int
        name: str = "nobody"
        items: list[int] = field(default_factory=list, compare=False)
        kind: ClassVar[str] = "sample"

    return Sample


def hidden() -> type[Any]:
    class Sample:
        """With a field of each other sort."""

        number: int
        secret: str = field(default="", repr=False)
        made: int = field(init=False, default=5)

    return Sample


def finished() -> type[Any]:
    class Sample:
        number: int
        doubled: int = field(init=False)
        more: list[int] = field(init=False, default_factory=lambda: [7])

        def __post_init__(self) -> None:
            if self.number < 0:
                raise ValueError("negative")
            object.__setattr__(self, "doubled", 2 * self.number)

    return Sample


def mixed() -> type[Any]:
    class Sample:
        _: KW_ONLY
        late: int = 1
        later: list[int] = field(default_factory=list)
        number: int = field(kw_only=False)

    return Sample


def empty() -> type[Any]:
    class Sample:
        pass

    return Sample


def written() -> type[Any]:
    class Sample:  # noqa: PLW1641 - without a hash on purpose
        number: int

        def __init__(self, number: int) -> None:
            object.__setattr__(self, "number", number + 1)

        def __repr__(self) -> str:
            return "mine"

        def __eq__(self, other: object) -> bool:
            return True

    return Sample


def hashed() -> type[Any]:
    class Sample:
        number: int

        def __hash__(self) -> int:
            return 7

    return Sample


def generic() -> type[Any]:
    class Sample(Generic[T]):
        number: T

    return Sample


def outcome(call: Callable[..., object], *args: object, **kwargs: object) -> object:
    """What a call returns or raises."""
    try:
        return call(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - any is an answer
        return type(error), str(error)


def answers(cls: type[Any]) -> list[object]:
    """What there is to see of a class and its objects, told in plain values."""
    seen: list[object] = [cls.__match_args__, cls.__name__, cls.__qualname__, cls.__dict__.get("__slots__")]
    seen += [(one.name, one.type, one.kw_only) for one in dataclasses.fields(cls)]
    seen.append(cls.__hash__ is None)
    made = []
    for args, kwargs in CALLS:
        value = outcome(cls, *args, **kwargs)
        if isinstance(value, cls):
            made.append(value)
        else:
            seen.append(value)
    for value in made:
        # Where these are those of `object`, they tell an address.
        seen += [outcome(repr, value)] if "__repr__" in vars(cls) else []
        seen += [outcome(hash, value)] if "__eq__" in vars(cls) else []
        seen += [outcome(dataclasses.asdict, value), outcome(dataclasses.replace, value, number=9) == made[0]]
        for other in [*made, 1]:
            seen += [outcome(compare, value, other) for compare in (operator.eq, operator.ne, operator.lt, operator.ge)]
    # Without fields, slots make the standard one stumble over its own super().
    for value in made if dataclasses.fields(cls) else []:
        seen += [outcome(setattr, value, "number", 3), outcome(delattr, value, "number")]
    return seen


@pytest.mark.parametrize("body", [plain, hidden, finished, mixed, empty, written, hashed, generic])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_class_does_what_the_standard_one_does(body: Callable[[], type[Any]], options: dict[str, bool]) -> None:
    assert answers(dataclass(**options)(body())) == answers(dataclasses.dataclass(**options)(body()))


def test_a_method_is_written_at_its_first_call() -> None:
    @dataclass(frozen=True, slots=True)
    class Sample:
        number: int

    before = dict(vars(Sample))
    first = Sample(1)
    assert vars(Sample)["__init__"] is not before["__init__"]
    assert vars(Sample)["__eq__"] is before["__eq__"]
    assert first == Sample(1)
    assert vars(Sample)["__eq__"] is not before["__eq__"]
    after = dict(vars(Sample))
    assert before["__eq__"](first, Sample(1))
    assert dict(vars(Sample)) == after, "written twice"


def test_a_class_inherits_fields_and_may_change_them() -> None:
    @dataclass(frozen=True, slots=True)
    class Above:
        number: int
        name: str = "nobody"

        def __post_init__(self) -> None:
            if self.number < 0:
                raise ValueError("negative")

    @dataclass(frozen=True, slots=True)
    class Below(Above):
        name: str = "somebody"
        more: int = 0

    assert repr(Below(1)).endswith("Below(number=1, name='somebody', more=0)")
    assert Below(1) != Above(1, "somebody")
    assert Below(1) == Below(1, "somebody", 0)
    with pytest.raises(ValueError, match="negative"):
        Below(-1)
    with pytest.raises(FrozenInstanceError):
        Below(1).more = 2  # type: ignore[misc]


def test_an_own_class_without_decorator_uses_the_methods_above_it() -> None:
    @dataclass(frozen=True, slots=True)
    class Above:
        number: int

    class Below(Above):
        pass

    assert Below(1) == Below(1)
    assert Below(1) != Above(1)
    assert hash(Below(1)) == hash(Below(1))
    assert Above(1).number == 1


def test_many_fields_are_frozen_as_few_are() -> None:
    @dataclass(frozen=True, slots=True)
    class Many:
        one: int
        two: int = 2
        three: list[int] = field(default_factory=list)
        four: int = field(init=False, default=4)
        five: int = 5

        def __post_init__(self) -> None:
            assert type(self).__name__ in ("Many", "Same", "Own", "Slotted")
            object.__setattr__(self, "five", self.five + 1)

    @dataclass(frozen=True, slots=True)
    class Same(Many):
        pass

    class Own(Many):
        pass

    class Slotted(Many):
        __slots__ = ("more",)

    for cls in (Many, Same, Own, Slotted):
        made = cls(1, five=7)
        assert type(made) is cls
        assert (made.one, made.two, made.three, made.four, made.five) == (1, 2, [], 4, 8)
        for name in ("one", "five", "other"):
            with pytest.raises(FrozenInstanceError):
                setattr(made, name, 0)
            with pytest.raises(FrozenInstanceError):
                delattr(made, name)
        assert made == cls(1, five=7)
        assert made != cls(2, five=7)
    assert Same(1) != Many(1)


def test_a_default_that_changes_is_refused() -> None:
    with pytest.raises(ValueError, match="mutable default"):

        @dataclass(frozen=True, slots=True)
        class Sample:
            items: list[int] = []  # noqa: RUF012
