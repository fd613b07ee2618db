"""The dashboard: charts of the statistics, drawn on the server as SVG that fits every width."""
