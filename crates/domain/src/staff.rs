//! What staff did: the lines of the audit log (R-C5). A line is written in the transaction of what it tells and is
//! never changed. It keeps the actor's id and not their name: names are personal data, and an account can be
//! erased.
//!
//! To add an action: a variant of [`ActionKind`] with its name, then a note in the command that does it
//! (`frontrow-application`, `staff`).

use crate::account::Role;
use crate::{AuditEntryId, Timestamp, UserId};

/// Bytes in the longest request id that a line keeps.
pub const REQUEST_ID_MAX: usize = 128;

/// One thing that somebody of the staff did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffAction {
    /// The id of the line. The order of ids is the order of listing.
    pub id: AuditEntryId,
    /// When it was decided.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What they did.
    pub action: ActionKind,
    /// To what, as a path of the interface, such as `concert/3`, `schedule/7` or `concert/3/queue`.
    pub target: String,
    /// What was there, as a JSON object: of an edit only the members that changed. Nothing for what is new.
    pub before: Option<String>,
    /// What is there now, likewise. Nothing for what is gone.
    pub after: Option<String>,
    /// The request in which it was asked for, up to [`REQUEST_ID_MAX`] bytes: the thread to the logs.
    pub request_id: String,
}

/// Who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// Their account.
    pub user: UserId,
    /// The role in which they did it; they may have another by now.
    pub role: Role,
}

/// What staff can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionKind {
    /// A concert was made.
    CreateConcert,
    /// A concert was edited.
    EditConcert,
    /// A schedule was made.
    CreateSchedule,
    /// A schedule was edited.
    EditSchedule,
    /// A line was throttled, paused, drained, closed or spoken to.
    EditQueue,
    /// A fan's place in a line was taken away.
    RevokePlace,
    /// A schedule was called off.
    CancelSchedule,
    /// Seats were kept back.
    BlockSeats,
    /// Seats that were kept back were put on sale again.
    ReleaseSeats,
    /// Seats were sold or given away at the box office.
    SellSeats,
    /// A paid reservation was taken back.
    RefundReservation,
    /// Somebody's role or standing was changed.
    EditUser,
    /// Money was paid into a fan's wallet.
    ChargeWallet,
    /// A fan's personal data was erased.
    EraseUser,
    /// A webhook was made.
    CreateWebhook,
    /// A webhook was edited.
    EditWebhook,
    /// A webhook was taken away.
    DeleteWebhook,
    /// An event that could not be delivered is tried again.
    ReplayEvent,
}

impl ActionKind {
    /// All kinds, in the order in which they are documented.
    pub const ALL: [Self; 18] = [
        Self::CreateConcert,
        Self::EditConcert,
        Self::CreateSchedule,
        Self::EditSchedule,
        Self::EditQueue,
        Self::RevokePlace,
        Self::CancelSchedule,
        Self::BlockSeats,
        Self::ReleaseSeats,
        Self::SellSeats,
        Self::RefundReservation,
        Self::EditUser,
        Self::ChargeWallet,
        Self::EraseUser,
        Self::CreateWebhook,
        Self::EditWebhook,
        Self::DeleteWebhook,
        Self::ReplayEvent,
    ];

    /// The name used in the interface and in stores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateConcert => "create_concert",
            Self::EditConcert => "edit_concert",
            Self::CreateSchedule => "create_schedule",
            Self::EditSchedule => "edit_schedule",
            Self::EditQueue => "edit_queue",
            Self::RevokePlace => "revoke_place",
            Self::CancelSchedule => "cancel_schedule",
            Self::BlockSeats => "block_seats",
            Self::ReleaseSeats => "release_seats",
            Self::SellSeats => "sell_seats",
            Self::RefundReservation => "refund_reservation",
            Self::EditUser => "edit_user",
            Self::ChargeWallet => "charge_wallet",
            Self::EraseUser => "erase_user",
            Self::CreateWebhook => "create_webhook",
            Self::EditWebhook => "edit_webhook",
            Self::DeleteWebhook => "delete_webhook",
            Self::ReplayEvent => "replay_event",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        for kind in ActionKind::ALL {
            assert_eq!(ActionKind::parse(kind.name()), Some(kind));
        }
        assert_eq!(ActionKind::parse("sell_the_hall"), None);
    }
}
