"""What the Gradio pages have in common: how one is made, shown and mounted, and nothing leaves."""

from __future__ import annotations

import os
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware

from qa.markup import Html
from qa.opening import STATIC
from qa.serving import SecurityHeaders

# Gradio reads these while it is imported: nothing may leave this machine.
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1")

import gradio as gr

__all__ = ["blocks", "gr", "html", "mount", "plain_theme"]
"""Pages take Gradio itself from here, so that it is never imported before what it reads is set."""

MAX_UPLOAD = "1b"
"""Gradio's upload route cannot be closed: nothing fits through it. The pages take no files."""


def blocks(title: str) -> gr.Blocks:
    """Return an empty page."""
    return gr.Blocks(title=title, analytics_enabled=False, fill_width=True)


def html(value: Html, **options: Any) -> gr.HTML:
    """Show finished markup; Gradio's template is left alone, since data in it would be run."""
    return gr.HTML(value, js_on_load=None, apply_default_css=False, **options)


def plain_theme() -> gr.themes.Base:
    """Return Gradio's plainest theme, with fonts of the system."""
    return gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace"])


def mount(app: FastAPI, page: gr.Blocks, *, head: str, theme: gr.themes.Base) -> None:
    """Mount a page at an application's "/", with `head` in its head and all extras off."""
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        app_kwargs={"middleware": [Middleware(SecurityHeaders)]},
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        show_error=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        max_file_size=MAX_UPLOAD,
        favicon_path=str(STATIC / "favicon.svg"),
        theme=theme,
        head=head,
    )
