//! [`preference`]: how much a client wants a media type (RFC 9110, section
//! 12.5.1).

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// How much a client wants a media type, ordered from the least.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Preference {
    /// In thousandths.
    quality: u16,
    specificity: Specificity,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Specificity {
    /// By `*/*`, or not at all.
    #[default]
    Any,
    /// By a range such as `text/*`.
    Range,
    Exact,
}

impl Preference {
    /// Returns whether it is accepted by more than `*/*`.
    pub(crate) fn is_named(self) -> bool {
        self.quality > 0 && self.specificity > Specificity::Any
    }
}

/// Returns how much `Accept` wants `media_type`, in `version` if there are
/// several. The most specific range counts. Invalid ranges are ignored.
pub(crate) fn preference(
    headers: &HeaderMap,
    media_type: &str,
    version: Option<&str>,
) -> Preference {
    let ranges = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    ranges
        .filter_map(|range| preference_by(range, media_type, version))
        .max_by_key(|preference| (preference.specificity, preference.quality))
        .unwrap_or_default()
}

/// Returns `None` if the range does not include the media type.
fn preference_by(range: &str, media_type: &str, version: Option<&str>) -> Option<Preference> {
    let mut parts = range.split(';').map(str::trim);
    let included = parts.next()?;
    let (kind, _) = media_type.split_once('/')?;
    let specificity = if included.eq_ignore_ascii_case(media_type) {
        Specificity::Exact
    } else if included
        .strip_suffix("/*")
        .is_some_and(|it| it.eq_ignore_ascii_case(kind))
    {
        Specificity::Range
    } else if included == "*/*" {
        Specificity::Any
    } else {
        return None;
    };
    let mut quality = 1_000;
    for parameter in parts {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "q" => quality = thousandths(value)?,
            "version" if version.is_some_and(|version| version != value) => return None,
            _ => {}
        }
    }
    Some(Preference {
        quality,
        specificity,
    })
}

/// Returns a quality such as `0.5` in thousandths.
fn thousandths(quality: &str) -> Option<u16> {
    let (whole, fraction) = quality.split_once('.').unwrap_or((quality, ""));
    let is_valid = matches!(whole, "0" | "1") && fraction.len() <= 3;
    let digits = format!("{whole}{fraction:0<3}");
    let quality = digits.parse().ok()?;
    (is_valid && quality <= 1_000).then_some(quality)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricsFormat;

    fn negotiated(accept: &[&str]) -> MetricsFormat {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(ACCEPT, value.parse().unwrap());
        }
        MetricsFormat::negotiate(&headers)
    }

    #[test]
    fn open_metrics_is_sent_where_it_is_preferred() {
        for accept in [
            &["application/openmetrics-text"][..],
            &["Application/OpenMetrics-Text; Version=\"1.0.0\"; charset=utf-8"],
            &["application/*"],
            &["application/openmetrics-text, */*"],
            &["text/plain;q=0.4", "application/openmetrics-text;q=0.5"],
            &["application/openmetrics-text;q=1.000, text/plain"],
            // Prometheus 3, and 2.43.
            &[
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
               application/openmetrics-text;version=0.0.1;q=0.4,\
               text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
               text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            ],
            &["application/openmetrics-text;version=1.0.0,\
               application/openmetrics-text;version=0.0.1;q=0.75,\
               text/plain;version=0.0.4;q=0.5,*/*;q=0.1"],
        ] {
            assert_eq!(negotiated(accept), MetricsFormat::OpenMetrics, "{accept:?}");
        }
    }

    #[test]
    fn text_is_sent_otherwise() {
        for accept in [
            &[][..],
            &[""],
            &["*/*"],
            &["text/plain"],
            &["text/html, */*;q=0.8"],
            &["application/json"],
            &["application/openmetrics-text;q=0"],
            &["application/openmetrics-text;q=0.000, */*"],
            &["application/openmetrics-text;q=2"],
            &["application/openmetrics-text;q=0.5, text/plain;q=0.501"],
            &["application/openmetrics-text;q=0.5, */*;q=0.9"],
            &["application/openmetrics-text;version=2.0.0, */*;q=0.1"],
            &[
                "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            ],
            &["application/*;q=0.9, application/openmetrics-text;q=0.1, text/plain;q=0.5"],
        ] {
            assert_eq!(negotiated(accept), MetricsFormat::Text, "{accept:?}");
        }
    }
}
