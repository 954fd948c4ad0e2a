import csv
import re

import numpy as np
import pytest

from course_utils import compare
from course_utils.compare.results_table import interpolate_z, table
from course_utils.stack import Stack

VOXEL = (0.2, 0.1, 0.1)
SHAPE = (13, 16, 17)


@pytest.fixture(scope="module")
def truth():
    return Stack(100 * np.random.default_rng(0).random(SHAPE) ** 4, VOXEL)


@pytest.fixture(scope="module")
def estimates(truth):
    rng = np.random.default_rng(1)
    return {
        "near": truth.with_data(truth.data + rng.standard_normal(SHAPE)),
        "far|off": truth.with_data(1.5 * truth.data + 20 + 10 * rng.standard_normal(SHAPE)),
        "missing": None,
    }


def test_table_holds_the_metrics_of_every_row_below_the_baselines(truth, estimates):
    result = table(estimates, truth, raw=truth)
    assert list(result.rows) == ["black", "mean", "raw", "interpolated", *estimates]
    x, row = estimates["far|off"], result["far|off"]
    matched = compare.match_affine(x, truth)
    assert row["PSNR (dB)"] == pytest.approx(compare.psnr(x, truth))
    assert row["PSNR, matched (dB)"] == pytest.approx(compare.psnr(matched, truth)) != row["PSNR (dB)"]
    assert row["NRMSE"] == pytest.approx(compare.nrmse(x, truth))
    assert row["SSIM, matched"] == pytest.approx(compare.ssim(matched, truth))
    assert row["flux error (%)"] == pytest.approx(100 * compare.flux_error(x, truth))
    curves = compare.fsc(x, truth)
    assert row["lateral resolution (µm)"] == curves.lateral.resolution(0.5)
    assert row["axial resolution (µm)"] == curves.axial.resolution(0.5)


def test_baselines_are_what_they_are_called(truth, estimates):
    result = table(estimates, truth)
    assert result["black"]["NRMSE"] == pytest.approx(1)
    assert result["black"]["flux error (%)"] == -100
    assert result["mean"]["PSNR (dB)"] == pytest.approx(20 * np.log10(np.ptp(truth.data) / truth.data.std()), abs=1e-3)
    assert result["mean"]["flux error (%)"] is result["mean"]["axial resolution (µm)"] is None
    assert set(result.rows["raw"]) == set(result.rows["interpolated"]) == {None}


def test_constants_and_missing_rows_have_no_values(truth, estimates):
    assert set(table(estimates, truth).rows["missing"]) == {None}


def test_best_values_are_marked_and_missing_ones_written_as_a_dash(truth, estimates):
    result = table(estimates, truth, seconds={"near": 2.0, "far|off": 0.5}, memory={"near": 1.0})
    best = result.best()
    assert best["PSNR (dB)"] == best["NRMSE"] == best["SSIM, matched"] == best["flux error (%)"] == {"near"}
    assert best["time (s)"] == {"far|off"} and best["peak memory (GB)"] == {"near"}
    rows = {line.split(" | ")[0].strip("| "): line for line in result.markdown().splitlines()[2:]}
    assert rows["near"].count("**") == 2 * sum("near" in names for names in best.values())
    assert rows["missing"].count("–") == len(result.columns)
    assert "**0.5**" in rows[r"far\|off"]


def test_a_perfect_estimate_is_marked_and_one_never_above_the_threshold_is_infinite(truth):
    noise = truth.with_data(np.random.default_rng(5).random(SHAPE))
    result = table({"perfect": truth, "noise": noise}, truth)
    assert all(names == {"perfect"} for names in result.best().values())
    lines = result.markdown().splitlines()
    assert "**∞**" in next(line for line in lines if "perfect" in line)
    assert result["noise"]["axial resolution (µm)"] == np.inf


def test_equal_values_are_both_marked(truth, estimates):
    result = table({"one": estimates["near"], "two": estimates["near"]}, truth)
    assert result.best()["NRMSE"] == {"one", "two"}


def test_columns_of_costs_are_there_where_given(truth, estimates):
    names = [column.name for column in table(estimates, truth, memory={}).columns]
    assert "peak memory (GB)" in names and "time (s)" not in names


def test_csv_has_full_precision_and_empty_cells(truth, estimates):
    result = table(estimates, truth)
    head, *rows = csv.reader(result.csv().splitlines())
    assert head == ["method", *(column.name for column in result.columns)]
    rows = {row[0]: row[1:] for row in rows}
    assert float(rows["near"][0]) == result["near"]["PSNR (dB)"]
    assert set(rows["missing"]) == {""}


def test_html_is_escaped_marked_and_says_the_data_range(truth, estimates):
    text = table(estimates | {"<i>": estimates["near"]}, truth, data_range=250.0)._repr_html_()
    assert "&lt;i&gt;" in text and "<i>" not in text
    assert "<b>" in text and "–" in text
    assert re.search(r"<caption.*Data range of PSNR and SSIM: 250\..*falls below 0\.5", text)


def test_data_range_and_threshold_are_used(truth, estimates):
    wide = table(estimates, truth, data_range=10 * float(np.ptp(truth.data)), threshold="half-bit")
    narrow = table(estimates, truth)
    assert wide["near"]["PSNR (dB)"] == pytest.approx(narrow["near"]["PSNR (dB)"] + 20)
    assert "half-bit curve" in wide.note


@pytest.mark.parametrize(("planes", "step"), [(13, 3), (12, 5), (13, 2), (4, 3)])
def test_interpolated_planes_follow_a_parabola_and_go_on_behind_the_last(planes, step):
    z = np.arange(planes)[:, None, None] * np.ones((1, 4, 5))
    raw = Stack(((z - 3) ** 2)[::step], (0.2 * step, 0.1, 0.1))
    whole = interpolate_z(raw, Stack(z, VOXEL))
    assert whole.voxel_size == VOXEL
    last = (raw.shape[0] - 1) * step
    if raw.shape[0] > 2:
        assert np.allclose(whole.data[: last + 1], (z - 3)[: last + 1] ** 2, atol=1e-4)
    assert np.allclose(whole.data[::step], raw.data, atol=1e-4)
    assert np.allclose(whole.data[last:], raw.data[-1], atol=1e-4)


def test_raw_of_fewer_planes_is_repeated_and_interpolated(truth, estimates):
    raw = Stack(truth.data[::3], (0.6, 0.1, 0.1))
    result = table(estimates, truth, raw=raw)
    assert result["interpolated"]["PSNR (dB)"] == pytest.approx(compare.psnr(interpolate_z(raw, truth), truth))
    repeated = truth.data[[0, 0, 3, 3, 3, 6, 6, 6, 9, 9, 9, 12, 12]]
    assert result["raw"]["PSNR (dB)"] == pytest.approx(compare.psnr(repeated, truth))
    given = table(estimates, truth, raw=raw, interpolated=truth)
    assert given["interpolated"]["NRMSE"] == 0


def test_shapes_that_do_not_fit_are_refused(truth, estimates):
    with pytest.raises(ValueError, match=r"'RL' has shape \(12, 16, 17\), and the reference \(13, 16, 17\)"):
        table({"RL": truth.data[1:]}, truth)
    with pytest.raises(ValueError, match=r"raw has shape \(4, 16, 17\); .*, it would be \(5, 16, 17\)"):
        table(estimates, truth, raw=Stack(truth.data[:12:3], (0.6, 0.1, 0.1)))
    with pytest.raises(TypeError, match="reference must be a Stack"):
        table(estimates, truth.data)
