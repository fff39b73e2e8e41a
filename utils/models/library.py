"""Any classifier of torchvision or timm: its head, its preprocessing and its stages found."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

import torch
import torchvision.models as tv
from torch import Tensor, nn

from utils.errors import CourseError, WeightsMissing, known_name
from utils.hooks import on_forward
from utils.images import Preprocessing
from utils.models.spec import IMAGENET_CLASSES, ModelSpec, official_preprocessing

LIBRARIES = ("torchvision", "timm")
STRIDES = (2, 4, 8, 16, 32)
# These two scale their own input where they are built for their official weights.
OWN_SCALING = {"googlenet", "inception_v3"}
SCALING = {"transform_input": True, "init_weights": False}


def is_library_name(name: str) -> bool:
    """Whether a model's name is `torchvision:NAME` or `timm:NAME`."""
    library, colon, _ = name.partition(":")
    return bool(colon) and library in LIBRARIES


@cache
def library_model(name: str) -> ModelSpec:
    """Describe a classifier of torchvision or timm, by `torchvision:NAME` or `timm:NAME`.

    It is built once without memory for its weights, to find its head and to see how large its
    feature maps are.

    Raises:
        CourseError: no model of that name there, or one whose classifier isn't a linear layer.
    """
    library, _, architecture = name.partition(":")
    return _torchvision(architecture) if library == "torchvision" else _timm(architecture)


def _torchvision(architecture: str) -> ModelSpec:
    known = tv.list_models(module=tv)
    _check_known("torchvision", architecture, known)
    enum = tv.get_model_weights(architecture).DEFAULT
    options = SCALING if architecture in OWN_SCALING else {}

    def build() -> nn.Module:
        return tv.get_model(architecture, weights=None, **options)

    return _spec(
        f"torchvision:{architecture}",
        build,
        official_preprocessing(enum),
        "imagenet",
        enum=enum,
        classes=tuple(enum.meta["categories"]),
    )


def _timm(architecture: str) -> ModelSpec:
    import timm

    _check_known("timm", architecture, [*timm.list_models(), *timm.list_pretrained()])
    config = timm.get_pretrained_cfg(architecture)
    data = timm.data.resolve_data_config(pretrained_cfg=config.to_dict())
    crop = data["input_size"][-1]
    preprocessing = Preprocessing(
        resize=int(crop / data["crop_pct"]),
        crop=crop,
        mean=tuple(data["mean"]),
        std=tuple(data["std"]),
        interpolation=data["interpolation"],
    )
    count = config.num_classes
    named = IMAGENET_CLASSES if count == len(IMAGENET_CLASSES) else ()
    return _spec(
        f"timm:{architecture}",
        partial(timm.create_model, architecture),
        preprocessing,
        "timm",
        classes=named or tuple(f"class {number}" for number in range(count)),
    )


def _check_known(library: str, architecture: str, known: Sequence[str]) -> None:
    try:
        known_name(f"{library} model", architecture, known)
    except CourseError as error:  # it lists all the names, which are hundreds here
        sentence = str(error).split(": use ")[0]
        raise CourseError(f"{sentence}: `{library}.list_models()` names them all.") from None


def _spec(
    name: str,
    build: Callable[[], nn.Module],
    preprocessing: Preprocessing,
    source: str,
    **more: object,
) -> ModelSpec:
    model = _without_memory(build)
    path = _head_path(name, model)
    split = partial(_split, path)
    body, head = split(model)
    order = _execution_order(body, preprocessing.crop)
    stages = _stages(order)
    return ModelSpec(
        name=name,
        family=name.split(":")[0],
        feature_dim=head.in_features,
        preprocessing=preprocessing,
        source=source,
        stages=dict(sorted(stages.items())),
        last_block=_last_block(body, [name for name, _ in order], stages),
        build=build,
        split=split,
        **more,
    )


