"""What outcomes and error classes mean, in one sentence for the reader of a page."""

from typing import Final

from image_tracing.attributes import ErrorClass, Outcome

OUTCOMES: Final[dict[Outcome, str]] = {
    "ok": "A picture came.",
    "no_image": "The call ended without an error, but its reply held no picture.",
    "refused": "The provider declined to draw this prompt.",
    "blank": "A picture came, but it shows nothing: one colour all over.",
    "corrupt": "Bytes came that are no whole picture.",
    "mismatch": "A picture came, in another size than was asked for.",
    "duplicate": "A picture came that this generation already had, byte for byte.",
    "error": "The call ended with an error.",
}

ERROR_CLASSES: Final[dict[ErrorClass, str]] = {
    "rate_limited": "Too many calls in a short time. Waiting, or fewer calls at once, helps.",
    "quota": "The account's allowance or credit is used up. Waiting does not help; another plan or key does.",
    "timeout": "No answer came within the time allowed.",
    "refused": "The provider's safety rules declined the prompt or the picture. Other words may help.",
    "no_image": "The provider answered as if all were well, but sent no picture.",
    "bad_image": "What came is not a usable picture: blank, cut off or not a picture at all.",
    "auth": "The key is missing, wrong or has no right to this model.",
    "not_found": "The provider does not know this model or address.",
    "invalid_request": "The provider did not accept the parameters.",
    "model_loading": "The model was not ready yet (a cold start). Trying again after a while helps.",
    "server_error": "The provider failed on its side.",
    "connection": "The provider could not be reached, or the connection broke.",
    "out_of_memory": "The machine that runs the model had too little memory for this request.",
    "cancelled": "The caller gave up before the answer came.",
    "interrupted": "The process that made the call ended before the call did.",
    "unknown": "The error fits none of the known classes; its message tells more.",
}
