//! `[events]`: what becomes of events after the sale has committed them.

use serde::{Deserialize, Serialize};

use super::super::merge::Merge;
use super::super::secret::Secret;

/// `[events]`: who hears of the sale.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Events {
    /// What events name as their source.
    pub(crate) source: String,
    /// Empty: no chat is told.
    pub(crate) chat_url: Secret,
    /// Whether messages may go to addresses that are not public.
    pub(crate) allow_private_targets: bool,
    /// Whether it is told who is let in by a waiting room.
    pub(crate) admissions: bool,
    /// For how many days events are kept that were delivered.
    pub(crate) keep_days: u32,
}

impl Events {
    pub(in crate::config) fn validate(&self, problems: &mut Merge) {
        let is_reference = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c);
        if self.source.is_empty() || !self.source.chars().all(is_reference) {
            let help = "name the system as a URI reference, such as frontrow or https://tickets.example.org";
            problems.refuse(&["events.source"], "is empty, or has characters that no URI has", help);
        }
        let chat = self.chat_url.expose();
        if !chat.is_empty() && !chat.starts_with("https://") && !chat.starts_with("http://") {
            let help = "give the address of an incoming webhook, such as https://hooks.slack.com/services/…";
            problems.refuse(&["events.chat_url"], "is not a web address", help);
        }
    }
}
