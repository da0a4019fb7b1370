"""The stage itself: batch by batch through the core, put together as one run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._core import population_counters
from ..energy import energy_by_component_pj, few_counts
from ..errors import InputError, Interrupted
from ..image import Image
from ..inputs import Normalization, refuse_other_types
from .comparison import AgreementCount, samples_to_check
from .run import Run, load_of, whole
from .samples import CheckedSamples, FillingMeasurement, checked
from .tick import checked_tick, timed_anew
from .waiting import Waiting, finished, no_progress_bar, progress_bar

TIMINGS = ("cycle", "none")

MAX_THREADS = 1024
"""More only cost the time to start them."""

BATCH_SAMPLES = 256
BATCH_BYTES = 1 << 27
"""Limits of a batch that is compared with the graph: its tensors are all held at once."""

ARRAYS = ("outputs", "counters", "work_cycles", "timestep_cycles", "population_counts")
"""What batches are put together from."""


def simulate(
    image: Image,
    x: NDArray[Any],
    timing: str = "cycle",
    threads: int | None = None,
    progress: bool = False,
    check: int | str | None = None,
    detail: bool = False,
    normalization: Normalization | None = None,
    judge_range: bool = True,
    tick: str | None = None,
    compare: bool | None = None,
) -> Run:
    """Runs samples on the chip.

    Args:
        image: The network on its chip.
        x: (samples, *image.input_shape): the model's input; floats, or images of uint8, which are
            divided by 255 unless the model takes integers.
        timing: `cycle`: values and cycles; `none`: values alone.
        threads: Threads to use; all cores by default. Results do not depend on it.
        progress: Shows a progress bar on standard error.
        check: For how many samples, from the first, the compiled network is also computed in
            NumPy, and its graph if the image still has it, and the values that differ are counted:
            a number, `all` or `none`; 16 or a tenth unless given, whichever is more.
        detail: Also counts by node, link and timestep, for `Run.detail`; needs cycles.
        normalization: What is done to the samples first; None for what the image says, if it says
            anything.
        judge_range: Also finds how much of the input's range the samples fill, for `Run.filling`;
            of random ones that says nothing.
        tick: How long a timestep is at least, instead of the chip's tick: a time such as `500us`;
            `shortest`, the longest timestep of this run and its barrier; or `none`. It changes
            nothing but waiting, and the energy of the idle chip with it; needs cycles.
        compare: The earlier form of `check`: True for `all`, False for `none`.

    Raises:
        InputError: If the samples do not fit the network, or an option cannot be had.
        Interrupted: On Ctrl-C.
    """
    if timing not in TIMINGS:
        raise InputError(f"no timing {timing!r}", hint="timings are `cycle` and `none`")
    if detail and timing != "cycle":
        raise InputError(
            f"detail needs cycles, and `timing` is {timing!r}", hint="simulate with timing `cycle`"
        )
    wanted_tick = checked_tick(tick, timing)
    threads = os.cpu_count() or 1 if threads is None else threads
    if not 1 <= threads <= MAX_THREADS:
        raise InputError(f"`threads` is {threads}, expected 1 to {MAX_THREADS}")
    refuse_other_types(normalization)
    samples = checked(image, np.asarray(x), normalization)
    measured = FillingMeasurement(image) if judge_range and not image.host.takes_codes else None
    to_check = samples_to_check(check, compare, len(samples))
    comparison = AgreementCount(image) if to_check else None
    batches: list[dict[str, Any]] = []
    with progress_bar(len(samples)) if progress else no_progress_bar() as waiting:
        try:
            for batch, codes, arrays in _run(
                image, samples, timing, threads, to_check, detail, waiting
            ):
                batches.append(arrays)
                if measured is not None:
                    measured.add(batch)
                record = arrays.pop("codes", None)
                if comparison is not None and record is not None:
                    comparison.add(batch, codes, record, arrays["outputs"])
        except Interrupted:
            raise
        except KeyboardInterrupt:  # between two waits, as during the comparison of a batch
            done = sum(len(arrays["outputs"]) for arrays in batches)
            raise Interrupted(done, len(samples)) from None
    run = _whole(image, timing, batches, comparison, detail)
    if wanted_tick is not None:
        run = timed_anew(run, wanted_tick.cycles(run))
    filling = None if measured is None else measured.filling
    return replace(run, normalization=samples.normalization, filling=filling)


def _run(
    image: Image,
    samples: CheckedSamples,
    timing: str,
    threads: int,
    to_check: int,
    detail: bool,
    waiting: Waiting,
) -> Iterator[tuple[NDArray[Any], NDArray[np.uint8], dict[str, Any]]]:
    """One batch after the other: its samples, what the input's neurons are given for them, arrays.

    Among the arrays are the codes of every neuron while samples are to be checked, then none.
    """
    simulator = _core.Simulator(image.core)
    for start, stop in _batches(len(samples), to_check, _batch_size(image)):
        # Samples of the last batch that are still in flight when this one enters.
        before = min(start, image.samples_in_flight - 1)
        batch = samples.between(start - before, stop)
        codes = np.ascontiguousarray(image.codes(batch))
        recorded, in_flight = start < to_check, (before, stop < len(samples))
        job = simulator.start(codes, timing == "cycle", recorded, threads, in_flight, detail)
        yield batch[before:], codes[before:], finished(job, waiting, start, len(samples))


def _batches(samples: int, to_check: int, size: int) -> Iterator[tuple[int, int]]:
    """Where batches start and stop: those to be checked of a size, then the others as one."""
    for start in range(0, to_check, size):
        yield start, min(start + size, to_check)
    if to_check < samples:
        yield to_check, samples


def _batch_size(image: Image) -> int:
    neurons = sum(each.num_neurons for each in image.populations)
    return max(1, min(BATCH_SAMPLES, BATCH_BYTES // (8 * neurons)))


def _whole(
    image: Image,
    timing: str,
    batches: Sequence[dict[str, Any]],
    comparison: AgreementCount | None,
    detail: bool,
) -> Run:
    """All batches as one run."""
    read, counts, work_cycles, timestep_cycles, of_populations = (
        np.concatenate([arrays[name] for arrays in batches]) for name in ARRAYS
    )
    codes = image.read(read)
    outputs = {output.name: output.codes(codes[output.population]) for output in image.host.outputs}
    names = [str(name) for name in batches[0]["counter_names"]]
    counters = {name: counts[:, column] for column, name in enumerate(names)}
    by_population = {
        name: of_populations[:, :, column] for column, name in enumerate(population_counters())
    }
    counters |= few_counts(image.chip, by_population)
    placed = [arrays["detail"] for arrays in batches if arrays["detail"] is not None]
    return Run(
        image=image,
        timing=timing,
        outputs_by_name=outputs,
        values_by_name=_values(image, outputs),
        counters=counters,
        timestep_work_cycles=work_cycles,
        timestep_cycles=timestep_cycles,
        by_population=by_population,
        compiled_agreement=comparison.compiled if comparison else None,
        exact_agreement=comparison.exact if comparison else None,
        energy_by_component_pj=energy_by_component_pj(image.chip, counters),
        detail=whole(placed, names) if detail else None,
        load=load_of(placed) if placed else None,
        tick_cycles=image.chip.tick_cycles,
    )


def _values(image: Image, outputs: Mapping[str, NDArray[np.int32]]) -> dict[str, NDArray[Any]]:
    """The model's outputs, or those before their float tails where an image file has none."""
    if image.graph is None:
        return {
            output.name: output.format.dequantize(outputs[output.name])
            for output in image.host.outputs
        }
    return {each.name: each.finish(outputs[each.name]) for each in image.graph.outputs}
