// Generations and attempts as spans, with nothing but @opentelemetry/api: copy this file into your program.
// ../attributes.md has the names, and more of them.
import { createHash } from "node:crypto";
import { type Attributes, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";

export type Call = { model: string; provider: string; prompt: string; options: object };
export type Picture = { bytes: Uint8Array; mimeType: string; width: number; height: number };

/** To be thrown where a model gave something else than a picture, whatever its API claimed. */
export class NoPicture extends Error {
  readonly outcome: "no_image" | "refused" | "blank" | "corrupt";

  constructor(outcome: NoPicture["outcome"], message: string) {
    super(message);
    this.outcome = outcome;
  }
}

const tracer = trace.getTracer("image_tracing");

/** One request for pictures: all that `work` tries for it becomes one record. */
export function generation<T>(
  name: string,
  lessonId: string,
  request: object,
  work: (generation: Generation) => Promise<T>,
): Promise<T> {
  const attributes = {
    "gen_ai.operation.name": "invoke_workflow",
    "gen_ai.workflow.name": name,
    "image_generation.role": "generation",
    "image_generation.lesson_id": lessonId,
    "image_generation.request": JSON.stringify(request),
  };
  return recorded(`invoke_workflow ${name}`, SpanKind.INTERNAL, attributes, (span) =>
    work(new Generation(span, lessonId)),
  );
}

export class Generation {
  private readonly span: Span;
  private readonly lessonId: string;
  private attempts = 0;

  constructor(span: Span, lessonId: string) {
    this.span = span;
    this.lessonId = lessonId;
  }

  /** One call of one model. What `paint` throws is recorded and thrown on. */
  attempt(call: Call, paint: () => Promise<Picture>): Promise<Picture> {
    const attributes = {
      "gen_ai.operation.name": "generate_content",
      "gen_ai.output.type": "image",
      "gen_ai.provider.name": call.provider,
      "gen_ai.request.model": call.model,
      "image_generation.role": "attempt",
      // Attempts end, and may be sent, before their generation: this says which one it is.
      "image_generation.generation_id": this.span.spanContext().spanId,
      "image_generation.lesson_id": this.lessonId,
      "image_generation.attempt.number": ++this.attempts,
      "image_generation.prompt": call.prompt,
      "image_generation.request": JSON.stringify(call.options),
    };
    return recorded(`generate_content ${call.model}`, SpanKind.CLIENT, attributes, async (span) => {
      const picture = await paint();
      span.setAttribute("image_generation.outcome", "ok");
      span.setAttribute("image_generation.images", JSON.stringify([facts(picture)]));
      return picture;
    });
  }

  /** What the caller of the generation is answered. */
  respond(response: object): void {
    this.span.setAttribute("image_generation.response", JSON.stringify(response));
  }
}

function recorded<T>(
  name: string,
  kind: SpanKind,
  attributes: Attributes,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  return tracer.startActiveSpan(name, { kind, attributes }, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR }).setAttributes(failure(error));
      throw error;
    } finally {
      span.end();
    }
  });
}

/** What a record says of a picture. Its bytes belong into no attribute. */
function facts({ bytes, mimeType, width, height }: Picture): object {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { index: 0, mime_type: mimeType, width, height, dataSize: bytes.length, sha256, url: null };
}

const classes = new Map([
  [401, "auth"],
  [404, "not_found"],
  [429, "rate_limited"],
  [500, "server_error"],
  [503, "model_loading"],
]);

function failure(error: unknown): Attributes {
  if (error instanceof NoPicture) {
    const { outcome, message } = error;
    return { "error.type": outcome, "image_generation.outcome": outcome, "image_generation.error.message": message };
  }
  const { name = "Error", message = "", status = 0 } = error as { name?: string; message?: string; status?: number };
  return {
    "error.type": name,
    "image_generation.error.category": name === "TimeoutError" ? "timeout" : (classes.get(status) ?? "unknown"),
    "image_generation.error.message": message === "" ? name : `${name}: ${message}`,
  };
}
