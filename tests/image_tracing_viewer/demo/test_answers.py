"""What the demo's models answer."""

from typing import get_args

from image_tracing_viewer.demo.answers import Kind, answer_to
from image_tracing_viewer.demo.generator import MODELS
from image_tracing_viewer.demo.lessons import lessons

PROMPTS = [f"{prompt}, {lesson.style}" for lesson in lessons() for prompt in lesson.prompts]


def test_the_same_question_has_the_same_answer() -> None:
    assert answer_to("Qwen/Qwen-Image", "a fjord") == answer_to("Qwen/Qwen-Image", "a fjord")


def test_a_model_that_is_not_known_is_not_found() -> None:
    assert answer_to("nobody/nothing", "a fjord").kind == "not_found"


def test_the_lessons_meet_every_kind_of_answer() -> None:
    met = {answer_to(model, prompt).kind for model, _provider in MODELS for prompt in PROMPTS}

    assert met == set(get_args(Kind))


def test_there_are_a_few_dozen_lessons_of_one_to_four_pictures() -> None:
    sizes = [len(lesson.prompts) for lesson in lessons()]

    assert 24 <= len(sizes) <= 60
    assert set(sizes) == {1, 2, 3, 4}


def test_every_lesson_has_an_id_of_its_own() -> None:
    ids = [lesson.lesson_id for lesson in lessons()]

    assert len(ids) == len(set(ids))
