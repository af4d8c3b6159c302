"""Calls a second, and when they arrive."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from .running import ProgramError, by_turns, middle, run
from .service import DELAY
from .targets import RATES, Found, found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .workshop import Workshop

#: So fast that pacing is not what limits.
UNLIMITED = "100000/s"
#: At each number in flight.
IN_FLIGHT = (50, 200)


def per_second(arrivals: Sequence[tuple[float, str]]) -> float:
    """Calls a second from the first arrival to the last answer."""
    return len(arrivals) / (arrivals[-1][0] - arrivals[0][0] + DELAY)


def fullest(seconds: float, moments: Sequence[float]) -> int:
    """The most moments in any half-open window of so many seconds."""
    return max(bisect_left(moments, one + seconds) - at for at, one in enumerate(moments))


def _arrived(shop: Workshop, calls: int) -> list[tuple[float, str]]:
    """What arrived, which must be everybody once."""
    arrivals = shop.service.arrivals()
    different = len({number for _, number in arrivals})
    if not len(arrivals) == different == calls:
        raise ProgramError(f"{len(arrivals)} calls to {different} numbers arrived, not {calls}")
    return arrivals


def _ours(shop: Workshop, in_flight: int, *, recorded: bool = True) -> Callable[[], float]:
    """Calls a second of `run`, at its terminal."""
    calls = in_flight * shop.size.calls

    def measure() -> float:
        source = shop.clean(calls)
        flags = ("--yes", "--concurrency", in_flight, "--rate", UNLIMITED)
        program = ("batchdial",) if recorded else ("tests.bench.contestants", "unrecorded")
        run(
            *("-m", *program, "run", source, *flags),
            environment=shop.environment(source.with_name("ledger.db")),
            terminal=True,
            codes=(0,) if recorded else (0, 1, 75),  # a ledger that was told nothing is not done
        )
        shop.drop(source)
        return per_second(_arrived(shop, calls))

    return measure


def _script(shop: Workshop, in_flight: int) -> Callable[[], float]:
    """Calls a second of a script."""
    calls = shop.size.script_calls

    def measure() -> float:
        source = shop.clean(calls)
        target = source.with_name("results.csv")
        what = ("-m", "tests.bench.references", "dial", source, target)
        run(*what, shop.service.url, in_flight, environment={})
        shop.drop(source)
        return per_second(_arrived(shop, calls))

    return measure


def _load(shop: Workshop, in_flight: int, kind: str) -> float:
    """Calls a second of the service under a load that costs next to nothing."""
    calls = in_flight * shop.size.calls
    run("-m", "tests.bench.load", shop.service.port, in_flight, calls, kind, environment={})
    return per_second(shop.service.arrivals())


def measure_dispatch(shop: Workshop) -> Iterator[Found]:
    """As fast as it goes, to a ledger on the disk, with results and progress."""
    for in_flight in IN_FLIGHT:
        shop.say(f"Dialling with {in_flight} in flight, {shop.size.times} times by turns")
        ideal = in_flight / DELAY
        samples = by_turns(
            shop.size.times,
            batchdial=_ours(shop, in_flight),
            script=_script(shop, in_flight),
            bare=lambda n=in_flight: _load(shop, n, "keep"),  # type: ignore[misc]
            bare_closing=lambda n=in_flight: _load(shop, n, "close"),  # type: ignore[misc]
        )
        ours, theirs = middle(samples["batchdial"]), middle(samples["script"])
        bare, closing = middle(samples["bare"]), middle(samples["bare_closing"])
        note = f"{ours:,.0f}/s; bare sockets {bare:,.0f}/s, {closing:,.0f}/s if each call connects"
        yield found(f"dispatch-{in_flight}", ours / ideal, note, samples)
        both = f"{ours:,.0f}/s; {theirs:,.0f}/s"
        yield found("script", ours / theirs, both, samples, part=f"{in_flight} in flight")


def measure_ledger(shop: Workshop) -> Iterator[Found]:
    """The same command with claims and settlements on the disk, and in memory alone."""
    in_flight = IN_FLIGHT[0]
    shop.say(f"Dialling with the ledger on and off, {shop.size.times} times by turns")
    samples = by_turns(
        shop.size.times, on=_ours(shop, in_flight), off=_ours(shop, in_flight, recorded=False)
    )
    on, off = middle(samples["on"]), middle(samples["off"])
    yield found("ledger", on / off, f"{on:,.0f}/s; {off:,.0f}/s", samples)


def measure_pace(shop: Workshop) -> Iterator[Found]:
    """What arrives in the fullest second, and on average, at each rate."""
    for rate in RATES:
        shop.say(f"Dialling at {rate}/s for {shop.size.pace_seconds} s, {shop.size.times} times")
        seen = [_paced(shop, rate) for _ in range(shop.size.times)]
        most, average = max(most for most, _ in seen), middle([share for _, share in seen])
        yield found(
            "pace",
            most / rate,
            f"{most} at most in any second",
            {"most": [float(one) for one, _ in seen]},
            part=f"{rate}/s, fullest second",
        )
        yield found(
            "pace",
            average,
            f"{average * rate:.2f}/s",
            {"share": [share for _, share in seen]},
            part=f"{rate}/s, average",
        )


def _paced(shop: Workshop, rate: int) -> tuple[int, float]:
    """Calls in the fullest second, and what share of the limit they were on average."""
    calls = rate * shop.size.pace_seconds + 1
    source = shop.clean(calls)
    lanes = max(5, round(rate * DELAY * 3))
    flags = ("--yes", "--rate", f"{rate}/s", "--concurrency", lanes)
    shop.batchdial("run", source, *flags, ledger=source.with_name("ledger.db"), terminal=True)
    shop.drop(source)
    moments = [at for at, _ in _arrived(shop, calls)]
    return fullest(1.0, moments), (calls - 1) / (moments[-1] - moments[0]) / rate
