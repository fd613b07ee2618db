"""The viewer's socket and its address."""

import pytest

from image_tracing_viewer.server import PortError, address, listening


def test_a_free_port_is_told_in_the_address() -> None:
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]

        assert address(listener) == f"http://127.0.0.1:{port}/traceImage"


def test_ipv6_is_bracketed() -> None:
    with listening("[::1]", 0) as listener:
        assert address(listener).startswith("http://[::1]:")


def test_every_address_is_told_as_loopback() -> None:
    with listening("0.0.0.0", 0) as listener:
        assert address(listener).startswith("http://127.0.0.1:")


def test_a_token_makes_a_link_that_logs_in() -> None:
    with listening("127.0.0.1", 0) as listener:
        assert address(listener, token="a b&c").endswith("/traceImage?token=a%20b%26c")


def test_a_port_in_use_names_the_option() -> None:
    with (
        listening("127.0.0.1", 0) as taken,
        pytest.raises(PortError, match="--port 0"),
        listening("127.0.0.1", taken.getsockname()[1]),
    ):
        pass


def test_a_host_of_another_machine_names_the_option() -> None:
    with pytest.raises(PortError, match="--host"), listening("192.0.2.1", 0):
        pass
