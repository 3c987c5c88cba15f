//! Cycles between files.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;

use crate::module::SourceFile;
use crate::resolve::Edges;

/// A cycle, displayed as `a -> b -> a (src/a.rs:3, src/b.rs:7)`: each module,
/// and where it names the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cycle {
    /// The modules, each once.
    pub modules: Vec<String>,
    /// For each module, the file and the line that name the next one.
    pub places: Vec<String>,
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for module in &self.modules {
            write!(f, "{module} -> ")?;
        }
        let first = self.modules.first().map_or("", String::as_str);
        write!(f, "{first} ({})", self.places.join(", "))
    }
}

/// Returns the shortest cycle through each file, each cycle once.
pub(crate) fn cycles(files: &[SourceFile], edges: &Edges) -> Vec<Cycle> {
    let mut seen = BTreeSet::new();
    let mut cycles = Vec::new();
    for start in 0..files.len() {
        if let Some(cycle) = shortest_cycle(start, edges)
            && seen.insert(BTreeSet::from_iter(cycle.clone()))
        {
            cycles.push(describe(&cycle, files, edges));
        }
    }
    cycles
}

fn shortest_cycle(start: usize, edges: &Edges) -> Option<Vec<usize>> {
    let mut came_from = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for &(_, next) in edges.range((file, 0)..(file + 1, 0)).map(|(pair, _)| pair) {
            if next == start {
                let mut cycle = vec![file];
                while let Some(&before) = came_from.get(&cycle[cycle.len() - 1]) {
                    cycle.push(before);
                }
                cycle.reverse();
                return Some(cycle);
            }
            if let std::collections::hash_map::Entry::Vacant(entry) = came_from.entry(next) {
                entry.insert(file);
                queue.push_back(next);
            }
        }
    }
    None
}

fn describe(cycle: &[usize], files: &[SourceFile], edges: &Edges) -> Cycle {
    let next = cycle.iter().cycle().skip(1);
    Cycle {
        modules: cycle.iter().map(|&file| files[file].name.clone()).collect(),
        places: cycle
            .iter()
            .zip(next)
            .map(|(&file, &next)| {
                format!("{}:{}", files[file].path.display(), edges[&(file, next)])
            })
            .collect(),
    }
}
