//! Messages that all take the same number of cycles: what is posted first arrives first.
//!
//! The machine has few latencies, one such line each. So the cycle of the next arrival is known
//! without a search, whatever the latency, and an idle line costs nothing.

use std::collections::VecDeque;

/// A line from where messages are posted to where they arrive, `latency` cycles later.
#[derive(Debug)]
pub(super) struct Delay<T> {
    latency: u64,
    /// What was posted in this cycle.
    outgoing: Vec<T>,
    /// What arrives in each later cycle in which something does.
    due: VecDeque<(u64, Vec<T>)>,
    /// Emptied lists, whose memory later cycles use.
    spare: Vec<Vec<T>>,
}

impl<T> Delay<T> {
    pub(super) fn new(latency: u32) -> Self {
        Self { latency: u64::from(latency), outgoing: vec![], due: VecDeque::new(), spare: vec![] }
    }

    /// Posts a message in this cycle.
    #[inline(always)]
    pub(super) fn post(&mut self, message: T) {
        self.outgoing.push(message);
    }

    /// How many messages were posted in this cycle.
    pub(super) fn posted(&self) -> u64 {
        self.outgoing.len() as u64
    }

    /// Ends a cycle: what was posted in it is on its way.
    pub(super) fn close(&mut self, now: u64) {
        if !self.outgoing.is_empty() {
            let emptied = self.spare.pop().unwrap_or_default();
            let posted = std::mem::replace(&mut self.outgoing, emptied);
            self.due.push_back((now + self.latency, posted));
        }
    }

    /// What arrives in this cycle; hand the list back with [`Delay::give_back`].
    pub(super) fn take(&mut self, now: u64) -> Option<Vec<T>> {
        if self.next() == Some(now) { self.due.pop_front().map(|(_, messages)| messages) } else { None }
    }

    /// Keeps the memory of a list that [`Delay::take`] handed out.
    pub(super) fn give_back(&mut self, mut messages: Vec<T>) {
        messages.clear();
        self.spare.push(messages);
    }

    /// The cycle of the next arrival.
    pub(super) fn next(&self) -> Option<u64> {
        self.due.front().map(|(cycle, _)| *cycle)
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
        delay.close(11);
        assert_eq!(delay.next(), Some(13));
        assert_eq!(delay.take(12), None, "early");
        assert_eq!(delay.take(13), Some(vec!['a']), "on time");
        assert_eq!(delay.take(13), None, "once");
        assert_eq!(delay.take(14), Some(vec!['b']));
        assert_eq!(delay.next(), None);
    }

    #[test]
    fn a_cycle_without_messages_is_no_arrival() {
        let mut delay = Delay::<char>::new(1);
        delay.close(0);
        assert_eq!(delay.next(), None);
    }
}
