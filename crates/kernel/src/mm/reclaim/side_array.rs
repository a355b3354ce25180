//! A value for each page frame, beside the frames.
//!
//! Invariant: a value that was never written is the default. Host memory is taken in chunks as frames are first written
//! to, so that a large machine that uses little of its RAM costs little.

use arch::Pfn;

/// Frames of a chunk.
const CHUNK_FRAMES: usize = 512;

/// Values by frame number.
#[derive(Debug, Default)]
pub(in crate::mm::reclaim) struct SideArray<T> {
    chunks: Vec<Option<Box<[T]>>>,
}

impl<T: Copy + Default> SideArray<T> {
    /// The value of a frame.
    pub(in crate::mm::reclaim) fn get(&self, pfn: Pfn) -> T {
        let (chunk, index) = place(pfn);
        self.chunks.get(chunk).and_then(Option::as_ref).map_or_else(T::default, |chunk| chunk[index])
    }

    /// The value of a frame, to be changed.
    pub(in crate::mm::reclaim) fn get_mut(&mut self, pfn: Pfn) -> &mut T {
        let (chunk, index) = place(pfn);
        if chunk >= self.chunks.len() {
            self.chunks.resize_with(chunk + 1, || None);
        }
        &mut self.chunks[chunk].get_or_insert_with(|| vec![T::default(); CHUNK_FRAMES].into())[index]
    }

    /// Makes the value of a frame the default, and gives what it was.
    pub(in crate::mm::reclaim) fn take(&mut self, pfn: Pfn) -> T {
        let (chunk, index) = place(pfn);
        let chunk = self.chunks.get_mut(chunk).and_then(Option::as_mut);
        chunk.map_or_else(T::default, |chunk| std::mem::take(&mut chunk[index]))
    }
}

const fn place(pfn: Pfn) -> (usize, usize) {
    (pfn.0 as usize / CHUNK_FRAMES, pfn.0 as usize % CHUNK_FRAMES)
}
