//! `Containerfile`: no engine builds it here, so at least its lines are read.

use std::collections::BTreeSet;
use std::fs;

use toml::Table;

use crate::{deployed, in_repository};

/// An instruction and its arguments.
struct Instruction {
    name: String,
    arguments: String,
}

/// The instructions of each stage, its `FROM` the first.
fn stages() -> Vec<Vec<Instruction>> {
    let text = deployed("Containerfile").replace("\\\n", " ");
    let mut stages: Vec<Vec<_>> = Vec::new();
    for line in text.lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, arguments) = line.split_once(' ').unwrap();
        if name == "FROM" {
            stages.push(Vec::new());
        }
        let instruction = Instruction {
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        };
        stages.last_mut().unwrap().push(instruction);
    }
    stages
}

fn all<'a>(stage: &'a [Instruction], name: &'a str) -> impl Iterator<Item = &'a str> {
    stage
        .iter()
        .filter(move |instruction| instruction.name == name)
        .map(|instruction| instruction.arguments.as_str())
}

/// What is copied from the context.
fn sources(stage: &[Instruction]) -> BTreeSet<String> {
    all(stage, "COPY")
        .filter(|arguments| !arguments.starts_with("--from="))
        .flat_map(|arguments| {
            let (sources, _destination) = arguments.rsplit_once(' ').unwrap();
            sources.split(' ').map(str::to_owned)
        })
        .collect()
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
    for Instruction { name, arguments } in stages().iter().flatten() {
        assert!(known.contains(&name.as_str()), "{name} {arguments}");
    }
}

#[test]
fn what_is_copied_into_the_build_is_there_and_is_the_whole_workspace() {
    let copied = sources(&stages()[0]);
    for source in &copied {
        assert!(in_repository(source).exists(), "{source}");
    }
    for member in manifest("Cargo.toml")["workspace"]["members"]
        .as_array()
        .unwrap()
    {
        let member = member.as_str().unwrap();
        let folder = member.split('/').next().unwrap();
        assert!(copied.contains(folder), "{member} is not copied");
    }
}

#[test]
fn the_image_holds_what_the_build_makes_and_nothing_else() {
    let stages = stages();
    let [build, image] = &stages[..] else {
        panic!("expected two stages");
    };
    let name = build[0].arguments.split(" AS ").nth(1).unwrap();
    let package = manifest("examples/dcv-resolver/Cargo.toml");
    let binary = package["package"]["name"].as_str().unwrap();
    let copied: Vec<_> = all(image, "COPY").collect();
    assert_eq!(
        copied,
        [format!(
            "--from={name} /src/target/release/{binary} /usr/local/bin/{binary}"
        )]
    );
    assert_eq!(all(image, "RUN").count(), 0, "there is no shell");
    let built: Vec<_> = all(build, "RUN").collect();
    assert!(built[0].contains(&format!("--locked -p {binary} --bin {binary} ")));
    let entrypoint: Vec<_> = all(image, "ENTRYPOINT").collect();
    assert_eq!(entrypoint, [format!("[\"/usr/local/bin/{binary}\"]")]);
}

/// Kubernetes refuses `runAsNonRoot` for a name.
#[test]
fn the_user_is_not_root_and_a_number() {
    let stages = stages();
    let user = all(stages.last().unwrap(), "USER").last().unwrap();
    for id in user.split(':') {
        assert_ne!(id.parse::<u32>().unwrap(), 0);
    }
}

#[test]
fn the_compiler_is_named_and_new_enough() {
    let stages = stages();
    let version = |text: &str| -> Vec<u32> {
        let parts = text.split('.');
        parts.map(|part| part.parse().unwrap()).collect()
    };
    let (_, tag) = stages[0][0].arguments.split_once("rust:").unwrap();
    let (compiler, _) = tag.split_once('-').unwrap();
    let package = manifest("examples/dcv-resolver/Cargo.toml");
    let needed = package["package"]["rust-version"].as_str().unwrap();
    assert!(version(compiler) >= version(needed), "{compiler}");
}
