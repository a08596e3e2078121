"""Seats, payments and takings."""

from panels import BAD, INSTANCE, bars, concerts, dashboard, graph, limits, number

from .queries import AT, EVENT, NONE, OF, money, seats, share_of, told

MONEY = dashboard(
    "frontrow-money",
    "Frontrow / The money",
    "What was sold and what came in. Amounts are in whole minor units: won for KRW, cents for EUR.",
    [
        (
            "So far",
            [
                number(
                    "Taken",
                    "What was paid since the beginning, refunded since or not.",
                    "short",
                    money("gross"),
                    wide=6,
                ),
                number("Given back", "What of that went back to fans.", "short", money("refunded"), wide=6),
                number("Kept of refunds", "Fees that were kept of refunds.", "short", money("fees"), wide=6),
                number(
                    "Audit differences",
                    "Payments, balances and seats that do not agree. Anything but 0 needs somebody now.",
                    "none",
                    "max(frontrow_audit_differences)",
                    NONE,
                    wide=6,
                ),
                number("Sold", "Seats that are paid.", "short", seats("sold"), wide=6),
                number("Held", "Seats that somebody holds and has not paid yet.", "short", seats("held"), wide=6),
                number("Available", "Seats that can be had.", "short", seats("available"), wide=6),
                number(
                    "Sold of all",
                    "Seats that are paid, as a share of those that are for sale.",
                    "percentunit",
                    share_of(seats("sold"), f'sum(frontrow:seats:max{{{OF},state!="blocked"}})'),
                    wide=6,
                    decimals=1,
                ),
            ],
        ),
        (
            "Each schedule",
            [
                bars(
                    "Sold",
                    "Seats of each schedule that are paid, as a share of those that are for sale.",
                    "percentunit",
                    f'sum by (concert, schedule) (frontrow:seats:max{{{OF},state="sold"}}) / sum by (concert, schedule) (frontrow:seats:max{{{OF},state!="blocked"}})',
                    "concert {{concert}}, schedule {{schedule}}",
                    most=1,
                ),
                graph(
                    "Taken",
                    "What was paid, less what went back.",
                    "short",
                    (
                        f'sum by (schedule, currency) (frontrow:takings:max{{{OF},kind="gross"}}) - sum by (schedule, currency) (frontrow:takings:max{{{OF},kind="refunded"}})',
                        "schedule {{schedule}}, {{currency}}",
                    ),
                ),
                graph(
                    "Held",
                    "Seats that are held and not paid. What falls here without a sale comes back to the map.",
                    "short",
                    (f'sum by (schedule) (frontrow:seats:max{{{OF},state="held"}})', "schedule {{schedule}}"),
                ),
            ],
        ),
        (
            "What happens",
            [
                graph(
                    "Reservations",
                    "A second, by what became of them.",
                    "reqps",
                    (told("reservation.created"), "held"),
                    (told("reservation.extended"), "extended"),
                    (told("reservation.confirmed"), "sold"),
                    (told("reservation.expired"), "ran out"),
                    (told("reservation.cancelled"), "let go"),
                    (told("reservation.refunded"), "refunded"),
                ),
                graph(
                    "Payments",
                    "A second: completed, and declined for want of balance.",
                    "reqps",
                    (told("payment.completed"), "completed"),
                    (told("payment.failed"), "declined"),
                ),
                graph("Charges", "Wallets that were charged, a second.", "reqps", (told("wallet.charged"), "charges")),
                graph(
                    "Holds that sell",
                    "Payments for each hold of the last five minutes. Far below 1: fans give up, or somebody hoards.",
                    "percentunit",
                    (
                        share_of(
                            f'sum(rate({EVENT}{{{AT},type="frontrow.reservation.confirmed.v1"}}[5m]))',
                            f'sum(rate({EVENT}{{{AT},type="frontrow.reservation.created.v1"}}[5m]))',
                        ),
                        "sold of held",
                    ),
                ),
                graph(
                    "Expiry lag",
                    "For how long the oldest hold has been over without being ended. Up to a second is as it should be.",
                    "s",
                    ("max(frontrow_expiry_lag_seconds)", "lag"),
                    steps=limits((5, BAD)),
                ),
                graph(
                    "Age of the last audit",
                    "Since when no round was completed, by server: a saw whose teeth get no longer.",
                    "s",
                    (f"frontrow_audit_round_age_seconds{{{AT}}}", "{{instance}}"),
                    steps=limits((900, BAD)),
                ),
            ],
        ),
    ],
    [INSTANCE, concerts("frontrow_schedule_seats")],
)
