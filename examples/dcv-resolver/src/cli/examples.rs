//! What `--help` of each command shows below its options.

pub(super) const SERVE: &str = "\
Examples:
  dcv-resolver serve --store file:sessions.toml
  dcv-resolver serve --config resolver.toml --log-level info,dcv_resolver_redis=debug";

pub(super) const AGENT: &str = "\
Examples:
  dcv-resolver agent --host ws-17.dcv.example --id '{session}@{host}' \\
    --admin-url https://resolver.example:9001 --admin-token-file agent-token \\
    --ca-file ca.pem --state-dir /var/lib/dcv-resolver-agent
  dcv-resolver agent --host ws-17.dcv.example --store redis://cache.example \\
    --state-dir /var/lib/dcv-resolver-agent";

pub(super) const CHECK: &str = "\
Examples:
  dcv-resolver check --config resolver.toml
  dcv-resolver check --store file:sessions.toml --session console";

pub(super) const CONFIG_SCHEMA: &str = "\
Example:
  dcv-resolver config-schema > dcv-resolver.schema.json";

pub(super) const GATEWAY_CONFIG: &str = "\
Examples:
  dcv-resolver gateway-config --config resolver.toml
  dcv-resolver gateway-config --url-host resolver.example --listen 0.0.0.0:9000 \\
    --store file:sessions.toml";

pub(super) const RESOLVE: &str = "\
Examples:
  dcv-resolver resolve console --store file:sessions.toml
  dcv-resolver resolve console --transport QUIC --store sqlite:sessions.db";

pub(super) const EXPLAIN: &str = "\
Examples:
  dcv-resolver explain console --config resolver.toml
  dcv-resolver explain 'https://gateway.example:8443/#console' --config resolver.toml
  dcv-resolver explain console --client-ip 198.51.100.7 --config resolver.toml";

pub(super) const DOCTOR: &str = "\
Examples:
  dcv-resolver doctor --link 'https://gateway.example:8443/#console' \\
    --gateway-config /etc/dcv-connection-gateway/dcv-connection-gateway.conf
  dcv-resolver doctor --dcv-config /etc/dcv/dcv.conf";

pub(super) const CONTRACT: &str = "\
Example:
  dcv-resolver doctor contract --resolver-url http://resolver.example:9000 \\
    --known-session console";

pub(super) const IMPORT: &str = "\
Examples:
  dcv-resolver import sessions.toml --store sqlite:sessions.db
  dcv list-sessions --json > listed.json
  dcv-resolver import listed.json --host ws-17.dcv.example --dcv-config /etc/dcv/dcv.conf \\
    --store sqlite:sessions.db
  dcv-resolver import sessions.json --servers servers.json --store sqlite:sessions.db";

pub(super) const REGISTER: &str = "\
Examples:
  dcv-resolver register ann --host ws-17.dcv.example --http-port 8443 --ttl-s 60 \\
    --store sqlite:sessions.db
  dcv-resolver register reception --target-id console --host ws-17.dcv.example \\
    --http-port 8443 --quic-port 8443 --never-expires --store sqlite:sessions.db";

pub(super) const RENEW: &str = "\
Example:
  dcv-resolver renew ann --ttl-s 60 --token-file lease-token --store sqlite:sessions.db";

pub(super) const DEREGISTER: &str = "\
Example:
  dcv-resolver deregister ann --token-file lease-token --store sqlite:sessions.db";

pub(super) const LIST: &str = "\
Examples:
  dcv-resolver list --store sqlite:sessions.db
  dcv-resolver list --json --store sqlite:sessions.db > sessions.json";

pub(super) const SWEEP: &str = "\
Example:
  dcv-resolver sweep --store sqlite:sessions.db";

pub(super) const BACKUP: &str = "\
Example:
  dcv-resolver backup sessions-2030-01-01.db --store sqlite:sessions.db";

pub(super) const RESTORE: &str = "\
Example:
  dcv-resolver restore sessions-2030-01-01.db --store sqlite:sessions.db";

pub(super) const MIGRATE: &str = "\
Examples:
  dcv-resolver migrate --store sqlite:sessions.db
  dcv-resolver migrate --create --store sqlite:sessions.db";

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory, Parser};

    use super::super::Cli;

    /// The words of a command line, up to where a shell redirects its output.
    fn words(command: &str) -> Vec<String> {
        let mut words = Vec::new();
        // What is between quotes is every second part.
        for (index, part) in command.split('\'').enumerate() {
            match index % 2 {
                0 => words.extend(part.split_whitespace().map(str::to_owned)),
                _ => words.push(part.to_owned()),
            }
        }
        let end = words.iter().position(|word| word == ">");
        words.truncate(end.unwrap_or(words.len()));
        words
    }

    /// Checks the examples of a command and of those below it; `name` includes its
    /// parents.
    fn check(command: &Command, name: &str) {
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default().replace("\\\n", "");
        let mut count = 0;
        for example in help.lines().map(str::trim) {
            if example.starts_with("dcv-resolver ") {
                assert!(example.starts_with(name), "{name}: {example}");
                let parsed = Cli::try_parse_from(words(example));
                assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
                count += 1;
            }
        }
        let has_examples = count > 0 || command.is_subcommand_required_set();
        assert!(has_examples, "{name} has no example");
        for below in command.get_subcommands() {
            check(below, &format!("{name} {}", below.get_name()));
        }
    }

    #[test]
    fn every_command_has_examples_and_each_is_a_valid_command_line() {
        check(&Cli::command(), "dcv-resolver");
    }
}
