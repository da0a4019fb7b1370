"""Where and when most of a run happens, from its detail."""

from __future__ import annotations

from ..image import Image
from ..links import hottest
from ..simulate import Detail, Run
from .contents import HotCore, HotSpots

CYCLES = {
    "busiest soma": "soma_busy_cycles",
    "busiest Send": "send_busy_cycles",
    "Send that waits longest": "send_stalled_cycles",
    "busiest Receive": "receive_busy_cycles",
}
"""What the report calls a core with most cycles of a kind, and what counts them."""


def hot_spots(run: Run, detail: Detail) -> HotSpots:
    """Reads them from a run."""
    work_cycles = int(run.timestep_work_cycles.sum())
    longest, period = int(run.timestep_work_cycles.argmax()), run.image.period
    sample = min(longest // period, len(run.outputs) - 1)
    return HotSpots(
        cores=tuple(_hottest_core(run.image, detail, what, work_cycles) for what in CYCLES),
        link=hottest(run.image.chip, detail.link_flits, work_cycles),
        longest_timestep=(sample, longest - sample * period),
        longest_work_cycles=int(run.timestep_work_cycles.max()),
        highest_queue_flits=int(detail.nodes["highest_queue_flits"].max()),
        highest_receive_flits=int(detail.nodes["highest_receive_flits"].max()),
    )


def _hottest_core(image: Image, detail: Detail, what: str, work_cycles: int) -> HotCore:
    cycles_of = detail.nodes[CYCLES[what]]
    core = max(image.cores, key=lambda core: int(cycles_of[core.node]))
    cycles = int(cycles_of[core.node])
    layers = [other.population for other in image.cores if other.node == core.node]
    share = 100 * cycles / work_cycles / len(layers)
    named = ", ".join(dict.fromkeys(layers))
    return HotCore(what, core.node, core.x, core.y, named, cycles, share)
