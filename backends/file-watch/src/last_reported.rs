//! [`LastReported`]: decides which results of a reload are reported.

/// A filter that decides which results of a reload are reported: each invalid
/// content once, and each recovery once.
#[derive(Debug)]
#[must_use]
pub struct LastReported {
    /// How many refusals in a row are reported.
    threshold: u32,
    refused_in_a_row: u32,
    /// The content that was last reported as invalid, until it is valid again.
    content: Option<u64>,
}

impl LastReported {
    /// Creates a filter that reports a refusal at once, for a single file.
    pub fn at_once() -> Self {
        Self::after(1)
    }

    /// Creates a filter that reports a refusal when it is the second in a row,
    /// for files that belong together: they may not match between two writes.
    pub fn second_in_a_row() -> Self {
        Self::after(2)
    }

    fn after(threshold: u32) -> Self {
        Self {
            threshold,
            refused_in_a_row: 0,
            content: None,
        }
    }

    /// Returns whether `content`, a hash of it, is what was last reported as
    /// invalid.
    #[must_use]
    pub fn is_reported(&self, content: u64) -> bool {
        self.content == Some(content)
    }

    /// Records that `content`, a hash of it, was refused. Returns whether to
    /// report that.
    #[must_use]
    pub fn refused(&mut self, content: u64) -> bool {
        self.refused_in_a_row = self.refused_in_a_row.saturating_add(1);
        if self.refused_in_a_row < self.threshold || self.is_reported(content) {
            return false;
        }
        self.content = Some(content);
        true
    }

    /// Records that content was accepted. Returns whether a refusal was
    /// reported before, so that the recovery is reported even if nothing has
    /// changed.
    #[must_use]
    pub fn accepted(&mut self) -> bool {
        self.refused_in_a_row = 0;
        self.content.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_invalid_content_is_reported_once_and_valid_content_once() {
        let mut last = LastReported::at_once();
        assert!(!last.accepted());
        assert!(last.refused(1));
        assert!(last.is_reported(1) && !last.is_reported(2));
        assert!(!last.refused(1));
        assert!(last.refused(2));
        assert!(last.accepted());
        assert!(!last.accepted());
        assert!(last.refused(2));
    }

    #[test]
    fn a_single_refusal_is_not_reported_where_two_are_required() {
        let mut last = LastReported::second_in_a_row();
        assert!(!last.refused(1));
        assert!(!last.accepted());
        assert!(!last.refused(1));
        assert!(last.refused(2));
        assert!(last.refused(1));
        assert!(last.accepted());
    }
}
