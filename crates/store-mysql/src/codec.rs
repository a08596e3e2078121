//! Columns to domain values and back. What cannot have been written is an error, never a guess.

pub(crate) mod catalog;

use std::fmt;

use frontrow_domain::account::{Account, Credential, Email, Login, Role, Standing};
use frontrow_domain::payment::{FailureReason, Payment, PaymentState, Refund, RefundCause};
use frontrow_domain::reservation::{Claim, Reservation, ReservationState};
use frontrow_domain::staff::{ActionKind, Actor, StaffAction};
use frontrow_domain::ticket::{Ticket, TicketState};
use frontrow_domain::wallet::{ChargeMethod, CounterAccount, EntryKind, LedgerEntry, Wallet};
use frontrow_domain::{
    AuditEntryId, ConcertId, EntryId, LoginId, Money, PaymentId, ReservationId, ScheduleId, SeatNo, TicketId,
    Timestamp, TransactionId, UserId,
};
use uuid::Uuid;

use crate::error::DbError;
use crate::row::{Result, Row};

fn uuid(row: &Row<'_>, column: usize) -> Result<Uuid> {
    let bytes: [u8; 16] = row.get(column)?;
    Ok(Uuid::from_bytes(bytes))
}

fn optional_uuid(row: &Row<'_>, column: usize) -> Result<Option<Uuid>> {
    let bytes: Option<[u8; 16]> = row.get(column)?;
    Ok(bytes.map(Uuid::from_bytes))
}

pub(crate) fn user(row: &Row<'_>, column: usize) -> Result<UserId> {
    uuid(row, column).map(UserId::new)
}

pub(crate) fn time(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    row.get(column).map(Timestamp::from_micros)
}

pub(crate) fn money(row: &Row<'_>, column: usize) -> Result<Money> {
    row.get(column).map(Money::of)
}

/// Seat numbers as text: readable for whoever opens the file, and quick to take apart.
pub(crate) fn seats_text(seats: impl IntoIterator<Item = SeatNo>) -> String {
    use fmt::Write as _;
    let mut text = String::new();
    for seat in seats {
        if !text.is_empty() {
            text.push(',');
        }
        // Writing into a string cannot fail.
        let _ = write!(text, "{seat}");
    }
    text
}

pub(crate) fn seats(row: &Row<'_>, column: usize) -> Result<Vec<SeatNo>> {
    let text = row.text(column)?;
    text.split(',')
        .map(|no| no.parse().map(SeatNo::new).map_err(|_| DbError::Unreadable("list of seats")))
        .collect()
}

pub(crate) const fn role_number(role: Role) -> u8 {
    match role {
        Role::Fan => 0,
        Role::Operator => 1,
        Role::Admin => 2,
        Role::Gate => 3,
    }
}

fn role(row: &Row<'_>, column: usize) -> Result<Role> {
    match row.get::<u8>(column)? {
        0 => Ok(Role::Fan),
        1 => Ok(Role::Operator),
        2 => Ok(Role::Admin),
        3 => Ok(Role::Gate),
        _ => Err(DbError::Unreadable("role")),
    }
}

pub(crate) const fn standing_number(standing: Standing) -> u8 {
    match standing {
        Standing::Active => 0,
        Standing::Blocked => 1,
        Standing::Erased => 2,
    }
}

/// Kind and hash of a credential.
pub(crate) fn credential_columns(credential: &Credential) -> (u8, Option<&str>) {
    match credential {
        Credential::None => (0, None),
        Credential::Password(hash) => (1, Some(hash)),
        Credential::External => (2, None),
    }
}

pub(crate) const ACCOUNT_COLUMNS: &str =
    "user_id, email, name, role, standing, credential, password_hash, created_at, row_version, changed_at";

pub(crate) fn account(row: &Row<'_>) -> Result<(Account, u64)> {
    let email: Option<Vec<u8>> = row.get(1)?;
    let email = email
        .map(|bytes| {
            let text = String::from_utf8(bytes).map_err(|_| DbError::Unreadable("address"))?;
            Email::parse(&text).map_err(|_| DbError::Unreadable("address"))
        })
        .transpose()?;
    let standing = match row.get::<u8>(4)? {
        0 => Standing::Active,
        1 => Standing::Blocked,
        2 => Standing::Erased,
        _ => return Err(DbError::Unreadable("standing")),
    };
    let credential = match (row.get::<u8>(5)?, row.get::<Option<String>>(6)?) {
        (0, None) => Credential::None,
        (1, Some(hash)) => Credential::Password(hash),
        (2, None) => Credential::External,
        _ => return Err(DbError::Unreadable("credential")),
    };
    let account = Account {
        id: user(row, 0)?,
        email,
        name: row.get(2)?,
        role: role(row, 3)?,
        standing,
        credential,
        created_at: time(row, 7)?,
        changed_at: row.get::<Option<i64>>(9)?.map(Timestamp::from_micros),
    };
    Ok((account, row.get(8)?))
}

