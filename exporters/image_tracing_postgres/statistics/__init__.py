"""Statistics over generations and attempts: definitions in docs/statistics.md."""
