import pytest

from image_tracing_viewer import checked_host
from image_tracing_viewer.hosts import AllowedHosts, UnsafeHostError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "::1", "[::1]"])
def test_loopback_needs_no_token(host: str) -> None:
    assert checked_host(host, None) == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.7", "example.org", "127.0.0.1.example.org"])
def test_any_other_host_needs_a_token_or_the_word_insecure(host: str) -> None:
    with pytest.raises(UnsafeHostError, match="without a token; set IMAGE_TRACING_TOKEN"):
        checked_host(host, None)

    assert checked_host(host, "secret") == host
    assert checked_host(host, None, insecure=True) == host


@pytest.mark.parametrize("host", ["localhost", "LocalHost:3000", "127.0.0.1:1", "[::1]:65535", "[::1]"])
def test_loopback_names_are_allowed_on_any_port(host: str) -> None:
    assert AllowedHosts("127.0.0.1").allows(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "example.org",
        "localhost.example.org",
        "127.0.0.1.nip.io",
        "localhost:",
        "localhost:0",
        "localhost:65536",
        "localhost:99999999",
        "localhost:http",
        "localhost:80:80",
        "localhost@example.org",
        "user@localhost",
        "localhost/",
        "localhost, example.org",
        "localhost\n",
        " localhost",
        "10.0.0.1",
        "[::1",
        "::1",
    ],
)
def test_any_other_name_or_an_odd_port_is_not_allowed(host: str) -> None:
    assert not AllowedHosts("127.0.0.1").allows(host)


def test_the_bound_host_and_further_names_are_allowed() -> None:
    hosts = AllowedHosts("192.168.1.7", ["traces.example.org"])

    assert hosts.allows("192.168.1.7:3000")
    assert hosts.allows("Traces.Example.org")
    assert not hosts.allows("192.168.1.8:3000")


def test_bound_to_all_addresses_any_address_is_allowed_but_no_name() -> None:
    hosts = AllowedHosts("0.0.0.0")

    assert hosts.allows("10.0.0.1:3000")
    assert hosts.allows("[fe80::1]:3000")
    assert not hosts.allows("rebound.example.org:3000")


def test_a_star_allows_every_name() -> None:
    assert AllowedHosts("127.0.0.1", ["*"]).allows("anything.example.org")
