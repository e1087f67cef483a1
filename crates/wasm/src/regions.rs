//! Large blocks of wasm memory, in regions of its pages: Rust's allocator gives no block of more than half of the address
//! space, and one that it gave back lies between others, where a longer one does not fit.

/// Free regions, none of which touches another, by address.
pub struct Regions {
    free: Vec<(usize, usize)>,
}

impl Regions {
    pub const fn new() -> Self {
        Self { free: Vec::new() }
    }

    /// The address of `len` bytes, a multiple of the page; what is missing at the end of memory, `end`, comes from `grow`,
    /// which says where its bytes begin, if it gives any.
    pub fn take(&mut self, len: usize, end: usize, grow: impl FnOnce(usize) -> Option<usize>) -> Option<usize> {
        if let Some(i) = self.free.iter().position(|&(_, free)| free >= len) {
            let (start, free) = self.free[i];
            if free == len {
                self.free.remove(i);
            } else {
                self.free[i] = (start + len, free - len);
            }
            return Some(start);
        }
        let last = self.free.last().copied().filter(|&(start, free)| start + free == end);
        let more = grow(len - last.map_or(0, |(_, free)| free))?;
        match last {
            // Nobody else may have grown memory in between, or the new bytes are elsewhere.
            Some((start, _)) if more == end => {
                self.free.pop();
                Some(start)
            }
            Some((_, free)) => {
                self.give(more, len - free);
                None
            }
            None => Some(more),
        }
    }

    /// Gives back what `take` gave.
    pub fn give(&mut self, start: usize, len: usize) {
        let i = self.free.partition_point(|&(other, _)| other < start);
        self.free.insert(i, (start, len));
        for i in [i + 1, i] {
            // With the one before it, where they touch.
            if i > 0 && i < self.free.len() && self.free[i - 1].0 + self.free[i - 1].1 == self.free[i].0 {
                self.free[i - 1].1 += self.free[i].1;
                self.free.remove(i);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory that grows to 1000.
    fn grow(end: &mut usize, len: usize) -> Option<usize> {
        let start = *end;
        (start + len <= 1000).then(|| {
            *end += len;
            start
        })
    }

    #[test]
    fn a_region_that_was_given_back_grows_in_place() {
        let (mut regions, mut end) = (Regions::new(), 100);
        let mut take = |regions: &mut Regions, len| regions.take(len, end, |more| grow(&mut end, more));
        assert_eq!(take(&mut regions, 400), Some(100));
        regions.give(100, 400);
        assert_eq!(take(&mut regions, 900), Some(100));
        assert_eq!(take(&mut regions, 1), None);
        regions.give(100, 900);
        assert_eq!(take(&mut regions, 900), Some(100));
    }

    #[test]
    fn neighbours_become_one_in_any_order() {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let (mut regions, mut end) = (Regions::new(), 0);
            for i in 0..3 {
                assert_eq!(regions.take(100, end, |more| grow(&mut end, more)), Some(100 * i));
            }
            order.iter().for_each(|i| regions.give(100 * i, 100));
            assert_eq!(regions.take(250, end, |_| None), Some(0));
            assert_eq!(regions.take(50, end, |_| None), Some(250));
            assert_eq!(regions.take(50, end, |more| grow(&mut end, more)), Some(300));
        }
    }

    #[test]
    fn what_others_hold_is_in_nobodys_region() {
        let (mut regions, mut end) = (Regions::new(), 0);
        assert_eq!(regions.take(100, end, |more| grow(&mut end, more)), Some(0));
        end += 10;
        regions.give(0, 100);
        assert_eq!(regions.take(200, end, |more| grow(&mut end, more)), Some(110));
        assert_eq!(regions.take(60, end, |_| None), Some(0));
        assert_eq!(regions.take(60, end, |_| None), None);
        regions.give(110, 200);
        // Somebody grows memory at the same time.
        assert_eq!(regions.take(300, end, |_| Some(400)), None);
        assert_eq!(regions.take(100, end, |_| None), Some(110));
        assert_eq!(regions.take(100, end, |_| None), Some(210));
        assert_eq!(regions.take(100, end, |_| None), Some(400));
    }
}
