"""What `IMAGE_TRACING_*` in the environment says, read when asked and never at import."""

import math
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from image_tracing.errors import ImageTracingError

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_MASK = "***"
_DAY_SECONDS = 86_400


class SettingError(ImageTracingError, ValueError):
    """An environment variable has a value that cannot be used."""


@dataclass(frozen=True, repr=False)
class Settings:
    """The settings of one process; its `repr` has no secret in it."""

    database_url: str | None
    """A conninfo or URL of the user's own Postgres; None means the embedded one."""
    data_dir: Path
    """Absolute; holds the embedded Postgres and the spool."""
    capture_content: bool
    token: str | None
    ingest_token: str | None
    """Allows to send spans and nothing else; None means that `token` allows it too."""
    stalled_after_seconds: float
    alert_urls: tuple[str, ...]
    alert_interval_seconds: float
    alert_rules: Path | None
    """A TOML file of alert rules."""
    viewer_url: str | None
    """Where people reach the viewer, for links in messages; no slash at its end."""

    def __repr__(self) -> str:
        url = None if self.database_url is None else masked_conninfo(self.database_url)
        alerts = tuple(f"{each.partition('://')[0]}://{_MASK}" for each in self.alert_urls)
        return (
            f"Settings(database_url={url!r}, data_dir={str(self.data_dir)!r}, "
            f"capture_content={self.capture_content}, token={self.token and _MASK!r}, "
            f"ingest_token={self.ingest_token and _MASK!r}, "
            f"stalled_after_seconds={self.stalled_after_seconds:g}, alert_urls={alerts!r}, "
            f"alert_interval_seconds={self.alert_interval_seconds:g}, "
            f"alert_rules={self.alert_rules and str(self.alert_rules)!r}, viewer_url={self.viewer_url!r})"
        )


def settings_from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in `environ`, `os.environ` if None. A variable that is empty counts as absent.

    Raises:
        SettingError: a value cannot be used; the message names variable, value and what is accepted.
    """
    source = os.environ if environ is None else environ
    values = {name: value.strip() for name, value in source.items() if name.startswith("IMAGE_TRACING_")}
    return Settings(
        database_url=_database_url(values, "IMAGE_TRACING_DATABASE_URL"),
        data_dir=_data_dir(values, "IMAGE_TRACING_DATA_DIR"),
        capture_content=_boolean(values, "IMAGE_TRACING_CAPTURE_CONTENT", default=True),
        token=values.get("IMAGE_TRACING_TOKEN") or None,
        ingest_token=values.get("IMAGE_TRACING_INGEST_TOKEN") or None,
        stalled_after_seconds=_seconds(values, "IMAGE_TRACING_STALLED_AFTER", default=900.0),
        alert_urls=_urls(values, "IMAGE_TRACING_ALERT_URLS"),
        alert_interval_seconds=_interval(values, "IMAGE_TRACING_ALERT_INTERVAL"),
        alert_rules=_file(values, "IMAGE_TRACING_ALERT_RULES"),
        viewer_url=_web_address(values, "IMAGE_TRACING_VIEWER_URL"),
    )


def masked_conninfo(conninfo: str) -> str:
    """The same conninfo or URL with its secrets replaced by `***`, whether or not it can be parsed.

    Masks generously: what stands between a user name's colon and the last `@` is taken for the password.
    """
    masked = re.sub(r"(^|/)([^:@/?\s=]*):(?!//).*@", rf"\1\2:{_MASK}@", conninfo, flags=re.DOTALL)
    return re.sub(r"(?i)(password|secret)(\s*=\s*)('(?:[^'\\]|\\.)*'?|[^\s&]+)", rf"\1\2{_MASK}", masked)


def _data_dir(values: Mapping[str, str], name: str) -> Path:
    given = values.get(name)
    if given:
        try:
            return Path(given).expanduser().absolute()
        except RuntimeError as error:
            raise SettingError(
                f"{name} should be a folder, and the home in {given!r} is not known; give an absolute path"
            ) from error
    if sys.platform != "win32" and os.geteuid() == 0:
        if sys.platform == "darwin":
            return platformdirs.site_data_path("image-tracing", appauthor=False)
        return Path("/var/lib/image-tracing")
    return platformdirs.user_data_path("image-tracing", appauthor=False).absolute()


def _file(values: Mapping[str, str], name: str) -> Path | None:
    given = values.get(name)
    if not given:
        return None
    try:
        return Path(given).expanduser().absolute()
    except RuntimeError as error:
        raise SettingError(
            f"{name} should be a file, and the home in {given!r} is not known; give an absolute path"
        ) from error


def _web_address(values: Mapping[str, str], name: str) -> str | None:
    given = values.get(name)
    if not given:
        return None
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", given):
        raise SettingError(
            f"{name} should be the address of the viewer, and is none; accepted are addresses without user, "
            "query and fragment, like https://traces.example.org/images"
        )
    return given.rstrip("/")


def _database_url(values: Mapping[str, str], name: str) -> str | None:
    given = values.get(name)
    if not given:
        return None
    # Imported here: who only asks for the data directory needs no libpq.
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        conninfo_to_dict(given)
    except psycopg.ProgrammingError:
        # Not from it: libpq's message quotes the address with its password, and tracebacks show both.
        raise SettingError(
            f"{name} should be the address of a Postgres, not {masked_conninfo(given)!r}; accepted are "
            "URLs like postgresql://user:password@host:5432/name and key=value pairs like "
            "'host=localhost dbname=name'"
        ) from None
    return given


def _boolean(values: Mapping[str, str], name: str, *, default: bool) -> bool:
    given = values.get(name)
    if not given:
        return default
    if given.lower() in _TRUE:
        return True
    if given.lower() in _FALSE:
        return False
    raise SettingError(f"{name} should be a yes or a no, not {given!r}; accepted are true and false")


def _seconds(values: Mapping[str, str], name: str, *, default: float) -> float:
    given = values.get(name)
    if not given:
        return default
    try:
        number = float(given)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise SettingError(
            f"{name} should be a number of seconds, not {given!r}; accepted are numbers above 0, "
            f"like {default:g}"
        )
    return number


def _interval(values: Mapping[str, str], name: str) -> float:
    given = values.get(name) or "60"
    try:
        number = float(given)
    except ValueError:
        number = math.nan
    if not 1 <= number <= _DAY_SECONDS:
        raise SettingError(
            f"{name} should be a number of seconds, not {given!r}; accepted are numbers from 1 to "
            f"{_DAY_SECONDS}, like 60"
        )
    return number


def _urls(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    # A comma may be part of an address (several recipients); one before the next scheme separates two.
    found = [
        each.strip(" ,") for each in re.split(r",\s*(?=[A-Za-z][A-Za-z0-9+.-]*://)", values.get(name, ""))
    ]
    urls = tuple(each for each in found if each)
    for url in urls:
        if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://.", url):
            raise SettingError(
                f"{name} should be Apprise addresses, and one of {len(urls)} does not start with a scheme; "
                "accepted is a list like slack://…,mailto://… separated by commas"
            )
    return urls
