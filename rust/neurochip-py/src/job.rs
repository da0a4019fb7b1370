//! A run under way on its own threads, so that Python stays awake: it waits, polls and cancels.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use neurochip::counters::Counters;
use neurochip::simulator::{Activity, Batch, Error, Progress, SampleRun, Simulator, Timing};
use neurochip::values::Counts;
use numpy::{IntoPyArray, PyArray1, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::{Raised, SimulationError};

type Outcome = Result<Vec<SampleRun>, Error>;

/// A run under way, or finished and not yet collected.
#[pyclass(frozen)]
pub(crate) struct Job {
    progress: Arc<Progress>,
    state: Mutex<State>,
    populations: usize,
    record: bool,
}

/// A batch that owns its codes: see [`Batch`].
pub(crate) struct Samples {
    pub(crate) codes: Vec<u8>,
    pub(crate) before: usize,
    pub(crate) more: bool,
}

struct State {
    receiver: Receiver<Outcome>,
    outcome: Option<Outcome>,
}

impl Job {
    pub(crate) fn start(
        simulator: Arc<Simulator>,
        samples: Samples,
        timing: Timing,
        record: bool,
        threads: usize,
    ) -> PyResult<Self> {
        let populations = simulator.image().description().populations.len();
        let progress = Arc::new(Progress::default());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool
            .map_err(|error| SimulationError::new_err(format!("cannot start {threads} threads: {error}")))?;
        let (sender, receiver) = channel();
        let shared = Arc::clone(&progress);
        let keep = move |mut run: SampleRun| {
            if !record {
                run.record.codes = vec![];
            }
            run
        };
        std::thread::spawn(move || {
            let Samples { ref codes, before, more } = samples;
            let batch = Batch { codes, before, more };
            let outcome = pool.install(|| simulator.run_keeping(batch, timing, &shared, keep));
            // Nobody may be listening any more: then the result is not wanted.
            let _ = sender.send(outcome);
        });
        Ok(Self { progress, state: Mutex::new(State { receiver, outcome: None }), populations, record })
    }
}

#[pymethods]
impl Job {
    /// Waits up to `seconds` for the end; returns whether it came.
    fn wait(&self, py: Python<'_>, seconds: f64) -> PyResult<bool> {
        let patience = Duration::try_from_secs_f64(seconds)
            .map_err(|error| pyo3::exceptions::PyValueError::new_err(error.to_string()))?;
        py.detach(|| {
            let mut state = self.state.lock().expect("no holder panics");
            if state.outcome.is_none() {
                state.outcome = match state.receiver.recv_timeout(patience) {
                    Ok(outcome) => Some(outcome),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => {
                        return Err(pyo3::exceptions::PyRuntimeError::new_err(
                            "the simulation panicked: this is a bug",
                        ));
                    }
                };
            }
            Ok(state.outcome.is_some())
        })
    }

    /// Samples that are finished.
    fn done(&self) -> u64 {
        self.progress.done()
    }

    /// Asks the run to stop.
    fn cancel(&self) {
        self.progress.cancel();
    }

    /// Arrays by name, one row a sample, or for cycles one element a timestep; the job is empty
    /// afterwards.
    fn result<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>, Raised> {
        let outcome = self.state.lock().expect("no holder panics").outcome.take();
        let missing = || SimulationError::new_err("the result was taken, or is not there yet");
        let runs = outcome.ok_or_else(missing)??;
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
            populations.flat_map(population_counts).map(|count| count as i64).collect()
        };
        let by_population = matrix(py, flat(&counts), [rows * self.populations, POPULATION_COUNTS.len()])?;
        let shape = [rows, self.populations, POPULATION_COUNTS.len()];
        arrays.set_item("population_counts", by_population.reshape(shape)?)?;
        arrays.set_item("population_count_names", POPULATION_COUNTS.to_vec())?;
        arrays.set_item("counter_names", Counters::NAMES.to_vec())?;
        if self.record {
            let codes: Vec<u8> =
                runs.into_iter().flat_map(|run| run.record.codes.into_iter().flatten()).collect();
            let width = codes.len().checked_div(rows).unwrap_or(0);
            arrays.set_item("codes", matrix(py, codes, [rows, width])?)?;
        }
        Ok(arrays)
    }
}

/// What is counted by population and sample, in the order of [`population_counts`].
const POPULATION_COUNTS: [&str; 7] =
    ["spikes", "sops", "sum_overflows", "membrane_overflows", "packets", "flit_hops", "soma_updates"];

fn population_counts((counts, activity): (&Counts, &Activity)) -> [u64; POPULATION_COUNTS.len()] {
    let Counts { spikes, sops, sum_overflows, membrane_overflows } = *counts;
    let Activity { packets, flit_hops, soma_updates } = *activity;
    [spikes, sops, sum_overflows, membrane_overflows, packets, flit_hops, soma_updates]
}

fn matrix<T: numpy::Element>(
    py: Python<'_>,
    flat: Vec<T>,
    shape: [usize; 2],
) -> PyResult<Bound<'_, numpy::PyArray2<T>>> {
    let array: Bound<'_, PyArray1<T>> = flat.into_pyarray(py);
    array.reshape(shape)
}
