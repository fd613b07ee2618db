"""Names that a foreign span has between here and its row; no span of ours carries them."""

from typing import Final

# The span right above, 16 hexadecimal digits: what it is decides where the foreign one belongs.
PARENT: Final = "image_generation.foreign.parent_id"
# The role of a foreign `invoke_workflow`, which is a generation only if a picture is made below it.
ROLE_WORKFLOW: Final = "workflow"
