//! Work under way on its own threads, so that Python stays awake: it waits, polls and cancels.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use neurochip::progress::Progress;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::{Raised, SimulationError};

/// What work results in: it becomes arrays by name, or an error, once Python asks.
pub(crate) type Outcome = Box<dyn FnOnce(Python<'_>) -> Result<Bound<'_, PyDict>, Raised> + Send>;

/// Work under way, or finished and not yet collected.
#[pyclass(frozen)]
pub(crate) struct Job {
    progress: Arc<Progress>,
    state: Mutex<State>,
}

struct State {
    receiver: Receiver<Outcome>,
    outcome: Option<Outcome>,
}

impl Job {
    /// Starts work on `threads` threads of its own.
    pub(crate) fn start(
        threads: usize,
        work: impl FnOnce(&Progress) -> Outcome + Send + 'static,
    ) -> PyResult<Self> {
        let progress = Arc::new(Progress::default());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool
            .map_err(|error| SimulationError::new_err(format!("cannot start {threads} threads: {error}")))?;
        let (sender, receiver) = channel();
        let shared = Arc::clone(&progress);
        std::thread::spawn(move || {
            let outcome = pool.install(|| work(&shared));
            // Nobody may be listening any more: then the result is not wanted.
            let _ = sender.send(outcome);
        });
        Ok(Self { progress, state: Mutex::new(State { receiver, outcome: None }) })
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

    /// Samples, or packets, that are finished.
    fn done(&self) -> u64 {
        self.progress.done()
    }

    /// Asks the work to stop.
    fn cancel(&self) {
        self.progress.cancel();
    }

    /// Arrays by name; the job is empty afterwards.
    fn result<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>, Raised> {
        let outcome = self.state.lock().expect("no holder panics").outcome.take();
        let missing = || SimulationError::new_err("the result was taken, or is not there yet");
        outcome.ok_or_else(missing)?(py)
    }
}
