"""The fault bench: what is lost when processes, databases and disks fail, ours beside the stock stack."""
