"""Empty modules in place of torchvision and torchaudio.

Loaders import these at the top of a module, and need them only for videos and sound. Call `put_in_place` after
transformers was imported, which looks for the real ones.
"""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

from transformers.utils import is_torchaudio_available, is_torchvision_available

_MODULES = ("torchaudio", "torchvision", "torchvision.io", "torchvision.transforms")


class InterpolationMode:
    """Named by a module, used by none of the functions that are called here."""

    BICUBIC = "bicubic"


def put_in_place() -> None:
    """Make the modules importable."""
    assert not is_torchvision_available()  # the answers are cached
    assert not is_torchaudio_available()
    for name in _MODULES:
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
    vars(sys.modules["torchvision"])["__version__"] = "0"
    vars(sys.modules["torchvision.transforms"])["InterpolationMode"] = InterpolationMode
