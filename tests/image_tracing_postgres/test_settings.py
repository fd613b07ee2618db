"""Settings from the environment."""

import os
import re
import subprocess
import sys
from pathlib import Path
from traceback import format_exception

import pytest

from image_tracing_postgres.settings import SettingError, masked_conninfo, settings_from_environment


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = settings_from_environment({})

    assert settings.database_url is None
    assert settings.capture_content is True
    assert settings.token is None
    assert settings.ingest_token is None
    assert settings.stalled_after_seconds == 900
    assert settings.alert_urls == ()
    assert settings.alert_interval_seconds == 60


def test_every_setting_is_read() -> None:
    settings = settings_from_environment(
        {
            "IMAGE_TRACING_DATABASE_URL": "postgresql://me@db/traces",
            "IMAGE_TRACING_DATA_DIR": "/srv/traces",
            "IMAGE_TRACING_CAPTURE_CONTENT": "False",
            "IMAGE_TRACING_TOKEN": "open sesame",
            "IMAGE_TRACING_INGEST_TOKEN": "bring sesame",
            "IMAGE_TRACING_STALLED_AFTER": "0.5",
            "IMAGE_TRACING_ALERT_URLS": "slack://a/b/c, mailto://x?to=a@b.org,c@d.org",
            "IMAGE_TRACING_ALERT_INTERVAL": " 30 ",
        }
    )

    assert settings.database_url == "postgresql://me@db/traces"
    assert settings.data_dir == Path("/srv/traces")
    assert settings.capture_content is False
    assert settings.token == "open sesame"
    assert settings.ingest_token == "bring sesame"
    assert settings.stalled_after_seconds == 0.5
    assert settings.alert_urls == ("slack://a/b/c", "mailto://x?to=a@b.org,c@d.org")
    assert settings.alert_interval_seconds == 30


def test_an_empty_value_counts_as_absent() -> None:
    names = (
        "DATABASE_URL",
        "DATA_DIR",
        "CAPTURE_CONTENT",
        "TOKEN",
        "INGEST_TOKEN",
        "STALLED_AFTER",
        "ALERT_URLS",
    )

    assert settings_from_environment({f"IMAGE_TRACING_{name}": "  " for name in names}) == (
        settings_from_environment({})
    )


def test_the_environment_is_read_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_TRACING_STALLED_AFTER", "7")

    assert settings_from_environment().stalled_after_seconds == 7


def test_the_default_folder_is_the_system_s_for_root_and_the_user_s_own_else() -> None:
    folder = settings_from_environment({}).data_dir

    assert folder.name == "image-tracing"
    assert folder.is_absolute()
    assert folder.is_relative_to(Path.home()) is (os.geteuid() != 0)


def test_a_home_and_a_relative_folder_become_absolute() -> None:
    home = settings_from_environment({"IMAGE_TRACING_DATA_DIR": "~/traces"}).data_dir
    relative = settings_from_environment({"IMAGE_TRACING_DATA_DIR": "traces"}).data_dir

    assert home == Path.home() / "traces"
    assert relative == Path.cwd() / "traces"


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("CAPTURE_CONTENT", "fals", "accepted are true and false"),
        ("STALLED_AFTER", "15m", "accepted are numbers above 0, like 900"),
        ("STALLED_AFTER", "0", "accepted are numbers above 0"),
        ("STALLED_AFTER", "nan", "accepted are numbers above 0"),
        ("ALERT_INTERVAL", "inf", "accepted are numbers from 1 to 86400, like 60"),
        ("ALERT_INTERVAL", "0.1", "accepted are numbers from 1 to 86400"),
        ("DATABASE_URL", "localhost:5432", "accepted are URLs like postgresql://"),
        ("DATA_DIR", "~nobody-of-that-name/traces", "give an absolute path"),
    ],
)
def test_a_bad_value_is_told_with_its_variable(name: str, value: str, accepted: str) -> None:
    with pytest.raises(SettingError, match=re.escape(repr(value))) as caught:
        settings_from_environment({f"IMAGE_TRACING_{name}": value})

    assert str(caught.value).startswith(f"IMAGE_TRACING_{name} should be ")
    assert accepted in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@db.example/traces",
        "postgresql://me:hunter2@@db.example/traces",
        "postgresql://me:hun:ter2/hunter2@db.example/traces",
        "postgresql://db.example/traces?user=me&password=hunter2&sslmode=require",
        "host=db.example password=hunter2 user=me",
        "host=db.example PASSWORD = 'hunter2 \\' hunter2' user=me",
        "host=db.example sslpassword=hunter2",
        "postgresql//me:hunter2@db.example/traces",
        "me:hunter2@db.example",
    ],
)
def test_no_password_is_shown(url: str) -> None:
    assert "hunter2" not in masked_conninfo(url)
    assert "db.example" in masked_conninfo(url)


def test_the_traceback_of_an_unusable_address_has_no_password() -> None:
    # Not written out: tracebacks quote the lines of this test as well.
    password = "hunter" * 2
    with pytest.raises(SettingError) as raised:
        settings_from_environment({"IMAGE_TRACING_DATABASE_URL": f"postgres//me:{password}@nonsense !!"})

    assert password not in "".join(format_exception(raised.value))


def test_a_url_without_a_password_is_shown_as_it_is() -> None:
    assert masked_conninfo("postgresql://me@db:5432/traces") == "postgresql://me@db:5432/traces"


def test_the_repr_of_settings_has_no_secret() -> None:
    settings = settings_from_environment(
        {
            "IMAGE_TRACING_DATABASE_URL": "postgresql://me:hunter2@db/traces",
            "IMAGE_TRACING_TOKEN": "hunter2",
            "IMAGE_TRACING_INGEST_TOKEN": "hunter2",
            "IMAGE_TRACING_ALERT_URLS": "slack://hunter2/b/c",
        }
    )

    shown = repr(settings)

    assert "hunter2" not in shown
    assert "postgresql://me:***@db/traces" in shown
    assert "(token='***'" in shown.replace(", ", "(")
    assert "ingest_token='***'" in shown
    assert "slack://***" in shown


def test_a_bad_url_is_told_without_its_password() -> None:
    with pytest.raises(SettingError) as caught:
        settings_from_environment({"IMAGE_TRACING_DATABASE_URL": "postgres:/me:hunter2@db/traces"})

    assert "hunter2" not in str(caught.value)


def test_an_alert_address_without_a_scheme_is_told_without_showing_it() -> None:
    with pytest.raises(SettingError, match=r"one of 1 does not start with a scheme") as caught:
        settings_from_environment({"IMAGE_TRACING_ALERT_URLS": "hunter2"})

    assert "hunter2" not in str(caught.value)


def test_importing_reads_no_setting() -> None:
    environ = {**os.environ, "IMAGE_TRACING_STALLED_AFTER": "nonsense", "IMAGE_TRACING_DATA_DIR": "~nobody/x"}

    subprocess.run(
        [sys.executable, "-c", "import image_tracing_postgres.settings, image_tracing_postgres.embedded"],
        env=environ,
        check=True,
    )
