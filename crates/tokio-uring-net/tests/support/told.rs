//! What is told by `tracing`, in a process that has one subscriber: this.

use std::fmt;
use std::sync::Mutex;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

static TOLD: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());

/// Keeps the events whose target begins with this.
pub(crate) struct Listen(pub(crate) &'static str);

/// The events so far, with their fields in words.
pub(crate) fn events() -> Vec<(Level, String)> {
    TOLD.lock().expect("no test panics with it").clone()
}

impl Subscriber for Listen {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with(self.0)
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let mut told = TOLD.lock().expect("no test panics with it");
        told.push((*event.metadata().level(), text.0));
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0 += &format!("{field}={value:?} ");
    }
}
