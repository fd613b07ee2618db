"""Sending through Apprise in a process of its own; what no page, log or error may hold."""

import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.image_tracing_viewer.alerts.conftest import Hook, MailServer

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


def mail_address(server: MailServer, **options: str) -> str:
    more = "".join(f"&{name}={value}" for name, value in options.items())
    return f"mailto://127.0.0.1:{server.port}?from=viewer@example.org&to=ops@example.org{more}"


def test_a_mail_is_text_with_the_chart_beside_it(mail_server: MailServer) -> None:
    sent(mail_address(mail_server), letter(body="<b>1 & 2</b>", picture=("chart.png", b"\x89PNG")))

    [mail] = mail_server.mails
    [text, chart] = mail.iter_parts()
    assert (mail["subject"], mail["to"]) == ("Firing: ümlaut", "ops@example.org")
    assert (text.get_content_type(), text.get_content().strip()) == ("text/plain", "<b>1 & 2</b>")
    assert (chart.get_filename(), chart.get_content()) == ("chart.png", b"\x89PNG")


def test_a_mail_in_html_has_no_markup_of_ours(mail_server: MailServer) -> None:
    sent(mail_address(mail_server, format="html"), letter(body="<b>1 & 2</b>"))

    [mail] = mail_server.mails
    html = mail.get_body(("html",))
    assert html is not None
    assert "&lt;b&gt;1 &amp; 2&lt;/b&gt;" in html.get_content().replace("&nbsp;", " ")


def test_a_chat_gets_the_link_as_it_is(hook: Hook) -> None:
    sent(
        f"{hook.url.replace('json://user:hunter2@', 'mmost://')}/abcdefghijkl",
        letter(body="https://x/?a=%20&b=1"),
    )

    assert hook.messages[0]["text"].splitlines() == ["Firing: ümlaut", "https://x/?a=%20&b=1"]


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "apprise.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with pytest.raises(ChannelError, match=r"pip install 'image-tracing\[alerts\]'"):
        sent("json://localhost/", letter())


def test_one_process_sends_many(hook: Hook) -> None:
    sent(hook.url, *(letter(key=str(number)) for number in range(5)))

    assert hook.keys == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(("status", "problem"), [(404, "status 404"), (503, "status 503")])
def test_a_refusal_says_its_status(hook: Hook, status: int, problem: str) -> None:
    hook.status = status

    with pytest.raises(ChannelError, match=problem):
        sent(hook.url, letter())


def test_a_channel_may_take_its_time(hook: Hook) -> None:
    hook.gate.clear()
    # Longer than the 4 s after which Apprise by itself gives up.
    threading.Timer(6, hook.gate.set).start()

    sent(hook.url, letter())

    assert len(hook.messages) == 1


def test_who_gave_no_answer_in_time_gets_nothing_more_at_once(hook: Hook) -> None:
    hook.gate.clear()
    with pytest.raises(ChannelError, match="no answer in time") as raised:
        sent(f"{hook.url}?rto=1", letter(picture=("chart.png", b"\x89PNG")))
    hook.gate.set()

    assert len(hook.wait(1)) == 1
    assert raised.value.is_open


def test_whether_a_message_arrived_is_open_when_its_process_ends(hook: Hook) -> None:
    hook.gate.clear()
    channel = Channel(hook.url)
    channel.look()

    def kill() -> None:
        hook.reached.wait(60)
        channel.kill()

    threading.Thread(target=kill).start()
    with pytest.raises(ChannelError, match="the process that sends ended") as raised:
        channel.send(letter())

    assert raised.value.is_open


def test_where_a_picture_is_refused_the_text_goes_alone(hook: Hook) -> None:
    hook.status = 413

    with pytest.raises(ChannelError, match="status 413") as raised:
        sent(hook.url, letter(picture=("chart.png", b"\x89PNG")))

    assert [bool(message["attachments"]) for message in hook.messages] == [True, False]
    assert not raised.value.is_open


def test_a_mail_that_is_refused_was_surely_not_taken(mail_server: MailServer) -> None:
    mail_server.end = b"552 too large\r\n"

    with pytest.raises(ChannelError, match="status 552") as raised:
        sent(mail_address(mail_server), letter())

    assert not raised.value.is_open


def test_who_cannot_be_reached_has_surely_taken_nothing() -> None:
    with pytest.raises(ChannelError, match="no connection to it") as raised:
        sent("json://127.0.0.1:9/", letter())

    assert not raised.value.is_open


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