/// What is read of a log-in.
pub(crate) const LOGIN_COLUMNS: &str =
    "login_id, user_id, generation, rotated_at, expires_at, ended, row_version";

/// An address, its owner, and the version of the row.
pub(crate) fn owner(row: &Row<'_>) -> Result<(Email, UserId, u64)> {
    let email = std::str::from_utf8(row.get(0)?).ok().and_then(|text| Email::parse(text).ok());
    Ok((email.ok_or(DbError::Unreadable("address"))?, user(row, 1)?, row.get(2)?))
}

pub(crate) fn login(row: &Row<'_>) -> Result<(Login, u64)> {
    let login = Login {
        id: LoginId::new(uuid(row, 0)?),
        user: user(row, 1)?,
        generation: row.get(2)?,
        rotated_at: time(row, 3)?,
        expires_at: time(row, 4)?,
        ended: row.get(5)?,
    };
    Ok((login, row.get(6)?))
}

pub(crate) const WALLET_COLUMNS: &str = "user_id, balance, last_entry, last_event, row_version";

pub(crate) fn wallet(row: &Row<'_>) -> Result<(Wallet, u64)> {
    let wallet = Wallet {
        user: user(row, 0)?,
        balance: money(row, 1)?,
        last_entry: row.get(2)?,
        last_event: row.get(3)?,
    };
    Ok((wallet, row.get(4)?))
}

pub(crate) const fn counter_account_number(account: CounterAccount) -> u8 {
    match account {
        CounterAccount::External => 0,
        CounterAccount::Sales => 1,
        CounterAccount::Fees => 2,
    }
}

/// Kind, method, payment and reservation of a ledger entry.
pub(crate) const fn entry_columns(
    kind: &EntryKind,
) -> (u8, Option<u8>, Option<&PaymentId>, Option<&ReservationId>) {
    match kind {
        EntryKind::Charge(ChargeMethod::Card) => (0, Some(0), None, None),
        EntryKind::Charge(ChargeMethod::Cash) => (0, Some(1), None, None),
        EntryKind::Payment { payment, reservation } => (1, None, Some(payment), Some(reservation)),
        EntryKind::Refund { payment, reservation } => (2, None, Some(payment), Some(reservation)),
        EntryKind::Fee { payment, reservation } => (3, None, Some(payment), Some(reservation)),
    }
}

pub(crate) const ENTRY_COLUMNS: &str = "user_id, number, transaction_id, kind, method, payment_id, \
     reservation_id, amount, balance_before, balance_after, at, counter_account";

pub(crate) fn entry(row: &Row<'_>) -> Result<LedgerEntry> {
    let payment = optional_uuid(row, 5)?.map(PaymentId::new);
    let reservation = optional_uuid(row, 6)?.map(ReservationId::new);
    let kind = match (row.get::<u8>(3)?, row.get::<Option<u8>>(4)?, payment, reservation) {
        (0, Some(0), None, None) => EntryKind::Charge(ChargeMethod::Card),
        (0, Some(1), None, None) => EntryKind::Charge(ChargeMethod::Cash),
        (1, None, Some(payment), Some(reservation)) => EntryKind::Payment { payment, reservation },
        (2, None, Some(payment), Some(reservation)) => EntryKind::Refund { payment, reservation },
        (3, None, Some(payment), Some(reservation)) => EntryKind::Fee { payment, reservation },
        _ => return Err(DbError::Unreadable("kind of ledger entry")),
    };
    if row.get::<u8>(11)? != counter_account_number(kind.counter_account()) {
        return Err(DbError::Unreadable("counter-account"));
    }
    Ok(LedgerEntry {
        user: user(row, 0)?,
        number: row.get(1)?,
        transaction: TransactionId::new(uuid(row, 2)?),
        kind,
        amount: money(row, 7)?,
        before: money(row, 8)?,
        after: money(row, 9)?,
        at: time(row, 10)?,
    })
}

/// Kind, reservation, user and end of a claim.
pub(crate) const fn claim_columns(
    claim: &Claim,
) -> (u8, Option<&ReservationId>, Option<&UserId>, Option<Timestamp>) {
    match claim {
        Claim::Held { reservation, user, until } => (0, Some(reservation), Some(user), Some(*until)),
        Claim::Sold { reservation, user } => (1, Some(reservation), Some(user), None),
        Claim::Blocked => (2, None, None, None),
    }
}

