"""OpenLIT over the openai client."""

import openai
import openlit
from recording import PROMPT, REFUSED, Recording

recording = Recording()
recording.provide()
openlit.init(service_name="lessons", disable_metrics=True, disable_events=True)
client = openai.OpenAI(api_key="sk-test", base_url=recording.api.url, max_retries=0)
client.images.generate(model="gpt-image-2", prompt=PROMPT, size="1024x1024", quality="low", n=1)
client.images.generate(model="dall-e-3", prompt=PROMPT)
recording.expect(lambda: client.images.generate(model="gpt-image-2", prompt=REFUSED))
recording.tell()
