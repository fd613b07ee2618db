"""What becomes of the tests of `diffusers` where its dependency group is not installed."""

import sys

import pytest
from tests.image_tracing.instrumentors import tiny_pipelines


@pytest.mark.parametrize("name", ["diffusers", "torch", "transformers"])
def test_tests_of_diffusers_fail_and_say_what_to_type(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("diffusers", "torch", "transformers"):
        monkeypatch.setitem(sys.modules, module, sys if module != name else None)

    with pytest.raises(pytest.fail.Exception, match=rf"no module '{name}'; type: make test-diffusers"):
        tiny_pipelines.sdk()
