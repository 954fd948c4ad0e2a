"""Peak resident memory of this process, on Linux: what /proc says, reset where one wants to begin to count."""

import re
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset_peak_memory():
    """Begin to count anew; returns the bytes that are resident now."""
    CLEAR.write_text("5")  # 5: the high-water mark goes back to what is resident
    return _bytes("VmRSS")


def peak_memory():
    """The most bytes that were resident at once since the last reset."""
    return _bytes("VmHWM")


def _bytes(field):
    return 1024 * int(re.search(rf"{field}:\s+(\d+)", STATUS.read_text()).group(1))
