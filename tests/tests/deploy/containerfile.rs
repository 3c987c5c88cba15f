//! Each `Containerfile`: no engine builds it here, so at least its lines are
//! read.

use std::collections::BTreeSet;
use std::fs;

use toml::Table;

use crate::{deployed, in_repository};

/// The files, below `examples/deploy`.
const FILES: [&str; 2] = ["Containerfile", "compose/Containerfile"];

/// A Containerfile: its stages.
pub(crate) struct Containerfile(Vec<Stage>);

/// The instructions of a stage, its `FROM` the first.
#[derive(Default)]
pub(crate) struct Stage(Vec<Instruction>);

/// An instruction and its arguments.
struct Instruction {
    name: String,
    arguments: String,
}

impl Containerfile {
    pub(crate) fn read(path: &str) -> Self {
        let text = deployed(path).replace("\\\n", " ");
        let mut stages: Vec<Stage> = Vec::new();
        for line in text.lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, arguments) = line.split_once(' ').unwrap();
            if name == "FROM" {
                stages.push(Stage::default());
            }
            let instruction = Instruction {
                name: name.to_owned(),
                arguments: arguments.to_owned(),
            };
            stages.last_mut().unwrap().0.push(instruction);
        }
        Self(stages)
    }

    fn build(&self) -> &Stage {
        assert_eq!(self.0.len(), 2);
        &self.0[0]
    }

    /// The last stage.
    pub(crate) fn image(&self) -> &Stage {
        self.0.last().unwrap()
    }

    /// Who runs what is in the image.
    pub(crate) fn user(&self) -> &str {
        self.image().all("USER").last().unwrap()
    }
}

impl Stage {
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |instruction| instruction.name == name)
            .map(|instruction| instruction.arguments.as_str())
    }

    /// What is copied from the context.
    fn sources(&self) -> BTreeSet<String> {
        self.all("COPY")
            .filter(|arguments| !arguments.starts_with("--from="))
            .flat_map(|arguments| {
                let (sources, _destination) = arguments.rsplit_once(' ').unwrap();
                sources.split(' ').map(str::to_owned)
            })
            .collect()
    }
}

fn manifest(path: &str) -> Table {
    fs::read_to_string(in_repository(path))
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn every_instruction_is_one_and_none_fetches_from_elsewhere() {
    let known = [
        "FROM",
        "WORKDIR",
        "ARG",
        "COPY",
        "RUN",
        "USER",
        "EXPOSE",
        "ENTRYPOINT",
        "CMD",
    ];
    for file in FILES {
        for Instruction { name, arguments } in Containerfile::read(file)
            .0
            .iter()
            .flat_map(|stage| &stage.0)
        {
            assert!(known.contains(&name.as_str()), "{name} {arguments}");
        }
    }
}

#[test]
fn what_is_copied_from_the_context_is_there_and_is_the_whole_workspace() {
    for file in FILES {
        let containerfile = Containerfile::read(file);
        for source in containerfile.0.iter().flat_map(Stage::sources) {
            assert!(in_repository(&source).exists(), "{source}");
        }
        let copied = containerfile.build().sources();
        for member in manifest("Cargo.toml")["workspace"]["members"]
            .as_array()
            .unwrap()
        {
            let member = member.as_str().unwrap();
            let folder = member.split('/').next().unwrap();
            assert!(copied.contains(folder), "{file}: {member} is not copied");
        }
    }
}

#[test]
fn the_image_holds_what_the_build_makes_and_nothing_else() {
    let containerfile = Containerfile::read("Containerfile");
    let (build, image) = (containerfile.build(), containerfile.image());
    let name = build.0[0].arguments.split(" AS ").nth(1).unwrap();
    let package = manifest("examples/dcv-resolver/Cargo.toml");
    let binary = package["package"]["name"].as_str().unwrap();
    let copied: Vec<_> = image.all("COPY").collect();
    assert_eq!(
        copied,
        [format!(
            "--from={name} /src/target/release/{binary} /usr/local/bin/{binary}"
        )]
    );
    assert_eq!(image.all("RUN").count(), 0, "there is no shell");
    let built: Vec<_> = build.all("RUN").collect();
    assert!(built[0].contains(&format!("--locked -p {binary} --bin {binary} ")));
    let entrypoint: Vec<_> = image.all("ENTRYPOINT").collect();
    assert_eq!(entrypoint, [format!("[\"/usr/local/bin/{binary}\"]")]);
}

/// Kubernetes refuses `runAsNonRoot` for a name.
#[test]
fn the_user_is_not_root_and_a_number() {
    for file in FILES {
        for id in Containerfile::read(file).user().split(':') {
            assert_ne!(id.parse::<u32>().unwrap(), 0, "{file}");
        }
    }
}

#[test]
fn the_compiler_is_named_and_new_enough() {
    let version = |text: &str| -> Vec<u32> {
        let parts = text.split('.');
        parts.map(|part| part.parse().unwrap()).collect()
    };
    let package = manifest("examples/dcv-resolver/Cargo.toml");
    let needed = package["package"]["rust-version"].as_str().unwrap();
    for file in FILES {
        let containerfile = Containerfile::read(file);
        let from = containerfile.build().all("FROM").next().unwrap();
        let (_, tag) = from.split_once("rust:").unwrap();
        let (compiler, _) = tag.split_once('-').unwrap();
        assert!(version(compiler) >= version(needed), "{file}: {compiler}");
    }
}
