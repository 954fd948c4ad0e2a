"""Stacks from TIFF files, and to them."""

import os
import struct
import uuid
from contextlib import contextmanager
from pathlib import Path

from course_utils.stack import Stack
from data_fetch.voxel import choose_voxel_size, recorded_voxel_size

CLASSIC = 2**32 - 2**25  # bytes: beyond, only a BigTIFF can count them
PLANES = "ZIQ"  # the letters that tifffile gives to a series of planes: z, and two for "not stated"


def read_stack(path, voxel_size=None):
    """A Stack from a TIFF, OME-TIFF or ImageJ hyperstack.

    voxel_size   (dz, dy, dx) in µm; overrides what the file records, and is needed where it records none.
    A file of one plane is a stack only if it records the z size of its voxel, as write_stack does.
    Raises FileNotFoundError, IsADirectoryError, or a ValueError where the file is no intact TIFF, holds no single
    z series (2D, several channels or times, RGB), or its voxel size is not known.
    """
    path = _existing(path)
    with _opened(path) as tif:
        check_intact(tif, path)
        index, series = _the_series(tif, path)
        _check_complete(series, path)
        with _damage_told(path):
            recorded = recorded_voxel_size(tif, index)
        order, shape = _order_of_axes(series, path, has_depth=recorded[0] is not None)
        size = choose_voxel_size(voxel_size, recorded, path.name)
        with _damage_told(path):
            data = series.asarray()
    return Stack(data.reshape(series.get_shape(squeeze=False)).transpose(order).reshape(shape), size)


def write_stack(path, stack):
    """Write a Stack as a compressed float32 OME-TIFF that Fiji opens with its voxel size in µm.

    The file appears under its name only when it is complete. `.ome.tif` is the usual ending.
    """
    import tifffile

    path = Path(path)
    if path.suffix.lower() not in (".tif", ".tiff"):
        raise ValueError(f"a stack is written as OME-TIFF; end the name in .ome.tif or .tif, not {path.name!r}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to write {path.name} in; make it first.")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file in it.")
    if not isinstance(stack, Stack):
        raise TypeError(f"write_stack writes a Stack; got {type(stack).__name__}. Wrap it: Stack(data, voxel_size).")
    # in the same folder, for only there is os.replace a single step
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        tifffile.imwrite(
            unfinished,
            stack.data,
            ome=True,
            photometric="minisblack",  # or three columns would be taken for red, green and blue
            compression="zlib",
            bigtiff=stack.data.nbytes > CLASSIC,  # tifffile decides this itself only where nothing is compressed
            metadata={"axes": "ZYX", **_ome_sizes(stack.voxel_size)},
        )
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _check_complete(series, path):
    """A ValueError where planes of the series lie in files that are not here: tifffile would read them as zeros."""
    absent = sum(page is None for page in series)
    if absent:
        raise ValueError(
            f"{path} is one of several files of a stack, and {absent} of its {len(series)} planes are in files that "
            "are not beside it. Copy all files of the series into one folder, under their own names."
        )


def check_intact(tif, path):
    """A ValueError where the open TiffFile's directory or pixels reach past the end of the file."""
    size = tif.filehandle.size
    with _damage_told(path):
        end = max(o + n for page in tif.pages for o, n in zip(page.dataoffsets, page.databytecounts, strict=True))
    if end > size:
        raise _broken(path, f"its pixels reach to byte {end}, the file ends at {size}")
    if not _directory_ends(tif):
        raise _broken(path, f"its list of planes breaks off after {len(tif.pages)}")


def _existing(path):
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give one TIFF file in it.")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path} (looked in {Path.cwd()}); check the name and the folder.")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty (0 bytes); copy or download it again.")
    return path


def _opened(path):
    import tifffile

    try:
        return tifffile.TiffFile(path)
    except (tifffile.TiffFileError, struct.error) as error:
        raise ValueError(
            f"{path} is not a TIFF file, or breaks off in its header ({error}). "
            "Export it as TIFF or OME-TIFF from the microscope's software or Fiji."
        ) from error


