"""What alerts rest on: their channels and their file of rules, looked at without sending anything."""

from collections.abc import Iterator
from pathlib import Path

from image_tracing_postgres.alerting import InvalidRuleError
from image_tracing_postgres.alerting.rule_file import rules_of_file
from image_tracing_postgres.settings import Settings
from image_tracing_viewer.alerts.channels import Channel, ChannelError
from image_tracing_viewer.finding import Finding
from image_tracing_viewer.formats import counted


def alert_findings(settings: Settings) -> Iterator[Finding]:
    """What there is to say of the settings of alerts; no finding holds anything of an address."""
    name = "IMAGE_TRACING_ALERT_URLS"
    if not settings.alert_urls:
        yield Finding(name, "good", "not set: what fires is shown in the viewer only")
    for url in settings.alert_urls:
        channel = Channel(url)
        try:
            channel.look()
        except ChannelError as error:
            yield Finding(name, "wrong", f"{channel.name}: {error}", "nothing is sent there until then")
        else:
            yield Finding(name, "good", channel.name)
        finally:
            channel.rest()
    yield Finding("IMAGE_TRACING_ALERT_INTERVAL", "good", f"{settings.alert_interval_seconds:g} s")
    if settings.alert_rules is not None:
        yield _rule_file(settings.alert_rules)


def _rule_file(path: Path) -> Finding:
    name = "IMAGE_TRACING_ALERT_RULES"
    try:
        rules = rules_of_file(path)
    except InvalidRuleError as error:
        return Finding(name, "wrong", str(error), "the rules stay what they were until then")
    return Finding(name, "good", f"{counted(len(rules), 'rule')} in {path}")
