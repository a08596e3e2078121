//! What the refusals of the box office and of admins are told as.

use frontrow_application::account::EditUserRefused;
use frontrow_application::catalog::CancelScheduleRefused;
use frontrow_application::events::EventsRefused;
use frontrow_application::reservation::{
    KeepBackRefused, SeatsRefused, SellSeatsRefused, StaffRefundRefused,
};
use frontrow_domain::wallet::InsufficientBalance;
use frontrow_domain::{SeatNo, Timestamp};

use super::{Code, Problem, Refusal};

impl Problem {
    fn too_many_seats(limit: usize) -> Self {
        Self::new(Code::TooManySeats, format!("One request may name {limit} seats."))
            .with(|members| members.limit = Some(limit as u64))
    }

    fn unknown_seats(seats: &[SeatNo]) -> Self {
        Self::new(Code::NotFound, "The schedule has no such seats.").seats(seats)
    }

    /// At the box office nothing is recorded of a sale that the wallet does not cover.
    fn not_covered(shortage: InsufficientBalance) -> Self {
        let InsufficientBalance { required, balance } = shortage;
        Self::new(Code::InsufficientBalance, "The wallet does not cover it; nothing was sold.").with(
            |members| {
                members.required = Some(required.minor());
                members.balance = Some(balance.minor());
            },
        )
    }
}

impl Refusal for KeepBackRefused {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {
            Self::NotFound => Problem::not_found(),
            Self::UnknownSeats(seats) => Problem::unknown_seats(&seats),
            Self::NothingSelected => {
                Problem::invalid_field("seats", "must be given, or section, row or grade instead")
            }
            Self::NoSuchSeats => Problem::invalid_field("seats", "no seat fits all that is given"),
            Self::SeatUnavailable(seats) => {
                Problem::new(Code::SeatUnavailable, "These are held or sold; nothing was changed.")
                    .seats(&seats)
            }
            Self::PlanReplaced => Problem::new(
                Code::Overloaded,
                "The seat plan is being replaced; nothing was changed. Please try again in a moment.",
            ),
        }
    }
}

impl Refusal for EventsRefused {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {
            Self::NotFound => Problem::not_found(),
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::Changed => Problem::new(
                Code::Overloaded,
                "Somebody else has changed it at the same moment; nothing was changed. Please look again.",
            ),
        }
    }
}

impl Refusal for CancelScheduleRefused {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {
            Self::NotFound => Problem::not_found(),
        }
    }
}

impl Refusal for SeatsRefused {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {
            Self::NoSeats => Problem::invalid_field("seats", "must name at least one seat"),
            Self::TooManySeats { limit } => Problem::too_many_seats(limit),
            Self::DuplicateSeats(seats) => {
                Problem::new(Code::DuplicateSeats, "Name every seat once.").seats(&seats)
            }
            Self::UnknownSeats(seats) => Problem::unknown_seats(&seats),
            Self::UnknownGrade => {
                Problem::invalid_field("bestAvailable.grade", "must be a grade of this schedule")
            }
            Self::SoldOut { seats_left } => Problem::sold_out(seats_left),
            Self::NoAdjacentSeats => Problem::not_together(),
        }
    }
}

impl Refusal for SellSeatsRefused {
    fn problem(self, now: Timestamp) -> Problem {
        match self {
            Self::NotFound => Problem::not_found(),
            Self::UnknownUser => Problem::invalid_field("userId", "there is no such user"),
            Self::Closed => Problem::new(Code::SaleClosed, "The performance is over or was called off."),
            Self::Seats(refused) => refused.problem(now),
            Self::SeatUnavailable(seats) => {
                Problem::new(Code::SeatUnavailable, "These are taken or kept back; nothing was sold.")
                    .seats(&seats)
            }
            Self::InsufficientBalance(shortage) => Problem::not_covered(shortage),
        }
    }
}

impl Refusal for StaffRefundRefused {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {
            Self::NotFound => Problem::not_found(),
            Self::NotPaid => {
                Problem::new(Code::RefundNotAllowed, "It is not paid, so there is nothing to give back.")
            }
            Self::TicketUsed { at } => Problem::ticket_used(at),
        }
    }
}

