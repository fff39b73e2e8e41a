"""Forward hooks: see what submodules take and give while a model runs."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

# Called with a submodule's name, the submodule, its inputs and its output.
OnForward = Callable[[str, nn.Module, tuple[Any, ...], Any], None]


@contextmanager
def on_forward(module: nn.Module, names: Iterable[str], call: OnForward) -> Iterator[None]:
    """Call a function each time that one of these submodules has run; no hook outlives the block.

    Raises:
        AttributeError: the module has no submodule of that name.
    """

    def hook_for(name: str) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
        return lambda submodule, inputs, output: call(name, submodule, inputs, output)

    handles = []
    try:
        for name in names:
            handles.append(module.get_submodule(name).register_forward_hook(hook_for(name)))
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def outputs_of(module: nn.Module, names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Collect the outputs of submodules, by name and in the order in which they ran.

    The tensors are the model's own, with their gradients: if they are changed in place afterwards,
    they change here too.
    """
    outputs: dict[str, Any] = {}
    with on_forward(module, names, lambda name, _m, _i, output: outputs.update({name: output})):
        yield outputs
