use dcv_resolver_dcv_config::GatewayConfig;

use crate::config_error;

/// The configuration of a gateway: what is read is what the usual reader of TOML
/// finds, and an error names a line and quotes no value.
pub fn gateway_config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let table = toml::from_str::<toml::Table>(text);
    match GatewayConfig::parse(text) {
        Ok(config) => {
            let table = table.expect("a valid configuration is TOML");
            let section = |name: &str| table.get(name).and_then(toml::Value::as_table);
            let resolver = section("resolver");
            let url = resolver.and_then(|section| section.get("url")?.as_str());
            let read = config.resolver.as_ref();
            assert_eq!(read.is_some(), resolver.is_some());
            assert_eq!(read.and_then(|section| section.url.as_deref()), url);
            let port = section("gateway").and_then(|section| section.get("web-port")?.as_integer());
            assert_eq!(i64::from(config.gateway.web_port), port.unwrap_or(8443));
            let strict = section("dcv").and_then(|section| section.get("tls-strict")?.as_bool());
            assert_eq!(config.dcv.tls_strict, strict.unwrap_or(true));
        }
        Err(error) => config_error::check(&error, text),
    }
}
