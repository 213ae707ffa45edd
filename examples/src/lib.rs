//! Programs that use `tokio-uring-net`, one idea each: see the files beside the manifest.
