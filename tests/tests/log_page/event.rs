//! [`Event`]: one `tracing` macro, as it is written.

use std::collections::BTreeSet;

use proc_macro2::{Group, TokenStream, TokenTree};
use syn::LitStr;

#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) target: String,
    pub(crate) levels: BTreeSet<String>,
    pub(crate) message: Message,
    pub(crate) fields: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub(crate) enum Message {
    /// None, if there is no message.
    OneOf(BTreeSet<String>),
    /// A variable; the file has these literals.
    Variable { literals: BTreeSet<String> },
}

impl Event {
    /// Returns a row of the page that describes this event at a level.
    pub(crate) fn row(&self, level: &str) -> String {
        let messages = match &self.message {
            Message::OneOf(messages) => messages.clone(),
            Message::Variable { .. } => ["…".to_owned()].into(),
        };
        let code = |words: &BTreeSet<String>| {
            let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
            words.join(", ")
        };
        format!("| {level} | {} | {} |", code(&messages), code(&self.fields))
    }
}

/// The arguments of a macro of `tracing`.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// None for the path of the module.
    pub(crate) target: Option<String>,
    pub(crate) message: Option<BTreeSet<String>>,
    pub(crate) fields: BTreeSet<String>,
}

impl Arguments {
    pub(crate) fn read(group: &Group) -> Self {
        let mut arguments = Self {
            target: None,
            message: None,
            fields: BTreeSet::new(),
        };
        let parts = split(group.stream());
        for (index, part) in parts.iter().enumerate() {
            if let Some(format) = text(&part[0]) {
                let format = normalized(&format);
                let chosen = parts[index + 1..].iter().flatten().cloned();
                let chosen = literals(&chosen.collect());
                // With "{}", an argument is the message.
                let is_chosen = format == "{}" && !chosen.is_empty();
                arguments.message = Some(if is_chosen { chosen } else { [format].into() });
                break;
            }
            match &part[..] {
                [TokenTree::Ident(name), TokenTree::Punct(colon), value @ ..]
                    if colon.as_char() == ':' =>
                {
                    if name == "target" {
                        arguments.target = text(&value[0]);
                    }
                }
                [TokenTree::Punct(dollar), ..] if dollar.as_char() == '$' => {}
                [TokenTree::Punct(_), TokenTree::Ident(name), ..]
                | [TokenTree::Ident(name), ..] => {
                    arguments.fields.insert(name.to_string());
                }
                other => panic!("neither a field nor a message: {other:?}"),
            }
        }
        arguments
    }
}

/// Splits tokens at their commas.
pub(crate) fn split(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut parts = vec![Vec::new()];
    for token in tokens {
        match token {
            TokenTree::Punct(comma) if comma.as_char() == ',' => parts.push(Vec::new()),
            token => parts.last_mut().unwrap().push(token),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// The value of a string literal.
pub(crate) fn text(token: &TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = token else {
        return None;
    };
    Some(syn::parse_str::<LitStr>(&literal.to_string()).ok()?.value())
}

/// Every string literal in these tokens.
pub(crate) fn literals(tokens: &TokenStream) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for token in tokens.clone() {
        found.extend(text(&token).map(|text| normalized(&text)));
        if let TokenTree::Group(group) = &token {
            found.extend(literals(&group.stream()));
        }
    }
    found
}

/// A message as it is compared: what its values are called does not matter.
pub(crate) fn normalized(message: &str) -> String {
    let mut normalized = String::new();
    let mut rest = message;
    while let Some((text, value)) = rest.split_once('{') {
        let (_name, behind) = value.split_once('}').unwrap_or((value, ""));
        normalized.extend([text, "{}"]);
        rest = behind;
    }
    normalized.push_str(rest);
    // Of literal braces, which are doubled.
    normalized.replace("{}}", "{}")
}
