"""What a window holds: the figures that rules are judged by, whoever counted them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AttemptFigures:
    """The ended attempts of one subject that started in a rule's window.

    `subject`: the model, or "" where a rule does not look at each model. `failed`: as the rule means it.
    `run`: how many failed since the last that did not, by the time of their end; `run_seconds`: how long ago
    the first of them started. `recent`: the newest, at most twice as many as the rule's failures in a row.
    `p95_ms`: nearest rank, None without an attempt.
    """

    subject: str
    count: int
    failed: int = 0
    run: int = 0
    run_seconds: float = 0.0
    recent: int = 0
    recent_failed: int = 0
    p95_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Spell:
    """The generations of the filters that began in one stretch of time.

    `judged`: those that ended, and those that have run longer than a picture may take. `late`: of these,
    those that failed or took longer.
    """

    began: int = 0
    ended: int = 0
    failed: int = 0
    fell_back: int = 0
    judged: int = 0
    late: int = 0


@dataclass(frozen=True, slots=True)
class GenerationFigures:
    """The spells that `spells_of` of a rule asks for, in its order; None for one before the first trace."""

    spells: tuple[Spell | None, ...]
    subject: str = ""


Figures = AttemptFigures | GenerationFigures
