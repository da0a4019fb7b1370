//! Simulator: samples through values and time, on as many threads as are asked for.
//!
//! Values of samples are independent, and so are the cycles of timesteps: each starts at a barrier with
//! an empty network, and its traffic is the union over the samples in flight. Results are therefore the
//! same on any number of threads.

mod sample_run;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Mutex;

use rayon::prelude::*;
pub use sample_run::{Activity, SampleRun};
use sample_run::{counted, counted_each, with_cycles};
use thiserror::Error;

use crate::chip::ChipSpec;
use crate::counters::Counters;
use crate::engine::{self, Machine, Places, StepTiming};
use crate::image::Image;
use crate::image::description::{Description, Population};
use crate::instructions::Instructions;
use crate::pipeline::Pipeline;
use crate::placement::Flow;
pub use crate::progress::Progress;
use crate::schedule::{Costs, InFlight, Schedule, Sent};
use crate::timeline::Timeline;
use crate::values::{Record, Values};

/// Bytes of spike records that are held at once while timesteps are simulated.
const CHUNK_BYTES: usize = 1 << 26;
/// Most samples whose records are held at once: progress counts samples that are finished.
const CHUNK_SAMPLES: usize = 256;

/// Which machines run.
#[derive(Debug, Clone, Copy)]
pub enum Timing<'a> {
    /// Values alone.
    None,
    /// Values, and the cycle in which everything happens.
    Cycle,
    /// The same, and how busy engines and router outputs are is added to these places, but for their nodes.
    Placed(&'a Mutex<Places>),
    /// The same, what happens at nodes, and what happens in each timestep.
    Detailed(&'a Mutex<Places>),
}

impl<'a> Timing<'a> {
    /// Where what happens where is added, if anyone asked.
    fn places(self) -> Option<&'a Mutex<Places>> {
        match self {
            Timing::None | Timing::Cycle => None,
            Timing::Placed(places) | Timing::Detailed(places) => Some(places),
        }
    }
}

/// A machine that reports what happened where when it has run its timesteps: once, as that takes longer than a
/// timestep without work.
struct Placing<'a> {
    machine: Machine,
    places: Option<&'a Mutex<Places>>,
}

impl<'a> Placing<'a> {
    fn new(chip: &ChipSpec, timing: Timing<'a>) -> Self {
        let machine = Machine::new(chip);
        let machine = match timing {
            Timing::None | Timing::Cycle => machine,
            Timing::Placed(_) => machine.counting_load(),
            Timing::Detailed(_) => machine.counting_places(),
        };
        Self { machine, places: timing.places() }
    }
}

