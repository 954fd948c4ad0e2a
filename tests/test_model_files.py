import json
import zipfile

import numpy as np
import pytest

from course_utils import pretrain, srcnn, training
from course_utils.training import model_files

CARD = {"data": "none", "seed": 3}


def _save(folder, model=None):
    model = model or srcnn.srcnn(seed=3)
    return training.save(model, folder / "net.keras", normaliser=training.Normaliser(5.0, 2.0), card=CARD)


def test_a_saved_network_predicts_as_before(tmp_path):
    model, image = srcnn.srcnn(seed=3), np.random.default_rng(0).random((20, 27))
    trained = training.load(_save(tmp_path, model))
    expected = training.predict(model, image, normaliser=training.Normaliser(5.0, 2.0))
    np.testing.assert_allclose(trained(image), expected, atol=1e-6)
    assert trained.card["seed"] == 3 and trained.card["version"]
    assert trained.normaliser == training.Normaliser(5.0, 2.0)


def test_the_optimizer_is_left_out_of_the_file(tmp_path):
    model = srcnn.srcnn()
    before = _save(tmp_path, model).stat().st_size
    pairs = training.Pairs(np.ones((16, 14, 14, 1)), np.ones((16, 14, 14, 1)))
    training.fit(model, pairs, epochs=1, progress=False)
    assert _save(tmp_path, model).stat().st_size < 1.2 * before


def _with_lambda(path, harm):
    import keras

    image, place = keras.Input((None, None, 1)), str(harm)
    harmful = keras.layers.Lambda(lambda x: (open(place, "w").close(), x)[1], output_shape=(None, None, 1))
    model = keras.Model(image, harmful(image))
    harm.unlink(missing_ok=True)  # Keras may have called the layer while the model was built
    saved = _save(path)
    model.save(saved)  # in its place
    return saved


def test_a_strangers_file_cannot_run_code(tmp_path):
    harm = tmp_path / "harm"
    path = _with_lambda(tmp_path, harm)
    with pytest.raises(ValueError, match="holds a Lambda layer, which can run any code of whoever made the file"):
        training.load(path)
    assert not harm.exists()


def test_keras_itself_would_refuse_the_file_as_well(tmp_path, monkeypatch):
    path = _with_lambda(tmp_path, tmp_path / "harm")
    monkeypatch.setattr(model_files, "_modules", lambda path: set())
    with pytest.raises(ValueError, match="[Ll]ambda"):
        training.load(path)
    assert not (tmp_path / "harm").exists()


def _edited(path, old, new):
    """The file with its description changed, as somebody might do by hand."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert old in parts["config.json"]
    parts["config.json"] = parts["config.json"].replace(old, new)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("module", ["os", "course_utils_evil", "numpy.testing"])
def test_a_file_that_asks_for_a_strange_module_is_refused(tmp_path, module):
    path = _edited(_save(tmp_path), b'"course_utils.training.keras_parts"', f'"{module}"'.encode())
    with pytest.raises(ValueError, match=f"of the module '{module}', which is neither Keras' nor this course's"):
        training.load(path)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    path = _save(tmp_path)
    path.write_text("not a model")
    with pytest.raises(ValueError, match="is no model file of Keras 3"):
        training.load(path)


def test_a_missing_file_and_a_missing_card_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"net\.keras; a trained model is two files"):
        training.load(tmp_path / "net.keras")
    path = _save(tmp_path)
    path.with_suffix(".json").unlink()
    with pytest.raises(FileNotFoundError, match=r"net\.json"):
        training.load(path)


@pytest.mark.parametrize("call", [training.load, lambda p: training.save(None, p, normaliser=None, card={})])
def test_other_kinds_of_files_are_refused(call):
    with pytest.raises(ValueError, match=r"ends in \.keras; got 'net\.h5'"):
        call("net.h5")


@pytest.mark.parametrize("name", training.pretrained_names())
def test_shipped_weights_load_are_small_and_have_a_card(name):
    trained = training.pretrained(name)
    path = model_files.SHIPPED / f"{name}.keras"
    assert path.stat().st_size < 1.5e6
    assert {"data", "seed", "minutes", "version"} <= set(trained.card)
    assert any("PSNR" in key or "dB" in key for key in trained.card)
    assert np.isfinite(trained(np.random.default_rng(0).random((24, 20)))).all()


def test_the_networks_of_chapter_6_are_shipped_and_have_recipes():
    names = {"srcnn-natural", "srcnn-microscopy"}
    assert names <= set(training.pretrained_names())
    assert set(training.pretrained_names()) <= set(pretrain.recipes())


def test_unknown_names_are_told_the_known_ones():
    with pytest.raises(ValueError, match="no weights called 'srcn'; there are: .*srcnn-natural"):
        training.pretrained("srcn")
    with pytest.raises(ValueError, match="no recipe 'srcn'; there are: .*srcnn-natural"):
        pretrain.pretrain("srcn")


def test_pretrain_writes_what_the_recipe_gives(tmp_path, monkeypatch, capsys):
    model = srcnn.srcnn(seed=7)
    monkeypatch.setattr(
        pretrain, "recipes", lambda: {"net": lambda: (model, training.Normaliser(1.0, 4.0), dict(CARD))}
    )
    pretrain.main(["net", "--folder", str(tmp_path)])
    trained = training.load(capsys.readouterr().out.strip())
    assert trained.normaliser.scale == 4 and trained.card["minutes"] >= 0 and trained.card["data"] == "none"
    assert json.loads((tmp_path / "net.json").read_text())["card"] == trained.card
