"""Where downloaded files lie, and whether they are what they should be.

<cache>/data/<set>/<file>               finished and checked, put there in one step
<cache>/unfinished/<set>/<file>.part    a download to be resumed
<cache>/checksums/<set>/<file>.sha256   the hash of each finished file, kept when the file is deleted
<cache>/locks/<set>.<file>.lock         held by the process that downloads
"""

import hashlib
import os
from pathlib import Path

EMBEDDED = Path(__file__).parent / "embedded"
VARIABLE = "DECONVOLUTION_COURSE_CACHE"


def root():
    """The cache's folder: the environment variable DECONVOLUTION_COURSE_CACHE, else the user's own cache."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("deconvolution-course", appauthor=False))


def folder(dataset):
    """Where the finished files of a data set lie."""
    return EMBEDDED / dataset.name if dataset.kind == "embedded" else root() / "data" / dataset.name


def target(dataset, file):
    return folder(dataset) / file.name


def unfinished(dataset, file):
    return root() / "unfinished" / dataset.name / f"{file.name}.part"


def sidecar(dataset, file):
    return root() / "checksums" / dataset.name / f"{file.name}.sha256"


def lock(dataset, file):
    return root() / "locks" / f"{dataset.name}.{file.name}.lock"


def make_folder(path):
    """Make a folder in the cache, open to the same accounts as the cache itself, whatever the umask."""
    if not root().is_dir():
        root().mkdir(parents=True, exist_ok=True)
    for folder in reversed([path, *path.parents]):
        if not folder.is_dir():
            folder.mkdir(exist_ok=True)
            share(folder)


def share(path):
    """Open a file or folder of the cache to those to whom the cache's root is open."""
    path.chmod(root().stat().st_mode & (0o777 if path.is_dir() else 0o666))


def is_here(dataset):
    """Whether all files of the set are on this computer."""
    if dataset.kind == "simulated":
        from data_fetch import simulated

        return simulated.is_here()
    return all(target(dataset, file).is_file() for file in dataset.files)


def sha256(path):
    """The SHA-256 of a file, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remember(dataset, file, path):
    """Keep the hash of a file that was checked, and by what to know that file again without reading it."""
    note = sidecar(dataset, file)
    make_folder(note.parent)
    draft = note.with_name(f"{note.name}.{os.getpid()}")
    draft.write_text(f"{sha256(path)}  {file.name}\n# checked: {_stamp(path)}\n", encoding="utf-8")
    share(draft)
    os.replace(draft, note)  # in one step, for others may be reading it


def was_checked(dataset, file):
    """Whether the finished file is the very one that was checked: neither its size nor its time has changed since."""
    note = sidecar(dataset, file)
    return note.is_file() and note.read_text(encoding="utf-8").endswith(f"# checked: {_stamp(target(dataset, file))}\n")


def known_hash(dataset, file):
    """The hash that the file must have: the published one, else the first download's; None before that."""
    if file.sha256:
        return file.sha256
    path = sidecar(dataset, file)
    words = path.read_text(encoding="utf-8").split() if path.is_file() else []
    return words[0] if words else None


def problem(dataset, file, path):
    """What is wrong with the content of a file, in words, or None where it is what it should be."""
    expected, got = known_hash(dataset, file), sha256(path)
    if expected and got != expected:
        whose = "the published one" if file.sha256 else f"the first download's, kept in {sidecar(dataset, file)}"
        return f"its SHA-256 is {got}, expected {expected} ({whose})"
    if file.size_is_exact and path.stat().st_size != file.size:
        return f"it has {path.stat().st_size} bytes, expected {file.size}"
    return wrong_structure(file, path)


def _stamp(path):
    status = path.stat()
    return f"{status.st_size} bytes, {status.st_mtime_ns} ns"


def wrong_structure(file, path):
    """What is wrong with the TIFF itself: cut short, or other planes than the data set has. None where it is sound."""
    import tifffile

    from data_fetch.tiff import check_intact

    try:
        with tifffile.TiffFile(path) as tif:
            check_intact(tif, path.name)
            shapes = [page.shape for page in tif.pages]
    except MemoryError:
        raise
    except Exception as error:  # a file that is no TIFF trips the parser in many ways
        return f"it is not an intact TIFF ({error})"
    if file.planes and len(shapes) != file.planes:
        return f"it holds {len(shapes)} planes, expected {file.planes}"
    others = {shape for shape in shapes if file.plane_shape and shape != file.plane_shape}
    if others:
        return f"it holds planes of {sorted(others)[0]}, expected {file.plane_shape}"
    return None
