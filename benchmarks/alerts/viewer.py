"""A viewer's alerts without its pages: evaluates and sends until it is killed. Reads what to use as JSON."""

import json
import sys
import threading

from image_tracing_postgres.alerting import Alerts
from image_tracing_viewer.alerts.service import AlertService


def main() -> None:
    """Evaluate and send for ever."""
    given = json.loads(sys.stdin.readline())
    alerts = Alerts(given["dsn"], interval_seconds=1, lease_seconds=given["lease_seconds"])
    AlertService(alerts, urls=[given["url"]], address="http://viewer.example").start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