def _without_memory(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a model on the `meta` device; some compute with numbers and need a real one."""
    try:
        with torch.device("meta"):
            return build().eval()
    except (RuntimeError, NotImplementedError):
        with torch.random.fork_rng(devices=[]):
            return build().eval()


def _head_path(name: str, model: nn.Module) -> str:
    """The path of the linear classifier inside a model."""
    config = getattr(model, "default_cfg", None) or {}
    paths = [path for path, m in model.named_modules() if isinstance(m, nn.Linear)]
    path = config.get("classifier", paths[-1] if paths else "")
    if not isinstance(path, str) or path not in paths:
        raise CourseError(
            f"The classifier of {name} isn't one linear layer, so it can't be replaced: choose "
            "another model."
        )
    return path


def _split(path: str, model: nn.Module) -> tuple[nn.Module, nn.Linear]:
    """Take the classifier at `path` off a model, and the auxiliary ones of GoogLeNet's kind."""
    head = model.get_submodule(path)
    parent, _, child = path.rpartition(".")
    setattr(model.get_submodule(parent), child, nn.Identity())
    if getattr(model, "aux_logits", False):
        model.aux_logits = False
        for name in ("aux1", "aux2", "AuxLogits"):
            if hasattr(model, name):
                setattr(model, name, None)
    return model, head


def _execution_order(body: nn.Module, side: int) -> list[tuple[str, int | None]]:
    """The submodules of a body as they finish, each with the stride of its output if it's a map."""
    order: list[tuple[str, int | None]] = []

    def note(name: str, _module: nn.Module, _inputs: tuple, output: object) -> None:
        square = isinstance(output, Tensor) and output.ndim == 4 and len({*output.shape[2:]}) == 1
        order.append((name, round(side / output.shape[2]) if square else None))

    device = next(body.parameters()).device
    names = [name for name, _ in body.named_modules() if name]
    with torch.no_grad(), on_forward(body, names, note):
        body(torch.zeros(1, 3, side, side, device=device))
    return order


def _stages(order: Sequence[tuple[str, int | None]]) -> dict[int, str]:
    """The submodule that ends each stage: the last one of those that lie least deep."""
    stages: dict[int, str] = {}
    for name, stride in order:
        if stride in STRIDES and name.count(".") <= stages.get(stride, name).count("."):
            stages[stride] = name
    return stages


def _last_block(body: nn.Module, order: Sequence[str], stages: dict[int, str]) -> tuple[str, ...]:
    """The layers that run after the second-coarsest stage, or in a transformer's last block."""
    if len(stages) > 1:
        before = stages[sorted(stages)[-2]]
    else:
        stacks = [
            (len(m), path)
            for path, m in body.named_modules()
            if isinstance(m, nn.Sequential | nn.ModuleList)
        ]
        length, path = max(stacks, default=(0, ""))
        children = [name for name, _ in body.get_submodule(path).named_children()]
        before = ".".join(filter(None, (path, children[-2]))) if length > 1 else ""
    last = max((i for i, name in enumerate(order) if name == before), default=-1)
    own = {
        name for name, m in body.named_modules() if any(True for _ in m.parameters(recurse=False))
    }
    return tuple(dict.fromkeys(name for name in order[last + 1 :] if name in own))


def timm_file(name: str) -> Path | None:
    """Where timm's weights of `timm:NAME` lie on this machine, or None where they don't.

    They are looked for in Hugging Face's cache, and in torch's for those that come from elsewhere.
    """
    import timm
    from huggingface_hub import try_to_load_from_cache

    config = timm.get_pretrained_cfg(name.partition(":")[2])
    if config.hf_hub_id:
        for file in ("model.safetensors", "pytorch_model.bin"):
            found = try_to_load_from_cache(config.hf_hub_id, file)
            if isinstance(found, str):
                return Path(found)
    if config.url:
        file = Path(torch.hub.get_dir()) / "checkpoints" / config.url.rsplit("/", 1)[-1]
        return file if file.exists() else None
    return None


def timm_state(name: str) -> dict[str, Tensor]:
    """The weights of `timm:NAME` from this machine's caches, as timm reads them.

    Raises:
        WeightsMissing: they aren't here.
        CourseError: damaged, or not those of this model.
    """
    import timm

    file = timm_file(name)
    if file is None:
        raise WeightsMissing(
            f"timm's weights of {name} are not on this machine: download them with `course weights "
            f"--download {name}`, or train from random weights with --weights untrained."
        )
    architecture = name.partition(":")[2]
    try:
        model = timm.create_model(
            architecture, pretrained=True, pretrained_cfg_overlay={"file": str(file)}
        )
    except Exception as error:  # readers of damaged files raise errors of any type
        raise CourseError(
            f"{file} is damaged or doesn't belong to {name}: delete it and download it again."
        ) from error
    return model.state_dict()


def download_timm(name: str) -> Path:
    """Fetch timm's weights of `timm:NAME` into the cache that timm itself uses.

    Raises:
        CourseError: there are none, no network, or a full disk.
    """
    import timm

    architecture = name.partition(":")[2]
    if not timm.get_pretrained_cfg(architecture).has_weights:
        raise CourseError(
            f"timm publishes no weights of {name}: name one with weights, as "
            "`timm.list_pretrained()` lists them."
        )
    try:
        timm.create_model(architecture, pretrained=True)
    except Exception as error:  # the network raises errors of many libraries
        raise CourseError(
            f"The weights of {name} could not be downloaded ({error}): check the network "
            "(https_proxy too) and the disk."
        ) from error
    file = timm_file(name)
    if file is None:
        raise CourseError(f"The weights of {name} were downloaded, but aren't in timm's cache.")
    return file
