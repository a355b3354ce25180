//! Which bytes of RAM code was decoded from, in lines of 64 bytes.
//!
//! Protocol: the core marks the lines of a block when it decodes it. A write to a marked line is noted, the line's mark is
//! cleared, and the core, before it runs on, takes the notes and drops the blocks that overlap. A frame that has ever
//! held code stays *watched*, until it is zeroed or overwritten whole: the MMU keeps no direct way of writing to it.

use arch::{FRAME_SIZE, Pfn, PhysAddr};

/// log2 of the bytes in a line.
pub const LINE_SHIFT: u32 = 6;

/// A write to lines that code was decoded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeWrite {
    /// The frame.
    pub pfn: Pfn,
    /// A bit for each of the frame's 64 lines.
    pub lines: u64,
}

/// The lines of one frame that `len` bytes (at least 1) from `offset` on touch, as a bit mask. Ends at the frame's end.
#[must_use]
pub const fn lines_of(offset: u64, len: u64) -> u64 {
    let first = offset >> LINE_SHIFT;
    let last = offset + len - 1;
    let last = if last >= FRAME_SIZE { 63 } else { last >> LINE_SHIFT };
    (u64::MAX << first) & (u64::MAX >> (63 - last))
}

#[derive(Clone, Copy, Debug, Default)]
struct FrameCode {
    lines: u64,
    watched: bool,
}

/// The code bitmap over all frames. It reaches as far as the last frame that has ever held code, so that its size
/// follows what the guest touches and not the size of RAM.
#[derive(Debug, Default)]
pub struct CodeMap {
    frames: Vec<FrameCode>,
    writes: Vec<CodeWrite>,
}

impl CodeMap {
    /// A map without code.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that code was decoded from these lines. True if the frame was not watched before, so that the MMU must now
    /// forget its direct ways of writing to it.
    pub fn mark(&mut self, pfn: Pfn, lines: u64) -> bool {
        let index = pfn.0 as usize;
        if index >= self.frames.len() {
            self.frames.resize(index + 1, FrameCode::default());
        }
        let frame = &mut self.frames[index];
        frame.lines |= lines;
        !std::mem::replace(&mut frame.watched, true)
    }

    /// True if writes to this frame must be looked at.
    #[must_use]
    pub fn is_watched(&self, pfn: Pfn) -> bool {
        self.frames.get(pfn.0 as usize).is_some_and(|f| f.watched)
    }

    /// Notes a write of `len` bytes at `pa`, all in RAM.
    pub fn written(&mut self, pa: PhysAddr, len: usize) {
        let (mut pa, mut left) = (pa, len as u64);
        while left > 0 {
            let here = left.min(FRAME_SIZE - pa.frame_offset());
            let hit = self.lines(pa.pfn()) & lines_of(pa.frame_offset(), here);
            if hit != 0 {
                self.note(pa.pfn(), hit);
            }
            pa = pa.wrapping_add(here);
            left -= here;
        }
    }

    /// Notes that a whole frame was overwritten; it is not watched any more.
    pub fn overwritten(&mut self, pfn: Pfn) {
        let hit = self.lines(pfn);
        if hit != 0 {
            self.note(pfn, hit);
        }
        if let Some(frame) = self.frames.get_mut(pfn.0 as usize) {
            frame.watched = false;
        }
    }

    /// The lines of a frame that code was decoded from.
    fn lines(&self, pfn: Pfn) -> u64 {
        self.frames.get(pfn.0 as usize).map_or(0, |frame| frame.lines)
    }

    /// True if there are writes that the core has not taken yet.
    #[must_use]
    pub fn has_writes(&self) -> bool {
        !self.writes.is_empty()
    }

    /// Takes the writes since the last call.
    pub fn take_writes(&mut self) -> Vec<CodeWrite> {
        std::mem::take(&mut self.writes)
    }

    fn note(&mut self, pfn: Pfn, lines: u64) {
        self.frames[pfn.0 as usize].lines &= !lines;
        self.writes.push(CodeWrite { pfn, lines });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_that_are_touched() {
        assert_eq!(lines_of(0, 1), 1);
        assert_eq!(lines_of(63, 2), 3);
        assert_eq!(lines_of(4095, 1), 1 << 63);
        assert_eq!(lines_of(4090, 100), 1 << 63);
        assert_eq!(lines_of(0, 4096), u64::MAX);
    }

    #[test]
    fn only_writes_to_code_are_noted_and_once() {
        let mut map = CodeMap::new();
        assert!(map.mark(Pfn(1), lines_of(128, 10)));
        assert!(!map.mark(Pfn(1), lines_of(130, 10)));
        map.written(PhysAddr(4096), 64);
        assert!(!map.has_writes());
        map.written(PhysAddr(4096 - 8), 8 + 129);
        map.written(PhysAddr(4096 + 128), 1);
        assert_eq!(map.take_writes(), [CodeWrite { pfn: Pfn(1), lines: 4 }]);
        assert!(map.is_watched(Pfn(1)));
        map.overwritten(Pfn(1));
        assert!(!map.is_watched(Pfn(1)) && !map.has_writes());
    }
}
