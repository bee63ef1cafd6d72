"""Channels for alerts, one file each: a channel only renders. To add one, add a file and name it here."""

from shared.alerts import email, event_grid_topic, log_line, pagerduty, slack, teams, webhook

CHANNELS = (log_line, event_grid_topic, webhook, teams, slack, pagerduty, email)
