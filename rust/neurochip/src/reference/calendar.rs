//! Messages on their way: what one module sends another takes at least a cycle.

use super::packet::Flit;

/// What arrives somewhere in a cycle.
#[derive(Debug, Clone, Copy)]
pub(super) enum Message {
    /// A flit, at an input queue of a router.
    FlitAtRouter { router: u32, input: usize, flit: Flit },
    /// A flit, at the receive queue of a core.
    FlitAtCore { node: u32, flit: Flit },
    /// A flit, outside an io port.
    FlitOutside { flit: Flit },
    /// A free slot behind an output of a router.
    CreditAtRouter { router: u32, output: usize },
    /// A free slot in a router's local queue, at the Send engine of its core.
    CreditAtCore { node: u32 },
    /// A free slot in a router's outward queue, outside an io port.
    CreditAtPort { port: u32 },
}

/// Messages by the cycle in which they arrive: a ring of days as long as the longest latency.
#[derive(Debug)]
pub(super) struct Calendar {
    days: Vec<Vec<Message>>,
    pending: usize,
}

impl Calendar {
    /// A calendar for messages that arrive at most `longest_latency` cycles after they are posted.
    pub(super) fn new(longest_latency: u32) -> Self {
        Self { days: vec![vec![]; longest_latency as usize + 1], pending: 0 }
    }

    fn day(&mut self, cycle: u64) -> &mut Vec<Message> {
        let length = self.days.len() as u64;
        &mut self.days[(cycle % length) as usize]
    }

    /// Posts a message for a later cycle.
    pub(super) fn post(&mut self, cycle: u64, message: Message) {
        self.pending += 1;
        self.day(cycle).push(message);
    }

    /// Hands out the messages of a cycle; give the emptied list back with [`Calendar::give_back`].
    pub(super) fn take(&mut self, cycle: u64) -> Vec<Message> {
        let messages = std::mem::take(self.day(cycle));
        self.pending -= messages.len();
        messages
    }

    /// Keeps the memory of an emptied list for later messages.
    pub(super) fn give_back(&mut self, cycle: u64, emptied: Vec<Message>) {
        *self.day(cycle) = emptied;
    }

    /// The first cycle after `now` with a message.
    pub(super) fn next_after(&mut self, now: u64) -> Option<u64> {
        let length = self.days.len() as u64;
        let mut later = (now + 1..=now + length).filter(|_| self.pending > 0);
        later.find(|cycle| !self.days[(cycle % length) as usize].is_empty())
    }

    /// Whether no message is on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.pending == 0
    }

    /// Every message on its way.
    pub(super) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.days.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_found_in_its_cycle_and_in_no_other() {
        let mut calendar = Calendar::new(3);
        calendar.post(13, Message::CreditAtCore { node: 7 });
        assert_eq!(calendar.next_after(10), Some(13));
        assert!(calendar.take(12).is_empty(), "early");
        assert!(matches!(calendar.take(13)[..], [Message::CreditAtCore { node: 7 }]), "on time");
        assert_eq!(calendar.next_after(13), None);
    }
}
