"""The report as one JSON document: the contents field by field, and what the table derives.

Every field has its unit and grade in docs/report-json.md.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from .contents import Contents

SCHEMA_VERSION = 2


def document(contents: Contents) -> str:
    """The whole report, details included. `schema_version` grows when a field changes meaning."""
    told = {"schema_version": SCHEMA_VERSION, **asdict(contents)}
    if contents.accuracy is not None:
        told["accuracy"]["percent"] = contents.accuracy.percent
    if contents.timing is not None:
        told["timing"]["shortest_tick_cycles"] = contents.timing.shortest_tick_cycles
        told["timing"]["shortest_tick_us"] = contents.timing.shortest_tick_us
    told["energy"] |= {"events_pj": contents.energy.events_pj, "idle_pj": contents.energy.idle_pj}
    terms = (*contents.energy.event_terms, *contents.energy.idle_terms)
    for entry, term in zip(
        (*told["energy"]["event_terms"], *told["energy"]["idle_terms"]), terms, strict=True
    ):
        entry["assumed"] = term.assumed
    return json.dumps(told, indent=2, allow_nan=False)
