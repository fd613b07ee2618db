"""Templates and how they become answers."""

from typing import Any, Final

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from image_tracing_viewer import formats
from image_tracing_viewer.charts.figures import isolated
from image_tracing_viewer.explanations import ERROR_CLASSES, OUTCOMES
from image_tracing_viewer.links import links_of


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("image_tracing_viewer"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # An installed package does not change; asking the disk at each page would be wasted.
        auto_reload=False,
    )
    environment.filters.update(
        ago=formats.ago,
        counted=formats.counted,
        duration=formats.duration,
        instant=formats.instant,
        isolated=isolated,
        iso=formats.iso,
        json_html=formats.json_html,
        model_name=formats.model_name,
        shortened=formats.shortened,
        size=formats.size,
        web_link=formats.web_link,
        words=formats.words,
    )
    environment.globals.update(error_classes=ERROR_CLASSES, outcomes=OUTCOMES)
    return environment


ENVIRONMENT: Final = _environment()


def rendered(request: Request, template: str, *, status_code: int = 200, **context: Any) -> HTMLResponse:
    """The template as a page. Text that no encoding can carry becomes a question mark instead of an error."""
    context.setdefault("links", links_of(request))
    context.setdefault("navigation", True)
    context.setdefault("current", None)
    text = ENVIRONMENT.get_template(template).render(context)
    return HTMLResponse(text.encode("utf-8", "replace"), status_code)
