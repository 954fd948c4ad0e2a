"""Times of several contestants that take turns."""

import statistics
import time


def in_turns(runs, rounds):
    """Median seconds of each of {"name": function}; they take turns, so that a slow minute of the machine hits all.

    The first call of each (compilation, plans) is not counted.
    """
    times = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(rounds):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - begin)
    return {name: statistics.median(values) for name, values in times.items()}
