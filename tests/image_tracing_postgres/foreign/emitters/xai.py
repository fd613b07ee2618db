"""The xAI SDK, which has spans of its own, against a gRPC server of ours."""

from concurrent import futures
from typing import Any

import grpc
from recording import PICTURE, PROMPT, REFUSED, Recording
from xai_sdk import Client
from xai_sdk.proto import image_pb2, image_pb2_grpc


class Images(image_pb2_grpc.ImageServicer):
    """Gives an address, or base64 where that is asked for, and withholds what is refused."""

    def GenerateImage(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's
        if "overload" in request.prompt:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Too many requests")
        if request.prompt == REFUSED:
            image = image_pb2.GeneratedImage(url="", respect_moderation=False)
        elif request.format == image_pb2.ImageFormat.IMG_FORMAT_BASE64:
            image = image_pb2.GeneratedImage(
                base64=f"data:image/png;base64,{PICTURE}", respect_moderation=True
            )
        else:
            image = image_pb2.GeneratedImage(url="https://images.example/fox.jpg", respect_moderation=True)
        return image_pb2.ImageResponse(images=[image] * max(1, request.n), model=request.model)


recording = Recording()
recording.provide()
server = grpc.server(futures.ThreadPoolExecutor(2))
image_pb2_grpc.add_ImageServicer_to_server(Images(), server)  # type: ignore[no-untyped-call]
port = server.add_secure_port("localhost:0", grpc.local_server_credentials())
server.start()
client = Client(
    api_key="test", api_host=f"localhost:{port}", timeout=20, channel_options=[("grpc.enable_retries", 0)]
)
client.image.sample(PROMPT, "grok-imagine-image", aspect_ratio="16:9", quality="low")
client.image.sample_batch(PROMPT, "grok-imagine-image", 2, image_format="base64")
client.image.sample(REFUSED, "grok-imagine-image")
recording.expect(lambda: client.image.sample("overload", "grok-imagine-image"))
server.stop(0).wait()
recording.tell()
