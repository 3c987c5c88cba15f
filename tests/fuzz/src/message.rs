//! [`check`]: what holds for every message to people.

/// Checks that a message is one line, has no control characters, and is not as
/// long as its input may be.
pub(crate) fn check(message: &str) {
    check_up_to(message, 1024);
}

/// As [`check`], with another limit.
pub(crate) fn check_up_to(message: &str, max_bytes: usize) {
    assert!(!message.is_empty());
    assert!(!message.contains(char::is_control), "{message:?}");
    let length = message.len();
    assert!(length <= max_bytes, "{length} bytes: {message}");
}
