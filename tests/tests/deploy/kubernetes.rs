//! `kubernetes/dcv-resolver.yaml`.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Container, PodSpec, Probe, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;
use serde_json::value::from_value;
use yaml_serde::Deserializer;

use crate::{deployed, time_to_stop};

/// The objects by kind; there is one of each.
fn objects() -> BTreeMap<String, Value> {
    let text = deployed("kubernetes/dcv-resolver.yaml");
    let objects = Deserializer::from_str(&text).map(|document| {
        let object: Value = serde::Deserialize::deserialize(document).unwrap();
        (object["kind"].as_str().unwrap().to_owned(), object)
    });
    objects.collect()
}

fn object<T: serde::de::DeserializeOwned>(kind: &str) -> T {
    from_value(objects().remove(kind).unwrap()).unwrap()
}

fn config() -> toml::Table {
    let map: ConfigMap = object("ConfigMap");
    map.data.unwrap()["dcv-resolver.toml"].parse().unwrap()
}

fn pod() -> PodSpec {
    let deployment: Deployment = object("Deployment");
    deployment.spec.unwrap().template.spec.unwrap()
}

fn container() -> Container {
    let [container] = <[_; 1]>::try_from(pod().containers).unwrap();
    container
}

/// The container's port of this name.
fn port(name: &str) -> i32 {
    let ports = container().ports.unwrap();
    let mut ports = ports.into_iter();
    ports
        .find(|port| port.name.as_deref() == Some(name))
        .unwrap()
        .container_port
}

/// A field that Kubernetes does not know is lost on the way through its types.
#[test]
fn kubernetes_knows_every_field() {
    fn through<T>(object: &Value) -> Value
    where
        T: serde::de::DeserializeOwned + serde::Serialize,
    {
        let typed: T = from_value(object.clone()).unwrap();
        serde_json::to_value(typed).unwrap()
    }
    for (kind, object) in objects() {
        let known = match kind.as_str() {
            "ConfigMap" => through::<ConfigMap>(&object),
            "Deployment" => through::<Deployment>(&object),
            "Service" => through::<Service>(&object),
            "PodDisruptionBudget" => through::<PodDisruptionBudget>(&object),
            "NetworkPolicy" => through::<NetworkPolicy>(&object),
            _ => panic!("{kind} is not expected"),
        };
        assert_eq!(object, known, "{kind}");
    }
}

#[test]
fn everything_selects_the_pods_of_the_deployment() {
    let objects = objects();
    let labels = &objects["Deployment"]["spec"]["template"]["metadata"]["labels"];
    for (kind, pointer) in [
        ("Deployment", "/spec/selector/matchLabels"),
        ("Service", "/spec/selector"),
        ("PodDisruptionBudget", "/spec/selector/matchLabels"),
        ("NetworkPolicy", "/spec/podSelector/matchLabels"),
    ] {
        assert_eq!(objects[kind].pointer(pointer), Some(labels), "{kind}");
    }
}

#[test]
fn the_ports_are_those_of_the_configuration() {
    let config = config();
    let listen = config["listen"].as_str().unwrap();
    assert_eq!(listen, format!("0.0.0.0:{}", port("resolver")));
    let listen = config["ops"]["listen"].as_str().unwrap();
    assert_eq!(listen, format!("0.0.0.0:{}", port("ops")));

    let service: Service = object("Service");
    for port in service.spec.unwrap().ports.unwrap() {
        let resolver = IntOrString::String("resolver".to_owned());
        assert_eq!(port.target_port, Some(resolver), "ops is not for gateways");
    }
    let policy: NetworkPolicy = object("NetworkPolicy");
    for rule in policy.spec.unwrap().ingress.unwrap() {
        assert!(
            !rule.from.unwrap().is_empty(),
            "an empty list would allow every pod"
        );
        for allowed in rule.ports.unwrap() {
            let Some(IntOrString::String(name)) = allowed.port else {
                panic!("expected a named port: {allowed:?}");
            };
            assert_ne!(port(&name), 0);
        }
    }
}

#[test]
fn the_kubelet_asks_on_the_ops_port() {
    let asks = |probe: Option<Probe>| {
        let action = probe.unwrap().http_get.unwrap();
        assert_eq!(action.port, IntOrString::String("ops".to_owned()));
        action.path.unwrap()
    };
    assert_eq!(asks(container().readiness_probe), "/readyz");
    assert_eq!(asks(container().liveness_probe), "/livez");
}

#[test]
fn a_pod_is_given_the_time_that_a_shutdown_takes() {
    let seconds = pod().termination_grace_period_seconds.unwrap();
    let given = Duration::from_secs(seconds.try_into().unwrap());
    assert!(given > time_to_stop(&config()), "{given:?}");
}

/// What the Pod Security Standard `restricted` demands, and a read-only root.
#[test]
fn the_pod_is_restricted() {
    let pod_context = pod().security_context.unwrap();
    assert_eq!(pod_context.run_as_non_root, Some(true));
    assert_eq!(pod_context.seccomp_profile.unwrap().type_, "RuntimeDefault");
    let context = container().security_context.unwrap();
    assert_eq!(context.allow_privilege_escalation, Some(false));
    assert_eq!(context.read_only_root_filesystem, Some(true));
    let capabilities = context.capabilities.unwrap();
    assert_eq!(capabilities.drop.unwrap(), ["ALL"]);
    assert_eq!(capabilities.add, None);
    let pod = pod();
    assert_eq!(pod.automount_service_account_token, Some(false));
    assert_eq!(
        [pod.host_network, pod.host_pid, pod.host_ipc],
        [None, None, None]
    );
}

/// For the Service `dcv-resolver` they would begin with `DCV_RESOLVER_`, as the
/// binary's own settings do.
#[test]
fn no_service_link_is_taken_for_a_setting() {
    assert_eq!(pod().enable_service_links, Some(false));
}

/// A file that is mounted with `subPath` never changes.
#[test]
fn the_configuration_is_mounted_as_a_folder() {
    let map: ConfigMap = object("ConfigMap");
    let [mount] = <[_; 1]>::try_from(container().volume_mounts.unwrap()).unwrap();
    let [volume] = <[_; 1]>::try_from(pod().volumes.unwrap()).unwrap();
    assert_eq!(mount.name, volume.name);
    assert_eq!(Some(volume.config_map.unwrap().name), map.metadata.name);
    assert_eq!(mount.mount_path, "/etc/dcv-resolver");
    assert_eq!([mount.sub_path, mount.sub_path_expr], [None, None]);
}
