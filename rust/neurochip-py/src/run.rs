//! A run as a job: what it keeps of each sample, and the arrays that Python gets.

use std::sync::{Arc, Mutex};

use neurochip::counters::{Activity, Counters, Counts};
use neurochip::engine::{CoreCycles, OutputCounts, Places};
use neurochip::simulator::{Batch, SampleRun, Simulator, Timing};
use numpy::{IntoPyArray, PyArray1, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::Raised;
use crate::job::Job;

/// A batch that owns its codes: see [`Batch`].
pub(crate) struct Samples {
    pub(crate) codes: Vec<u8>,
    pub(crate) before: usize,
    pub(crate) more: bool,
}

/// What a run is to report beside outputs and counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// Cycles.
    pub(crate) cycles: bool,
    /// The codes of every neuron.
    pub(crate) record: bool,
    /// With cycles: what happened in each timestep. What happened where is always reported with them.
    pub(crate) detail: bool,
}

/// Starts a run.
pub(crate) fn start(
    simulator: Arc<Simulator>,
    samples: Samples,
    wanted: Wanted,
    threads: usize,
) -> PyResult<Job> {
    let Wanted { cycles, record, detail } = wanted;
    let populations = simulator.image().description().populations.len();
    let keep = move |mut run: SampleRun| {
        if !record {
            run.record.codes = vec![];
        }
        run
    };
    Job::start(threads, move |progress| {
        let chip = &simulator.image().description().chip;
        let (num_nodes, num_cores) = if cycles { (chip.num_nodes(), chip.num_cores()) } else { (0, 0) };
        let places = Mutex::new(Places::new(num_nodes, num_cores));
        let timing = match (cycles, detail) {
            (false, _) => Timing::None,
            (true, false) => Timing::Placed(&places),
            (true, true) => Timing::Detailed(&places),
        };
        let Samples { ref codes, before, more } = samples;
        let batch = Batch { codes, before, more };
        let outcome = simulator.run_keeping(batch, timing, progress, keep);
        let places = places.into_inner().expect("no holder panics");
        Box::new(move |py| {
            let runs = outcome?;
            let detail = if cycles { Some(detailed(py, &runs, &places)?) } else { None };
            let arrays = arrays(py, runs, populations, record)?;
            arrays.set_item("detail", detail)?;
            Ok(arrays)
        })
    })
}

/// Arrays by name: a row per node, a core (its soma, Send and Receive), or a timestep of the run.
fn detailed<'py>(py: Python<'py>, runs: &[SampleRun], places: &Places) -> PyResult<Bound<'py, PyDict>> {
    let arrays = PyDict::new(py);
    let rows = |counters: &mut dyn Iterator<Item = &Counters>| -> PyResult<_> {
        let flat: Vec<i64> = counters.flat_map(Counters::values).map(|count| count as i64).collect();
        let rows = flat.len() / Counters::NAMES.len();
        matrix(py, flat, [rows, Counters::NAMES.len()])
    };
    arrays.set_item("nodes", rows(&mut places.nodes.iter())?)?;
    arrays.set_item("timesteps", rows(&mut runs.iter().flat_map(|run| &run.timesteps))?)?;
    let busy = |core: &CoreCycles| [core.soma, core.send, core.receive].map(|cycles| cycles as i64);
    let cores: Vec<i64> = places.cores.iter().flat_map(busy).collect();
    arrays.set_item("cores", matrix(py, cores, [places.cores.len(), 3])?)?;
    set_outputs(&arrays, &places.outputs)?;
    Ok(arrays)
}

/// Arrays of router outputs, a row per node: +x, -x, +y, -y and the core.
pub(crate) fn set_outputs(arrays: &Bound<'_, PyDict>, outputs: &[[OutputCounts; 5]]) -> PyResult<()> {
    let shape = [outputs.len(), 5];
    let flat = |count: fn(&OutputCounts) -> u64| outputs.iter().flatten().map(|o| count(o) as i64).collect();
    arrays.set_item("output_flits", matrix(arrays.py(), flat(|output| output.flits), shape)?)?;
    let blocked = matrix(arrays.py(), flat(|output| output.blocked_cycles), shape)?;
    arrays.set_item("output_blocked_cycles", blocked)
}

/// Arrays by name, one row per sample, or for cycles one element per timestep.
fn arrays(
    py: Python<'_>,
    runs: Vec<SampleRun>,
    populations: usize,
    record: bool,
) -> Result<Bound<'_, PyDict>, Raised> {
    let arrays = PyDict::new(py);
    let rows = runs.len();
    let set = |name: &str, flat: Vec<i64>| -> PyResult<()> {
        let width = flat.len().checked_div(rows).unwrap_or(0);
        arrays.set_item(name, matrix(py, flat, [rows, width])?)
    };
    let flat = |of: &dyn Fn(&SampleRun) -> Vec<i64>| runs.iter().flat_map(of).collect::<Vec<i64>>();
    set("outputs", flat(&|run| run.record.outputs.iter().map(|&value| value.into()).collect()))?;
    set("counters", flat(&|run| run.counters.values().iter().map(|&count| count as i64).collect()))?;
    let cycles = |of: &dyn Fn(&SampleRun) -> &[u64]| {
        let all = runs.iter().flat_map(of).map(|&cycles| cycles as i64);
        all.collect::<Vec<i64>>().into_pyarray(py)
    };
    arrays.set_item("work_cycles", cycles(&|run| &run.work_cycles))?;
    arrays.set_item("timestep_cycles", cycles(&|run| &run.timestep_cycles))?;
    let counts = |run: &SampleRun| {
        let populations = run.record.counts.iter().zip(&run.activity);
        let values = populations.flat_map(|(counts, activity)| [counts.values(), activity.values()].concat());
        values.map(|count| count as i64).collect()
    };
    let kinds = population_counters().len();
    let by_population = matrix(py, flat(&counts), [rows * populations, kinds])?;
    let shape = [rows, populations, kinds];
    arrays.set_item("population_counts", by_population.reshape(shape)?)?;
    arrays.set_item("counter_names", Counters::NAMES.to_vec())?;
    if record {
        let codes: Vec<u8> =
            runs.into_iter().flat_map(|run| run.record.codes.into_iter().flatten()).collect();
        let width = codes.len().checked_div(rows).unwrap_or(0);
        arrays.set_item("codes", matrix(py, codes, [rows, width])?)?;
    }
    Ok(arrays)
}

/// What is counted by population and sample: what its values made it do, and what that led to.
#[pyfunction]
pub(crate) fn population_counters() -> Vec<&'static str> {
    [Counts::NAMES, Activity::NAMES].concat()
}

fn matrix<T: numpy::Element>(
    py: Python<'_>,
    flat: Vec<T>,
    shape: [usize; 2],
) -> PyResult<Bound<'_, numpy::PyArray2<T>>> {
    let array: Bound<'_, PyArray1<T>> = flat.into_pyarray(py);
    array.reshape(shape)
}
