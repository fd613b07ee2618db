"""Secrets go, ordinary words stay, and no text keeps the host busy."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_tracing.content import clean_text, clean_tree
from image_tracing.redaction import is_secret_name, redacted
from image_tracing.storable import FIELD_LIMIT_BYTES

# Built from parts, so that no scanner of repositories takes them for real.
SECRETS = {
    "hf": "hf_" + "aB3" * 11,
    "openai": "sk-proj-" + "aB3x" * 10,
    "stripe": "sk_live_" + "a1" * 12,
    "replicate": "r8_" + "x1" * 18,
    "google": "AIza" + "Sy" + "a1" * 17,
    "aws": "AKIA" + "IOSFODNN7EXAMPLE",
    "github": "ghp_" + "a1" * 18,
    "github fine-grained": "github_pat_" + "a1" * 20,
    "slack": "xoxb-" + "1234-5678-abcdefgh",
    "jwt": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0" + ".abc-def_ghi",
    "pem": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nab-c/d\n-----END RSA PRIVATE KEY-----",
}
CONTEXTS = {
    "bearer header": ("Authorization: Bearer {}", "abcdefgh12345678"),
    "basic header": ("Authorization: Basic {}", "dXNlcjpwYXNz"),
    "token header": ("Authorization: Token {}", "abcd1234efgh"),
    "fal header": ("authorization='Key {}'", "12ab-34cd:ffff"),
    "bare bearer": ("sent bearer {} along", "abcdef123456"),
    "header of h11": ("Illegal header value b'{}\\n'", "Key 12ab:34cd"),
    "header of requests": ("return character(s) in header value: '{}\\n'", "12ab34cd"),
    "own header": ("X-Api-Key: {}", "1234abcd"),
    "cookie": ("Cookie: session={}; b=c", "abcdef"),
    "dsn": ("postgresql://user:{}@host/db", "p4ss"),
    "dsn with at": ("postgresql://user:{}@host/db", "p@ss"),
    "dsn with one slash": ("postgresql:/user:{}@host", "PW"),
    "dsn without user": ("redis://:{}@host", "hunter2"),
    "dsn encoded": ("https%3A%2F%2Fuser%3A{}%40host", "pass"),
    "conninfo": ("host=x password={} user=y", "hunter2"),
    "query key": ("https://x/y?key={}&b=1", "abcdef123"),
    "query token": ("https://x/y?token={}&b=1", "abc"),
    "query signature": ("https://x/y?X-Amz-Signature={}", "abcdef0123"),
    "query encoded": ("url%3Ftoken%3D{}", "abcdef"),
    "json": ('{{"api_key": "{}"}}', "abc"),
    "json in json": ('{{\\"apiKey\\": \\"{}\\"}}', "abc"),
    "repr": ("{{'hf_token': '{}'}}", "abc def"),
    "words": ("password: {}", "hunter2"),
}
SECRET_NAMES = """
    api_key apiKey APIKey X-Api-Key hf_token HF_TOKEN token accessToken Authorization auth secret password
    DB_PASSWORD dbPassword cookie client_secret signature openaiKey FAL_KEY privateKey jwt
"""
HARMLESS_NAMES = """
    prompt max_tokens pad_token num_tokens tokenizer secretary key cache_key keywords author authority
    passport session_id width
