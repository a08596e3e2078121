//! The catalogue of errors: every code, with what people and programs need to know of it.
//!
//! What stands here is the only place: the enum [`Code`], the words in the OpenAPI document and the page
//! `docs/errors.md` are made of it. `make errors` writes that page; a test fails when it is not current.
//!
//! To add a code: an entry at its place in the order of status, then its line in the snapshot beside the tests of
//! `problem`, then `make errors`. A code is never renamed, and never gets a second meaning.

use axum::http::StatusCode;

macro_rules! codes {
    ($(
        $name:ident = $status:ident $code:literal $title:literal {
            when: $when:literal,
            next: $next:literal,
            with: [$($member:literal),*],
        }
    )+) => {
        /// What went wrong, as clients branch on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)+
        }

        impl Code {
            /// All of them, in order of status.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The name in the member `code`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The status that it always comes with.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }

            /// One line for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// The URI in the member `type`.
            pub const fn uri(self) -> &'static str {
                match self { $(Self::$name => concat!("urn:frontrow:problem:", $code),)+ }
            }

            /// When it happens.
            pub const fn when(self) -> &'static str {
                match self { $(Self::$name => $when,)+ }
            }

            /// What a client does next.
            pub const fn next_step(self) -> &'static str {
                match self { $(Self::$name => $next,)+ }
            }

            /// The members that it may carry beside those of every problem.
            pub const fn members(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($member),*],)+ }
            }
        }
    };
}

