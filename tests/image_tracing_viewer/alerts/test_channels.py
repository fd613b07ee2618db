"""Sending through Apprise in a process of its own; what no page, log or error may hold."""

import logging
from typing import Any

import pytest
from tests.image_tracing_viewer.alerts.conftest import Hook

from image_tracing_viewer.alerts.channels import Channel, ChannelError, Letter


def letter(**more: Any) -> Letter:
    return Letter(
        **{
            "key": "key-1",
            "title": "Firing: ümlaut",
            "body": "line & more\nline",
            "type": "failure",
            "fields": {"subject": "a/b:c+d @e", "link": "https://x/?a=1&b=%20"},
            **more,
        }
    )


def sent(url: str, *letters: Letter) -> Channel:
    channel = Channel(url)
    try:
        channel.look()
        for each in letters:
            channel.send(each)
    finally:
        channel.rest()
    return channel


def test_a_web_hook_gets_text_fields_and_a_key(hook: Hook) -> None:
    channel = sent(hook.url, letter())

    [message] = hook.messages
    assert (message["title"], message["message"]) == ("Firing: ümlaut", "line & more\nline")
    assert (message["subject"], message["link"]) == ("a/b:c+d @e", "https://x/?a=1&b=%20")
    assert hook.keys == ["key-1"]
    assert (channel.service, channel.takes_pictures) == ("JSON", True)


def test_a_chart_goes_with_the_text(hook: Hook) -> None:
    sent(hook.url, letter(picture=("chart.png", b"\x89PNG")))

    [attached] = hook.messages[0]["attachments"]
    assert (attached["filename"], attached["base64"]) == ("chart.png", "iVBORw==")


def test_one_process_sends_many(hook: Hook) -> None:
    sent(hook.url, *(letter(key=str(number)) for number in range(5)))

    assert hook.keys == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(("status", "problem"), [(404, "status 404"), (503, "status 503")])
def test_a_refusal_says_its_status(hook: Hook, status: int, problem: str) -> None:
    hook.status = status

    with pytest.raises(ChannelError, match=problem):
        sent(hook.url, letter())


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("json://user:hunter2@127.0.0.1:9/hunter2", "no connection to it"),
        ("mailto://user:hunter2@localhost:9?smtp=127.0.0.1&cto=2", "no connection to it"),
        ("nonsense://hunter2", "Apprise cannot read this address"),
        ("slack://hunter2", "Apprise cannot read this address"),
    ],
)
def test_what_goes_wrong_is_told_without_the_address(
    url: str, problem: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ChannelError, match=problem) as raised:
        sent(url, letter())

    shown = [str(raised.value), repr(Channel(url)), Channel(url).name, caplog.text, *capfd.readouterr()]
    assert not [text for text in shown if "hunter2" in text]


def test_the_same_address_is_the_same_channel() -> None:
    assert Channel("json://a").id == Channel("json://a").id != Channel("json://b").id


def test_a_process_that_was_killed_is_started_again(hook: Hook) -> None:
    channel = Channel(hook.url)
    channel.look()
    channel.kill()
    try:
        channel.send(letter())
    except ChannelError:
        # The end was not noticed yet.
        channel.send(letter())
    channel.rest()

    assert len(hook.messages) == 1
