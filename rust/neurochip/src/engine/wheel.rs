//! The time wheel: everything under way in the network, by the cycle in which it arrives.
//!
//! One ring of cycles for all messages, and a bit for each cycle in which something arrives: a cycle
//! costs nothing for lines on which nothing is under way, and the next arrival is found in one word.

/// The cycle of what never happens.
pub(super) const NEVER: u64 = u64::MAX;

/// A flit or a credit, and where it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    /// A slot of a router; a node; an io port.
    pub(super) place: u32,
    /// 0 for what is no flit.
    pub(super) flit: u32,
}

/// What arrives. Messages of one kind and cycle arrive in the order in which they were posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A credit for the output in a slot.
    RouterCredit,
    /// The same, from the far end of a link between chips.
    LinkCredit,
    /// The link behind the output in a slot is free again.
    LinkFreed,
    /// A flit for the input in a slot.
    RouterFlit,
    /// A credit for the core or cores of a node.
    CoreCredit,
    /// A credit for an io port.
    PortCredit,
    /// A flit for a core of a node.
    CoreFlit,
    /// A flit that leaves the chip.
    OutsideFlit,
}

const KINDS: usize = Kind::OutsideFlit as usize + 1;

/// Messages on their way, each of a kind.
#[derive(Debug)]
pub(super) struct Wheel {
    /// By cycle, modulo the size, and kind.
    lists: Vec<Vec<Arrival>>,
    /// By cycle: a bit for each kind of which something arrives.
    kinds: Vec<u8>,
    /// A bit for each cycle in which something arrives.
    busy: Vec<u64>,
    /// Cycles less one, a power of two less one.
    mask: u64,
    now: u64,
}

impl Wheel {
    /// For messages that take up to `longest` cycles.
    pub(super) fn new(longest: u32) -> Self {
        let size = (u64::from(longest) + 1).next_power_of_two().max(64);
        Self {
            lists: vec![vec![]; size as usize * KINDS],
            kinds: vec![0; size as usize],
            busy: vec![0; size as usize / 64],
            mask: size - 1,
            now: 0,
        }
    }

    /// Goes to a cycle, before which nothing is left to arrive.
    #[inline(always)]
    pub(super) fn go_to(&mut self, now: u64) {
        self.now = now;
    }

    /// Posts a message in this cycle, which arrives `latency` cycles later: at least one.
    #[inline(always)]
    pub(super) fn post(&mut self, kind: Kind, latency: u32, message: Arrival) {
        debug_assert!(latency > 0 && u64::from(latency) <= self.mask);
        let cycle = ((self.now + u64::from(latency)) & self.mask) as usize;
        self.lists[cycle * KINDS + kind as usize].push(message);
        self.kinds[cycle] |= 1 << kind as u8;
        self.busy[cycle / 64] |= 1 << (cycle % 64);
    }

    /// Whether anything arrives in this cycle.
    #[inline(always)]
    pub(super) fn has_arrivals(&self) -> bool {
        self.kinds[(self.now & self.mask) as usize] != 0
    }

    /// Takes what arrives in this cycle of a kind out; [`Wheel::put_back`] returns the list.
    #[inline(always)]
    pub(super) fn take(&mut self, kind: Kind) -> Option<Vec<Arrival>> {
        let cycle = (self.now & self.mask) as usize;
        if self.kinds[cycle] >> kind as u8 & 1 == 0 {
            return None;
        }
        self.kinds[cycle] &= !(1 << kind as u8);
        self.busy[cycle / 64] &= !(u64::from(self.kinds[cycle] == 0) << (cycle % 64));
        Some(std::mem::take(&mut self.lists[cycle * KINDS + kind as usize]))
    }

    /// Returns a list that was taken in this cycle, so that its memory is used again.
    #[inline(always)]
    pub(super) fn put_back(&mut self, kind: Kind, mut list: Vec<Arrival>) {
        list.clear();
        self.lists[(self.now & self.mask) as usize * KINDS + kind as usize] = list;
    }

    /// The next cycle, this one included, in which something arrives, or [`NEVER`].
    #[inline(always)]
    pub(super) fn next(&self) -> u64 {
        let first = (self.now & self.mask) as usize;
        let rotated = self.busy[first / 64] >> (first % 64);
        if rotated != 0 {
            return self.now + u64::from(rotated.trailing_zeros());
        }
        self.next_beyond(first)
    }

    /// The same where nothing arrives in the rest of this cycle's word.
    fn next_beyond(&self, first: usize) -> u64 {
        let words = self.busy.len();
        for behind in 1..=words {
            let word = self.busy[(first / 64 + behind) % words];
            if word != 0 {
                let ahead = 64 * behind - first % 64;
                return self.now + ahead as u64 + u64::from(word.trailing_zeros());
            }
        }
        NEVER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(place: u32) -> Arrival {
        Arrival { place, flit: 0 }
    }

    fn places(wheel: &mut Wheel, kind: Kind) -> Vec<u32> {
        let Some(list) = wheel.take(kind) else { return vec![] };
        let places = list.iter().map(|each| each.place).collect();
        wheel.put_back(kind, list);
        places
    }

    #[test]
    fn a_message_arrives_after_its_latency_and_in_no_other_cycle() {
        let mut wheel = Wheel::new(3);
        wheel.go_to(10);
        wheel.post(Kind::CoreCredit, 3, arrival(1));
        wheel.go_to(11);
        wheel.post(Kind::CoreCredit, 2, arrival(2));
        wheel.post(Kind::CoreFlit, 3, arrival(3));
        assert_eq!(wheel.next(), 13);
        wheel.go_to(13);
        assert!(wheel.has_arrivals());
        assert!(places(&mut wheel, Kind::CoreFlit).is_empty(), "early");
        assert_eq!(places(&mut wheel, Kind::CoreCredit), [1, 2], "on time, in order");
        assert!(places(&mut wheel, Kind::CoreCredit).is_empty(), "once");
        assert!(!wheel.has_arrivals());
        assert_eq!(wheel.next(), 14);
        wheel.go_to(14);
        assert_eq!(places(&mut wheel, Kind::CoreFlit), [3]);
        assert_eq!(wheel.next(), NEVER);
    }

    #[test]
    fn the_next_arrival_is_found_wherever_the_ring_stands() {
        for now in 0..300 {
            for latency in 1..=200 {
                let mut wheel = Wheel::new(200);
                wheel.go_to(now);
                wheel.post(Kind::RouterFlit, latency, arrival(7));
                assert_eq!(wheel.next(), now + u64::from(latency));
                wheel.go_to(now + u64::from(latency));
                assert_eq!(places(&mut wheel, Kind::RouterFlit), [7]);
            }
        }
    }

    #[test]
    fn a_timestep_that_begins_anew_finds_an_empty_ring() {
        let mut wheel = Wheel::new(5);
        wheel.go_to(1_000);
        wheel.post(Kind::OutsideFlit, 5, arrival(1));
        wheel.go_to(1_005);
        assert_eq!(places(&mut wheel, Kind::OutsideFlit), [1]);
        wheel.go_to(0);
        assert_eq!(wheel.next(), NEVER);
    }
}