impl Drop for Placing<'_> {
    fn drop(&mut self) {
        // A lock that is poisoned is that of a run that has panicked already.
        if let Some(Ok(mut places)) = self.places.map(Mutex::lock) {
            places.add(&self.machine.take_places());
        }
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
    /// Not every neuron has a count of spikes, or there are more counts than neurons.
    #[error("there are {counts} counts of spikes, the network has {neurons} neurons")]
    Spikes {
        /// Counts given.
        counts: usize,
        /// Neurons of all populations.
        neurons: usize,
    },
    /// The time machine found work that can never be done, or that is not this chip's.
    #[error("sample {sample}, timestep {timestep}: {error}")]
    Time {
        /// Which sample of the batch: the last that had entered.
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

/// Samples of a run, which may be given in several batches.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Codes of the samples, one after the other; a code is what [`Values::run`] takes.
    pub codes: &'a [u8],
    /// The first so many had their results in an earlier batch, and are still in flight.
    pub before: usize,
    /// Whether another batch follows, whose samples enter while the last of this one are in flight.
    pub more: bool,
}

impl<'a> Batch<'a> {
    /// A whole run.
    pub fn whole(codes: &'a [u8]) -> Self {
        Self { codes, before: 0, more: false }
    }
}

/// Neurons of each population that update in these timesteps of a run of so many samples.
fn updates(
    schedule: &Schedule,
    description: &Description,
    pipeline: Pipeline,
    timesteps: Range<usize>,
    samples: usize,
) -> Vec<u64> {
    let mut updates = vec![0; description.populations.len()];
    for timestep in timesteps {
        let in_flight: Vec<u32> = pipeline.in_flight(timestep, samples).map(|(_, own)| own).collect();
        let now = schedule.soma_updates(description, &in_flight);
        updates.iter_mut().zip(now).for_each(|(updates, now)| *updates += now);
    }
    updates
}

/// An image, unpacked for running.
#[derive(Debug)]
pub struct Simulator {
    image: Image,
    values: Values,
    schedule: Schedule,
    costs: Costs,
    pipeline: Pipeline,
    instructions: Instructions,
    /// Neurons of each population that update for a sample that is alone on the chip.
    updates_alone: Vec<u64>,
    /// Nodes with neurons.
    active_nodes: u32,
}

impl Simulator {
    /// Unpacks an image, for the widest instructions of this machine.
    pub fn new(image: Image) -> Self {
        Self::with_instructions(image, Instructions::widest())
    }

    /// Unpacks an image; results are the same with all instructions.
    pub fn with_instructions(image: Image, instructions: Instructions) -> Self {
        let schedule = Schedule::new(&image);
        let costs = schedule.costs(image.description());
        let pipeline = Pipeline::new(image.description());
        let (grid, tiles) = (image.description().chip.grid(), &image.description().tiles);
        let nodes: BTreeSet<u32> = tiles.iter().map(|tile| grid.node_of(tile.core)).collect();
        let active_nodes = nodes.len() as u32;
        let updates_alone = updates(&schedule, image.description(), pipeline, pipeline.slot(0, true), 1);
        let values = Values::new(&image, instructions);
        Self { image, values, schedule, costs, pipeline, instructions, updates_alone, active_nodes }
    }

    /// The image.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Codes of one sample: one for each neuron of the input, which is the first population.
    pub fn input_length(&self) -> usize {
        self.image.description().populations[0].num_neurons()
    }

    /// Packets between tiles, given how often each neuron fires: populations one after the other.
    ///
    /// # Errors
    /// Counts that are not one per neuron.
    pub fn flows(&self, spikes: &[u64]) -> Result<Vec<Flow>, Error> {
        let description = self.image.description();
        let neurons = description.populations.iter().map(Population::num_neurons).sum();
        if spikes.len() != neurons {
            return Err(Error::Spikes { counts: spikes.len(), neurons });
        }
        let mut rest = spikes.iter().copied();
        let of = |population: &Population| rest.by_ref().take(population.num_neurons()).collect();
        let spikes: Vec<Vec<u64>> = description.populations.iter().map(of).collect();
        Ok(self.schedule.flows(description, &spikes))
    }

    /// Runs samples on the current thread pool: `inputs` holds their codes, one after the other.
    ///
    /// # Errors
    /// Codes that are no whole number of samples; a cancelled run; a deadlock, which no valid chip
    /// can reach.
    pub fn run(
        &self,
        inputs: &[u8],
        timing: Timing<'_>,
        progress: &Progress,
    ) -> Result<Vec<SampleRun>, Error> {
        self.run_keeping(Batch::whole(inputs), timing, progress, |run| run)
    }

    /// As [`Simulator::run`] for a batch, keeping of each sample only what `keep` makes of it: the spike
    /// records of a whole test set can be larger than memory.
    ///
    /// # Errors
    /// As [`Simulator::run`].
    pub fn run_keeping<Kept: Send>(
        &self,
        batch: Batch<'_>,
        timing: Timing<'_>,
        progress: &Progress,
        keep: impl Fn(SampleRun) -> Kept + Sync,
    ) -> Result<Vec<Kept>, Error> {
        let (codes, length) = (batch.codes.len(), self.input_length());
        if !codes.is_multiple_of(length) {
            return Err(Error::Length { codes, length });
        }
        let samples: Vec<&[u8]> = batch.codes.chunks_exact(length).collect();
        match timing {
            Timing::None => self.run_values(&samples, batch, progress, keep),
            timed => self.run_timed(&samples, batch, timed, progress, keep),
        }
    }

    /// Runs samples without time, each by itself.
    fn run_values<Kept: Send>(
        &self,
        samples: &[&[u8]],
        batch: Batch<'_>,
        progress: &Progress,
        keep: impl Fn(SampleRun) -> Kept + Sync,
    ) -> Result<Vec<Kept>, Error> {
        let together = self.samples_together(samples.len() - batch.before);
        let run = |first: usize| {
            let taken = first..samples.len().min(first + together);
            let records = self.record(&samples[taken.clone()], progress)?;
            let kept = taken.zip(records).map(|(sample, record)| {
                let timesteps = self.pipeline.slot(sample, sample + 1 == samples.len() && !batch.more);
                progress.add_done(1);
                keep(self.untimed(record, timesteps, samples.len()))
            });
            Ok(kept.collect::<Vec<_>>())
        };
        let firsts = (batch.before..samples.len()).step_by(together).collect::<Vec<_>>();
        let kept = firsts.into_par_iter().map(run).collect::<Result<Vec<_>, _>>()?;
        Ok(kept.into_iter().flatten().collect())
    }

    /// Runs samples chunk by chunk: first their values, then the timesteps of their slots. The records
    /// of samples that are still in flight are carried over to the next chunk.
    fn run_timed<Kept: Send>(
        &self,
        samples: &[&[u8]],
        batch: Batch<'_>,
        timing: Timing<'_>,
        progress: &Progress,
        keep: impl Fn(SampleRun) -> Kept + Sync,
    ) -> Result<Vec<Kept>, Error> {
        let (finished, mut entering) = samples.split_at(batch.before);
        let mut records = self.records(finished, progress)?;
        let mut kept = Vec::with_capacity(entering.len());
        while !entering.is_empty() {
            let (chunk, rest) = entering.split_at(entering.len().min(self.chunk_samples()));
            let carried = records.len();
            records.extend(self.records(chunk, progress)?);
            let run = |sample| {
                let is_last = sample + 1 == records.len() && rest.is_empty() && !batch.more;
                let timesteps = self.pipeline.slot(sample, is_last);
                let run = self.time(&records, sample, timesteps, timing, progress)?;
                progress.add_done(1);
                Ok(keep(run))
            };
            kept.extend((carried..records.len()).into_par_iter().map(run).collect::<Result<Vec<_>, _>>()?);
            records.drain(..records.len().saturating_sub(self.pipeline.depth() - 1));
            entering = rest;
        }
        Ok(kept)
    }

    /// Samples whose records are held at once, beside those in flight.
    fn chunk_samples(&self) -> usize {
        let neurons: usize = self.image.description().populations.iter().map(Population::num_neurons).sum();
        (CHUNK_BYTES / neurons).clamp(1, CHUNK_SAMPLES)
    }

    fn records(&self, samples: &[&[u8]], progress: &Progress) -> Result<Vec<Record>, Error> {
        let parts = samples.par_chunks(self.samples_together(samples.len()));
        let records = parts.map(|samples| self.record(samples, progress)).collect::<Result<Vec<_>, _>>()?;
        Ok(records.into_iter().flatten().collect())
    }

    /// Of so many samples, how many a thread should take at once: none should wait for another's.
    fn samples_together(&self, samples: usize) -> usize {
        let share = samples.div_ceil(rayon::current_num_threads());
        self.values.samples_together().min(share).max(1)
    }

    fn record(&self, samples: &[&[u8]], progress: &Progress) -> Result<Vec<Record>, Error> {
        if progress.is_cancelled() {
            return Err(Error::Cancelled { done: progress.done() });
        }
        Ok(self.values.run(&self.image, samples))
    }

    /// A sample without time: its slot is `timesteps`, of a run of so many samples.
    fn untimed(&self, record: Record, timesteps: Range<usize>, samples: usize) -> SampleRun {
        let description = self.image.description();
        let packet_flits = u64::from(description.chip.noc.packet_flits);
        let sent = self.costs.of(description, &record.codes, self.instructions).into_iter();
        let activity = |(sent, soma_updates): (Sent, u64)| Activity {
            packets: sent.packets,
            node_packets: sent.node_packets,
            flit_hops: sent.packet_hops * packet_flits,
            flit_hops_y: sent.packet_hops_y * packet_flits,
            link_flits: sent.packet_chip_hops * packet_flits,
            soma_updates,
        };
        let updates = if self.pipeline.depth() == 1 {
            self.updates_alone.clone()
        } else {
            updates(&self.schedule, description, self.pipeline, timesteps, samples)
        };
        let activity: Vec<Activity> = sent.zip(updates).map(activity).collect();
        let counters = counted(&record.counts, &activity, description);
        SampleRun { record, activity, counters, ..SampleRun::default() }
    }

    /// A sample with time: its slot is `timesteps`, of a run of all these samples.
    fn time(
        &self,
        records: &[Record],
        sample: usize,
        timesteps: Range<usize>,
        timing: Timing<'_>,
        progress: &Progress,
    ) -> Result<SampleRun, Error> {
        let steps = self.steps(records, sample, timesteps.clone(), timing, progress)?;
        let quiet: Vec<u64> = steps.iter().map(|step| step.quiet_cycle).collect();
        let timeline = self.timeline(&quiet);
        let mut timed = timeline.counters;
        for step in &steps {
            timed.add(&step.counters);
        }
        let run = self.untimed(records[sample].clone(), timesteps, records.len());
        let events = |counted: &Counters| {
            [counted.sops, counted.packets, counted.flit_hops, counted.link_flits, counted.io_flits]
        };
        debug_assert_eq!(timed.soma_updates, run.counters.soma_updates, "time and values differ");
        // With others in flight the slot holds their events too: only the whole run agrees then.
        debug_assert!(
            self.pipeline.depth() > 1 || events(&timed) == events(&run.counters),
            "time and values differ"
        );
        Ok(SampleRun {
            counters: with_cycles(&run.counters, &timed),
            work_cycles: quiet.iter().map(|quiet| quiet + 1).collect(),
            timestep_cycles: timeline.lengths().collect(),
            timesteps: if matches!(timing, Timing::Detailed(_)) {
                counted_each(&steps, |quiet| self.timeline(quiet))
            } else {
                vec![]
            },
            ..run
        })
    }

    /// Lines timesteps up, given the cycle in which each is quiet.
    fn timeline(&self, quiet_cycles: &[u64]) -> Timeline {
        Timeline::new(&self.image.description().chip, self.active_nodes, quiet_cycles)
    }

    /// The cycles of the timesteps of a sample's slot; where things happen is added to the places of `timing`.
    fn steps(
        &self,
        records: &[Record],
        sample: usize,
        timesteps: Range<usize>,
        timing: Timing<'_>,
        progress: &Progress,
    ) -> Result<Vec<StepTiming>, Error> {
        let description = self.image.description();
        let entry = timesteps.start;
        let step = |placing: &mut Placing<'_>, timestep| {
            if progress.is_cancelled() {
                return Err(Error::Cancelled { done: progress.done() });
            }
            let in_flight = self.pipeline.in_flight(timestep, records.len());
            let samples: Vec<InFlight<'_>> = in_flight
                .map(|(sample, timestep)| InFlight { codes: &records[sample].codes, timestep })
                .collect();
            let traffic = self.schedule.traffic(description, &samples);
            let timestep = (timestep - entry) as u32; // no longer than a sample's own timesteps
            let step = placing.machine.simulate(&traffic, None);
            step.map_err(|error| Error::Time { sample, timestep, error })
        };
        let placing = || Placing::new(&description.chip, timing);
        timesteps.into_par_iter().map_init(placing, step).collect()
    }
}
