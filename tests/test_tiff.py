"""Stacks in and out of TIFF files: what was written comes back, and what is no stack is refused with a reason."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_utils.stack import Stack
from data_fetch import read_stack, write_stack

READ_ONLY = Path(__file__).parents[2] / "shared" / "data" / "read_only"
needs_read_only = pytest.mark.skipif(not READ_ONLY.is_dir(), reason="the downloadable data are not beside the checkout")
VOXEL = (0.3, 0.11, 0.1)


def volume(shape=(4, 6, 5), dtype=np.uint16, seed=0):
    return np.random.default_rng(seed).integers(0, 200, shape).astype(dtype)


def write_ome(path, data, axes="ZYX", **metadata):
    tifffile.imwrite(path, data, ome=True, photometric="minisblack", metadata={"axes": axes, **metadata})
    return path


def write_imagej(path, data, axes="ZYX", resolution=(10, 8), **metadata):
    tifffile.imwrite(path, data, imagej=True, resolution=resolution, metadata={"axes": axes, **metadata})
    return path


# --- round trip -------------------------------------------------------------------------------------------------------

lengths = st.floats(1e-4, 1e3)
whole_trip = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@whole_trip
@given(
    shape=st.tuples(*[st.integers(1, 7)] * 3),
    dtype=st.sampled_from(["uint8", "uint16", "int16", "int32", "float32", "float64", "bool"]),
    voxel_size=st.tuples(lengths, lengths, lengths),
    name=st.sampled_from(["a.tif", "a.ome.tif", "a.TIFF"]),
    seed=st.integers(0, 1000),
)
def test_round_trip_returns_the_same_stack(tmp_path, shape, dtype, voxel_size, name, seed):
    stack = Stack(volume(shape, dtype, seed), voxel_size)
    write_stack(tmp_path / name, stack)
    back = read_stack(tmp_path / name)
    assert back.shape == shape
    np.testing.assert_array_equal(back.data, stack.data)
    np.testing.assert_allclose(back.voxel_size, stack.voxel_size, rtol=1e-12)


@whole_trip
@given(
    shape=st.tuples(*[st.integers(2, 6)] * 3),
    dtype=st.sampled_from(["uint8", "uint16", "float32"]),
)
def test_imagej_stacks_are_read_in_their_own_order(tmp_path, shape, dtype):
    data = volume(shape, dtype)
    path = write_imagej(tmp_path / "ij.tif", data, spacing=0.3, unit="um")
    back = read_stack(path)
    np.testing.assert_array_equal(back.data, data)
    np.testing.assert_allclose(back.voxel_size, (0.3, 1 / 8, 1 / 10), rtol=1e-6)


def test_written_file_says_what_fiji_reads(tmp_path):
    write_stack(tmp_path / "a.ome.tif", Stack(volume(), VOXEL))
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tif:
        assert tif.is_ome
        assert tif.series[0].axes == "ZYX"
        assert tif.pages[0].dtype == np.float32
        assert tif.pages[0].compression.name == "ADOBE_DEFLATE"
        xml = tif.ome_metadata
    for text in ['SizeZ="4"', 'SizeC="1"', 'SizeT="1"', 'PhysicalSizeZ="0.3"', 'PhysicalSizeX="0.1"']:
        assert text in xml
    assert all(f'PhysicalSize{axis}Unit="µm"' in xml for axis in "XYZ")


def test_write_replaces_in_one_step_and_leaves_no_other_file(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    write_stack(path, Stack(volume(seed=1), VOXEL))
    before = path.read_bytes()

    def break_off(name, *_args, **_options):
        Path(name).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(tifffile, "imwrite", break_off)
    with pytest.raises(OSError, match="no space left"):
        write_stack(path, Stack(volume(seed=2), VOXEL))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.tif"]


@pytest.mark.parametrize("name", ["a.png", "a.tif.gz", "a", "a.nd2"])
def test_write_refuses_another_kind_of_file(tmp_path, name):
    with pytest.raises(ValueError, match=r"end the name in \.ome\.tif or \.tif"):
        write_stack(tmp_path / name, Stack(volume(), VOXEL))


def test_write_says_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder .*nowhere"):
        write_stack(tmp_path / "nowhere" / "a.tif", Stack(volume(), VOXEL))
    with pytest.raises(TypeError, match=r"got ndarray. Wrap it: Stack\(data, voxel_size\)"):
        write_stack(tmp_path / "a.tif", volume())
    (tmp_path / "folder.tif").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        write_stack(tmp_path / "folder.tif", Stack(volume(), VOXEL))


# --- the voxel size ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "size"),
    [("nm", 300), ("µm", 0.3), ("um", 0.3), ("mm", 3e-4), ("cm", 3e-5), ("m", 3e-7), ("Å", 3000), ("pm", 3e5)],
)
def test_ome_units_become_micrometres(tmp_path, unit, size):
    sizes = {f"PhysicalSize{a}": size for a in "XYZ"} | {f"PhysicalSize{a}Unit": unit for a in "XYZ"}
    stack = read_stack(write_ome(tmp_path / "a.ome.tif", volume(), **sizes))
    assert stack.voxel_size == pytest.approx((0.3, 0.3, 0.3))


def test_ome_units_may_differ_by_axis_and_default_to_micrometres(tmp_path):
    sizes = {"PhysicalSizeX": 0.1, "PhysicalSizeY": 110, "PhysicalSizeYUnit": "nm", "PhysicalSizeZ": 1 / 25400}
    stack = read_stack(write_ome(tmp_path / "a.ome.tif", volume(), **sizes, PhysicalSizeZUnit="in"))
    assert stack.voxel_size == pytest.approx((1.0, 0.11, 0.1))


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("micron", 1), ("um", 1), ("µm", 1), (r"\u00B5m", 1), ("nm", 1e-3), ("mm", 1e3), ("inch", 25400)],
)
def test_imagej_units_become_micrometres(tmp_path, unit, factor):
    description = f"ImageJ=1.53f\nimages=4\nslices=4\nunit={unit}\nspacing=0.3\nloop=false\n".encode("latin-1")
    tifffile.imwrite(
        tmp_path / "a.tif", volume(), description=description, metadata=None, resolution=(10, 8), resolutionunit=1,
        photometric="minisblack",
    )  # fmt: skip
    stack = read_stack(tmp_path / "a.tif")
    assert stack.voxel_size == pytest.approx((0.3 * factor, factor / 8, factor / 10))


def test_voxel_size_argument_overrides_the_file(tmp_path):
    write_stack(tmp_path / "a.tif", Stack(volume(), (1, 1, 1)))
    assert read_stack(tmp_path / "a.tif", voxel_size=VOXEL).voxel_size == VOXEL


@pytest.mark.parametrize(
    ("write", "options", "absent", "known"),
    [
        (write_ome, {}, "z, y, x", ""),
        (write_ome, {"PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1}, "z", "dy = 0.1 µm, dx = 0.1 µm"),
        (write_ome, {f"PhysicalSize{a}Unit": "pixel" for a in "XYZ"} | {"PhysicalSizeX": 1}, "z, y, x", ""),
        (write_ome, {"PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1, "PhysicalSizeZ": 0.0}, "z", "dx = 0.1"),
        (write_imagej, {"unit": "pixel", "spacing": 1.0}, "z, y, x", ""),
        (write_imagej, {"spacing": 0.3}, "z, y, x", ""),
        (write_imagej, {"unit": "um"}, "z", "dy = 0.125 µm, dx = 0.1 µm"),
    ],
)
def test_absent_voxel_size_names_the_argument(tmp_path, write, options, absent, known):
    path = write(tmp_path / "a.tif", volume(), **options)
    with pytest.raises(
        ValueError, match=rf"along {absent}( \(|\.).*read_stack\(path, voxel_size=\(dz, dy, dx\)\)"
    ) as e:
        read_stack(path)
    assert known in str(e.value)
    assert read_stack(path, voxel_size=VOXEL).voxel_size == VOXEL


def test_plain_tiff_resolution_is_not_taken_for_a_voxel(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", volume(), photometric="minisblack", resolution=(72, 72), resolutionunit=2)
    with pytest.raises(ValueError, match="does not record the voxel's size along z, y, x"):
        read_stack(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_stack(tmp_path / "a.tif", VOXEL).data, volume())


def test_voxel_size_that_is_no_three_lengths_is_refused(tmp_path):
    write_stack(tmp_path / "a.tif", Stack(volume(), VOXEL))
    with pytest.raises(ValueError, match="three positive lengths"):
        read_stack(tmp_path / "a.tif", voxel_size=0.1)


# --- what is no stack -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1, 4, 6, 5), (1, 4, 1, 6, 5)])
def test_single_channel_and_time_point_are_squeezed(tmp_path, shape):
    axes = "TCZYX" if shape[2] == 4 else "TZCYX"
    path = write_ome(tmp_path / "a.ome.tif", volume(shape), axes=axes)
    np.testing.assert_array_equal(read_stack(path, VOXEL).data, volume((4, 6, 5)))


@pytest.mark.parametrize(
    ("write", "shape", "axes", "found"),
    [
        (write_ome, (2, 4, 6, 5), "CZYX", "2 channels, 4 z planes"),
        (write_ome, (3, 4, 6, 5), "TZYX", "3 time points, 4 z planes"),
        (write_imagej, (3, 4, 2, 6, 5), "TZCYX", "3 time points, 4 z planes, 2 channels"),
        (write_imagej, (7, 6, 5), "TYX", "7 time points.*If these are really z planes"),
    ],
)
def test_several_channels_or_times_say_which_and_what_to_do(tmp_path, write, shape, axes, found):
    path = write(tmp_path / "a.tif", volume(shape), axes=axes)
    with pytest.raises(ValueError, match=f"not one z series: it holds {found}"):
        read_stack(path, VOXEL)


def test_four_axes_without_names_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", volume((2, 4, 6, 5)), photometric="minisblack")
    with pytest.raises(ValueError, match=r"not one z series.*Pick one: Stack\(tifffile.imread\(path\)\[i\]"):
        read_stack(tmp_path / "a.tif", VOXEL)


def test_single_plane_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", volume((6, 5)), photometric="minisblack")
    write_ome(tmp_path / "b.ome.tif", volume((6, 5)), axes="YX", PhysicalSizeX=0.1, PhysicalSizeY=0.1)
    for name in ("a.tif", "b.ome.tif"):
        with pytest.raises(ValueError, match="a single plane of 6 × 5 pixels.*one file per plane"):
            read_stack(tmp_path / name, VOXEL)


@pytest.mark.parametrize("shape", [(6, 5, 3), (4, 6, 5, 3)])
def test_colour_image_is_refused(tmp_path, shape):
    tifffile.imwrite(tmp_path / "a.tif", volume(shape, np.uint8), photometric="rgb")
    with pytest.raises(ValueError, match="colour .RGB. image.*Split Channels"):
        read_stack(tmp_path / "a.tif", VOXEL)


def test_several_series_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(volume((4, 6, 5)), photometric="minisblack")
        tif.write(volume((3, 9, 8)), photometric="minisblack")
    with pytest.raises(ValueError, match=r"2 image series \(4×6×5, 3×9×8\)"):
        read_stack(tmp_path / "a.tif", VOXEL)


@pytest.mark.parametrize("content", [b"not a TIFF at all", b"\x89PNG\r\n\x1a\n" + bytes(50), b"II*\0"])
def test_file_that_is_no_tiff_is_refused(tmp_path, content):
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(ValueError, match="not a TIFF file|damaged or cut short"):
        read_stack(tmp_path / "a.tif", VOXEL)


def test_empty_absent_and_folder_are_told_apart(tmp_path):
    (tmp_path / "empty.tif").touch()
    with pytest.raises(ValueError, match=r"is empty \(0 bytes\)"):
        read_stack(tmp_path / "empty.tif")
    with pytest.raises(FileNotFoundError, match="there is no file .*absent.tif .looked in"):
        read_stack(tmp_path / "absent.tif")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        read_stack(tmp_path)


@pytest.mark.parametrize("kind", ["ours", "imagej", "plain", "pages"])
def test_file_cut_anywhere_is_refused_and_never_half_read(tmp_path, kind):
    path, cut = tmp_path / "a.tif", tmp_path / "cut.tif"
    if kind == "ours":
        write_stack(path, Stack(volume(), VOXEL))
    elif kind == "imagej":
        write_imagej(path, volume(), spacing=0.3, unit="um")
    else:
        tifffile.imwrite(path, volume(), photometric="minisblack", **({"metadata": None} if kind == "pages" else {}))
    content = path.read_bytes()
    full = read_stack(path, VOXEL)
    for length in range(1, len(content), 13):
        cut.write_bytes(content[:length])
        try:
            back = read_stack(cut, VOXEL)
        except ValueError as error:
            assert "cut.tif" in str(error)  # a ValueError of ours, and no codec's
        else:  # what was cut off is padding
            np.testing.assert_array_equal(back.data, full.data)


PARTS = """<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">
<Pixels ID="P:0" DimensionOrder="XYZCT" Type="uint16" SizeX="7" SizeY="6" SizeZ="4" SizeC="1" SizeT="1"
PhysicalSizeX="0.1" PhysicalSizeY="0.1" PhysicalSizeZ="0.3"><Channel ID="C:0"/>
<TiffData FirstZ="0" IFD="0" PlaneCount="2"><UUID FileName="z0.ome.tif">urn:uuid:a</UUID></TiffData>
<TiffData FirstZ="2" IFD="0" PlaneCount="2"><UUID FileName="z1.ome.tif">urn:uuid:b</UUID></TiffData>
</Pixels></Image></OME>"""


def test_a_stack_of_several_files_is_not_read_with_planes_missing(tmp_path):
    planes = np.arange(4 * 6 * 7, dtype=np.uint16).reshape(4, 6, 7) + 1
    description = PARTS.replace("<OME ", '<OME UUID="urn:uuid:a" ')
    tifffile.imwrite(tmp_path / "z0.ome.tif", planes[:2], description=description, metadata=None)
    with pytest.raises(ValueError, match="2 of its 4 planes are in files that are not beside it"):
        read_stack(tmp_path / "z0.ome.tif")
    tifffile.imwrite(
        tmp_path / "z1.ome.tif", planes[2:], description=description.replace('uuid:a" ', 'uuid:b" '), metadata=None
    )
    assert np.array_equal(read_stack(tmp_path / "z0.ome.tif").data, planes)


def test_what_is_too_large_for_a_classic_tiff_becomes_a_bigtiff(tmp_path, monkeypatch):
    stack = Stack(np.random.default_rng(0).random((4, 5, 6)), (0.3, 0.1, 0.1))
    for limit, big in ((10**9, False), (10, True)):
        monkeypatch.setattr("data_fetch.tiff.CLASSIC", limit)
        write_stack(tmp_path / "a.ome.tif", stack)
        with tifffile.TiffFile(tmp_path / "a.ome.tif") as tif:
            assert tif.is_bigtiff == big
        assert np.array_equal(read_stack(tmp_path / "a.ome.tif").data, stack.data)


def test_damaged_pixels_are_refused(tmp_path):
    write_stack(tmp_path / "a.tif", Stack(volume((4, 60, 50), np.float32), VOXEL))
    content = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        start = tif.pages[2].dataoffsets[0]
    content[start : start + 200] = bytes(200)
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(ValueError, match="damaged or cut short"):
        read_stack(tmp_path / "a.tif")


def test_nothing_warns(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_stack(tmp_path / "a.ome.tif", Stack(volume(), VOXEL))
        read_stack(tmp_path / "a.ome.tif")


# --- files from microscopes -------------------------------------------------------------------------------------------


@needs_read_only
@pytest.mark.parametrize(
    ("name", "shape", "voxel_size"),
    [
        ("Bead_Image1_crop.tif", (41, 150, 150), (0.125, 0.02249, 0.02249)),
        ("DeconvolutionSampleVerticalGrid1AU-crop.tif", (21, 150, 150), (0.125, 0.02196, 0.02196)),
    ],
)
def test_confocal_files_of_imagej_are_read_with_their_voxel(name, shape, voxel_size):
    stack = read_stack(READ_ONLY / "confocal_beads_and_lines" / name)
    assert stack.shape == shape
    assert stack.voxel_size == pytest.approx(voxel_size, rel=1e-3)


@needs_read_only
def test_file_with_another_program_s_header_asks_for_the_voxel():
    path = READ_ONLY / "measured_widefield_psf" / "psf_wl520nm_z300nm_x130nm_na0.85_n1.0.tif"
    with pytest.raises(ValueError, match="voxel_size=.dz, dy, dx."):
        read_stack(path)
    assert read_stack(path, voxel_size=(0.3, 0.13, 0.13)).shape == (25, 256, 256)


def test_reading_needs_no_tensorflow(tmp_path):
    write_stack(tmp_path / "a.tif", Stack(volume(), VOXEL))
    path = str(tmp_path / "a.tif")
    code = f"import sys, data_fetch; data_fetch.read_stack({path!r}); print('tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )
    assert done.stdout.strip() == "False"
