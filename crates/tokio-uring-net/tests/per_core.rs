//! One runtime per core: what the cores share, how they end, and what happens where one cannot be
//! set up. (Rings for some cores only: `cases/fallback_memlock.rs`.)
#![cfg(target_os = "linux")]

#[path = "cases/per_core_end.rs"]
mod end;
#[path = "cases/per_core_serve.rs"]
mod serve;
#[path = "cases/per_core_setup.rs"]
mod set_up;
#[path = "stack/ours.rs"]
mod stack;
mod support;
