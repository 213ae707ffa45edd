//! Where io_uring is refused, from the start or later, epoll serves, and `driver()` says why.
#![cfg(target_os = "linux")]

#[path = "cases/fallback_choice.rs"]
mod choice;
#[path = "cases/fallback_late.rs"]
mod late;
#[path = "cases/fallback_memlock.rs"]
mod memlock;
#[path = "cases/fallback_setup.rs"]
mod setup_refused;
#[path = "stack/ours.rs"]
mod stack;
mod support;
