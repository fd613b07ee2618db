"""Real pipelines of `diffusers` with random weights, small enough for any processor.

Nothing of it is imported before it is asked for: it belongs to a dependency group of its own.
"""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

_TINY = {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def sdk() -> Any:
    """The module `diffusers`; the test fails where it, or what it stands on, is missing."""
    try:
        import_module("torch")
        import_module("transformers")
        return import_module("diffusers")
    except ModuleNotFoundError as error:
        pytest.fail(
            f"tests of diffusers want the dependency group diffusers; found no module {error.name!r}; "
            "type: make test-diffusers"
        )


def stable_diffusion(folder: Path) -> Any:
    """A `StableDiffusionPipeline` for pictures of 16x16, with a safety checker that lets all pass."""
    diffusers = sdk()
    torch: Any = import_module("torch")
    torch.manual_seed(0)
    pipeline = diffusers.StableDiffusionPipeline(
        vae=_vae(diffusers),
        unet=_unet(diffusers),
        scheduler=diffusers.EulerDiscreteScheduler(steps_offset=1),
        **_texts(folder),
        **_safety(),
    )
    pipeline.register_to_config(_name_or_path="house/tiny-fox")
    pipeline.set_progress_bar_config(disable=True)
    let_pass(pipeline)
    return pipeline


def unconditional() -> Any:
    """A `DDPMPipeline`, which takes no prompt, for pictures of 8x8."""
    diffusers = sdk()
    unet = diffusers.UNet2DModel(
        sample_size=8,
        layers_per_block=1,
        block_out_channels=(4, 8),
        down_block_types=("DownBlock2D",) * 2,
        up_block_types=("UpBlock2D",) * 2,
        norm_num_groups=2,
        attention_head_dim=2,
    )
    pipeline = diffusers.DDPMPipeline(unet, diffusers.DDPMScheduler(num_train_timesteps=10))
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def let_pass(pipeline: Any, *, is_all: bool = True) -> None:
    """Have the safety checker let all pictures pass, or none."""
    pipeline.safety_checker.concept_embeds_weights.fill_(2.0 if is_all else -2.0)
    pipeline.safety_checker.special_care_embeds_weights.fill_(2.0)


def _unet(diffusers: Any) -> Any:
    return diffusers.UNet2DConditionModel(
        sample_size=8,
        layers_per_block=1,
        block_out_channels=(4, 8),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=8,
        norm_num_groups=2,
        attention_head_dim=2,
    )


def _vae(diffusers: Any) -> Any:
    return diffusers.AutoencoderKL(
        block_out_channels=(4, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=2,
    )


def _texts(folder: Path) -> dict[str, Any]:
    transformers: Any = import_module("transformers")
    marks = ["<|startoftext|>", "<|endoftext|>"]
    words = [*_LETTERS, *(f"{letter}</w>" for letter in _LETTERS), "ab", *marks]
    vocabulary, merges = folder / "vocab.json", folder / "merges.txt"
    vocabulary.write_text(json.dumps({word: number for number, word in enumerate(words)}), encoding="utf-8")
    merges.write_text("#version: 0.2\na b\n", encoding="utf-8")
    tokenizer = transformers.CLIPTokenizer(str(vocabulary), str(merges), model_max_length=16)
    config = transformers.CLIPTextConfig(
        **_TINY,
        vocab_size=len(words),
        max_position_embeddings=16,
        bos_token_id=words.index("<|startoftext|>"),
        eos_token_id=words.index("<|endoftext|>"),
        pad_token_id=words.index("<|endoftext|>"),
    )
    return {"tokenizer": tokenizer, "text_encoder": transformers.CLIPTextModel(config)}


def _safety() -> dict[str, Any]:
    transformers: Any = import_module("transformers")
    checker: Any = import_module("diffusers.pipelines.stable_diffusion.safety_checker")
    vision = {**_TINY, "image_size": 16, "patch_size": 8}
    config = transformers.CLIPConfig(text_config=dict(_TINY), vision_config=vision, projection_dim=8)
    size = {"height": 16, "width": 16}
    return {
        "safety_checker": checker.StableDiffusionSafetyChecker(config),
        "feature_extractor": transformers.CLIPImageProcessor(size={"shortest_edge": 16}, crop_size=size),
    }
