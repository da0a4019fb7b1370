//! Simulator: samples through values and time, on as many threads as are asked for.
//!
//! Samples are independent, and so are a sample's timesteps: each starts at a barrier with an empty
//! network. Results are therefore the same on any number of threads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;
use thiserror::Error;

use crate::counters::Counters;
use crate::engine::{self, Machine};
use crate::image::Image;
use crate::schedule::{Costs, Schedule, Untimed};
use crate::timeline::Timeline;
use crate::values::{Counts, Record, Values};

/// Which machines run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// Values alone.
    None,
    /// Values, and the cycle in which everything happens.
    Cycle,
}

/// Seen and steered from another thread while a run is under way.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    cancelled: AtomicBool,
}

impl Progress {
    /// Samples that are finished.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Asks the run to stop: what is under way is dropped within one timestep.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// Why a run has no result.
#[derive(Debug, Error)]
pub enum Error {
    /// Codes are missing or too many.
    #[error("{codes} codes are no whole number of samples of {length}")]
    Length {
        /// Codes given.
        codes: usize,
        /// Codes of one sample.
        length: usize,
    },
    /// The time machine found work that can never be done, or that is not this chip's.
    #[error("sample {sample}, timestep {timestep}: {error}")]
    Time {
        /// Which sample of the batch.
        sample: usize,
        /// Which of its timesteps.
        timestep: u32,
        /// What happened.
        error: engine::Error,
    },
    /// [`Progress::cancel`] was called.
    #[error("cancelled after {done} samples")]
    Cancelled {
        /// Samples that were finished.
        done: u64,
    },
}

/// What one sample took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SampleRun {
    /// Spikes and outputs.
    pub record: Record,
    /// Everything counted; the cycles are 0 without timing.
    pub counters: Counters,
    /// Cycles that each timestep's own work takes; empty without timing.
    pub work_cycles: Vec<u64>,
}

/// An image, unpacked for running.
#[derive(Debug)]
pub struct Simulator {
    image: Image,
    values: Values,
    schedule: Schedule,
    costs: Costs,
}

impl Simulator {
    /// Unpacks an image.
    pub fn new(image: Image) -> Self {
        let schedule = Schedule::new(&image);
        let costs = schedule.costs(image.description());
        Self { values: Values::new(&image), costs, schedule, image }
    }

    /// The image.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Codes of one sample: one for each neuron of the input, which is the first population.
    pub fn input_length(&self) -> usize {
        self.image.description().populations[0].num_neurons()
    }

    /// Runs samples on the current thread pool: `inputs` holds their codes, one after the other.
    ///
    /// A code is what [`Values::run`] takes.
    ///
    /// # Errors
    /// Codes that are no whole number of samples; a cancelled run; a deadlock, which no valid chip
    /// can reach.
    pub fn run(&self, inputs: &[u8], timing: Timing, progress: &Progress) -> Result<Vec<SampleRun>, Error> {
        self.run_keeping(inputs, timing, progress, |run| run)
    }

    /// As [`Simulator::run`], keeping of each sample only what `keep` makes of it: the spike records
    /// of a whole test set can be larger than memory.
    ///
    /// # Errors
    /// As [`Simulator::run`].
    pub fn run_keeping<Kept: Send>(
        &self,
        inputs: &[u8],
        timing: Timing,
        progress: &Progress,
        keep: impl Fn(SampleRun) -> Kept + Sync,
    ) -> Result<Vec<Kept>, Error> {
        let (codes, length) = (inputs.len(), self.input_length());
        if !codes.is_multiple_of(length) {
            return Err(Error::Length { codes, length });
        }
        let run = |(sample, input)| {
            let run = self.run_sample(sample, input, timing, progress)?;
            progress.done.fetch_add(1, Ordering::Relaxed);
            Ok(keep(run))
        };
        inputs.par_chunks_exact(length).enumerate().map(run).collect()
    }

    fn run_sample(
        &self,
        sample: usize,
        input: &[u8],
        timing: Timing,
        progress: &Progress,
    ) -> Result<SampleRun, Error> {
        if progress.is_cancelled() {
            return Err(Error::Cancelled { done: progress.done() });
        }
        let record = self.values.run(&self.image, input);
        let untimed = self.costs.of(self.image.description(), &record.codes);
        let mut counters = counted(&record.counts, &untimed, self.image.description().chip.noc.packet_flits);
        let work_cycles = match timing {
            Timing::None => vec![],
            Timing::Cycle => self.time(sample, &record, &mut counters, progress)?,
        };
        Ok(SampleRun { record, counters, work_cycles })
    }

    /// The cycles of each timestep's own work; replaces `counters` by what the time machine counted.
    fn time(
        &self,
        sample: usize,
        record: &Record,
        counters: &mut Counters,
        progress: &Progress,
    ) -> Result<Vec<u64>, Error> {
        let description = self.image.description();
        let step = |machine: &mut Machine, timestep| {
            if progress.is_cancelled() {
                return Err(Error::Cancelled { done: progress.done() });
            }
            let traffic = self.schedule.traffic(description, &record.codes, timestep);
            machine.simulate(&traffic, None).map_err(|error| Error::Time { sample, timestep, error })
        };
        let steps: Vec<_> = (0..description.timesteps)
            .into_par_iter()
            .map_init(|| Machine::new(&description.chip), step)
            .collect::<Result<_, _>>()?;
        let quiet: Vec<u64> = steps.iter().map(|step| step.quiet_cycle).collect();
        let mut timed = Timeline::new(&description.chip.sync, &quiet).counters;
        for step in &steps {
            timed.add(&step.counters);
        }
        // Spikes of the input come from outside and are no neuron's, so only values see them.
        timed.spikes = counters.spikes;
        let events = |counted: &Counters| {
            [counted.sops, counted.packets, counted.flit_hops, counted.link_flits, counted.io_flits]
        };
        debug_assert_eq!(events(&timed), events(counters), "time and values differ");
        *counters = timed;
        Ok(quiet.iter().map(|quiet| quiet + 1).collect())
    }
}

/// The counters that need no time.
fn counted(counts: &[Counts], untimed: &Untimed, packet_flits: u32) -> Counters {
    let flits = u64::from(packet_flits);
    Counters {
        spikes: counts.iter().map(|counts| counts.spikes).sum(),
        sops: counts.iter().map(|counts| counts.sops).sum(),
        packets: untimed.packets,
        input_packets: untimed.input_packets,
        output_packets: untimed.output_packets,
        flits: untimed.packets * flits,
        flit_hops: untimed.packet_hops * flits,
        link_flits: untimed.packet_chip_hops * flits,
        io_flits: (untimed.input_packets + untimed.output_packets) * flits,
        soma_updates: untimed.soma_updates,
        ..Counters::default()
    }
}
