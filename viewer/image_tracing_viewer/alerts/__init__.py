"""Alerts in the viewer: evaluated while the app serves, sent through Apprise, shown and changed on a page."""
