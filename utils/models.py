"""The models that a lesson may name: how each is built and cut, and what it needs as input."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torchvision.models as tv
from torch import nn
from torchvision.models._meta import _IMAGENET_CATEGORIES

from utils.errors import known_name
from utils.images import Preprocessing

IMAGENET_CLASSES: tuple[str, ...] = tuple(_IMAGENET_CATEGORIES)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class ModelSpec:
    """What the course knows of a model before it is built.

    `stages` maps the stride of each stage to the submodule whose output shows it, `last_block`
    names the submodules that `--mode last-block` trains; both are paths inside the body.
    """

    name: str
    family: str
    feature_dim: int
    preprocessing: Preprocessing
    source: str
    stages: dict[str, str]
    last_block: tuple[str, ...]
    parts: Callable[[], tuple[nn.Module, Callable[[nn.Module], tuple[nn.Module, nn.Linear]]]]
    enum: tv.WeightsEnum | None = None


def _resnet(builder: Callable[[], nn.Module]):
    def cut(model: nn.Module) -> tuple[nn.Module, nn.Linear]:
        head, model.fc = model.fc, nn.Identity()
        return model, head

    return lambda: (builder(), cut)


def _vgg16():
    def cut(model: nn.Module) -> tuple[nn.Module, nn.Linear]:
        *hidden, head = model.classifier
        return _vgg_body(model.features, model.avgpool, nn.Sequential(*hidden)), head

    return tv.vgg16(), cut


def _vgg11_gap():
    def cut(model: nn.Module) -> tuple[nn.Module, nn.Linear]:
        return _vgg_body(model.features, nn.AdaptiveAvgPool2d(1), nn.Identity()), model.classifier

    model = nn.Module()
    model.features = tv.vgg11_bn().features
    model.classifier = nn.Linear(512, 1000)
    return model, cut


def _vgg_body(features: nn.Module, pool: nn.Module, hidden: nn.Module) -> nn.Sequential:
    body = nn.Sequential()
    for name, part in (
        ("features", features),
        ("pool", pool),
        ("flatten", nn.Flatten()),
        ("hidden", hidden),
    ):
        body.add_module(name, part)
    return body


def _efficientnet_b0():
    def cut(model: nn.Module) -> tuple[nn.Module, nn.Linear]:
        head, model.classifier = model.classifier[-1], nn.Identity()
        return model, head

    return tv.efficientnet_b0(), cut


def _efficientnet_lite(number: int):
    def cut(model: nn.Module) -> tuple[nn.Module, nn.Linear]:
        head, model.classifier = model.classifier, nn.Identity()
        return model, head

    def parts() -> tuple[nn.Module, Callable[[nn.Module], tuple[nn.Module, nn.Linear]]]:
        import timm

        return timm.create_model(f"tf_efficientnet_lite{number}"), cut

    return parts


def _official(enum: tv.WeightsEnum) -> Preprocessing:
    """The preprocessing that torchvision publishes with a set of weights."""
    t = enum.transforms()
    return Preprocessing(
        t.resize_size[0], t.crop_size[0], tuple(t.mean), tuple(t.std), t.interpolation.value
    )


COURSE_INPUT = Preprocessing(256, 224, IMAGENET_MEAN, IMAGENET_STD, "bilinear")
# Sides by the models' authors, from Lite0 on; timm gives the same.
LITE_SIDES = ((256, 224), (272, 240), (292, 260))
R50, V16, B0 = (
    tv.ResNet50_Weights.IMAGENET1K_V2,
    tv.VGG16_Weights.IMAGENET1K_V1,
    tv.EfficientNet_B0_Weights.IMAGENET1K_V1,
)
RESNET_STAGES = {f"stride {2 ** (n + 1)}": f"layer{n}" for n in (1, 2, 3, 4)}

MODELS = {
    spec.name: spec
    for spec in (
        ModelSpec(
            "resnet18",
            "resnet",
            512,
            COURSE_INPUT,
            "course",
            RESNET_STAGES,
            ("layer4",),
            _resnet(tv.resnet18),
        ),
        ModelSpec(
            "resnet50",
            "resnet",
            2048,
            _official(R50),
            "imagenet",
            RESNET_STAGES,
            ("layer4",),
            _resnet(tv.resnet50),
            R50,
        ),
        ModelSpec(
            "vgg11_gap",
            "vgg",
            512,
            COURSE_INPUT,
            "course",
            {f"stride {2 ** (n + 1)}": f"features.{i}" for n, i in enumerate((3, 7, 14, 21, 28))},
            tuple(f"features.{i}" for i in range(22, 29)),
            _vgg11_gap,
        ),
        ModelSpec(
            "vgg16",
            "vgg",
            4096,
            _official(V16),
            "imagenet",
            {f"stride {2 ** (n + 1)}": f"features.{i}" for n, i in enumerate((4, 9, 16, 23, 30))},
            tuple(f"features.{i}" for i in range(24, 31)),
            _vgg16,
            V16,
        ),
        ModelSpec(
            "efficientnet_b0",
            "efficientnet",
            1280,
            _official(B0),
            "imagenet",
            {
                "stride 4": "features.2",
                "stride 8": "features.3",
                "stride 16": "features.5",
                "stride 32": "features.8",
            },
            ("features.7", "features.8"),
            _efficientnet_b0,
            B0,
        ),
        *(
            ModelSpec(
                f"efficientnet_lite{number}",
                "efficientnet",
                1280,
                Preprocessing(*sides, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic"),
                "registry",
                {
                    "stride 4": "blocks.1",
                    "stride 8": "blocks.2",
                    "stride 16": "blocks.4",
                    "stride 32": "bn2",
                },
                ("blocks.6", "conv_head", "bn2"),
                _efficientnet_lite(number),
            )
            for number, sides in enumerate(LITE_SIDES)
        ),
    )
}
TEXTBOOK = {"resnet": "resnet50", "vgg": "vgg16", "efficientnet": "efficientnet_b0"}
OFFLINE = {"resnet": "resnet18", "vgg": "vgg11_gap", "efficientnet": "efficientnet_lite0"}
FAMILIES = tuple(TEXTBOOK)
DISPLAY_NAMES = {"resnet": "ResNet", "vgg": "VGG", "efficientnet": "EfficientNet"}
FORMER_NAMES = {"vgg11_bn": "vgg11_gap"}  # torchvision's vgg11_bn has 132.9 million parameters


def find_model(name: str) -> ModelSpec:
    """The model of that name; an earlier name of one gives a FutureWarning.

    Raises:
        CourseError: unknown name; the nearest known ones are given.
    """
    if name in FORMER_NAMES:
        now = FORMER_NAMES[name]
        warnings.warn(
            f"{name} is called {now} now, since it isn't torchvision's model of that name.",
            FutureWarning,
            stacklevel=2,
        )
        name = now
    return MODELS[known_name("model", name, MODELS)]


def find_family(name: str) -> str:
    """The family of that name, or CourseError."""
    return known_name("family", name, FAMILIES)
