"""The models that a lesson may name: how each is built and cut, and what it needs as input."""

import warnings
from collections.abc import Callable
from functools import partial

import torchvision.models as tv
from torch import nn

from utils.errors import known_name
from utils.images import Preprocessing
from utils.models.library import is_library_name, library_model
from utils.models.spec import IMAGENET_CLASSES as IMAGENET_CLASSES
from utils.models.spec import ModelSpec, official_preprocessing

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _split_at(name: str) -> Callable[[nn.Module], tuple[nn.Module, nn.Linear]]:
    """Make a `split` for models whose attribute `name` is, or ends in, the linear classifier."""

    def split(model: nn.Module) -> tuple[nn.Module, nn.Linear]:
        classifier = getattr(model, name)
        head = classifier[-1] if isinstance(classifier, nn.Sequential) else classifier
        setattr(model, name, nn.Identity())
        return model, head

    return split


def _split_vgg16(model: nn.Module) -> tuple[nn.Module, nn.Linear]:
    *hidden, head = model.classifier
    return _vgg_body(model.features, model.avgpool, nn.Sequential(*hidden)), head


def _vgg11_gap() -> nn.Module:
    model = nn.Module()
    model.features = tv.vgg11_bn().features
    model.classifier = nn.Linear(512, 1000)
    return model


def _split_vgg11_gap(model: nn.Module) -> tuple[nn.Module, nn.Linear]:
    return _vgg_body(model.features, nn.AdaptiveAvgPool2d(1), nn.Identity()), model.classifier


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


def _efficientnet_lite(number: int) -> nn.Module:
    import timm

    return timm.create_model(f"tf_efficientnet_lite{number}")


COURSE_INPUT = Preprocessing(
    resize=256, crop=224, mean=IMAGENET_MEAN, std=IMAGENET_STD, interpolation="bilinear"
)
# Sides by the models' authors, from Lite0 on; timm gives the same.
LITE_SIDES = ((256, 224), (272, 240), (292, 260))
R50, V16, B0 = (
    tv.ResNet50_Weights.IMAGENET1K_V2,
    tv.VGG16_Weights.IMAGENET1K_V1,
    tv.EfficientNet_B0_Weights.IMAGENET1K_V1,
)
RESNET_STAGES = {4: "layer1", 8: "layer2", 16: "layer3", 32: "layer4"}

SPECS = (
    ModelSpec(
        name="resnet18",
        family="resnet",
        feature_dim=512,
        preprocessing=COURSE_INPUT,
        source="course",
        stages=RESNET_STAGES,
        last_block=("layer4",),
        build=tv.resnet18,
        split=_split_at("fc"),
    ),
    ModelSpec(
        name="resnet50",
        family="resnet",
        feature_dim=2048,
        preprocessing=official_preprocessing(R50),
        source="imagenet",
        stages=RESNET_STAGES,
        last_block=("layer4",),
        build=tv.resnet50,
        split=_split_at("fc"),
        enum=R50,
    ),
    ModelSpec(
        name="vgg11_gap",
        family="vgg",
        feature_dim=512,
        preprocessing=COURSE_INPUT,
        source="course",
        stages={
            2: "features.3",
            4: "features.7",
            8: "features.14",
            16: "features.21",
            32: "features.28",
        },
        last_block=tuple(f"features.{i}" for i in range(22, 29)),
        build=_vgg11_gap,
        split=_split_vgg11_gap,
    ),
    ModelSpec(
        name="vgg16",
        family="vgg",
        feature_dim=4096,
        preprocessing=official_preprocessing(V16),
        source="imagenet",
        stages={
            2: "features.4",
            4: "features.9",
            8: "features.16",
            16: "features.23",
            32: "features.30",
        },
        last_block=tuple(f"features.{i}" for i in range(24, 31)),
        build=tv.vgg16,
        split=_split_vgg16,
        enum=V16,
    ),
    ModelSpec(
        name="efficientnet_b0",
        family="efficientnet",
        feature_dim=1280,
        preprocessing=official_preprocessing(B0),
        source="imagenet",
        stages={4: "features.2", 8: "features.3", 16: "features.5", 32: "features.8"},
        last_block=("features.7", "features.8"),
        build=tv.efficientnet_b0,
        split=_split_at("classifier"),
        enum=B0,
    ),
    *(
        ModelSpec(
            name=f"efficientnet_lite{number}",
            family="efficientnet",
            feature_dim=1280,
            preprocessing=Preprocessing(
                resize=resize,
                crop=crop,
                mean=(0.5, 0.5, 0.5),
                std=(0.5, 0.5, 0.5),
                interpolation="bicubic",
            ),
            source="registry",
            stages={4: "blocks.1", 8: "blocks.2", 16: "blocks.4", 32: "bn2"},
            last_block=("blocks.6", "conv_head", "bn2"),
            build=partial(_efficientnet_lite, number),
            split=_split_at("classifier"),
        )
        for number, (resize, crop) in enumerate(LITE_SIDES)
    ),
)
MODELS = {spec.name: spec for spec in SPECS}
TEXTBOOK = {"resnet": "resnet50", "vgg": "vgg16", "efficientnet": "efficientnet_b0"}
OFFLINE = {"resnet": "resnet18", "vgg": "vgg11_gap", "efficientnet": "efficientnet_lite0"}
FAMILIES = tuple(TEXTBOOK)
DISPLAY_NAMES = {"resnet": "ResNet", "vgg": "VGG", "efficientnet": "EfficientNet"}
for _spec in SPECS:  # or a lesson would end in a KeyError
    if _spec.family not in FAMILIES or _spec.family not in OFFLINE:
        raise ValueError(f"{_spec.name}: name a model of {_spec.family} in TEXTBOOK and OFFLINE.")
FORMER_NAMES = {"vgg11_bn": "vgg11_gap"}  # torchvision's vgg11_bn has 132.9 million parameters


def find_model(name: str) -> ModelSpec:
    """The model of that name; an earlier name of one gives a FutureWarning.

    Besides the course's own names, `torchvision:NAME` and `timm:NAME` are any classifier of theirs.

    Raises:
        CourseError: unknown name; the nearest known ones are given.
    """
    if is_library_name(name):
        return library_model(name)
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
