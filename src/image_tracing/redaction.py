"""Secrets out of names and texts, before anything is recorded.

Two rules. A *name* rule: under a key such as `api_key`, `hfToken` or `X-Auth-Token`, at any depth, the whole
value goes. A *shape* rule: in any text, what looks like a credential (a known prefix with a minimum length, a
header, a user and password in a URL, a PEM block, a query parameter) is replaced, and the words around it
stay. Every pattern is linear: its repeats are possessive, bounded, or followed by nothing that can fail.
"""

import re
from functools import cache, lru_cache
from itertools import pairwise
from typing import Final

REDACTED: Final = "[redacted]"

# A name is secret if one of its words is one of these ...
_SECRET_WORDS: Final = frozenset({
    "accesskey", "apikey", "apitoken", "auth", "authorization", "authtoken", "bearer", "cookie", "cookies",
    "credential", "credentials", "creditcard", "csrf", "cvc", "cvv", "jwt", "passphrase", "passwd",
    "password", "passwords", "privatekey", "pwd", "secret", "secretkey", "secrets", "ssn", "xsrf",
})  # fmt: skip
# ... or two of its neighbouring words are such a pair ...
_SECRET_PAIRS: Final = frozenset({
    "access key", "account key", "admin key", "api key", "api keys", "api token", "auth key", "aws key",
    "azure key", "card number", "client key", "connection string", "encryption key", "fal key", "gemini key",
    "google key", "hf key", "master key", "openai key", "private key", "replicate key", "secret key",
    "service key", "session cookie", "session key", "shared key", "signing key", "ssh key", "stability key",
    "subscription key", "together key",
})  # fmt: skip
# ... or its last word is `token` or `tokens` after one of these, or `token` alone: `max_tokens` is no secret.
_TOKEN_OWNERS: Final = frozenset({
    "access", "api", "app", "auth", "bearer", "bot", "client", "fal", "github", "gitlab", "google", "hf",
    "hub", "huggingface", "id", "jwt", "my", "openai", "personal", "provider", "refresh", "replicate",
    "secret", "security", "service", "session", "slack", "together", "user", "wandb", "webhook", "x",
})  # fmt: skip
_SIGNATURES: Final = frozenset({"sig", "signature"})
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@lru_cache(maxsize=2048)
def is_secret_name(name: str) -> bool:
    """Whether `name` (snake_case, camelCase, a header) announces a credential."""
    if len(name) > 100:
        name = name[-100:]
    words = [word.lower() for word in _WORD.findall(name)]
    if not words:
        return False
    if not _SECRET_WORDS.isdisjoint(words):
        return True
    if words[-1] in ("token", "tokens"):
        return words == ["token"] or (len(words) > 1 and words[-2] in _TOKEN_OWNERS)
    if words[-1] in _SIGNATURES:
        return True
    return any(f"{first} {second}" in _SECRET_PAIRS for first, second in pairwise(words))


def redacted(text: str) -> str:
    """`text` with `[redacted]` for every credential and type and size for every data URL."""
    if not may_hold_secret(text):
        return text
    text = without_data_urls(text)
    lower = text.lower()
    for markers, pattern, replacement in _patterns():
        if _holds_any(lower, markers):
            text = pattern.sub(replacement, text)
    return text


def may_hold_secret(text: str) -> bool:
    """A cheap necessary condition for `redacted(text)` to differ from `text`."""
    if len(text) < 8:
        return False
    # One rare character decides first: memchr beats the search for a word by a factor of twenty.
    if "_" in text and _holds_any(text, _UNDERSCORED):
        return True
    if "-" in text and _holds_any(text, _HYPHENED):
        return True
    if "@" in text or "=" in text or "%" in text or (";" in text and ";base64," in text):
        return True
    if _holds_any(text, _BARE):
        return True
    return ":" in text and _has_named_value(text)


