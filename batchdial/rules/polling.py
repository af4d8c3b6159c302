"""Which open call is asked about next, within a budget that does not grow with them."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

#: Seconds for which a call certainly rings; until then it is not asked about.
FIRST_GAP = 5.0
#: How much longer each gap between two questions about a call is than the last, and the longest.
GROWTH, LONGEST_GAP = 1.5, 60.0
#: Seconds beyond the longest call of an agent after which a call should be over, and the gap then.
MARGIN, RARE_GAP = 120.0, 600.0
#: Seconds after which a call that never ended is given up.
LIFETIME = 86_400.0
#: Seconds between two questions about one call, whatever is heard of it; each time that the
#: service did not confirm what was heard, twice as many, up to the most.
NEWS_GAP, LONGEST_NEWS_GAP = 1.0, 60.0
#: Seconds of the budget that can be saved up, or owed; at least, and at the beginning, so many
#: questions can be saved.
SAVED, LEAST_SAVED = 5.0, 3.0
#: Calls that are remembered because they were heard of before they were known.
EARLY = 1_000


class Budget(NamedTuple):
    """
    How many questions may be asked.

    A call that is said to be over is asked about although the share of the open calls is used
    up, and others wait the longer for it. The ceiling is never gone beyond.
    """

    ceiling: float = 5.0  #: a second in all, evenly
    per_call: float = 0.09  #: a second for each open call; under one a second for ten


@dataclass(slots=True)
class _Watch:
    """One open call."""

    began: float  #: when it was placed
    due: float
    asked: int = 0  #: answers that said that it goes on, or said nothing
    asked_at: float = float("-inf")
    is_asked: bool = False  #: whether an answer is awaited
    heard: bool = False  #: whether it is said to be over
    news_due: float = 0.0  #: when it may be asked about for that
    by_news: bool = False  #: whether that is why it is asked about now
    unconfirmed: int = 0  #: how often it was said to be over and was not


class Schedule:
    """
    Open calls in the order in which they are to be asked about.

    A call is first asked about when it can have ended, then at growing gaps; when it should be
    over, rarely. A call that is said to be over is asked about at once. Times are seconds of one
    clock, given by the caller.

    Args:
        longest: Seconds that the longest call can last.
        budget: How many questions may be asked.
    """

    def __init__(self, longest: float, budget: Budget | None = None) -> None:
        self._longest = longest
        self._budget = budget or Budget()
        self._watched: dict[str, _Watch] = {}
        self._due: list[tuple[float, int, str]] = []
        self._news: list[tuple[float, int, str]] = []
        self._early: dict[str, None] = {}
        self._order = count()
        self._saved = LEAST_SAVED
        self._saved_at: float | None = None
        self._not_before = self._spaced = float("-inf")

    def __len__(self) -> int:
        return len(self._watched)

    def __contains__(self, call_id: object) -> bool:
        return call_id in self._watched

    def begin(self, call_id: str, began: float, now: float) -> None:
        """Watch a call that was placed; one that is watched already stays as it is."""
        if call_id in self._watched:
            return
        self._save(now)
        self._watched[call_id] = _Watch(began, 0)
        self._put(call_id, max(now, began + FIRST_GAP))
        if call_id in self._early:
            del self._early[call_id]
            self.hear(call_id, now)

    def hear(self, call_id: str, now: float) -> None:
        """Note that a call is said to be over; of one that is not known yet, too."""
        watch = self._watched.get(call_id)
        if watch is None:
            self._early[call_id] = None
            while len(self._early) > EARLY:
                del self._early[next(iter(self._early))]
        elif not watch.heard:
            watch.heard = True
            if not watch.is_asked:
                self._put_news(call_id, watch, now)

    def next(self, now: float) -> str | None:
        """The call to ask about now, or None; it counts as being asked about."""
        self._save(now)
        self._tidy()
        if now < max(self._not_before, self._spaced):
            return None
        if self._news and self._news[0][0] <= now:
            call_id = heapq.heappop(self._news)[2]
        elif self._due and self._due[0][0] <= now and self._saved >= 1:
            call_id = heapq.heappop(self._due)[2]
        else:
            return None
        self._saved = max(self._saved - 1, -SAVED * self._rate)
        self._spaced = now + 1 / self._budget.ceiling
        watch = self._watched[call_id]
        watch.by_news, watch.heard = watch.heard, False
        watch.is_asked, watch.asked_at = True, now
        return call_id

    def wait(self, now: float) -> float | None:
        """Seconds until `next` has a call to ask about; None while there is none to come."""
        self._save(now)
        self._tidy()
        moments = [self._news[0][0]] if self._news else []
        if self._due:
            moments.append(max(self._due[0][0], now + (1 - self._saved) / self._rate))
        if not moments:
            return None
        return max(0.0, max(min(moments), self._not_before, self._spaced) - now)

    def goes_on(self, call_id: str, now: float) -> None:
        """Note an answer by which a call is not over, or which says nothing of it."""
        watch = self._watched.get(call_id)
        if watch is None:
            return
        gap = min(FIRST_GAP * GROWTH**watch.asked, LONGEST_GAP) if watch.asked < 20 else LONGEST_GAP
        watch.asked += 1
        if watch.by_news:
            watch.unconfirmed += 1
            gap = min(gap, NEWS_GAP * 2 ** min(watch.unconfirmed, 10))
        should_be_over = watch.began + self._longest + MARGIN
        if now >= should_be_over:
            gap = max(gap, RARE_GAP)
        self._put(call_id, min(now + gap, should_be_over) if now < should_be_over else now + gap)
        self._again(call_id, watch, now)

    def unanswered(self, call_id: str, now: float) -> None:
        """Note that a question was not answered; it is asked again as if it had not been asked."""
        watch = self._watched.get(call_id)
        if watch is None:
            return
        watch.heard = watch.heard or watch.by_news
        self._put(call_id, now)
        self._again(call_id, watch, now)

    def is_hopeless(self, call_id: str, now: float) -> bool:
        """Whether a call that still goes on by the last answer is given up."""
        watch = self._watched.get(call_id)
        return watch is not None and watch.asked > 0 and now - watch.began >= LIFETIME

    def end(self, call_id: str) -> None:
        """Watch a call no more."""
        self._watched.pop(call_id, None)

    def hold(self, now: float, seconds: float) -> None:
        """Ask nothing for so long."""
        self._not_before = max(self._not_before, now + seconds)

    @property
    def _rate(self) -> float:
        return min(self._budget.ceiling, self._budget.per_call * max(1, len(self._watched)))

    def _save(self, now: float) -> None:
        """Add what the time since the last look allows, up to what can be saved."""
        since = 0.0 if self._saved_at is None else max(0.0, now - self._saved_at)
        most = max(LEAST_SAVED, min(self._rate * SAVED, self._budget.ceiling))
        self._saved = min(most, self._saved + since * self._rate)
        self._saved_at = now

    def _again(self, call_id: str, watch: _Watch, now: float) -> None:
        watch.is_asked = watch.by_news = False
        if watch.heard:
            self._put_news(call_id, watch, now)

    def _put(self, call_id: str, due: float) -> None:
        self._watched[call_id].due = due
        heapq.heappush(self._due, (due, next(self._order), call_id))

    def _put_news(self, call_id: str, watch: _Watch, now: float) -> None:
        gap = min(NEWS_GAP * 2 ** min(watch.unconfirmed, 10), LONGEST_NEWS_GAP)
        watch.news_due = max(now, watch.asked_at + gap)
        heapq.heappush(self._news, (watch.news_due, next(self._order), call_id))

    def _tidy(self) -> None:
        """Drop what has been overtaken from the heads of the heaps."""
        while self._news and not self._is_news(*self._news[0]):
            heapq.heappop(self._news)
        while self._due and not self._is_due(*self._due[0]):
            heapq.heappop(self._due)

    def _is_news(self, due: float, _order: int, call_id: str) -> bool:
        watch = self._watched.get(call_id)
        return watch is not None and watch.heard and watch.news_due == due and not watch.is_asked

    def _is_due(self, due: float, _order: int, call_id: str) -> bool:
        watch = self._watched.get(call_id)
        return watch is not None and watch.due == due and not watch.is_asked