/// A claim from kind, reservation, user and end, which begin at column `first`.
pub(crate) fn claim(row: &Row<'_>, first: usize) -> Result<Claim> {
    let reservation = optional_uuid(row, first + 1)?.map(ReservationId::new);
    let user = optional_uuid(row, first + 2)?.map(UserId::new);
    let until = row.get::<Option<i64>>(first + 3)?.map(Timestamp::from_micros);
    match (row.get::<u8>(first)?, reservation, user, until) {
        (0, Some(reservation), Some(user), Some(until)) => Ok(Claim::Held { reservation, user, until }),
        (1, Some(reservation), Some(user), None) => Ok(Claim::Sold { reservation, user }),
        (2, None, None, None) => Ok(Claim::Blocked),
        _ => Err(DbError::Unreadable("claim")),
    }
}

/// What is read of a claim.
pub(crate) const CLAIM_COLUMNS: &str = "seat_no, kind, reservation_id, user_id, held_until";

/// A claim with its seat, from [`CLAIM_COLUMNS`].
pub(crate) fn seat_and_claim(row: &Row<'_>) -> Result<(SeatNo, Claim)> {
    Ok((SeatNo::new(row.get(0)?), claim(row, 1)?))
}

pub(crate) const RESERVATION_COLUMNS: &str = "reservation_id, user_id, concert_id, schedule_id, seats, amount, \
     created_at, state, state_at, extended, payment_id, last_event, row_version, held_until, queue_entry, \
     paid_at, returned";

/// The numbers under which states of reservations are stored.
pub(crate) mod reservation_state {
    pub(crate) const PENDING: u8 = 0;
    pub(crate) const CONFIRMED: u8 = 1;
    pub(crate) const CANCELLED: u8 = 2;
    pub(crate) const EXPIRED: u8 = 3;
    pub(crate) const REFUNDED: u8 = 4;
    /// All of them.
    pub(crate) const ALL: [u8; 5] = [PENDING, CONFIRMED, CANCELLED, EXPIRED, REFUNDED];
}

/// What the state of a reservation puts into columns of its own.
pub(crate) struct StateColumns<'a> {
    pub(crate) state: u8,
    pub(crate) at: Timestamp,
    pub(crate) extended: bool,
    pub(crate) payment: Option<&'a PaymentId>,
    pub(crate) paid_at: Option<Timestamp>,
    pub(crate) returned: Option<Money>,
}

pub(crate) fn state_columns(state: &ReservationState) -> StateColumns<'_> {
    use reservation_state::{CANCELLED, CONFIRMED, EXPIRED, PENDING, REFUNDED};
    let plain =
        |state, at| StateColumns { state, at, extended: false, payment: None, paid_at: None, returned: None };
    match state {
        ReservationState::Pending { expires_at, extended } => {
            StateColumns { extended: *extended, ..plain(PENDING, *expires_at) }
        }
        ReservationState::Confirmed { at, payment, .. } => {
            StateColumns { payment: Some(payment), ..plain(CONFIRMED, *at) }
        }
        ReservationState::Cancelled { at, .. } => plain(CANCELLED, *at),
        ReservationState::Expired { at } => plain(EXPIRED, *at),
        ReservationState::Refunded { at, paid_at, payment, returned, .. } => StateColumns {
            payment: Some(payment),
            paid_at: Some(*paid_at),
            returned: Some(*returned),
            ..plain(REFUNDED, *at)
        },
    }
}

pub(crate) fn reservation(row: &Row<'_>) -> Result<(Reservation, u64)> {
    let at = time(row, 8)?;
    let held_until = time(row, 13)?;
    let payment = optional_uuid(row, 10)?.map(PaymentId::new);
    let paid_at = row.get::<Option<i64>>(15)?.map(Timestamp::from_micros);
    let returned = row.get::<Option<i64>>(16)?.map(Money::of);
    let state = match (row.get::<u8>(7)?, payment, paid_at, returned) {
        (0, None, None, None) => ReservationState::Pending { expires_at: at, extended: row.get(9)? },
        (1, Some(payment), None, None) => ReservationState::Confirmed { at, payment, held_until },
        (2, None, None, None) => ReservationState::Cancelled { at, held_until },
        (3, None, None, None) => ReservationState::Expired { at },
        (4, Some(payment), Some(paid_at), Some(returned)) => {
            ReservationState::Refunded { at, paid_at, payment, held_until, returned }
        }
        _ => return Err(DbError::Unreadable("state of a reservation")),
    };
    let reservation = Reservation {
        id: ReservationId::new(uuid(row, 0)?),
        user: user(row, 1)?,
        concert: ConcertId::new(row.get(2)?),
        schedule: ScheduleId::new(row.get(3)?),
        seats: seats(row, 4)?,
        amount: money(row, 5)?,
        created_at: time(row, 6)?,
        entry: optional_uuid(row, 14)?.map(EntryId::new),
        state,
        last_event: row.get(11)?,
    };
    Ok((reservation, row.get(12)?))
}

