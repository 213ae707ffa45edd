//! ring-core
