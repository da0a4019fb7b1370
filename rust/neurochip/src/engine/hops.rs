//! Messages across the sides of routers, which may take longer along y than along x.

use super::delay::Delay;
use crate::chip::{Noc as NocSpec, Port};

/// The line of messages along x, and the one along y: the same where both take as long.
#[derive(Debug)]
pub(super) struct Hops<T> {
    lines: [Delay<T>; 2],
    /// The bit of a side's number that is set along y; 0 where that makes no difference.
    y_bit: usize,
}

impl<T> Hops<T> {
    pub(super) fn new(spec: &NocSpec) -> Self {
        let cycles = [Port::PlusX, Port::PlusY].map(|side| spec.hop_cycles_to(side));
        let y_bit = if cycles[0] == cycles[1] { 0 } else { Port::PlusY as usize };
        Self { lines: cycles.map(Delay::new), y_bit }
    }

    /// Posts a message across a side in this cycle.
    #[inline(always)]
    pub(super) fn post(&mut self, side: usize, message: T) {
        self.lines[usize::from(side & self.y_bit != 0)].post(message);
    }

    /// How many messages were posted in this cycle.
    #[inline(always)]
    pub(super) fn posted(&self) -> u64 {
        self.lines[0].posted() + self.lines[1].posted()
    }

    /// Ends a cycle: what was posted in it is on its way.
    #[inline(always)]
    pub(super) fn close(&mut self, now: u64) {
        self.lines.iter_mut().for_each(|line| line.close(now));
    }

    /// The next message that arrives in this cycle, along x first.
    #[inline(always)]
    pub(super) fn take(&mut self, now: u64) -> Option<T> {
        let [along_x, along_y] = &mut self.lines;
        along_x.take(now).or_else(|| along_y.take(now))
    }

    /// The cycle of the next arrival, or `NEVER`.
    #[inline(always)]
    pub(super) fn next(&self) -> u64 {
        let [along_x, along_y] = &self.lines;
        along_x.next().min(along_y.next())
    }

    /// The line of messages along x, and the one along y.
    #[inline(always)]
    pub(super) fn lines(&mut self) -> &mut [Delay<T>; 2] {
        &mut self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::{BUILT_IN, ChipSpec};
    use crate::engine::delay::NEVER;

    fn hops(hop_cycles: u32, hop_y_cycles: Option<u32>) -> Hops<char> {
        let (_, tiny) = BUILT_IN.iter().find(|(name, _)| *name == "tiny").unwrap();
        let noc = ChipSpec::from_toml(tiny).unwrap().noc;
        Hops::new(&NocSpec { hop_cycles, hop_y_cycles, ..noc })
    }

    #[test]
    fn messages_along_y_take_their_own_time_on_both_sides() {
        let mut hops = hops(4, Some(7));
        for (side, message) in [(0, 'e'), (1, 'w'), (2, 'n'), (3, 's')] {
            hops.post(side, message);
        }
        assert_eq!(hops.posted(), 4);
        hops.close(10);
        assert_eq!(hops.next(), 14);
        assert_eq!(hops.take(13), None, "early");
        assert_eq!([14; 3].map(|now| hops.take(now)), [Some('e'), Some('w'), None]);
        assert_eq!(hops.next(), 17);
        assert_eq!([17; 3].map(|now| hops.take(now)), [Some('n'), Some('s'), None]);
        assert_eq!(hops.next(), NEVER);
    }

    #[test]
    fn one_line_is_enough_where_both_axes_take_as_long() {
        for along_y in [None, Some(4)] {
            let mut hops = hops(4, along_y);
            hops.post(0, 'e');
            hops.post(2, 'n');
            hops.close(0);
            assert_eq!([4; 3].map(|now| hops.take(now)), [Some('e'), Some('n'), None]);
        }
    }
}