def _has_named_value(text: str) -> bool:
    """Whether one of the names stands before a colon; the first few colons tell it for ordinary prompts."""
    end = text.find(":")
    for _ in range(_COLONS_LIMIT):
        if _holds_any(text[max(0, end - 24) : end].lower(), _NAMES_IN_TEXT):
            return True
        end = text.find(":", end + 1)
        if end == -1:
            return False
    return _holds_any(text.lower(), _NAMES_IN_TEXT)


def _holds_any(text: str, parts: tuple[str, ...]) -> bool:
    for part in parts:  # noqa: SIM110 - a generator would cost twice
        if part in text:
            return True
    return False


# Parts without which no pattern below can match, by the rare character that leads to them.
_UNDERSCORED: Final = ("hf_", "r8_", "gh", "sk_", "rk_", "pk_", "_pat_", "tgp_", "npm_", "whsec_")
_HYPHENED: Final = ("sk-", "xox", "pat-", "-----", "xai-", "nvapi-", "pplx-")
_BARE: Final = ("AIza", "KIA", "SIA", "eyJ", "ya29", "earer", "EARER", "header value")
_COLONS_LIMIT: Final = 8
_NAMES_IN_TEXT: Final = (
    "token", "passw", "passphrase", "pwd", "secret", "key", "auth", "credential", "cookie", "sig"
)  # fmt: skip


def without_data_urls(text: str) -> str:
    """`text` with type and size in place of the files in its data URLs."""
    if ";base64," not in text:
        return text
    return _data_url().sub(lambda match: f"<data URL {match[1]}: {len(match[2]) * 3 // 4} bytes>", text)


@cache
def _data_url() -> re.Pattern[str]:
    return re.compile(r"data:([\w.+/-]{1,100}(?:;[\w=.+-]{1,100})?);base64,([A-Za-z0-9+/=_%-]{64,}+)")