codes! {
    InvalidRequest = BAD_REQUEST "invalid_request" "The request cannot be read" {
        when: "The body is not JSON, a header is malformed, or a parameter of the query is unknown, repeated or \
            malformed.",
        next: "Correct the request; the same one again gets the same answer.",
        with: ["errors"],
    }
    IdempotencyKeyRequired = BAD_REQUEST "idempotency_key_required" "The header Idempotency-Key is missing" {
        when: "The operation moves money or seats, and the request has no `Idempotency-Key`.",
        next: "Send a fresh key with every new request, and the same one with every repeat of it.",
        with: [],
    }
    Unauthenticated = UNAUTHORIZED "unauthenticated" "Log in first" {
        when: "The access token is missing, is not one of ours, or belongs to an account that is gone.",
        next: "Log in, and send `Authorization: Bearer <accessToken>`.",
        with: [],
    }
    AccessTokenExpired = UNAUTHORIZED "access_token_expired" "The access token has expired" {
        when: "The access token was good, and its time is over.",
        next: "Get a new pair with the refresh token, and repeat the request.",
        with: [],
    }
    InvalidCredentials = UNAUTHORIZED "invalid_credentials" "The address or the password is wrong" {
        when: "There is no account with this address and this password. Which of them is wrong is not told.",
        next: "Ask the fan again. Wrong passwords are counted: see `rate_limited`.",
        with: [],
    }
    RefreshTokenInvalid = UNAUTHORIZED "refresh_token_invalid" "The refresh token is not valid" {
        when: "The refresh token is unknown, expired, logged out, or was used again too late, which ends its log-in.",
        next: "Log in again.",
        with: [],
    }
    InsufficientBalance = PAYMENT_REQUIRED "insufficient_balance" "There is too little in the wallet" {
        when: "The reservation costs more than is in the wallet. The failed payment is recorded; the hold lives on.",
        next: "Charge the wallet, and pay again before the hold ends.",
        with: ["paymentId", "required", "balance"],
    }
    QueueTokenRequired = FORBIDDEN "queue_token_required" "The header Queue-Token is missing" {
        when: "The concert has a waiting room, and the request has no `Queue-Token`.",
        next: "Join the line with `POST /api/v1/queues`, and send the token that it answers.",
        with: [],
    }
    QueueTokenInvalid = FORBIDDEN "queue_token_invalid" "The queue token is not valid here" {
        when: "The queue token is not one of ours, or it is another fan's or another concert's.",
        next: "Join the line of this concert as this fan.",
        with: [],
    }
    QueueNotActive = FORBIDDEN "queue_not_active" "It is not your turn yet" {
        when: "The place in the line, or in the lobby, is not let in yet.",
        next: "Follow the status or its stream until `state` is `active`; the place is kept.",
        with: [],
    }
    QueueTokenExpired = FORBIDDEN "queue_token_expired" "Your place in the line is over" {
        when: "The place in the line has ended: paid, left, timed out, not taken up, closed or revoked.",
        next: "Join the line again for a new place at its end. Seats that are held can still be paid.",
        with: [],
    }
    ChallengeRequired = FORBIDDEN "challenge_required" "The challenge has to be solved first" {
        when: "The line asks for a solved challenge, and the one sent is missing, wrong, used or too old.",
        next: "Get a challenge with `GET /api/v1/queues/challenge`, solve it, and join with it.",
        with: [],
    }
    AccountBlocked = FORBIDDEN "account_blocked" "The account is blocked" {
        when: "Staff have stopped the account.",
        next: "Turn to the box office; trying again does not help.",
        with: [],
    }
    Forbidden = FORBIDDEN "forbidden" "Not allowed for this account" {
        when: "The role of the account does not allow this operation.",
        next: "Log in with an account of the right role.",
        with: [],
    }
    NotFound = NOT_FOUND "not_found" "There is no such thing" {
        when: "The address, the object or a seat does not exist, or it is somebody else's: nobody is told which.",
        next: "Check the ids. With `seats`: fetch the seat map again.",
        with: ["seats"],
    }
    TicketInvalid = NOT_FOUND "ticket_invalid" "This is no ticket of ours" {
        when: "At the gate: the code is not signed by this server, or there is no such ticket.",
        next: "Do not admit; ask for the ticket as the fan's account shows it.",
        with: [],
    }
    MethodNotAllowed = METHOD_NOT_ALLOWED "method_not_allowed" "This address does not take this method" {
        when: "The address exists and does not take this method.",
        next: "Take one of the methods in the header `Allow`.",
        with: [],
    }
    SeatUnavailable = CONFLICT "seat_unavailable" "A seat is taken" {
        when: "At least one of the seats is held, sold or blocked. Nothing was changed, for the other seats neither.",
        next: "Choose other seats than those in `seats`.",
        with: ["seats"],
    }
    NoAdjacentSeats = CONFLICT "no_adjacent_seats" "There are not so many seats together" {
        when: "Best available: enough seats are free, but not so many side by side in one row.",
        next: "Ask again with `adjacent: false`, or for fewer seats.",
        with: [],
    }
    SoldOut = CONFLICT "sold_out" "Everything is sold" {
        when: "Fewer seats are free than were asked for; joining a line: all seats of the concert are sold.",
        next: "Ask for fewer seats or another grade, or look again later: holds that end give seats back.",
        with: ["seatsLeft"],
    }
    SeatLimitExceeded = CONFLICT "seat_limit_exceeded" "More seats than one fan may have" {
        when: "With these seats the fan would have more of the schedule than `limit`; `held` counts paid ones too.",
        next: "Choose fewer seats, or cancel a hold first.",
        with: ["limit", "held"],
    }
    ReservationNotPending = CONFLICT "reservation_not_pending" "The reservation is no longer pending" {
        when: "The reservation was paid or cancelled in the meantime.",
        next: "Read the reservation, and show what it is now.",
        with: [],
    }
    AlreadyPaid = CONFLICT "already_paid" "The reservation is paid already" {
        when: "Another request has paid the reservation. Nothing was taken a second time.",
        next: "Treat it as paid: read the payment `paymentId`.",
        with: ["paymentId"],
    }
    RequestInFlight = CONFLICT "request_in_flight" "The first request with this key is still running" {
        when: "A request with the same `Idempotency-Key` has not been answered yet.",
        next: "Repeat with the same key after `retryAfter` seconds; the answer of the first is shown.",
        with: ["retryAfter"],
    }
    EmailTaken = CONFLICT "email_taken" "There is an account with this address" {
        when: "Somebody has signed up with this address already.",
        next: "Log in instead, or take another address.",
        with: [],
    }
    BalanceLimitExceeded = CONFLICT "balance_limit_exceeded" "The balance would pass its limit" {
        when: "After the charge the wallet would hold more than `balanceMax`.",
        next: "Charge less; the limits are shown with the balance.",
        with: [],
    }
    SaleNotOpen = CONFLICT "sale_not_open" "The sale has not opened yet" {
        when: "The sale, or the line in front of it, opens later; without `opensAt` nobody knows when.",
        next: "Come back at `opensAt`, or when the lobby of the concert opens, by the clock in the header `Date`.",
        with: ["opensAt"],
    }
    SalePaused = CONFLICT "sale_paused" "The sale is paused" {
        when: "The operator has stopped the sale of the schedule for now. Holds can still be paid.",
        next: "Try again later; the status of the schedule tells when it goes on.",
        with: [],
    }
    SaleClosed = CONFLICT "sale_closed" "The sale has closed" {
        when: "The last moment of the sale is over, or the schedule was cancelled.",
        next: "Show another schedule.",
        with: [],
    }
    NoWaitingRoom = CONFLICT "no_waiting_room" "The concert has no waiting room" {
        when: "Somebody wants to join a line, or to see its draw, where there is none.",
        next: "Hold seats at once, without a queue token.",
        with: [],
    }
    DrawNotDone = CONFLICT "draw_not_done" "The draw has not been done" {
        when: "The lobby of the sale was not drawn yet, or the sale has none.",
        next: "Ask again once `draw` of the line has `entryCount`.",
        with: [],
    }
    ScheduleInUse = CONFLICT "schedule_in_use" "Seats of the schedule were claimed already" {
        when: "Staff want to replace a seat plan of which a seat was claimed.",
        next: "Leave `seatPlan` out, or make a new schedule.",
        with: [],
    }
    RefundNotAllowed = CONFLICT "refund_not_allowed" "The reservation cannot be refunded" {
        when: "The schedule takes nothing back, or not any more, or the reservation was not paid.",
        next: "Turn to the box office; trying again does not help.",
        with: [],
    }
    TicketAlreadyUsed = CONFLICT "ticket_already_used" "The ticket was used already" {
        when: "At the gate: the ticket has admitted somebody at `usedAt`. A refund: so it cannot be given back.",
        next: "Do not admit a second time.",
        with: ["usedAt"],
    }
    TicketVoid = CONFLICT "ticket_void" "The ticket is no longer valid" {
        when: "At the gate: the ticket was refunded or cancelled.",
        next: "Do not admit; the box office can tell more.",
        with: [],
    }
    TicketWrongSchedule = CONFLICT "ticket_wrong_schedule" "The ticket is for another schedule" {
        when: "At the gate: the ticket is good, but not for the schedule that is being admitted.",
        next: "Send the fan to the right door, or on the right day.",
        with: [],
    }
    ReservationExpired = GONE "reservation_expired" "The hold has ended" {
        when: "The reservation was not paid in time. Its seats may be somebody else's by now.",
        next: "Hold seats again.",
        with: [],
    }
    PayloadTooLarge = PAYLOAD_TOO_LARGE "payload_too_large" "The body is too long" {
        when: "The body is longer than the server takes: 64 KiB, and 32 MiB with a seat plan, unless set otherwise.",
        next: "Send less.",
        with: [],
    }
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" "The body has to be JSON" {
        when: "The header `Content-Type` is missing, or names something else than JSON.",
        next: "Send `Content-Type: application/json`.",
        with: [],
    }
    ValidationFailed = UNPROCESSABLE_ENTITY "validation_failed" "The body is not valid" {
        when: "The body is JSON, but a member is unknown, missing, of the wrong type or out of range.",
        next: "Correct the members that `errors` names, each by its path.",
        with: ["errors"],
    }
    InvalidAmount = UNPROCESSABLE_ENTITY "invalid_amount" "The amount is outside the limits" {
        when: "A charge is below `chargeMin` or above `chargeMax`.",
        next: "Choose an amount within the limits that are shown with the balance.",
        with: [],
    }
    TooManySeats = UNPROCESSABLE_ENTITY "too_many_seats" "Too many seats in one request" {
        when: "One request names more seats than `limit`.",
        next: "Choose fewer seats.",
        with: ["limit"],
    }
    DuplicateSeats = UNPROCESSABLE_ENTITY "duplicate_seats" "A seat is named twice" {
        when: "The request names the seats in `seats` more than once.",
        next: "Name every seat once.",
        with: ["seats"],
    }
    IdempotencyKeyReused = UNPROCESSABLE_ENTITY "idempotency_key_reused" "The key was used for another request" {
        when: "The same account has used this `Idempotency-Key` within 24 hours with another method, path or body.",
        next: "Take a new key for every new request.",
        with: [],
    }
    RateLimited = TOO_MANY_REQUESTS "rate_limited" "Too many requests" {
        when: "Too many requests or joins of one fan, wrong passwords, open streams, or holds that were let go.",
        next: "Wait `retryAfter` seconds.",
        with: ["retryAfter"],
    }
    InternalError = INTERNAL_SERVER_ERROR "internal_error" "Something went wrong here" {
        when: "A defect of the server. What it was is in its log, under the request id.",
        next: "Try again with the same key; if it stays, report `requestId`.",
        with: [],
    }
    Overloaded = SERVICE_UNAVAILABLE "overloaded" "There is too much to do" {
        when: "Too much is waiting already, or the request took too long to be read or decided. Nothing was changed.",
        next: "Try again after `retryAfter` seconds, each time a little later.",
        with: ["retryAfter"],
    }
    StoreUnavailable = SERVICE_UNAVAILABLE "store_unavailable" "The store takes no requests" {
        when: "The database does not answer. Nothing was changed.",
        next: "Try again after `retryAfter` seconds, each time a little later.",
        with: ["retryAfter"],
    }
    WaitingRoomUnavailable = SERVICE_UNAVAILABLE "waiting_room_unavailable" "The waiting room takes no requests" {
        when: "The line cannot be asked. Places are kept, and nobody is let in meanwhile.",
        next: "Try again after `retryAfter` seconds; the place in the line is not lost.",
        with: ["retryAfter"],
    }
    OutcomeUnknown = SERVICE_UNAVAILABLE "outcome_unknown" "Nobody can say whether it happened" {
        when: "The answer got lost between the database and the server, or took too long.",
        next: "Repeat the request with the same `Idempotency-Key`, which is safe; joining a line needs no key.",
        with: ["retryAfter"],
    }
}

#[cfg(test)]
mod tests;
