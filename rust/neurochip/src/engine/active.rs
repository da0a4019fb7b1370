//! Which routers must be looked at, as bits: in the order of their nodes, so that neighbours in the
//! mesh are neighbours in time and in memory (on 96 x 96 routers, whose state exceeds a cache, this
//! decides the speed).

/// A set of nodes.
#[derive(Debug, Default)]
pub(super) struct ActiveSet {
    /// A bit for each node.
    words: Vec<u64>,
    /// A bit for each word that may hold one, so that a sparse set costs little.
    groups: Vec<u64>,
}

impl ActiveSet {
    pub(super) fn new(num_nodes: u32) -> Self {
        let num_words = num_nodes.div_ceil(64) as usize;
        Self { words: vec![0; num_words], groups: vec![0; num_words.div_ceil(64)] }
    }

    /// Puts a node in, without a branch: whether it is there already is as good as random.
    #[inline(always)]
    pub(super) fn insert(&mut self, node: u32) {
        let word = node / 64;
        self.words[word as usize] |= 1 << (node % 64);
        self.groups[(word / 64) as usize] |= 1 << (word % 64);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.iter().all(|&words| words == 0)
    }

    /// Visits every node in ascending order and keeps those for which `stays` holds.
    #[inline(always)]
    pub(super) fn retain(&mut self, mut stays: impl FnMut(u32) -> bool) {
        for (group, words) in self.groups.iter_mut().enumerate() {
            let mut unseen = *words;
            while unseen != 0 {
                let word = unseen.trailing_zeros();
                unseen &= unseen - 1;
                let nodes = &mut self.words[group * 64 + word as usize];
                let first = (group as u32 * 64 + word) * 64;
                let mut unvisited = *nodes;
                while unvisited != 0 {
                    let node = unvisited.trailing_zeros();
                    unvisited &= unvisited - 1;
                    *nodes &= !(u64::from(!stays(first + node)) << node);
                }
                *words &= !(u64::from(*nodes == 0) << word);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_visited_in_ascending_order_until_they_do_not_stay() {
        let mut active = ActiveSet::new(10_000);
        for node in [9_999, 4_096, 63, 0, 64, 63] {
            active.insert(node);
        }
        let mut visited = vec![];
        active.retain(|node| {
            visited.push(node);
            node == 63 || node == 9_999
        });
        assert_eq!(visited, [0, 63, 64, 4_096, 9_999]);
        visited.clear();
        active.retain(|node| {
            visited.push(node);
            false
        });
        assert_eq!(visited, [63, 9_999]);
        assert!(active.is_empty());
    }
}