@cache
def _patterns() -> tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...]:
    """Markers (lower case) of which a matching text holds one, the pattern, and what to write instead.

    Compiled at the first text that may hold a secret: most programs never need them.
    Only single characters repeat possessively: before Python 3.11.5 groups that do can miss their match.
    """
    word = r"[A-Za-z0-9_-]"
    name = (
        r"(?:api[ _-]?key|access[_-]?key(?:[_-]?id)?|secret[_-]?key|private[_-]?key|account[_-]?key"
        r"|signing[_-]?key|auth[_-]?key|shared[_-]?access[_-]?signature|passwords?|passwd|pwd|passphrase|secret"
        r"|credentials?|(?:[a-z]{1,20}[_-])?token|auth(?:orization)?|signature|sig|cookie)"
    )
    kept = r"(?!\[redacted\])"
    value_only = rf"\g<1>{REDACTED}"
    rules: tuple[tuple[tuple[str, ...], str, int, str], ...] = (
        (
            ("-----begin",),
            r"-----BEGIN [A-Z0-9 ]{0,40}(?:PRIVATE KEY|CERTIFICATE)[A-Z0-9 ]{0,20}-----"
            r"[^-]*+(?:-(?!----END)[^-]*+)*(?:-----END[A-Z0-9 ]{0,60}-----)?",
            0,
            REDACTED,
        ),
        # user:password@ in a URL or DSN, with one slash too (psycopg prints those), and percent-encoded.
        (
            (":/",),
            r"(?<=[A-Za-z0-9])(:/{1,3})([^\s/:@\"'<>]{0,256}):[^\s/\"'<>]{1,1024}@(?=[^\s/@]*)",
            0,
            rf"\1\2:{REDACTED}@",
        ),
        (
            ("%3a%2f",),
            r"(%3A(?:%2F){1,3}[^\s%&]{0,256}%3A)(?:[^\s%&/]|%(?!40|2F)[0-9A-F]{2}){1,1024}%40",
            re.IGNORECASE,
            rf"\g<1>{REDACTED}%40",
        ),
        # Headers, in clear or inside JSON.
        (
            ("authorization",),
            r"((?:proxy-)?authorization[\"']?\s{0,8}[:=]\s{0,8}[\"']?)[^\"'\r\n,;}]{4,4096}+",
            re.IGNORECASE,
            value_only,
        ),
        (
            ("bearer",),
            r"\b(bearer\s{1,8})(?=[\w.~+/=-]{0,200}[0-9]|[\w.~+/=-]{20})[\w.~+/=-]{8,}+",
            re.IGNORECASE,
            value_only,
        ),
        # A key that cannot be sent, in the words of h11 (httpx) and of requests.
        (
            ("header value",),
            r"(header\svalue:?\s{0,8}b?[\"'])[^\"'\r\n]{1,4096}+",
            re.IGNORECASE,
            value_only,
        ),
        (
            ("cookie",),
            r"(cookie[\"']?\s{0,8}:\s{0,8})(?=[^\s=]{1,100}=)[^\"'\r\n]{4,4096}+",
            re.IGNORECASE,
            value_only,
        ),
        # name=value without spaces: a DSN, a query, a log line; percent-encoded too.
        (
            ("=", "%3d"),
            rf"({name}(?:=|%3D)[\"']?){kept}[^\s\"'&;,<>)}}\]]{{1,4096}}+",
            re.IGNORECASE,
            value_only,
        ),
        (
            ("key=", "x-amz-", "x-goog-", "key%3d"),
            r"((?:[?&]|%3F|%26)(?:key|x-amz-[a-z-]{1,30}|x-goog-[a-z-]{1,30})(?:=|%3D))"
            rf"{kept}[^\s\"'&<>]{{6,4096}}+",
            re.IGNORECASE,
            value_only,
        ),
        # "name": "value"; and name: value where the value cannot be an ordinary word.
        (
            _NAMES_IN_TEXT,
            rf"([\"']{word}{{0,40}}?{name}\\?[\"']\s{{0,8}}:\s{{0,8}}\\?[\"']){kept}[^\"'\\]{{1,4096}}+",
            re.IGNORECASE,
            value_only,
        ),
        (
            _NAMES_IN_TEXT,
            rf"({name}\s{{0,8}}:\s{{0,8}}){kept}(?=[^\s\"',;]{{0,200}}[0-9])[^\s\"',;&<>]{{6,4096}}+",
            re.IGNORECASE,
            value_only,
        ),
        # Tokens by their makers' prefixes.
        (
            ("hf_", "r8_", "gh", "gsk_", "tgp_v1_", "npm_", "whsec_", "_pat_"),
            rf"(?<!{word})(?:hf_|r8_|gh[pousr]_|github_pat_|gsk_|tgp_v1_|npm_|whsec_|dckr_pat_){word}{{16,}}+",
            0,
            REDACTED,
        ),
        (("k_live_", "k_test_"), rf"(?<!{word})[prs]k_(?:live|test)_{word}{{10,}}+", 0, REDACTED),
        (
            ("sk-", "xai-", "nvapi-", "pplx-"),
            rf"(?<!{word})(?:sk|xai|nvapi|pplx)-(?={word}{{0,200}}[0-9]){word}{{16,}}+",
            0,
            REDACTED,
        ),
        (("xox", "glpat-"), rf"(?<!{word})(?:xox[a-z]|glpat)-{word}{{10,}}+", 0, REDACTED),
        (("aiza",), rf"(?<!{word})AIza{word}{{30,}}+", 0, REDACTED),
        (("akia", "asia"), r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])", 0, REDACTED),
        (("ya29.",), rf"(?<!{word})ya29\.{word}{{20,}}+", 0, REDACTED),
        (("eyj",), rf"(?<!{word})eyJ{word}{{8,}}+\.{word}{{8,}}+(?:\.{word}*+)?", 0, REDACTED),
    )
    return tuple((markers, re.compile(text, flags), instead) for markers, text, flags, instead in rules)
