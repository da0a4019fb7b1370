//! The work of one timestep: which neurons update, which fire, and where their packets go.
//!
//! The value machine writes a [`Traffic`], the time machine says how long the chip takes for it.
//! Flat arrays and ranges into them: a timestep may hold millions of packets.

use std::ops::Range;

use thiserror::Error;

use crate::chip::ChipSpec;

/// Everything the chip must do in one timestep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Cores with neurons or spikes, in ascending order.
    pub cores: Vec<CoreWork>,
    /// What the somas do; each core has a range of them.
    pub updates: Vec<Update>,
    /// What fires; each core has a range of them.
    pub spikes: Vec<Spike>,
    /// What travels; each spike and each injection has a range of them.
    pub packets: Vec<Packet>,
    /// What waits outside the chip's io ports at the start of the timestep; at most one per port.
    pub inputs: Vec<Injection>,
}

/// The work of one core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreWork {
    /// The core.
    pub core: u32,
    /// Its part of [`Traffic::updates`].
    pub updates: Range<u32>,
    /// Its part of [`Traffic::spikes`], in ascending order of neurons.
    pub spikes: Range<u32>,
}

/// Consecutive neurons of one population on one core; the updates of a core cover its neurons in
/// order, from local index 0 up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update {
    /// How many neurons.
    pub neurons: u32,
    /// Cycles between groups of `core.timing.soma_lanes` of them in their phase; 0: they are idle in
    /// this timestep, take no cycles and cannot fire.
    pub soma_cycles: u32,
}

/// A neuron that fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spike {
    /// Local index on its core: decides the soma group that makes it visible.
    pub neuron: u32,
    /// Its part of [`Traffic::packets`], in the order in which they are sent.
    pub packets: Range<u32>,
}

/// One copy of a spike, on its way to one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// Where it goes.
    pub destination: Destination,
    /// Synapses of the row that it adds on arrival; 0 for a port.
    pub synapses: u32,
}

/// An end of a packet's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    /// A core; those of a node count from its number times `mesh.cores_per_node`.
    Core(u32),
    /// The world outside an io port, by its position in the chip file.
    Port(u32),
}

/// Packets that enter through an io port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injection {
    /// The port, by its position in the chip file.
    pub port: u32,
    /// Its part of [`Traffic::packets`], in the order in which they enter.
    pub packets: Range<u32>,
}

/// Why a traffic cannot be the work of this chip.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// A core, packet or injection names a place that the chip does not have.
    #[error("{what} {index} is at {place}, which chip '{chip}' does not have")]
    NoSuchPlace {
        /// What kind of entry.
        what: &'static str,
        /// Which of them.
        index: usize,
        /// The core or port it names.
        place: String,
        /// Name of the chip.
        chip: String,
    },
    /// A range reaches beyond the array it is a part of.
    #[error("{what} {index} has {part} up to {stop}, but there are {length}")]
    RangeTooLong {
        /// What kind of entry.
        what: &'static str,
        /// Which of them.
        index: usize,
        /// The array that the range is a part of.
        part: &'static str,
        /// End of the range.
        stop: u32,
        /// Length of the array.
        length: usize,
    },
    /// Entries that must ascend do not.
    #[error("{what} {index} is out of order")]
    OutOfOrder {
        /// What kind of entry.
        what: &'static str,
        /// The first that does not ascend.
        index: usize,
    },
    /// A neuron fires that does not update in this timestep.
    #[error("neuron {neuron} of core {core} fires but does not update in this timestep")]
    FiresWhileIdle {
        /// The core.
        core: u32,
        /// Local index of the neuron.
        neuron: u32,
    },
}

impl Traffic {
    /// Checks every index once, so that the cycle loop need not.
    ///
    /// # Errors
    /// The first entry that cannot be work of this chip.
    pub fn check(&self, spec: &ChipSpec) -> Result<(), Error> {
        let places = Places { spec, num_cores: spec.num_cores(), num_ports: spec.num_ports() };
        for (index, packet) in self.packets.iter().enumerate() {
            places.check("packet", index, packet.destination)?;
        }
        for (index, core) in self.cores.iter().enumerate() {
            places.check("core", index, Destination::Core(core.core))?;
            check_range("core", index, "updates", &core.updates, self.updates.len())?;
            check_range("core", index, "spikes", &core.spikes, self.spikes.len())?;
            self.check_spikes(core)?;
        }
        for (index, input) in self.inputs.iter().enumerate() {
            places.check("injection", index, Destination::Port(input.port))?;
            check_range("injection", index, "packets", &input.packets, self.packets.len())?;
        }
        check_ascending("core", self.cores.iter().map(|core| core.core))?;
        check_ascending("injection", self.inputs.iter().map(|input| input.port))
    }

    fn check_spikes(&self, core: &CoreWork) -> Result<(), Error> {
        let mut updates = self.updates_of(core).iter();
        let (mut update, mut stop) = (None, 0_u64);
        let mut previous = None;
        for index in core.spikes.start as usize..core.spikes.end as usize {
            let spike = &self.spikes[index];
            check_range("spike", index, "packets", &spike.packets, self.packets.len())?;
            if previous.is_some_and(|previous| previous >= spike.neuron) {
                return Err(Error::OutOfOrder { what: "spike", index });
            }
            previous = Some(spike.neuron);
            while stop <= u64::from(spike.neuron) {
                update = updates.next();
                let Some(update) = update else { break };
                stop += u64::from(update.neurons);
            }
            if update.is_none_or(|update: &Update| update.soma_cycles == 0) {
                return Err(Error::FiresWhileIdle { core: core.core, neuron: spike.neuron });
            }
        }
        Ok(())
    }

    /// The updates of a core.
    pub fn updates_of(&self, core: &CoreWork) -> &[Update] {
        &self.updates[core.updates.start as usize..core.updates.end as usize]
    }

    /// The spikes of a core.
    pub fn spikes_of(&self, core: &CoreWork) -> &[Spike] {
        &self.spikes[core.spikes.start as usize..core.spikes.end as usize]
    }
}

/// Where packets can start and end.
struct Places<'a> {
    spec: &'a ChipSpec,
    num_cores: u32,
    num_ports: u32,
}

impl Places<'_> {
    fn check(&self, what: &'static str, index: usize, place: Destination) -> Result<(), Error> {
        let exists = match place {
            Destination::Core(core) => core < self.num_cores && !self.spec.is_reserved(core),
            Destination::Port(port) => port < self.num_ports,
        };
        let chip = || self.spec.name.clone();
        let error = || Error::NoSuchPlace { what, index, place: place.to_string(), chip: chip() };
        if exists { Ok(()) } else { Err(error()) }
    }
}

fn check_range(
    what: &'static str,
    index: usize,
    part: &'static str,
    range: &Range<u32>,
    length: usize,
) -> Result<(), Error> {
    if range.start > range.end {
        return Err(Error::OutOfOrder { what, index });
    }
    let inside = range.end as usize <= length;
    if inside { Ok(()) } else { Err(Error::RangeTooLong { what, index, part, stop: range.end, length }) }
}

fn check_ascending(what: &'static str, values: impl Iterator<Item = u32> + Clone) -> Result<(), Error> {
    let mut pairs = values.clone().zip(values.skip(1)).enumerate();
    let falling = pairs.find(|(_, (before, after))| before >= after);
    falling.map_or(Ok(()), |(index, _)| Err(Error::OutOfOrder { what, index: index + 1 }))
}

impl std::fmt::Display for Destination {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Core(core) => write!(formatter, "core {core}"),
            Self::Port(port) => write!(formatter, "io port {port}"),
        }
    }
}
