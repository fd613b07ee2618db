"""The rules that are on from the start. docs/alerts.md shows how they did on simulated weeks."""

from typing import Final

from image_tracing_postgres.alerting.rules import Rule, rule_from

PRESETS: Final[tuple[Rule, ...]] = tuple(
    rule_from(document, source="preset")
    for document in (
        {
            "id": "model-outage",
            "name": "A model fails again and again",
            "kind": "failures_in_a_row",
            "each_model": True,
        },
        {"id": "model-failures", "name": "A model fails often", "kind": "failure_rate", "each_model": True},
        {
            "id": "failed-generations",
            "name": "Generations end without a picture",
            "kind": "failed_generations",
        },
        {"id": "fallbacks", "name": "Generations fall back often", "kind": "fallback_rate"},
        {"id": "slow-model", "name": "A model is slow", "kind": "p95_duration", "each_model": True},
        {"id": "nothing-arrives", "name": "Nothing arrives", "kind": "silence"},
        {"id": "time-to-picture", "name": "Pictures take too long", "kind": "time_to_picture"},
    )
)
