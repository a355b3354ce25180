//! The TLBs and paging-structure caches: rules of sections J, K and L by number, a naive statement of them, each knob.

extern crate pagewalk_paging as paging;

mod knobs;
mod naive;
mod properties;
mod rules_j;
mod rules_k;
mod rules_l;
mod world;
