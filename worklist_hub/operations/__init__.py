"""Running a hub: health and metrics, logs, checks, backup, load test."""
