//! [`Block`]: a fenced block of a chapter.

pub(crate) struct Block {
    /// What comes after the fence.
    pub(crate) kind: String,
    pub(crate) text: String,
    /// Where the fence is.
    pub(crate) line: usize,
    /// The last line of text before it.
    pub(crate) lead: String,
}

pub(crate) fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lead = "";
    let mut lines = markdown.lines().zip(1..);
    while let Some((text, line)) = lines.next() {
        assert!(
            !text.starts_with("~~~") && !text.starts_with("    "),
            "{line}: only ``` begins a block"
        );
        let indent = text.len() - text.trim_start().len();
        let Some(kind) = text[indent..].strip_prefix("```") else {
            if !text.is_empty() {
                lead = text;
            }
            continue;
        };
        // In a list, all of it is indented.
        let rest = lines
            .by_ref()
            .map(|(text, _)| text.get(indent..).unwrap_or_default());
        let inner = rest.take_while(|text| !text.starts_with("```"));
        blocks.push(Block {
            kind: kind.to_owned(),
            text: inner.flat_map(|text| [text, "\n"]).collect(),
            line,
            lead: lead.to_owned(),
        });
    }
    blocks
}