def _the_series(tif, path):
    """The one series of the file that is more than a plane, with its number."""
    with _damage_told(path):
        stacks = [(i, s) for i, s in enumerate(tif.series) if len(s.shape) > 2] or [(0, tif.series[0])]
    if len(stacks) > 1:
        sizes = ", ".join("×".join(map(str, s.shape)) for _, s in stacks)
        raise ValueError(
            f"{path} holds {len(stacks)} image series ({sizes}), and a stack is one. "
            "Open the file in Fiji and save the series you want on its own."
        )
    return stacks[0]


def _order_of_axes(series, path, *, has_depth):
    """The transposition that puts z, y, x last, and the shape (z, y, x); a ValueError for any other kind of image."""
    shape, axes = series.get_shape(squeeze=False), series.get_axes(squeeze=False)
    long = {i for i, n in enumerate(shape) if n > 1}
    colours = [i for i in long if axes[i] == "S"]
    if colours:
        raise ValueError(
            f"{path} is a colour (RGB) image, not a stack of intensities. In Fiji: Image › Color › Split Channels, "
            "and save the channel you want."
        )
    others = [i for i in sorted(long) if axes[i] not in "YX" + PLANES]
    planes = [i for i in sorted(long) if axes[i] in PLANES]
    if others or len(planes) > 1:
        raise ValueError(_not_one_series(path, [(axes[i], shape[i]) for i in sorted({*others, *planes})]))
    z = planes[0] if planes else axes.find("Z")
    if z < 0 or (not planes and not has_depth):
        raise ValueError(
            f"{path} holds a single plane of {shape[axes.index('Y')]} × {shape[axes.index('X')]} pixels, and a stack "
            "needs a z series. Was the series saved as one file per plane? Join them in Fiji: File › Import › "
            "Image Sequence, then save as TIFF."
        )
    last = [z, axes.index("Y"), axes.index("X")]
    return [i for i in range(len(shape)) if i not in last] + last, tuple(shape[i] for i in last)


def _not_one_series(path, axes):
    names = {"C": "channels", "T": "time points", "Z": "z planes", "R": "positions"}
    found = ", ".join(f"{n} {names.get(a, f'images along axis {a}')}" for a, n in axes)
    if [a for a, _ in axes] in (["T"], ["C"]):
        advice = (
            "If these are really z planes, say so in Fiji (Image › Hyperstacks › Re-order Hyperstack), or build "
            "Stack(tifffile.imread(path), voxel_size) yourself; otherwise there is no z series in this file."
        )
    else:
        advice = "Pick one: Stack(tifffile.imread(path)[i], voxel_size), or Image › Duplicate in Fiji, and save it."
    return f"{path} is not one z series: it holds {found}. {advice}"


@contextmanager
def _damage_told(path):
    """Give what tifffile and its codecs raise for damaged bytes, in their many ways, one form."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        raise _broken(path, error) from error


def _broken(path, reason):
    return ValueError(f"{path} is damaged or cut short: {reason}. Copy or download it again.")


def _directory_ends(tif):
    """Whether the last plane's entry says that it is the last: each entry of a TIFF's directory points to the next."""
    layout, file = tif.tiff, tif.filehandle
    file.seek(tif.pages[-1].offset)
    try:
        (entries,) = struct.unpack(layout.tagnoformat, file.read(layout.tagnosize))
        file.seek(entries * layout.tagsize, os.SEEK_CUR)
        return not any(struct.unpack(layout.offsetformat, file.read(layout.offsetsize)))
    except struct.error:
        return False


def _ome_sizes(voxel_size):
    sizes = dict(zip("ZYX", voxel_size, strict=True))
    return {f"PhysicalSize{a}": d for a, d in sizes.items()} | {f"PhysicalSize{a}Unit": "µm" for a in sizes}
