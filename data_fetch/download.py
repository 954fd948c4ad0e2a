"""Fetch a remote data set into the cache: once, however many ask for it at the same time."""

import errno
import logging
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

from data_fetch import cache
from data_fetch.registry import embedded_names, find
from data_fetch.transfer import MirrorFailed, Timeouts, Transfer

logger = logging.getLogger(__name__)


class FetchError(RuntimeError):
    """A data set could not be had; the text says why, and what to do."""


def fetch(name, *, progress=True, timeouts=None):
    """The path of a data set, downloaded or simulated if not here yet: its file, or the folder where it has several.

    name       one of datasets().
    progress   show a progress bar.
    timeouts   Timeouts, in seconds.
    Raises ValueError for an unknown name, FetchError where the set cannot be had or is not what it should be.
    """
    dataset = find(name)
    if dataset.kind == "simulated":
        from data_fetch import simulated

        simulated.microtubules()
        return simulated.path("course", "truth").parent
    if dataset.kind == "remote":
        for file in dataset.files:
            _ensure(dataset, file, progress=progress, timeouts=timeouts or Timeouts())
    return cache.target(dataset, dataset.files[0]) if len(dataset.files) == 1 else cache.folder(dataset)


def _ensure(dataset, file, *, progress, timeouts):
    if _is_ready(dataset, file):
        return
    with _cache_errors(dataset, file), _alone(dataset, file, timeouts):
        if not _is_ready(dataset, file):  # else another process has fetched it while this one waited
            _announce(dataset, file)
            _refuse_full_disk(file)
            _adopt(dataset, file, _from_mirrors(dataset, file, progress=progress, timeouts=timeouts))


def _is_ready(dataset, file):
    """Whether the finished file is here. One that was put there by hand is checked first, and its hash kept."""
    path = cache.target(dataset, file)
    if not path.is_file():
        return False
    if cache.was_checked(dataset, file):
        return True
    wrong = cache.problem(dataset, file, path)
    if wrong:
        raise FetchError(f"{path} is not the file of {dataset.name!r}: {wrong}. Delete it, and fetch again.")
    try:
        cache.remember(dataset, file, path)
    except OSError:
        logger.debug("the cache is read-only: %s stays without its checksum", path)
    return True


def _announce(dataset, file):
    """A warning, because that is shown without any set-up, in a terminal and in a notebook."""
    logger.warning(
        "Downloading %s (%s) of %r.\n  Licence: %s\n  From: %s, %s",
        file.name,
        in_megabytes(file.size),
        dataset.name,
        dataset.licence,
        dataset.attribution,
        dataset.source,
    )


def _from_mirrors(dataset, file, *, progress, timeouts):
    """The path of a complete and checked file, not yet in its place."""
    failures = []
    for url in file.urls:
        try:
            path = _retrieve(url, dataset, file, progress=progress, timeouts=timeouts)
        except (MirrorFailed, ValueError) as error:  # ValueError: pooch's, for another hash
            failures.append(f"{url}\n    {error}")
            continue
        wrong = cache.problem(dataset, file, path)
        if not wrong:
            return path
        path.unlink()
        failures.append(f"{url}\n    {wrong}; the download was deleted")
    raise FetchError(_what_failed(dataset, file, failures))


def _retrieve(url, dataset, file, *, progress, timeouts):
    import pooch

    part = cache.unfinished(dataset, file)
    cache.make_folder(part.parent)
    complete = part.with_suffix(".complete")
    complete.unlink(missing_ok=True)  # of a process that died between two steps
    transfer = Transfer(file, part, timeouts=timeouts, progress=progress)
    known = f"sha256:{file.sha256}" if file.sha256 else None
    pooch.get_logger().setLevel(logging.WARNING)  # _announce says the same, with the licence
    return Path(pooch.retrieve(url, known, fname=complete.name, path=complete.parent, downloader=transfer))


def _adopt(dataset, file, path):
    """Put a checked file in its place, in one step."""
    if path.stat().st_size != file.size:  # only where the recorded size is not exact: the TIFF itself was checked
        logger.warning(
            "%s has %d bytes, recorded were about %d; its content was checked.",
            file.name,
            path.stat().st_size,
            file.size,
        )
    cache.remember(dataset, file, path)
    target = cache.target(dataset, file)
    cache.make_folder(target.parent)
    cache.share(path)
    os.replace(path, target)


@contextmanager
def _alone(dataset, file, timeouts):
    """Hold the file's lock; others wait. The system frees it when its holder dies."""
    from filelock import FileLock, Timeout

    path = cache.lock(dataset, file)
    cache.make_folder(path.parent)
    lock = FileLock(path, mode=0o666)  # other accounts may share the cache
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.warning("Another process is downloading %s; waiting for it.", file.name)
        _wait(lock, file, path, timeouts)
    try:
        yield
    finally:
        lock.release()


def _wait(lock, file, path, timeouts):
    from filelock import Timeout

    try:
        lock.acquire(timeout=timeouts.lock)
    except Timeout as error:
        raise FetchError(
            f"another process has been downloading {file.name} for more than {timeouts.lock:g} s. "
            f"If there is none, delete {path} and try again."
        ) from error


@contextmanager
def _cache_errors(dataset, file):
    """Say what to do where the cache cannot be written."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if full else f"the cache cannot be written ({error})"
        raise FetchError(
            f"{file.name} of {dataset.name!r} is not here yet, and {reason}. Set the environment variable "
            f"{cache.VARIABLE} to a folder with {in_megabytes(file.size)} to spare; now it is {cache.root()}."
        ) from error


def _refuse_full_disk(file):
    cache.make_folder(cache.root())
    if shutil.disk_usage(cache.root()).free < file.size:
        raise OSError(errno.ENOSPC, "no space left")


def _what_failed(dataset, file, failures):
    reasons = "\n  ".join(failures)
    return (
        f"could not fetch {file.name} of {dataset.name!r}:\n  {reasons}\n"
        f"What to do: try again later; or download it by hand from {file.urls[0]} and put it at "
        f"{cache.target(dataset, file)}; or use a set that needs no network: {', '.join(embedded_names())}."
    )


def in_megabytes(size):
    return f"{size / 1e6:.1f} MB"
