"""Static files come from a fixed list and nowhere else."""

import re

import pytest
from starlette.testclient import TestClient

from image_tracing_viewer import assets


def test_every_file_that_a_page_names_is_there(client: TestClient) -> None:
    addresses = re.findall(r'(?:src|href)="(/static/[^"]+)"', client.get("/traceImage").text)

    assert len(addresses) >= 4
    assert {client.get(address).status_code for address in addresses} == {200}


def test_files_of_this_version_are_kept_for_good(client: TestClient) -> None:
    current = client.get(f"/static/{assets.VERSION}/viewer.css")
    other = client.get("/static/0123456789ab/viewer.css")

    assert "immutable" in current.headers["cache-control"]
    assert current.headers["content-type"] == "text/css; charset=utf-8"
    assert other.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "name",
    [
        "pages.py",
        "..%2fpages.py",
        "%2e%2e%2f__init__.py",
        "..%252fpages.py",
        "viewer.css%00",
        ".",
        "VIEWER.CSS",
    ],
)
def test_no_other_name_is_served(client: TestClient, name: str) -> None:
    assert client.get(f"/static/{assets.VERSION}/{name}").status_code == 404


def test_scripts_import_only_files_of_the_list() -> None:
    for name, content in assets.FILES.items():
        for imported in re.findall(r'from "\./([^"]+)"', content.decode()):
            assert imported in assets.FILES, f"{name} imports {imported}"


def test_no_file_names_another_host() -> None:
    for name, content in assets.FILES.items():
        addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", content.decode()))
        assert addresses <= {"http://www.w3.org"}, f"{name} names {addresses}"
