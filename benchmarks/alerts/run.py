"""How soon an outage is told and how often something is told falsely, on simulated weeks of traffic.

Each seed makes a service: 2 to 6 models, days, nights and weekends, and five outages a week beside
brown-outs, slow drifts, hiccups of seconds, refused prompts that are tried again, and times in which nothing
arrives. Each minute of it goes through the verdicts and states of the evaluation with the presets; only the
counting is in memory, and `--postgres` holds a real database to the same.

    python benchmarks/alerts/run.py                       # 24 services, two weeks each
    python benchmarks/alerts/run.py --seeds 3,7 --verbose
    python benchmarks/alerts/run.py --seeds 3 --postgres "host=127.0.0.1 dbname=empty"
    python benchmarks/alerts/run.py --kills 50 --postgres "host=127.0.0.1 dbname=empty"

Ends with 1 if a bar is missed: each outage is told within two steps of the moment when as many calls as the
rule wants had failed, and within two of its start where that was within a minute; at most one false alarm a
week, for the worst of the services.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # The folder of this file would hide modules of the same names.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from alerts.command import main

    sys.exit(main())
