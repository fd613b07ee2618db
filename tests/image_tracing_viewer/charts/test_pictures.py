"""Each chart at an address of its own."""

import base64
import hashlib
import re
import sys
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient
from tests.image_tracing_viewer.conftest import Rows

from image_tracing_viewer.charts.dashboard import CHARTS
from image_tracing_viewer.charts.picture import STYLES

ADDRESS = "/api/traceImage/stats/charts"
EVIL = "<script>alert(1)</script>\"'&]]>"
DRAWN = {
    "svg",
    "style",
    "defs",
    "pattern",
    "g",
    "a",
    "title",
    "rect",
    "circle",
    "line",
    "path",
    "text",
    "tspan",
}
NAMES = [
    EVIL,
    "\x01\x0b\x1b\x7f\ufffe",
    "--><!--<![CDATA[",
    "&#0;&amp;&nbsp;",
    "m" * 2_000,
    "\u202egnp.exe",
    "🦊👩\u200d👧" * 40,
    "نموذج/الصور",
]


@pytest.fixture
def filled(rows: Rows) -> Rows:
    failed = {"success": False, "outcome": "error", "error_class": "timeout"}
    rows.add(
        attempts=[{"model": EVIL, **failed}, {"model": "flux"}],
        models_tried=[EVIL, "flux"],
        model_used="flux",
    )
    return rows


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_is_well_formed_svg_with_its_title(client: TestClient, filled: Rows, name: str) -> None:
    answer = client.get(f"{ADDRESS}/{name}.svg")
    tree = ElementTree.fromstring(answer.text)

    assert answer.headers["content-type"] == "image/svg+xml"
    assert tree.get("width") == "900"
    assert tree.get("aria-label")
    assert not [element for element in tree.iter() if element.tag.endswith("script")]


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("kind", ["svg", "png"])
def test_a_chart_of_nothing_is_a_picture_too(client: TestClient, name: str, kind: str) -> None:
    answer = client.get(f"{ADDRESS}/{name}.{kind}?width=320")

    assert answer.status_code == 200
    assert len(answer.content) > 500


@pytest.fixture
def hostile(rows: Rows) -> None:
    """Models, prompts and errors of which each would break what puts texts together."""
    for name in NAMES:
        failed = {
            "success": False,
            "outcome": "error",
            "error_class": "timeout",
            "error": name,
            "prompt": name,
        }
        tried = [name, f"{name}!"]
        rows.add(
            attempts=[{"model": name, "prompt": name, **failed}, {"model": tried[1]}],
            models_tried=tried,
            model_used=tried[1],
        )


@pytest.mark.parametrize("name", CHARTS)
def test_whatever_models_are_called_a_picture_is_well_formed(
    client: TestClient, hostile: None, name: str
) -> None:
    tree = ElementTree.fromstring(client.get(f"{ADDRESS}/{name}.svg").text)
    png = client.get(f"{ADDRESS}/{name}.png")

    assert {element.tag.split("}")[1] for element in tree.iter()} <= DRAWN
    assert not [key for element in tree.iter() for key in element.attrib if key.startswith("on")]
    assert (png.status_code, png.content[:4]) == (200, b"\x89PNG")


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_only_the_style_of_the_picture_is_let_through(client: TestClient, filled: Rows, theme: str) -> None:
    answer = client.get(f"{ADDRESS}/volume.svg?theme={theme}")

    [style] = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_the_style_of_a_picture_needs_no_variables() -> None:
    for style in STYLES.values():
        assert "var(" not in style
        assert "light-dark" not in style
        assert "<" not in style


def test_a_png_has_two_pixels_for_each_of_the_svg(client: TestClient, filled: Rows) -> None:
    answer = client.get(f"{ADDRESS}/volume.png?width=400&theme=dark")

    assert answer.headers["content-type"] == "image/png"
    assert answer.content[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(answer.content[16:20]) == 800


def test_a_missing_extra_is_named(client: TestClient, filled: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)

    answer = client.get(f"{ADDRESS}/volume.png")

    assert answer.status_code == 404
    assert "pip install 'image-tracing[png]'; volume.svg works" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("address", "status_code", "told"),
    [
        ("nothing.svg", 404, "there is no picture 'nothing.svg'; there are volume, models"),
        ("volume", 404, "there is no picture 'volume'"),
        ("volume.gif", 404, "there is no picture"),
        ("volume.svg?theme=pink", 400, "theme must be one of auto, light, dark; found 'pink'"),
        ("volume.svg?width=10", 400, "width must be a whole number of pixels from 320 to 2000; found '10'"),
        ("volume.svg?width=%D9%A3%D9%A3%D9%A3", 400, "width must be"),
        ("volume.svg?limit=5", 400, "unknown parameter 'limit'"),
        ("volume.svg?range=2y", 400, "range must be one of"),
    ],
)
def test_what_is_no_picture_is_refused(client: TestClient, address: str, status_code: int, told: str) -> None:
    answer = client.get(f"{ADDRESS}/{address}")

    assert answer.status_code == status_code
    assert told in answer.json()["error"]["message"]


def test_a_picture_tells_its_range_and_takes_the_filters(client: TestClient, filled: Rows) -> None:
    text = client.get(f"{ADDRESS}/volume.svg?range=24h&tz=Europe/Berlin&model=absent").text

    assert "Europe/Berlin, by hour" in text
    assert "<rect x=" not in text
