"""Break processes, the database and disks under load, and count what is lost: ours beside the stock stack.

Every fault runs real processes against a Postgres of the bench's own. A load appends the id of each span to a
tally after its `end()` returned; lost is what is in the tally and neither in the database, nor in quarantine,
nor in a counter. *stock* is the same load under the SDK's BatchSpanProcessor, with its defaults, in front of
our PostgresSpanExporter; what that exporter refuses counts as counted, what it or the processor gives up as
lost.

    python benchmarks/faults/run.py                     # F1 to F15 and F17, about an hour and a half
    python benchmarks/faults/run.py F4 F7 --seed 7      # some of them, again with the same chances
    python benchmarks/faults/run.py --short             # small numbers, five minutes
    python benchmarks/faults/run.py F15 --minutes 30 --json docs/reliability/soak.json

Ends with 1 if a goal of ours is missed. Needs Linux; F8's small disks need root.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # The folder of this file would hide modules of the same names.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from faults.command import main

    sys.exit(main())