impl Refusal for EditUserRefused {
    fn problem(self, _now: Timestamp) -> Problem {
        match self {
            Self::NotFound => Problem::not_found(),
            Self::Oneself => {
                Problem::new(Code::Forbidden, "Nobody changes their own role or standing; ask another admin.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use frontrow_domain::Money;

    use super::*;

    fn told(refused: impl Refusal) -> String {
        const MEMBERS: [&str; 7] =
            ["seats", "limit", "seatsLeft", "required", "balance", "usedAt", "retryAfter"];
        let document = refused.problem(Timestamp::ZERO).write("r");
        let document: serde_json::Value = serde_json::from_slice(&document).expect("json");
        let mut line = vec![document["code"].to_string(), document["detail"].to_string()];
        line.extend(document.get("errors").map(ToString::to_string));
        let member = |name| document.get(name).map(|value| format!("{name}={value}"));
        line.extend(MEMBERS.into_iter().filter_map(member));
        line.join(" ") + "\n"
    }

    fn seats() -> Vec<SeatNo> {
        vec![SeatNo::new(3), SeatNo::new(4)]
    }

    #[test]
    fn what_staff_is_told() {
        let shortage = InsufficientBalance { required: Money::of(10), balance: Money::of(9) };
        let lines = [
            told(KeepBackRefused::NotFound),
            told(KeepBackRefused::UnknownSeats(seats())),
            told(KeepBackRefused::NothingSelected),
            told(KeepBackRefused::NoSuchSeats),
            told(KeepBackRefused::SeatUnavailable(seats())),
            told(KeepBackRefused::PlanReplaced),
            told(CancelScheduleRefused::NotFound),
            told(SellSeatsRefused::NotFound),
            told(SellSeatsRefused::UnknownUser),
            told(SellSeatsRefused::Closed),
            told(SellSeatsRefused::SeatUnavailable(seats())),
            told(SellSeatsRefused::InsufficientBalance(shortage)),
            told(SellSeatsRefused::Seats(SeatsRefused::NoSeats)),
            told(SeatsRefused::TooManySeats { limit: 20 }),
            told(SeatsRefused::DuplicateSeats(seats())),
            told(SeatsRefused::UnknownSeats(seats())),
            told(SeatsRefused::UnknownGrade),
            told(SeatsRefused::SoldOut { seats_left: 2 }),
            told(SeatsRefused::NoAdjacentSeats),
            told(StaffRefundRefused::NotFound),
            told(StaffRefundRefused::NotPaid),
            told(StaffRefundRefused::TicketUsed { at: Timestamp::ZERO }),
            told(EditUserRefused::NotFound),
            told(EditUserRefused::Oneself),
        ];
        expect![[r#"
            "not_found" "There is nothing here that you may see."
            "not_found" "The schedule has no such seats." seats=[3,4]
            "validation_failed" "See `errors` for what is wrong." [{"field":"seats","message":"must be given, or section, row or grade instead"}]
            "validation_failed" "See `errors` for what is wrong." [{"field":"seats","message":"no seat fits all that is given"}]
            "seat_unavailable" "These are held or sold; nothing was changed." seats=[3,4]
            "overloaded" "The seat plan is being replaced; nothing was changed. Please try again in a moment." retryAfter=1
            "not_found" "There is nothing here that you may see."
            "not_found" "There is nothing here that you may see."
            "validation_failed" "See `errors` for what is wrong." [{"field":"userId","message":"there is no such user"}]
            "sale_closed" "The performance is over or was called off."
            "seat_unavailable" "These are taken or kept back; nothing was sold." seats=[3,4]
            "insufficient_balance" "The wallet does not cover it; nothing was sold." required=10 balance=9
            "validation_failed" "See `errors` for what is wrong." [{"field":"seats","message":"must name at least one seat"}]
            "too_many_seats" "One request may name 20 seats." limit=20
            "duplicate_seats" "Name every seat once." seats=[3,4]
            "not_found" "The schedule has no such seats." seats=[3,4]
            "validation_failed" "See `errors` for what is wrong." [{"field":"bestAvailable.grade","message":"must be a grade of this schedule"}]
            "sold_out" "Fewer of these seats are left than you asked for." seatsLeft=2
            "no_adjacent_seats" "There are enough seats, but not beside each other: ask for fewer, or with `adjacent: false`."
            "not_found" "There is nothing here that you may see."
            "refund_not_allowed" "It is not paid, so there is nothing to give back."
            "ticket_already_used" "Somebody has come in with this ticket." usedAt="1970-01-01T00:00:00Z"
            "not_found" "There is nothing here that you may see."
            "forbidden" "Nobody changes their own role or standing; ask another admin."
        "#]].assert_eq(&lines.concat());
    }
}
