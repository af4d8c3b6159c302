"""A connection is used again only where the service has shown that it holds."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from batchdial.dialing.pool import Pool
from batchdial.dialing.reuse import (
    BUSY_CALLS,
    BUSY_SECONDS,
    LONGEST_IDLE,
    MOST_CALLS,
    OLDEST,
    REST,
    WATCHED,
    WITNESSES,
    Reuse,
)


@dataclass(eq=False)
class Fake:
    """A connection whose clock a test moves."""

    uses: int = 1
    age: float = 0.1
    idle: float = 0.0
    is_quiet: bool = True
    is_dropped: bool = False

    def rest(self) -> None:
        """As in `Connection`."""
        self.idle = 0.0

    def drop(self) -> None:
        """As in `Connection`."""
        self.is_dropped = True


@dataclass
class Bench:
    """A pool of which a test sees every connection."""

    def __post_init__(self) -> None:
        self.reuse = Reuse()
        self.pool: Pool[Fake] = Pool(self.reuse)
        self.witnesses = [Fake() for _ in range(WITNESSES)]

    def watch(self, idle: float = 1.0) -> None:
        """Let the witnesses stand idle for so long."""
        for witness in self.witnesses:
            if witness not in self.pool._witnesses:
                self.pool.put(witness)
        for witness in self.witnesses:
            witness.idle = idle
        assert self.pool.take() is None

    def scout(self, uses: int, age: float = 1.0) -> Fake:
        """Let a scout go ahead so far."""
        scout = Fake(age=age)
        self.pool.put(scout)
        while scout.uses < uses:
            scout.idle = REST
            assert self.pool.take() is scout
            scout.uses += 1
            self.pool.put(scout)
        scout.idle = REST
        assert self.pool.take() is scout
        return scout


def call_often(reuse: Reuse, seconds: float, count: int = BUSY_CALLS) -> bool:
    """Whether connections are to be kept after so many calls in so long."""
    for nth in range(count):
        reuse.note_call(100 + nth * seconds / (count - 1))
    return reuse.is_wanted(100 + seconds)


@pytest.mark.parametrize(
    ("seconds", "count", "wanted"),
    [
        (BUSY_SECONDS * 0.99, BUSY_CALLS, True),
        (BUSY_SECONDS * 1.01, BUSY_CALLS, False),
        (0.01, BUSY_CALLS - 1, False),
        (BUSY_CALLS / 20, BUSY_CALLS, False),  # 20/s
    ],
)
def test_only_many_calls_are_worth_it(seconds: float, count: int, wanted: bool) -> None:
    """At less than a hundred calls a second each has a connection of its own."""
    assert call_often(Reuse(), seconds, count) is wanted


def test_nothing_is_reused_before_witnesses_have_seen_it() -> None:
    """Three connections stand idle first; they themselves are never used again."""
    bench = Bench()
    for witness in bench.witnesses:
        bench.pool.put(witness)
    bench.pool.put(scout := Fake())
    scout.idle = REST
    assert bench.pool.take() is None
    for witness in bench.witnesses:
        witness.idle = 3 * REST * 0.99
    assert bench.pool.take() is None
    assert scout.is_dropped


@pytest.mark.parametrize("seen", [0.1, 0.6, 2.9])
def test_a_third_of_the_shortest_idle_life_is_trusted(seen: float) -> None:
    """Whether the service ended it, or it has lasted so long."""
    bench = Bench()
    bench.watch(seen)
    assert bench.reuse.patience == pytest.approx(seen / 3)
    bench.witnesses[1].idle = seen / 2
    bench.pool.ended(bench.witnesses[1])
    assert bench.reuse.patience == pytest.approx(seen / 6)


def test_never_longer_than_a_second() -> None:
    """However long the service leaves them open."""
    bench = Bench()
    bench.watch(30.0)
    assert bench.reuse.patience == LONGEST_IDLE
    bench.scout(3)
    bench.pool.put(one := Fake())
    one.idle = LONGEST_IDLE + 0.01
    assert bench.pool.take() is None
    assert one.is_dropped


def test_witnesses_are_let_go_when_they_have_seen_enough() -> None:
    """They are not kept for the whole run."""
    bench = Bench()
    bench.watch(WATCHED)
    assert all(witness.is_dropped for witness in bench.witnesses)
    bench.pool.put(Fake())
    assert bench.pool._witnesses == []


def test_a_service_that_closes_at_once_is_never_trusted() -> None:
    """It did so before anything was sent over the connection again."""
    bench = Bench()
    bench.watch(1.0)
    bench.pool.put(one := Fake())
    one.idle = 0.001
    bench.pool.ended(one)
    assert bench.reuse.patience == 0
    bench.pool.put(two := Fake())
    two.idle = REST
    assert bench.pool.take() is None


def test_what_this_side_ends_says_nothing_of_the_service() -> None:
    """Otherwise the pool would distrust itself."""
    bench = Bench()
    bench.watch(1.0)
    bench.pool.put(one := Fake())
    one.drop()
    bench.pool.ended(one)
    assert bench.reuse.patience == pytest.approx(1 / 3)


def test_the_scout_goes_first_and_alone() -> None:
    """Nothing is used a second time while the scout is out for its second call."""
    bench = Bench()
    bench.watch()
    scout = bench.scout(1)
    for _ in range(5):
        bench.pool.put(Fake())
        assert bench.pool.take() is None
    scout.uses, scout.idle = 2, 0.0
    bench.pool.put(scout)
    assert bench.pool.take() is None  # it has not rested: the service might still close it
    scout.idle = REST
    assert bench.pool.take() is scout
    bench.pool.put(one := Fake())
    assert bench.pool.take() is one
    one.uses = 2
    bench.pool.put(one)
    assert bench.pool.take() is None


def test_nothing_is_used_more_often_or_half_as_long_as_the_scout() -> None:
    """A service that ends connections by number or by age meets the scout with it."""
    bench = Bench()
    bench.watch()
    bench.scout(6, age=4.0)
    for uses, age, again in [(5, 2.0, True), (6, 2.0, False), (5, 2.1, False), (1, 0.1, True)]:
        bench.pool.put(one := Fake(uses, age))
        assert (bench.pool.take() is one) is again


def test_the_scout_has_its_limits_too() -> None:
    """A service that ends connections after so many calls usually says so; ours end before."""
    reuse = Reuse()
    reuse.stood(3.0)
    assert reuse.lets_scout(MOST_CALLS - 1, REST, OLDEST)
    assert not reuse.lets_scout(MOST_CALLS, REST, 1.0)
    assert not reuse.lets_scout(1, REST, OLDEST + 0.1)
    assert not reuse.lets_scout(1, REST - 0.001, 1.0)


def test_the_connection_used_last_is_used_first() -> None:
    """So that idle times stay short, and those that are not needed end."""
    bench = Bench()
    bench.watch()
    bench.scout(9, age=9.0)
    first, second = Fake(), Fake()
    bench.pool.put(first)
    bench.pool.put(second)
    first.idle = 0.2
    assert bench.pool.take() is second
    assert bench.pool.take() is first


@pytest.mark.parametrize("who", ["scout", "another"])
def test_one_lost_call_ends_reuse_for_good(who: str) -> None:
    """Whatever the service shows afterwards."""
    bench = Bench()
    bench.watch()
    scout = bench.scout(3)
    lost = scout if who == "scout" else Fake(uses=2)
    bench.pool.lost(lost)
    assert bench.reuse.patience == 0
    assert not call_often(bench.reuse, 0.01)
    bench.pool.put(one := Fake())
    assert bench.pool.take() is None
    assert one.is_dropped or one in bench.pool._witnesses or bench.pool._scout is one


def test_a_lost_first_call_says_nothing_of_reuse() -> None:
    """It would have been lost over any connection."""
    bench = Bench()
    bench.watch()
    bench.pool.lost(Fake(uses=1))
    assert bench.reuse.patience > 0


def test_a_connection_that_is_not_quiet_is_left_alone() -> None:
    """Its end has come in, or an answer that nobody asked for."""
    bench = Bench()
    bench.watch()
    bench.scout(5, age=9.0)
    bench.pool.put(one := Fake())
    one.is_quiet = False
    assert bench.pool.take() is None
    assert one.is_dropped
    bench.pool.put(two := Fake())
    assert bench.pool.take() is two
    two.is_quiet = False
    assert not bench.pool.may_carry(two)
    two.is_quiet, two.idle = True, 0.5
    assert not bench.pool.may_carry(two)


def test_a_scout_that_ends_makes_room_for_another() -> None:
    """By the service while it rests, which counts; by this side, which does not."""
    bench = Bench()
    bench.watch()
    bench.pool.put(scout := Fake())
    scout.idle = 0.9
    assert bench.pool.take() is None
    assert scout.is_dropped
    bench.pool.put(other := Fake())
    other.idle = 0.006
    bench.pool.ended(other)
    assert bench.reuse.patience == 0
