"""Figure 5 and the table of power: latency and energy on Loihi, beside what was measured there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...report import report
from ...report.contents import Contents, EnergyTerm, Timing
from ...simulate import simulate
from ..plot import Plot
from ..suite import Section
from ..table import Cell, Column, Table
from .bench import QuartzBench
from .own import PROFILES, UJ_IN_PJ

NETWORK = "mnist_lenet"


@dataclass(frozen=True, slots=True)
class LoihiRun:
    """A network on Loihi in windows of one length."""

    profile: str
    timesteps: int
    """Of a window."""
    contents: Contents
    host_ms: float
    """What driving the board took, by the paper's own measurements."""
    error: float
    """Wrong answers among the samples of figure 2, in a hundred."""

    @property
    def steps(self) -> int:
        """Timesteps of a sample."""
        return self._timing.timesteps

    @property
    def chip_ms(self) -> float:
        """Latency of the chip alone."""
        return self._timing.latency_with_tick_us / 1e3

    @property
    def core_uj(self) -> float:
        """Energy of a sample's events."""
        return sum(term.energy_pj for term in self._events) / UJ_IN_PJ

    @property
    def energy_delay_ujs(self) -> float:
        """That energy times the latency, driving included."""
        return self.core_uj * (self.chip_ms + self.host_ms) / 1e3

    @property
    def dominant(self) -> str:
        """The term that costs most, and its share."""
        most = max(self._events, key=lambda term: term.energy_pj)
        return f"{most.name}, {100 * most.energy_pj / UJ_IN_PJ / self.core_uj:.0f} %"

    @property
    def neurons(self) -> int:
        """Those on the chip."""
        return sum(layer.neurons for layer in self.contents.layers if layer.model != "input")

    @property
    def _events(self) -> tuple[EnergyTerm, ...]:
        return self.contents.energy.event_terms

    @property
    def _timing(self) -> Timing:
        assert self.contents.timing is not None
        return self.contents.timing


def measure(bench: QuartzBench) -> Section:
    """Both profiles, every window that was measured; nothing where the network is missing."""
    timed = tuple(_timed(bench))
    if not timed:
        return Section((_table(bench, ()),))
    return Section((_table(bench, timed),), (_plot(bench, timed),))


def _timed(bench: QuartzBench) -> Iterator[LoihiRun]:
    subject = next((each for each in bench.subjects if each.name == NETWORK), None)
    if subject is None:
        return
    few, threads = subject.first(bench.size.timed), bench.options.threads
    errors: dict[int, float] = {}  # profiles differ in times and prices, not in values
    for profile in PROFILES:
        for timesteps in bench.size.loihi_timesteps:
            bench.options.tell(f"{NETWORK}: T = {timesteps} on {profile}")
            image = bench.image(subject, profile, timesteps)
            if timesteps not in errors:
                errors[timesteps] = 100.0 - bench.percent(subject, image)
            contents = report(simulate(image, few.x, threads=threads, compare=False)).contents
            host_ms = _host_ms(bench, image.timesteps)
            yield LoihiRun(profile, timesteps, contents, host_ms, errors[timesteps])


def _host_ms(bench: QuartzBench, steps: int) -> float:
    paper = bench.published
    per_step = paper.constant("host", "us_per_step")
    return paper.constant("host", "ms_per_sample") + per_step * steps / 1e3


def _table(bench: QuartzBench, timed: tuple[LoihiRun, ...]) -> Table:
    columns = (
        Column("profile"),
        Column("T"),
        Column("steps"),
        Column("error, %"),
        Column("chip, ms", 3),
        Column("host, ms", 3),
        Column("cores, µJ", 1),
        Column("most of it"),
        Column("EDP, µJs", 3),
        Column("steps, measured"),
        Column("error, measured, %"),
        Column("latency, measured, ms", 3),
        Column("cores, measured, µJ", 1),
        Column("ours to measured"),
        Column("all, measured, µJ", 1),
        Column("EDP of all, measured, µJs", 3),
    )
    return Table(
        name="figure-05",
        title=f"Figure 5 and the table of power: {NETWORK} on Loihi",
        columns=columns,
        rows=tuple(_row(bench, each) for each in timed),
        notes=(
            "measured: a LeNet-like network of 4,354 neurons on 11 cores (the table below runs it, "
            "where it is found)"
            + "".join(
                f"; ours has {each.neurons:,} on {each.contents.cores.used}, and max pools, "
                "each a step more"
                for each in timed[:1]
            ),
            "chip: what the simulated cores and barriers take; host: 2.8 ms a sample and 9 µs a "
            "step, a fit of the measured latencies, which the host's software bounds",
            "cores: dynamic energy of events, without idle power and host; EDP: that times the "
            "latency, host included; measured EDPs are of all energy, processors included",
            *_missing(bench),
        ),
        sources=(bench.published.source("loihi"), bench.published.source("host")),
    )


def _missing(bench: QuartzBench) -> Iterator[str]:
    if NETWORK not in (subject.name for subject in bench.subjects):
        yield f"LEFT OUT: {NETWORK} is not there"


def _row(bench: QuartzBench, timed: LoihiRun) -> tuple[Cell, ...]:
    measured = {
        field: bench.published.measured(field, timed.timesteps)
        for field in ("steps", "error", "latency_ms", "core_dynamic_uj", "energy_uj")
    }
    cores, steps = measured["core_dynamic_uj"], measured["steps"]
    return (
        timed.profile,
        timed.timesteps,
        timed.steps,
        timed.error,
        timed.chip_ms,
        timed.host_ms,
        timed.core_uj,
        timed.dominant,
        timed.energy_delay_ujs,
        None if steps is None else int(steps),
        measured["error"],
        measured["latency_ms"],
        cores,
        None if cores is None else timed.core_uj / cores,
        measured["energy_uj"],
        bench.published.measured("energy_delay_ujs", timed.timesteps),
    )


def _plot(bench: QuartzBench, timed: tuple[LoihiRun, ...]) -> Plot:
    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        for profile in PROFILES:
            ours = [each for each in timed if each.profile == profile]
            windows = [each.timesteps for each in ours]
            left.plot(windows, [each.core_uj for each in ours], "o-", label=profile)
            whole = [each.chip_ms + each.host_ms for each in ours]
            right.plot(windows, whole, "o-", label=f"{profile}, with the host")
        for axes, field, what in (
            (left, "core_dynamic_uj", "dynamic energy of the cores, µJ"),
            (right, "latency_ms", "latency, ms"),
        ):
            windows = sorted({each.timesteps for each in timed})
            points = [(t, bench.published.measured(field, t)) for t in windows]
            known = [(t, value) for t, value in points if value is not None]
            axes.plot(*zip(*known, strict=True), "^:", color="0.4", label="measured")
            axes.set_xscale("log", base=2)
            axes.set_yscale("log")
            axes.set_xlabel("timesteps T of a window")
            axes.set_ylabel(f"{what} of a sample")
            axes.legend(fontsize=8)

    return Plot("figure-05", f"Figure 5: {NETWORK} on Loihi", draw)
