"""Times of several contestants that take turns."""

import statistics
import time


def in_turns(runs, rounds, prepare=None):
    """Median seconds of each of {"name": function}; they take turns, so that a slow minute of the machine hits all.

    prepare  {"name": function}: what it gives before each call, not timed, is the argument of that run.
    The first call of each (compilation, plans) is not counted.
    """
    times, prepare = {name: [] for name in runs}, prepare or {}
    for counted in (False, *[True] * rounds):
        for name, run in runs.items():
            given = [prepare[name]()] if name in prepare else []
            begin = time.perf_counter()
            run(*given)
            if counted:
                times[name].append(time.perf_counter() - begin)
    return {name: statistics.median(values) for name, values in times.items()}
