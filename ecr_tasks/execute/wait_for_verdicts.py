"""Wait until the verdicts on images are known: repeat what is asked, with growing pauses, up to a limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ecr_tasks.plan.gates import Failed, Passed, Pending, Verdict, Waits

_REMINDER_SECONDS = 60.0
"""The seconds after which an unchanged "waiting for …" line is printed again."""


def wait_for_verdicts(
    judges: Sequence[Callable[[], Verdict]], say: Callable[[str], None], waits: Waits
) -> tuple[list[Passed | Failed], bool]:
    """Ask each judge until its verdict is known or the time is over; return the verdicts, and whether it waited.

    ``say`` gets a line about what is waited for.
    """
    start = waits.clock()
    verdicts: dict[int, Passed | Failed] = {}
    waited, pause, last_line, last_time = False, waits.first, "", start
    while True:
        unknown: dict[int, Pending] = {}
        for number, judge in enumerate(judges):
            if number not in verdicts:
                verdict = judge()
                if isinstance(verdict, Pending):
                    unknown[number] = verdict
                else:
                    verdicts[number] = verdict
        elapsed = waits.clock() - start
        for number, pending in list(unknown.items()):
            if elapsed >= min(waits.limit, pending.within or waits.limit):
                verdicts[number] = unknown.pop(number).otherwise
        if not unknown:
            return [verdicts[number] for number in range(len(judges))], waited
        words = f"waiting for {'; '.join(dict.fromkeys(pending.words for pending in unknown.values()))}"
        if words != last_line or waits.clock() - last_time >= _REMINDER_SECONDS:
            say(words if words != last_line else f"still {words}")
            last_line, last_time = words, waits.clock()
        waits.sleep(min(pause, max(waits.limit - elapsed, 0.1)))
        waited, pause = True, min(pause * 1.5, waits.longest)