"""
ORDINARY = [
    "the secretary keeps a secret: the garden",
    "a token of love; the key: hope",
    "a password-protected door at 9:30, token: friendship",
    "ask-me-anything-about-this-2024 poster",
    "a risk-taking-entrepreneur-in-the-1920s",
    "the bearer carrying a ring, basic shapes",
    "mail me at bob@example.com",
    "f(x)=2x, 50% grey, style=watercolour",
    "author: J. R. R. Tolkien 1954",
    "key: C major 12345",
    "https://example.org/pictures/cat.png?width=512&height=512",
]


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_a_credential_is_replaced_and_the_words_around_it_stay(secret: str) -> None:
    assert redacted(f"before {secret} after") == "before [redacted] after"


@pytest.mark.parametrize(("context", "secret"), CONTEXTS.values(), ids=CONTEXTS.keys())
def test_a_value_is_replaced_where_its_surroundings_say_it_is_secret(context: str, secret: str) -> None:
    text = redacted(context.format(secret))

    assert secret not in text
    assert text == context.format("[redacted]") or text.startswith(context.split("{}")[0][:8])


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_words_stay(text: str) -> None:
    assert redacted(text) is text


@given(st.sampled_from(sorted(SECRETS.values())), st.text(), st.text())
def test_redacting_twice_is_redacting_once(secret: str, before: str, after: str) -> None:
    once = redacted(f"{before} {secret} {after}")

    assert secret not in once
    assert redacted(once) == once


@pytest.mark.parametrize(
    "name",
    SECRET_NAMES.split(),
)
def test_names_of_secrets_are_known_in_any_spelling(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    HARMLESS_NAMES.split(),
)
def test_names_that_only_sound_like_secrets_stay(name: str) -> None:
    assert not is_secret_name(name)


def test_a_value_under_a_secret_name_goes_at_any_depth() -> None:
    tree = clean_tree(
        {"client": [{"headers": {"X-Auth-Token": 12345, "accept": "image/png"}}], "api_key": None}
    )

    assert tree == {
        "client": [{"headers": {"X-Auth-Token": "[redacted]", "accept": "image/png"}}],
        "api_key": None,
    }


def test_secrets_go_before_the_text_is_cut() -> None:
    secret = SECRETS["hf"]
    for position in range(FIELD_LIMIT_BYTES - 60, FIELD_LIMIT_BYTES + 10, 7):
        text = clean_text("x " * (position // 2) + secret + " y" * FIELD_LIMIT_BYTES)
        assert "hf_" not in text
        assert len(text.encode()) <= FIELD_LIMIT_BYTES


def test_pictures_in_texts_become_type_and_size() -> None:
    data_url = "data:image/png;base64," + "A" * 5_000_000

    assert clean_text(f"edit {data_url} please") == "edit <data URL image/png: 3750000 bytes> please"
    assert clean_text("iVBORw0KGgo" + "A" * 4_000) == "<base64 image: 3008 bytes>"


HOSTILE = {
    "prefixes": "hf_" * 350_000,
    "hyphens": "sk-" * 350_000,
    "jwt heads": "eyJaaaaaaaaa." * 80_000,
    "urls": "://a:b" * 180_000,
    "one long password": "://" + "a" * 1_000_000,
    "slashes": "a:/b:" * 200_000,
    "assignments": "password=" * 120_000,
    "named colons": "password:" * 120_000,
    "owners": "x_token:" * 130_000,
    "pem heads": "-----BEGIN PRIVATE KEY-----" * 40_000,
    "pem body": "-----BEGIN PRIVATE KEY-----" + "-" * 1_000_000,
    "bearers": "bearer " * 150_000,
    "headers": "authorization:" * 80_000,
    "encoded": "%3A%2F" + "%3A" * 330_000,
    "quotes": "'api_key':" * 100_000,
    "data urls": "data:a;base64," * 80_000,
    "cookies": "cookie: " * 130_000,
    "header values": "header value '" * 80_000,
    "one word": "A" * 1_000_000 + "=",
    "spaces": " " * 1_000_000 + "=",
    "mixture": "=@%:_-" * 170_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_megabyte_takes_linear_time(text: str) -> None:
    begun = time.process_time()
    redacted(text[-len(text) // 4 :])
    quarter = time.process_time() - begun
    begun = time.process_time()
    redacted(text)
    whole = time.process_time() - begun

    # Quadratic patterns would take sixteen times as long for four times the text.
    assert whole < 10 * quarter + 0.5
    assert whole < 10


def test_a_ten_megabyte_prompt_costs_little() -> None:
    text = "a lighthouse, style: watercolour, key=value " * 240_000
    begun = time.process_time()

    clean_text(text)

    assert time.process_time() - begun < 1
