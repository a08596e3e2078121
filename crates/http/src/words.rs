//! The closed lists of words in the interface, for its document. What is written comes from the domain; a test
//! compares the two.

use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::problem::Code;

fn word_schema<'a>(words: impl IntoIterator<Item = &'a str>) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).enum_values(Some(words)).into()
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident: $($word:literal)+;)+) => { $(
        $(#[$doc])*
        pub(crate) struct $name;

        #[cfg(test)]
        impl $name {
            const WORDS: &[&str] = &[$($word),+];
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                word_schema([$($word),+])
            }
        }

        impl ToSchema for $name {}
    )+ };
}

words! {
    /// Where a schedule or concert stands.
    ScheduleStatus: "upcoming" "on_sale" "paused" "sold_out" "closed" "cancelled";
    /// What a seat shows.
    SeatState: "available" "held" "sold" "blocked";
    /// Where a reservation stands.
    ReservationStatus: "pending" "confirmed" "expired" "cancelled" "refunded";
    /// Whether a ticket admits.
    TicketStatus: "valid" "used" "void";
    /// Where a place in a line stands.
    QueueState: "lobby" "waiting" "active" "expired";
    /// Why a place in a line is over.
    QueueEndReason: "paid" "left" "timed_out" "no_show" "closed" "revoked";
    /// Where a waiting room stands.
    RoomState: "off" "scheduled" "lobby" "open" "paused" "sold_out" "closed";
    /// How a payment ended.
    PaymentStatus: "completed" "failed" "refunded";
    /// Why a payment failed.
    FailureReason: "insufficient_balance";
    /// What a ledger entry is about.
    TransactionType: "charge" "payment" "refund" "adjustment";
    /// What an account may do.
    Role: "fan" "operator" "admin" "gate";
    /// How seats are paid at the box office.
    SaleMeans: "wallet" "cash" "free";
    /// What staff did.
    StaffAction: "create_concert" "edit_concert" "create_schedule" "edit_schedule" "edit_queue" "revoke_place"
        "cancel_schedule" "block_seats" "release_seats" "sell_seats" "refund_reservation" "edit_user" "charge_wallet"
        "erase_user" "create_webhook" "edit_webhook" "delete_webhook" "replay_event";
    /// Whether a webhook is told of events.
    WebhookStatus: "on" "off" "gone" "failed";
    /// Over which time sales are counted.
    RankingWindow: "1h" "24h" "all";
    /// What an area of a seat plan looks like.
    AreaShape: "circle" "ellipse" "rectangle" "polygon" "text";
    /// Seats that can be asked for by state.
    AvailableOnly: "available";
}

/// What clients branch on when something went wrong.
pub(crate) struct ProblemCode;

impl PartialSchema for ProblemCode {
    fn schema() -> RefOr<Schema> {
        word_schema(Code::ALL.iter().map(|code| code.name()))
    }
}

impl ToSchema for ProblemCode {}

#[cfg(test)]
mod tests {
    use frontrow_domain::{account, catalog, payment, queue, reservation, staff, ticket};

    use super::*;

    #[test]
    fn every_word_of_the_domain_is_documented() {
        let check = |words: &[&str], word: &str| assert!(words.contains(&word), "{word}");
        for status in catalog::ScheduleStatus::ALL {
            check(ScheduleStatus::WORDS, status.name());
        }
        for state in reservation::SeatState::ALL {
            check(SeatState::WORDS, state.name());
        }
        for status in reservation::ReservationStatus::ALL {
            check(ReservationStatus::WORDS, status.name());
        }
        for role in account::Role::ALL {
            check(Role::WORDS, role.name());
        }
        for means in frontrow_application::reservation::SaleMeans::ALL {
            check(SaleMeans::WORDS, means.name());
        }
        let shapes = [
            catalog::Shape::Circle(1.0),
            catalog::Shape::Ellipse(1.0, 1.0),
            catalog::Shape::Rectangle(1.0, 1.0),
            catalog::Shape::Polygon(Vec::new()),
            catalog::Shape::Text,
        ];
        for shape in &shapes {
            check(AreaShape::WORDS, crate::catalog::shape_name(shape));
        }
        for action in staff::ActionKind::ALL {
            check(StaffAction::WORDS, action.name());
        }
        for status in frontrow_application::events::WebhookStatus::ALL {
            check(WebhookStatus::WORDS, status.name());
        }
        for state in frontrow_application::queue::QueueState::ALL {
            check(QueueState::WORDS, state.name());
        }
        for reason in queue::EndReason::ALL {
            check(QueueEndReason::WORDS, reason.name());
        }
        for state in queue::RoomState::ALL {
            check(RoomState::WORDS, state.name());
        }
        for state in [ticket::TicketState::Valid, ticket::TicketState::Void] {
            check(TicketStatus::WORDS, state.name());
        }
        let reason = payment::FailureReason::InsufficientBalance;
        check(FailureReason::WORDS, reason.name());
        for state in [payment::PaymentState::Completed, payment::PaymentState::Failed(reason)] {
            check(PaymentStatus::WORDS, state.name());
        }
        for window in frontrow_application::sales::RankingWindow::ALL {
            check(RankingWindow::WORDS, window.name());
        }
        check(AvailableOnly::WORDS, reservation::SeatState::Available.name());
        for kind in ["charge", "payment"] {
            check(TransactionType::WORDS, kind);
        }
    }
}
