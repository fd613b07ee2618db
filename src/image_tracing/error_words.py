"""The words by which failures are told apart.

Those of huggingface_hub, openai (and its relatives together and litellm), google-genai and google-auth,
fal-client, replicate, botocore, httpx, requests, aiohttp, torch and Pillow; all lower case, all found as
parts, the first decides.
"""

from typing import Final

from image_tracing.attributes import ErrorClass

# Codes that APIs put into bodies, and enumerations of gRPC, Google and AWS; lower case, compared as a part.
CODES: Final[tuple[tuple[str, ErrorClass], ...]] = (
    ("moderation", "refused"),
    ("content_policy", "refused"),
    ("content_filter", "refused"),
    ("contentfilter", "refused"),
    ("safety", "refused"),
    ("nsfw", "refused"),
    ("no_media_generated", "no_image"),
    ("insufficient_quota", "quota"),
    ("billing", "quota"),
    ("quotaexceeded", "quota"),
    ("quota_exceeded", "quota"),
    ("insufficient_credit", "quota"),
    ("throttl", "rate_limited"),
    ("rate_limit", "rate_limited"),
    ("ratelimit", "rate_limited"),
    ("too_many_requests", "rate_limited"),
    ("toomanyrequests", "rate_limited"),
    ("resource_exhausted", "rate_limited"),
    ("invalid_api_key", "auth"),
    ("unauthenticated", "auth"),
    ("permission_denied", "auth"),
    ("accessdenied", "auth"),
    ("unrecognizedclient", "auth"),
    ("expiredtoken", "auth"),
    ("model_not_found", "not_found"),
    ("resourcenotfound", "not_found"),
    ("not_found", "not_found"),
    ("notready", "model_loading"),
    ("timeout", "timeout"),
    ("deadline_exceeded", "timeout"),
    ("invalid_argument", "invalid_request"),
    ("invalid_request", "invalid_request"),
    ("validationexception", "invalid_request"),
    ("unavailable", "server_error"),
    ("internal", "server_error"),
)
# Parts of class names, lower case; the first that fits decides.
CLASS_NAMES: Final[tuple[tuple[str, ErrorClass], ...]] = (
    ("outofmemory", "out_of_memory"),
    ("contentpolicy", "refused"),
    ("moderation", "refused"),
    ("safety", "refused"),
    ("contentfilter", "refused"),
    ("nsfw", "refused"),
    ("quota", "quota"),
    ("budgetexceeded", "quota"),
    ("insufficientcredit", "quota"),
    ("ratelimit", "rate_limited"),
    ("throttl", "rate_limited"),
    ("toomanyrequests", "rate_limited"),
    ("timeout", "timeout"),
    ("deadlineexceeded", "timeout"),
    ("cancelled", "cancelled"),
    ("canceled", "cancelled"),
    ("authentication", "auth"),
    ("permissiondenied", "auth"),
    ("unauthorized", "auth"),
    ("forbidden", "auth"),
    ("gatedrepo", "auth"),
    ("credentialserror", "auth"),
    ("refresherror", "auth"),
    ("tokennotfound", "auth"),
    ("invalidheader", "auth"),
    ("repositorynotfound", "not_found"),
    ("entrynotfound", "not_found"),
    ("unidentifiedimage", "bad_image"),
    ("decompressionbomb", "bad_image"),
    ("badrequest", "invalid_request"),
    ("unprocessableentity", "invalid_request"),
    ("invalidrequest", "invalid_request"),
    ("invalidurl", "invalid_request"),
    ("unsupportedprotocol", "invalid_request"),
    ("overloaded", "server_error"),
    ("internalserver", "server_error"),
    ("serviceunavailable", "server_error"),
    ("servererror", "server_error"),
    ("apiconnection", "connection"),
    ("connecterror", "connection"),
    ("connectionerror", "connection"),
    ("networkerror", "connection"),
    ("proxyerror", "connection"),
    ("transporterror", "connection"),
    ("protocolerror", "connection"),
    ("readerror", "connection"),
    ("writeerror", "connection"),
    ("closederror", "connection"),
    ("payloaderror", "connection"),
    ("chunkedencoding", "connection"),
    ("gaierror", "connection"),
    ("sslerror", "connection"),
    ("clientoserror", "connection"),
    ("serverdisconnected", "connection"),
    # A body that is not what was agreed on.
    ("jsondecode", "server_error"),
    ("decodingerror", "server_error"),
    ("responsevalidation", "server_error"),
)
REFUSED_TEXTS: Final = (
    "content policy", "content_policy", "content management policy", "safety system", "safety filter",
    "safety_filter", "moderation", "nsfw", "flagged", "prohibited content", "prohibited_content",
    "responsible ai", "content filter", "inappropriate content", "violates our",
)  # fmt: skip
QUOTA_TEXTS: Final = (
    "insufficient_quota", "exceeded your current quota", "exceeded your monthly", "billing",
    "payment required", "included credits", "out of credit", "insufficient credit",
    "insufficient balance", "insufficient funds", "exhausted balance", "hard limit",
    "spending limit", "free time limit", "reason: top_up", "available credits", "any credits",
)  # fmt: skip
# Gemini calls each limit a quota, and names those that are over in a minute.
MINUTE_TEXTS: Final = ("perminute", "per minute", "per_minute")
# Gemini calls a wrong key an invalid argument.
KEY_TEXTS: Final = ("api_key_invalid", "api key not valid", "api key expired", "api key not found")
# A key that is empty or has a line break cannot even be sent.
HEADER_TEXT: Final = "illegal header value"
LOADING_TEXTS: Final = (
    "currently loading", "is loading", "model loading", "estimated_time", "warming up", "cold start",
    "cold boot", "still loading", "not ready",
)  # fmt: skip
TEXTS: Final[tuple[tuple[tuple[str, ...], ErrorClass], ...]] = (
    (("out of memory", "cuda oom", "cannot allocate memory", "failed to allocate"), "out_of_memory"),
    (QUOTA_TEXTS, "quota"),
    (("rate limit", "rate_limit", "ratelimit", "too many requests", "throttl", "status 429"), "rate_limited"),
    (REFUSED_TEXTS, "refused"),
    (("request was refused", "request refused", "refused by", "blocked by"), "refused"),
    (LOADING_TEXTS, "model_loading"),
    (("timed out", "timeout", "time-out", "time out", "deadline exceeded"), "timeout"),
    (
        (
            "connection refused", "connection reset", "connection aborted", "connection error", "broken pipe",
            "name resolution", "name or service not known", "network is unreachable", "no route to host",
            "disconnected", "remote end closed", "connection closed", "all connection attempts failed",
        ),
        "connection",
    ),
    (
        ("api key", "api_key", "unauthorized", "unauthenticated", "authentication", "permission denied"),
        "auth",
    ),
    (
        (
            "cannot identify image", "image file is truncated", "broken data stream", "corrupt", "bad image",
            "not a valid image", "black image", "blank image",
        ),
        "bad_image",
    ),
    (("no image", "no picture", "empty response", "returned nothing"), "no_image"),
    (("cancelled", "canceled"), "cancelled"),
    (("model not found", "no such model", "unknown model", "model does not exist", "404 "), "not_found"),
    (("bad request", "invalid request", "invalid parameter", "unsupported size"), "invalid_request"),
    (
        ("internal server error", "bad gateway", "service unavailable", "server error", "overloaded"),
        "server_error",
    ),
)  # fmt: skip
