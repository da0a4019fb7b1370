//! Messages that all take the same number of cycles: what is posted first arrives first.
//!
//! The machine has few latencies, one such line each. So the cycle of the next arrival is known
//! without a search, whatever the latency, and an idle line costs nothing.

use std::collections::VecDeque;

/// The cycle of what never happens.
pub(super) const NEVER: u64 = u64::MAX;

/// A line from where messages are posted to where they arrive, `latency` cycles later.
#[derive(Debug)]
pub(super) struct Delay<T> {
    latency: u64,
    /// What is on its way. One ring and no list a cycle: most cycles have a message or two.
    messages: VecDeque<T>,
    /// How many of them were posted in this cycle.
    posted: usize,
    /// How many arrive in each later cycle in which any do.
    due: VecDeque<(u64, usize)>,
    /// The first of those cycles, or [`NEVER`].
    next: u64,
    /// How many arrived in this cycle and are still to be taken.
    arrived: usize,
}

impl<T> Delay<T> {
    pub(super) fn new(latency: u32) -> Self {
        let (latency, messages, due) = (u64::from(latency), VecDeque::new(), VecDeque::new());
        Self { latency, messages, posted: 0, due, next: NEVER, arrived: 0 }
    }

    /// Posts a message in this cycle.
    #[inline(always)]
    pub(super) fn post(&mut self, message: T) {
        self.messages.push_back(message);
        self.posted += 1;
    }

    /// How many messages were posted in this cycle.
    pub(super) fn posted(&self) -> u64 {
        self.posted as u64
    }

    /// Ends a cycle: what was posted in it is on its way.
    #[inline(always)]
    pub(super) fn close(&mut self, now: u64) {
        if self.posted > 0 {
            self.due.push_back((now + self.latency, self.posted));
            self.next = self.next.min(now + self.latency);
            self.posted = 0;
        }
    }

    /// The next message that arrives in this cycle. Whoever takes one takes all of them.
    #[inline(always)]
    pub(super) fn take(&mut self, now: u64) -> Option<T> {
        if self.arrived == 0 {
            if self.next != now {
                return None;
            }
            self.arrived = self.due.pop_front().map_or(0, |(_, messages)| messages);
            self.next = self.due.front().map_or(NEVER, |&(cycle, _)| cycle);
        }
        self.arrived -= 1;
        self.messages.pop_front()
    }

    /// The cycle of the next arrival, or [`NEVER`].
    #[inline(always)]
    pub(super) fn next(&self) -> u64 {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_arrives_after_the_latency_and_in_no_other_cycle() {
        let mut delay = Delay::new(3);
        delay.post('a');
        assert_eq!(delay.posted(), 1);
        delay.close(10);
        delay.post('b');
        delay.post('c');
        delay.close(11);
        assert_eq!(delay.next(), 13);
        assert_eq!(delay.take(12), None, "early");
        assert_eq!(delay.take(13), Some('a'), "on time");
        assert_eq!(delay.take(13), None, "once");
        assert_eq!([14, 14, 14].map(|now| delay.take(now)), [Some('b'), Some('c'), None], "in order");
        assert_eq!(delay.next(), NEVER);
    }

    #[test]
    fn a_cycle_without_messages_is_no_arrival() {
        let mut delay = Delay::<char>::new(1);
        delay.close(0);
        assert_eq!(delay.next(), NEVER);
    }
}