pub(crate) const PAYMENT_COLUMNS: &str =
    "payment_id, reservation_id, schedule_id, user_id, amount, at, state, failure_reason, seats";

/// State and reason of a payment.
pub(crate) const fn payment_columns(state: PaymentState) -> (u8, Option<&'static str>) {
    match state {
        PaymentState::Completed => (0, None),
        PaymentState::Failed(reason) => (1, Some(reason.name())),
    }
}

pub(crate) fn payment(row: &Row<'_>) -> Result<Payment> {
    let state = match (row.get::<u8>(6)?, row.get::<Option<String>>(7)?) {
        (0, None) => PaymentState::Completed,
        (1, Some(reason)) => PaymentState::Failed(
            FailureReason::parse(&reason).ok_or(DbError::Unreadable("reason of a failed payment"))?,
        ),
        _ => return Err(DbError::Unreadable("state of a payment")),
    };
    Ok(Payment {
        id: PaymentId::new(uuid(row, 0)?),
        reservation: ReservationId::new(uuid(row, 1)?),
        schedule: ScheduleId::new(row.get(2)?),
        user: user(row, 3)?,
        amount: money(row, 4)?,
        seats: row.get(8)?,
        at: time(row, 5)?,
        state,
    })
}

pub(crate) const REFUND_COLUMNS: &str =
    "payment_id, reservation_id, schedule_id, user_id, returned, fee, at, cause";

/// A refund from its columns, which begin at column `first`.
pub(crate) fn refund(row: &Row<'_>, first: usize) -> Result<Refund> {
    let cause = row.text(first + 7)?;
    Ok(Refund {
        payment: PaymentId::new(uuid(row, first)?),
        reservation: ReservationId::new(uuid(row, first + 1)?),
        schedule: ScheduleId::new(row.get(first + 2)?),
        user: user(row, first + 3)?,
        returned: money(row, first + 4)?,
        fee: money(row, first + 5)?,
        at: time(row, first + 6)?,
        cause: RefundCause::parse(cause).ok_or(DbError::Unreadable("cause of a refund"))?,
    })
}

pub(crate) const TICKET_COLUMNS: &str =
    "ticket_id, reservation_id, schedule_id, seat_no, user_id, state, used_at, used_by, row_version";

/// State of a ticket, and when and by whom it was scanned.
pub(crate) const fn ticket_columns(state: &TicketState) -> (u8, Option<Timestamp>, Option<&UserId>) {
    match state {
        TicketState::Valid => (0, None, None),
        TicketState::Used { at, by } => (1, Some(*at), Some(by)),
        TicketState::Void => (2, None, None),
    }
}

pub(crate) fn ticket(row: &Row<'_>) -> Result<(Ticket, u64)> {
    let at = row.get::<Option<i64>>(6)?.map(Timestamp::from_micros);
    let by = optional_uuid(row, 7)?.map(UserId::new);
    let state = match (row.get::<u8>(5)?, at, by) {
        (0, None, None) => TicketState::Valid,
        (1, Some(at), Some(by)) => TicketState::Used { at, by },
        (2, None, None) => TicketState::Void,
        _ => return Err(DbError::Unreadable("state of a ticket")),
    };
    let ticket = Ticket {
        id: TicketId::new(uuid(row, 0)?),
        reservation: ReservationId::new(uuid(row, 1)?),
        schedule: ScheduleId::new(row.get(2)?),
        seat: SeatNo::new(row.get(3)?),
        user: user(row, 4)?,
        state,
    };
    Ok((ticket, row.get(8)?))
}

pub(crate) const STAFF_ACTION_COLUMNS: &str =
    "entry_id, at, user_id, role, action, target, seen_before, seen_after, request_id";

pub(crate) fn staff_action(row: &Row<'_>) -> Result<StaffAction> {
    let action = row.text(4)?;
    Ok(StaffAction {
        id: AuditEntryId::new(uuid(row, 0)?),
        at: time(row, 1)?,
        actor: Actor { user: user(row, 2)?, role: role(row, 3)? },
        action: ActionKind::parse(action).ok_or(DbError::Unreadable("action of staff"))?,
        target: row.get(5)?,
        before: row.get(6)?,
        after: row.get(7)?,
        request_id: row.get(8)?,
    })
}
