"""How a transition becomes a message: its text, where it leads, and the fields of a web hook."""

from collections.abc import Callable
from datetime import UTC, datetime

from image_tracing_postgres.alerting import HistoryEntry, Message, Rule
from image_tracing_viewer.alerts.channels import Letter, Picture

# Draws what a transition of a rule is about, as the name and bytes of a PNG, or None.
Draw = Callable[[HistoryEntry, Rule], Picture | None]

_TYPES = {"firing": "failure", "recovered": "success", "no_data": "warning"}


def letter_from(message: Message, *, base: str, picture: Picture | None) -> Letter:
    """The message, its links below `base`: the address of the viewer with its prefix, no slash at its end."""
    entry = message.entry
    traces = f"{base}/traceImage?{entry.query}"
    lines = [entry.body, _when(entry.at), f"Traces: {traces}", f"Alerts: {base}/traceImage/alerts"]
    if message.may_be_repeat:
        lines.append(
            "(You may have got this already: nothing told whether it arrived when it was first sent.)"
        )
    return Letter(
        key=str(message.id),
        title=entry.title,
        body="\n".join(lines),
        type=_TYPES.get(entry.status, "info"),
        fields={
            "id": str(message.id),
            "rule": entry.rule_id,
            "subject": entry.subject,
            "status": entry.status,
            "at": entry.at.astimezone(UTC).isoformat(),
            "link": traces,
        },
        picture=picture,
    )


def trial_letter(key: str, *, base: str) -> Letter:
    """What the test button sends."""
    return Letter(
        key=key,
        title="Test: image-tracing reaches this channel",
        body=f"Somebody pressed the test button. Nothing is wrong.\nAlerts: {base}/traceImage/alerts",
        type="info",
        fields={"id": key, "status": "test", "link": f"{base}/traceImage/alerts"},
    )


def _when(moment: datetime) -> str:
    return f"At {moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC."
