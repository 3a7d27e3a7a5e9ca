"""The house: imports point down, and each heavy library has one home."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import qa
from tests.archives import ROOT

LAYERS = ("corpus", "embeddings", "qa")

HOMES = {
    "faiss": {"embeddings.segments"},
    "xxhash": {"embeddings.checked"},
    "tantivy": {"embeddings.sparse"},
    "sentence_transformers": {"embeddings.transformer", "embeddings.cross_encoder"},
    "transformers": {"embeddings.transformer", "embeddings.cross_encoder"},
    "pymilvus": {"embeddings.milvus_client"},
    "onnxruntime": {"embeddings.onnx"},
    "torch": {
        "embeddings.transformer",
        "embeddings.carrying",
        "embeddings.cross_encoder",
        "qa.evaluation.reader_fitting",
        "qa.evaluation.reader_network",
    },
    "onnx": {"embeddings.bert"},
    "safetensors": {"embeddings.bert"},
    "huggingface_hub": {"embeddings.models"},
    "sqlite3": {"embeddings.sqlite"},
    "filelock": {"embeddings.locking"},
    "syntok": {"corpus.sentences"},
    "trafilatura": {"corpus.readers.webpage"},
    "charset_normalizer": {"corpus.readers.decoding"},
    "gradio": {"qa.gradio_pages", "qa.serving"},
    "haystack": {"qa.adapters.haystack"},
    "langchain_core": {"qa.adapters.langchain"},
    "llama_index": {"qa.adapters.llama_index"},
    "mcp": {"qa.web.mcp"},
    "psycopg": {"embeddings.postgres"},
    "psycopg_pool": {"embeddings.postgres"},
    "ray": {"embeddings.ray_workers"},
    "prometheus_client": {"qa.web.metrics"},
    "typer": {"qa.cli", "qa.cli_evaluate", "qa.cli_gold", "qa.options", "qa.web.commands"},
    "watchfiles": {"qa.watching"},
    "warcio": {"corpus.readers.warc", "corpus.web.fetching"},
}
"""Library -> the modules that may import it."""

HEAVY = ("torch", "gradio", "sentence_transformers", "transformers", "onnxruntime", "trafilatura")
"""Libraries that take a second or more to import."""


def _modules() -> Iterator[tuple[str, Path]]:
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


MODULES = sorted(_modules())


@cache
def parsed(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text("utf-8"))


@cache
def imported(path: Path, *, at_once: bool = False) -> set[str]:
    """Return the modules that a file imports, but for types only; `at_once`: when it is loaded."""
    pending: list[ast.AST] = [parsed(path)]
    names: set[str] = set()
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if at_once and isinstance(node, ast.FunctionDef):
            continue
        pending.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= found if found <= {*dict(MODULES)} else found | {node.module}
    return names


@pytest.mark.parametrize(("module", "path"), MODULES)
def test_imports_point_down(module: str, path: Path) -> None:
    """From corpus to embeddings to qa, and nothing imports tests."""
    layer = next(layer for layer in LAYERS if _is_home(module, {layer}))
    above = {*LAYERS[LAYERS.index(layer) + 1 :], "tests"}
    assert not {name for name in imported(path) if name.partition(".")[0] in above}


@pytest.mark.parametrize(("module", "path"), MODULES)
def test_heavy_libraries_stay_at_home(module: str, path: Path) -> None:
    """A library that may be exchanged one day is imported in one place."""
    packages = {name.partition(".")[0] for name in imported(path)}
    strays = {p for p in packages & HOMES.keys() if not _is_home(module, HOMES[p])}
    assert not strays


def _is_home(module: str, homes: set[str]) -> bool:
    return any(module == home or module.startswith(f"{home}.") for home in homes)


def test_imports_form_no_ring() -> None:
    """Modules can be read in an order in which each rests on those before."""
    paths = dict(MODULES)
    needs = {name: imported(path, at_once=True) & paths.keys() - {name} for name, path in MODULES}
    while needs:
        ready = {name for name, others in needs.items() if not others & needs.keys()}
        assert ready, f"these import each other in a ring: {sorted(needs)}"
        needs = {name: others for name, others in needs.items() if name not in ready}


@pytest.mark.parametrize("module", ["qa", "qa.cli", "qa.opening", "embeddings.indexing"])
def test_importing_costs_little(module: str) -> None:
    """Neither a model runtime nor the web page's framework is loaded before it is needed."""
    code = f"import sys, {module}; print([n for n in {HEAVY!r} if n in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert found.stdout == "[]\n"


def test_a_question_loads_only_what_it_needs() -> None:
    """Neither what makes archives nor what others may share is loaded to ask one in a folder."""
    idle = ("corpus.readers", "corpus.cleaning", "embeddings.indexing", "embeddings.catching_up",
            "embeddings.milvus", "embeddings.shared_index", "embeddings.postgres")  # fmt: skip
    code = f"import sys, qa.cli, qa.samples; print([n for n in {idle!r} if n in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert found.stdout == "[]\n"


def test_public_names_are_the_visible_ones() -> None:
    """`__all__` lists, in order, what the package offers and nothing else."""
    hidden = {"annotations"}
    visible = {
        name
        for name, value in vars(qa).items()
        if not name.startswith("_") and name not in hidden and type(value).__name__ != "module"
    }
    assert set(qa.__all__) == visible
    assert list(qa.__all__) == sorted(qa.__all__)


@pytest.mark.parametrize(("module", "path"), MODULES)
def test_modules_keep_their_size(module: str, path: Path) -> None:
    """Under 400 lines a module, 60 a function (STYLE)."""
    text = path.read_text("utf-8")
    assert len(text.splitlines()) < 400
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, f"{module}.{node.name}"
