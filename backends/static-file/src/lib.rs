//! static file
