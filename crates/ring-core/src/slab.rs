//! The op slab: owns the resources of every operation from push to terminal CQE.

use std::mem;

use crate::completion::Cqe;
use crate::limits::OPS_MAX;
use crate::slot::{Effect, Slot};
use crate::token::Token;

/// A growing table of [`Slot`]s, named by [`Token`]s with a generation.
#[derive(Debug)]
pub struct Slab<R> {
    entries: Vec<Entry<R>>,
    vacant: Vec<u32>,
    ops_max: u32,
}

#[derive(Debug)]
struct Entry<R> {
    generation: u32,
    slot: Slot<R>,
}

impl<R> Default for Slab<R> {
    fn default() -> Self {
        Slab::with_limit(OPS_MAX)
    }
}

impl<R> Slab<R> {
    /// An empty slab that holds at most `ops_max` operations.
    ///
    /// # Panics
    /// If `ops_max` is over [`OPS_MAX`].
    #[must_use]
    pub fn with_limit(ops_max: u32) -> Slab<R> {
        assert!(
            ops_max <= OPS_MAX,
            "a slab holds at most {OPS_MAX} operations"
        );
        Slab {
            entries: Vec::new(),
            vacant: Vec::new(),
            ops_max,
        }
    }

    /// How many operations are in flight, orphans included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries.len() - self.vacant.len()
    }

    /// Whether nothing is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Takes the resources of a new operation and names it.
    ///
    /// # Errors
    /// The resources, if the slab is full.
    pub fn insert(&mut self, resources: R) -> Result<Token, R> {
        if let Some(index) = self.vacant.pop() {
            let entry = &mut self.entries[index as usize];
            entry.slot = Slot::InFlight(resources);
            return Ok(Token::new(index, entry.generation));
        }
        match u32::try_from(self.entries.len()) {
            Ok(index) if index < self.ops_max => {
                self.entries.push(Entry {
                    generation: 0,
                    slot: Slot::InFlight(resources),
                });
                Ok(Token::new(index, 0))
            }
            _ => Err(resources),
        }
    }

    /// Takes back the resources of an operation whose SQE was never pushed.
    ///
    /// The caller vouches for that: what the kernel has seen leaves through [`Slab::on_cqe`] alone.
    pub fn remove_unpushed(&mut self, token: Token) -> Option<R> {
        let entry = self.entry_mut(token)?;
        match mem::replace(&mut entry.slot, Slot::Vacant) {
            Slot::InFlight(resources) | Slot::Orphaned(resources) => {
                self.vacate(token);
                Some(resources)
            }
            Slot::Vacant => None,
        }
    }

    /// The resources of an operation that somebody waits for.
    #[must_use]
    pub fn resources(&self, token: Token) -> Option<&R> {
        match &self.entries.get(token.index() as usize)?.slot {
            Slot::InFlight(resources) if self.is_current(token) => Some(resources),
            Slot::InFlight(_) | Slot::Orphaned(_) | Slot::Vacant => None,
        }
    }

    /// The resources of an operation that has not seen its terminal CQE, orphans included.
    #[must_use]
    pub fn in_flight(&self, token: Token) -> Option<&R> {
        match &self.entries.get(token.index() as usize)?.slot {
            Slot::InFlight(resources) | Slot::Orphaned(resources) if self.is_current(token) => {
                Some(resources)
            }
            Slot::InFlight(_) | Slot::Orphaned(_) | Slot::Vacant => None,
        }
    }

    /// Whether the operation has not seen its terminal CQE.
    #[must_use]
    pub fn contains(&self, token: Token) -> bool {
        self.is_current(token) && !matches!(self.entries[token.index() as usize].slot, Slot::Vacant)
    }

    /// Marks an operation's owner as gone. Its resources stay until the terminal CQE.
    pub fn orphan(&mut self, token: Token) {
        if let Some(entry) = self.entry_mut(token) {
            entry.slot = mem::replace(&mut entry.slot, Slot::Vacant).orphan();
        }
    }

    /// Moves the slot that `cqe` names and says what is to be done.
    pub fn on_cqe(&mut self, cqe: Cqe) -> Effect<R> {
        let Some(entry) = self.entry_mut(cqe.token) else {
            return Effect::Stray(cqe);
        };
        let effect = entry.slot.on_cqe(cqe);
        if matches!(effect, Effect::Complete(..) | Effect::Release(..)) {
            self.vacate(cqe.token);
        }
        effect
    }

    /// The resources of everything in flight, orphans included.
    pub fn iter(&self) -> impl Iterator<Item = &R> {
        self.entries.iter().filter_map(|entry| match &entry.slot {
            Slot::InFlight(resources) | Slot::Orphaned(resources) => Some(resources),
            Slot::Vacant => None,
        })
    }

    /// Empties the slab: the resources of everything still in flight, for a caller that knows the
    /// kernel is done with them or that leaks them.
    pub fn take_all(&mut self) -> Vec<R> {
        self.vacant.clear();
        mem::take(&mut self.entries)
            .into_iter()
            .filter_map(|entry| match entry.slot {
                Slot::InFlight(resources) | Slot::Orphaned(resources) => Some(resources),
                Slot::Vacant => None,
            })
            .collect()
    }

    fn is_current(&self, token: Token) -> bool {
        self.entries
            .get(token.index() as usize)
            .is_some_and(|entry| entry.generation == token.generation())
    }

    fn entry_mut(&mut self, token: Token) -> Option<&mut Entry<R>> {
        self.entries
            .get_mut(token.index() as usize)
            .filter(|entry| entry.generation == token.generation())
    }

    fn vacate(&mut self, token: Token) {
        let entry = &mut self.entries[token.index() as usize];
        entry.generation = entry.generation.wrapping_add(1);
        self.vacant.push(token.index());
    }
}

#[cfg(test)]
#[path = "slab_tests.rs"]
mod tests;
