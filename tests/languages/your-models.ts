// What the reader of docs/other-languages.md is said to have already: models that do what STORY tells.
import { readFile } from "node:fs/promises";
import { NoPicture, type Picture } from "./image-tracing.ts";

class ApiError extends Error {
  override name = "ApiError";
  status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export async function paint(model: string, prompt: string, options: object): Promise<Picture> {
  console.log(`painting ${prompt} with ${model}, ${Object.keys(options).length} options`);
  if (model === "flux-schnell") {
    throw new DOMException("no image after 30 s — gave up", "TimeoutError");
  }
  if (model === "imagen-4") {
    throw new NoPicture("refused", "the safety filter took it");
  }
  if (process.env["STORY"] === "failed") {
    throw new ApiError(429, "slow down");
  }
  return { bytes: await readFile("picture.png"), mimeType: "image/png", width: 512, height: 512 };
}
