"""Names and values of the span attributes that image-tracing writes and reads.

Sources: OpenTelemetry semantic conventions 1.41.0 (`gen_ai.*`, `error.type`, `server.*`), the last version of
that repository with usable GenAI documents; everything under `image_generation.*` is ours, since no
convention for image generation exists.
"""

from typing import Final, Literal

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.0"
SCOPE: Final = "image_tracing"

# Semantic conventions 1.41.0, registry "gen_ai".
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OPERATION_NAME: Final = "gen_ai.operation.name"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
OUTPUT_TYPE: Final = "gen_ai.output.type"
PROVIDER_NAME: Final = "gen_ai.provider.name"
REQUEST_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_SEED: Final = "gen_ai.request.seed"
REQUEST_STREAM: Final = "gen_ai.request.stream"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
# Released by opentelemetry-util-genai 1.3b0; in development in the convention's own repository.
USAGE_AUDIO_INPUT_TOKENS: Final = "gen_ai.usage.audio.input_tokens"
USAGE_AUDIO_OUTPUT_TOKENS: Final = "gen_ai.usage.audio.output_tokens"
USAGE_IMAGE_INPUT_TOKENS: Final = "gen_ai.usage.image.input_tokens"
USAGE_IMAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.image.output_tokens"
USAGE_TEXT_INPUT_TOKENS: Final = "gen_ai.usage.text.input_tokens"
USAGE_TEXT_OUTPUT_TOKENS: Final = "gen_ai.usage.text.output_tokens"
WORKFLOW_NAME: Final = "gen_ai.workflow.name"

# Semantic conventions 1.41.0, registries "error", "http", "server", "exception"; stable.
ERROR_TYPE: Final = "error.type"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"
HTTP_REQUEST_RESEND_COUNT: Final = "http.request.resend_count"
HTTP_RESPONSE_STATUS_CODE: Final = "http.response.status_code"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"

# Ours: which of the two spans of this project a span is; names and kinds are not safe to go by.
ROLE: Final = "image_generation.role"
# Ours: the root's span id in hex, so that an attempt finds its row before the root has ended.
GENERATION_ID: Final = "image_generation.generation_id"
# Ours: the caller's own key. gen_ai.conversation.id must not hold ids that are not conversations.
LESSON_ID: Final = "image_generation.lesson_id"
ATTEMPT_NUMBER: Final = "image_generation.attempt.number"
ATTEMPT_MAX: Final = "image_generation.attempt.max"
# Ours: how many calls of instrumented SDKs one attempt made; resends below them are HTTP's own count.
ATTEMPT_CALLS: Final = "image_generation.attempt.calls"
MODELS_CANDIDATES: Final = "image_generation.models.candidates"
MODELS_TRIED: Final = "image_generation.models.tried"
MODEL_USED: Final = "image_generation.model_used"
# Ours: JSON texts, since maps as attribute values work only from API 1.45 on.
REQUEST: Final = "image_generation.request"
RESPONSE: Final = "image_generation.response"
IMAGES: Final = "image_generation.images"
PROMPT: Final = "image_generation.prompt"
NEGATIVE_PROMPT: Final = "image_generation.negative_prompt"
REVISED_PROMPT: Final = "image_generation.revised_prompt"
# Ours: what was asked for, as plain values, so that any back end can filter by them.
WIDTH: Final = "image_generation.width"
HEIGHT: Final = "image_generation.height"
SIZE: Final = "image_generation.size"
ASPECT_RATIO: Final = "image_generation.aspect_ratio"
QUALITY: Final = "image_generation.quality"
STYLE: Final = "image_generation.style"
GUIDANCE_SCALE: Final = "image_generation.guidance_scale"
STEPS: Final = "image_generation.steps"
STRENGTH: Final = "image_generation.strength"
SCHEDULER: Final = "image_generation.scheduler"
OUTPUT_FORMAT: Final = "image_generation.output_format"
BACKEND: Final = "image_generation.backend"
# Ours: what came.
IMAGES_REQUESTED: Final = "image_generation.images.requested"
IMAGES_GENERATED: Final = "image_generation.images.generated"
IMAGES_UPLOADED: Final = "image_generation.images.uploaded"
IMAGES_FILTERED: Final = "image_generation.images.filtered"
IMAGE_BYTES: Final = "image_generation.image.bytes"
IMAGE_MIME_TYPES: Final = "image_generation.image.mime_types"
IMAGE_URLS: Final = "image_generation.image.urls"
OUTCOME: Final = "image_generation.outcome"
ERROR_CATEGORY: Final = "image_generation.error.category"
ERROR_MESSAGE: Final = "image_generation.error.message"
# Ours: true when a value of this span was cut to its limit.
TRUNCATED: Final = "image_generation.truncated"

# Values.
GENERATE_CONTENT: Final = "generate_content"
INVOKE_WORKFLOW: Final = "invoke_workflow"
IMAGE: Final = "image"
ROLE_ATTEMPT: Final = "attempt"
ROLE_GENERATION: Final = "generation"

Outcome = Literal["ok", "no_image", "refused", "blank", "corrupt", "mismatch", "duplicate", "error"]
ErrorClass = Literal[
    "rate_limited",
    "quota",
    "timeout",
    "refused",
    "no_image",
    "bad_image",
    "auth",
    "not_found",
    "invalid_request",
    "model_loading",
    "server_error",
    "connection",
    "out_of_memory",
    "cancelled",
    "interrupted",
    "unknown",
]
SUCCESSFUL_OUTCOMES: Final[frozenset[Outcome]] = frozenset({"ok", "mismatch", "duplicate"})
