"""Reads a page of metrics with Prometheus' own parser and prints what it understood as JSON."""

import json
import sys

from prometheus_client.parser import text_fd_to_metric_families

families = {}
for family in text_fd_to_metric_families(sys.stdin):
    if family.name in families:
        sys.exit(f"{family.name} comes twice")
    families[family.name] = {
        "type": family.type,
        "help": family.documentation,
        "samples": [
            {"name": sample.name, "labels": sample.labels, "value": str(sample.value)} for sample in family.samples
        ],
    }
json.dump(families, sys.stdout)
