//! [`Compose`]: what `compose.yaml` says.

use std::collections::BTreeMap;

use serde::Deserialize;
use yaml_serde::Value;

use crate::deployed;

/// The keys that are used; any other is refused, so that a misspelled one is
/// found.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Compose {
    #[serde(rename = "name")]
    _name: String,
    pub(super) services: BTreeMap<String, Service>,
    pub(super) volumes: BTreeMap<String, ()>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    pub(super) image: String,
    pub(super) build: Option<Build>,
    pub(super) command: Vec<String>,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) volumes: Vec<String>,
    #[serde(default)]
    pub(super) ports: Vec<String>,
    #[serde(default)]
    pub(super) depends_on: BTreeMap<String, Dependency>,
    pub(super) user: Option<String>,
    pub(super) read_only: bool,
    #[serde(rename = "tmpfs")]
    _tmpfs: Vec<String>,
    pub(super) cap_drop: Vec<String>,
    pub(super) security_opt: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Build {
    pub(super) context: String,
    pub(super) dockerfile: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dependency {
    #[serde(rename = "condition")]
    _condition: Condition,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Condition {
    ServiceCompletedSuccessfully,
}

/// A volume, or a folder beside the file, and its path in the container.
pub(super) struct Mount<'a> {
    pub(super) source: &'a str,
    pub(super) target: &'a str,
}

impl Compose {
    pub(super) fn read() -> Self {
        let mut file: Value = yaml_serde::from_str(&deployed("compose/compose.yaml")).unwrap();
        file.apply_merge().unwrap();
        let keys = file.as_mapping_mut().unwrap();
        keys.retain(|key, _| !key.as_str().unwrap().starts_with("x-"));
        yaml_serde::from_value(file).unwrap()
    }
}

impl Service {
    pub(super) fn mounts(&self) -> impl Iterator<Item = Mount<'_>> {
        self.volumes.iter().map(|volume| {
            let mut parts = volume.split(':');
            Mount {
                source: parts.next().unwrap(),
                target: parts.next().unwrap(),
            }
        })
    }

    /// The value of an option of the command.
    pub(super) fn value(&self, option: &str) -> &str {
        let at = self.command.iter().position(|it| it == option).unwrap();
        &self.command[at + 1]
    }
}
