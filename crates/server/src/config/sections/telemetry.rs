//! `[telemetry]`: what the server tells others about itself.

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::config::merge::{Merge, quoted};

/// `[telemetry]`: traces.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Telemetry {
    /// An address of http or https; empty: no traces.
    pub(crate) traces_url: String,
    /// Of a thousand requests.
    pub(crate) traces_per_thousand: u16,
    /// Never empty.
    pub(crate) service_name: String,
}

impl Telemetry {
    pub(in crate::config) fn validate(&self, problems: &mut Merge) {
        let is_web = |url: Url| matches!(url.scheme(), "http" | "https");
        if !self.traces_url.is_empty() && !Url::parse(&self.traces_url).is_ok_and(is_web) {
            problems.refuse(
                &["telemetry.traces_url"],
                format!("cannot be {}, which is no web address", quoted(&self.traces_url)),
                "give the address of a collector, such as http://127.0.0.1:4318/v1/traces",
            );
        }
        if self.service_name.trim().is_empty() {
            problems.refuse(&["telemetry.service_name"], "is empty", "give a name, such as frontrow");
        }
    }
}
