//! A server that is safe to expose.
