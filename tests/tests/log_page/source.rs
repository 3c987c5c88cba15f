//! The sources of the binary and of the libraries, as far as they log.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use dcv_resolver_tests::repository::in_repository;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::event::{Arguments, Event, Message, literals, split, text};

const FOLDERS: [&str; 4] = [
    "dcv-resolver-core",
    "dcv-resolver-http",
    "backends",
    "examples/dcv-resolver",
];

/// The macros of `tracing` that log an event.
const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "event"];

pub(crate) fn events() -> Vec<Event> {
    let mut events = Vec::new();
    let mut folders: Vec<_> = FOLDERS.map(in_repository).into();
    while let Some(folder) = folders.pop() {
        let manifest = folder.join("Cargo.toml");
        if manifest.exists() {
            let manifest: toml::Table = fs::read_to_string(manifest).unwrap().parse().unwrap();
            let name = manifest["package"]["name"].as_str().unwrap();
            add_events(&folder.join("src"), &name.replace('-', "_"), &mut events);
        }
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() && entry.file_name() != "src" {
                folders.push(entry.path());
            }
        }
    }
    events
}

/// Adds the events of a folder of modules below `module`.
fn add_events(folder: &Path, module: &str, events: &mut Vec<Event>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let module = match stem {
            "lib" | "main" => module.to_owned(),
            name => format!("{module}::{name}"),
        };
        if path.is_dir() {
            add_events(&path, &module, events);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source: TokenStream = fs::read_to_string(&path).unwrap().parse().unwrap();
            let mut calls = Calls::default();
            calls.find(source.clone());
            events.extend(calls.events(&module, &literals(&source)));
        }
    }
}

/// The calls of logging macros in a file.
#[derive(Default)]
struct Calls {
    /// Those of `tracing`, with the level of their name.
    tracing: Vec<(String, Arguments)>,
    /// Those of a local macro `event`, which passes on a target and a level to
    /// `tracing::event`, or a level alone.
    event: BTreeMap<Option<String>, BTreeSet<String>>,
}

impl Calls {
    fn find(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        for (index, token) in tokens.iter().enumerate() {
            let TokenTree::Group(group) = token else {
                continue;
            };
            self.find(group.stream());
            let path = path_before(&tokens[..index]);
            // It may be imported.
            let name = path.strip_prefix("tracing::").unwrap_or(&path);
            if path == "event" {
                self.add_event(group);
            } else if LEVELS.contains(&name) {
                let level = name.to_uppercase();
                self.tracing.push((level, Arguments::read(group)));
            }
        }
    }

    fn add_event(&mut self, group: &Group) {
        let parts = split(group.stream());
        let level = parts.last().unwrap().last().unwrap().to_string();
        let target = text(&parts[0][0]);
        self.event.entry(target).or_default().insert(level);
    }

    fn events(self, module: &str, literals: &BTreeSet<String>) -> Vec<Event> {
        let mut events = Vec::new();
        for (level, arguments) in self.tracing {
            let Arguments {
                target,
                message,
                mut fields,
            } = arguments;
            let message = match message {
                Some(messages) => Message::OneOf(messages),
                None if fields.remove("message") => Message::Variable {
                    literals: literals.clone(),
                },
                None => Message::OneOf(BTreeSet::new()),
            };
            let calls = match &*level {
                "EVENT" => self.event.clone(),
                _ => [(None, [level].into())].into(),
            };
            events.extend(calls.into_iter().map(|(passed_on, levels)| {
                Event {
                    target: passed_on
                        .or_else(|| target.clone())
                        .unwrap_or_else(|| module.to_owned()),
                    levels,
                    message: message.clone(),
                    fields: fields.clone(),
                }
            }));
        }
        events
    }
}

/// The path of the macro whose name these tokens end in.
fn path_before(tokens: &[TokenTree]) -> String {
    let Some((TokenTree::Punct(mark), path)) = tokens.split_last() else {
        return String::new();
    };
    if mark.as_char() != '!' {
        return String::new();
    }
    let is_of_path = |token: &&TokenTree| match token {
        TokenTree::Ident(_) => true,
        TokenTree::Punct(colon) => colon.as_char() == ':',
        _ => false,
    };
    let mut path: Vec<_> = path.iter().rev().take_while(is_of_path).collect();
    path.reverse();
    path.into_iter().map(ToString::to_string).collect()
}

/// The cause, the level and the sentence of each failure of a connection.
pub(crate) fn causes() -> Vec<(String, String, String)> {
    let path = in_repository("dcv-resolver-http/server/src/failure.rs");
    let source: TokenStream = fs::read_to_string(path).unwrap().parse().unwrap();
    let tokens: Vec<_> = source.into_iter().collect();
    let table = tokens.windows(3).find_map(|window| match window {
        [
            TokenTree::Ident(name),
            TokenTree::Punct(_),
            TokenTree::Group(group),
        ] if name == "failures" && group.delimiter() == Delimiter::Brace => Some(group.stream()),
        _ => None,
    });
    let entries: Vec<_> = table.unwrap().into_iter().collect();
    entries
        .split(|token| token.to_string() == ";")
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let parts = split(entry.iter().cloned().collect());
            let [_failure, _stage, severity, cause, sentence] = &parts[..] else {
                panic!("a failure has five properties: {parts:?}");
            };
            let severity = severity[0].to_string().to_uppercase();
            (
                text(&cause[0]).unwrap(),
                severity,
                text(&sentence[0]).unwrap(),
            )
        })
        .collect()
}
