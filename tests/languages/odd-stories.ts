// Generations of which something is missing, or above which something else is: STORY says what.
import { ROOT_CONTEXT, TraceFlags, context, trace } from "@opentelemetry/api";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { Generation, generation } from "./image-tracing.ts";
import { paint } from "./your-models.ts";

const story = process.env["STORY"];
const isRoot = (name: string) => name.startsWith("invoke_workflow");

const sdk =
  story === "root not sampled"
    ? new NodeSDK({ sampler: { shouldSample: (_context, _id, name) => ({ decision: isRoot(name) ? 0 : 2 }) } })
    : new NodeSDK();
sdk.start();

/** A good attempt, and all that was told of it. */
async function tryOne(generation: Generation): Promise<void> {
  const call = { model: "sd-3.5", provider: "huggingface", prompt: "A fjord at dawn", options: {} };
  await generation.attempt(call, () => paint(call.model, call.prompt, call.options));
}

if (story === "root not ended") {
  await tryOne(new Generation(trace.getTracer("image_tracing").startSpan("invoke_workflow illustrate"), "lesson-1"));
} else if (story === "below a request") {
  const request = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: TraceFlags.SAMPLED };
  const above = trace.setSpanContext(ROOT_CONTEXT, { ...request, isRemote: true });
  await context.with(above, () => generation("illustrate", "lesson-1", {}, tryOne));
} else {
  await generation("illustrate", "lesson-1", {}, tryOne);
}
await sdk.shutdown();
