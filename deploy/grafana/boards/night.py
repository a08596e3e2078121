"""What an operator wants on one screen."""

from functools import partial

from panels import (
    BAD,
    GOOD,
    INSTANCE,
    WATCH,
    alerts,
    concerts,
    dashboard,
    graph,
    limits,
    number,
)

from .queries import AT, NONE, OF, UP, WELL, a_line, money, quantile, rate, seats, share_of, told

# Low enough that all of it is on one screen.
figure = partial(number, high=3, wide=3)
curve = partial(graph, high=6)

NIGHT = dashboard(
    "frontrow-night",
    "Frontrow / The night",
    "Everything that an operator of a sale needs on one screen: is it well, does the line move, is it selling.",
    [
        (
            "Is it well?",
            [
                alerts(
                    "What is wrong",
                    "Alerts that fire or are about to. Each has a page in docs/runbook by its name. Empty is good.",
                    wide=9,
                    high=6,
                ),
                figure(
                    "Servers that answer",
                    "Servers of this sale that Prometheus reaches. Fewer than you started: one is down.",
                    "none",
                    'sum(up{job="frontrow"})',
                    limits((1, GOOD), of=BAD),
                ),
                figure(
                    "Store",
                    "Whether every server reaches its store. Down: nothing can be sold.",
                    "none",
                    'min(frontrow_dependency_up{dependency="store"})',
                    WELL,
                    texts=UP,
                ),
                figure(
                    "Line",
                    "Whether every server reaches the line. Down: nobody joins or is let in; who holds can pay.",
                    "none",
                    'min(frontrow_dependency_up{dependency="waiting_room"})',
                    WELL,
                    texts=UP,
                ),
                figure(
                    "Audit differences",
                    "Seats, reservations, payments and money that do not agree. Anything but 0 is the worst that can happen.",
                    "none",
                    "max(frontrow_audit_differences)",
                    NONE,
                ),
                figure(
                    "Sold",
                    "Seats that are paid, as a share of those that are for sale.",
                    "percentunit",
                    share_of(seats("sold"), f'sum(frontrow:seats:max{{{OF},state!="blocked"}})'),
                    decimals=1,
                ),
                figure(
                    "5xx",
                    "Share of answers that are errors of the servers, over the last minute.",
                    "percentunit",
                    "frontrow:server_errors:ratio1m or on () vector(0)",
                    limits((0.001, WATCH), (0.01, BAD)),
                    decimals=2,
                ),
                figure(
                    "Slow answers",
                    "Share of the requests of the sale over 250 ms in five minutes. 1 % is what is promised over 30 days.",
                    "percentunit",
                    "frontrow:sale_slow:ratio5m or on () vector(0)",
                    limits((0.01, WATCH), (0.144, BAD)),
                    decimals=2,
                ),
                figure(
                    "Refused for load",
                    "Commands, joins and log-ins a second that were refused because queues were full.",
                    "reqps",
                    "frontrow:shed:rate1m",
                    limits((0.01, WATCH), (1, BAD)),
                    decimals=1,
                ),
                figure(
                    "Expiry lag",
                    "For how long the oldest hold has been over without being ended. Above 1 s seat maps are late.",
                    "s",
                    "max(frontrow_expiry_lag_seconds)",
                    limits((1, WATCH), (5, BAD)),
                    decimals=1,
                ),
                figure(
                    "Taken",
                    "What was paid, less what went back, in whole minor units.",
                    "short",
                    f"{money('gross')} - {money('refunded')}",
                ),
            ],
        ),
        (
            "The line",
            [
                curve(
                    "Waiting",
                    "Fans in line. Falls while fans are let in; a plateau with room inside is an alert.",
                    "short",
                    (a_line("waiting_fans"), "concert {{concert}}"),
                ),
                curve(
                    "Let in a second",
                    "Fans let in over the last ten seconds, beside the rate that may not be exceeded.",
                    "reqps",
                    (a_line("admitted_per_second"), "concert {{concert}}"),
                    (a_line("rate_limit"), "limit of {{concert}}"),
                ),
                curve(
                    "Inside",
                    "Fans who are let in, beside the cap.",
                    "short",
                    (a_line("active_fans"), "concert {{concert}}"),
                    (a_line("active_limit"), "cap of {{concert}}"),
                ),
            ],
        ),
        (
            "The sale",
            [
                curve(
                    "Seats",
                    "Seats by what the map shows. Sold rises, available falls; much that is held and little that is sold is hoarding.",
                    "short",
                    (f"sum by (state) (frontrow:seats:max{{{OF}}})", "{{state}}"),
                    stacked=True,
                ),
                curve(
                    "What happens",
                    "Reservations a second by what became of them, and payments that were declined.",
                    "reqps",
                    (told("reservation.created"), "held"),
                    (told("reservation.confirmed"), "sold"),
                    (told("reservation.expired"), "ran out"),
                    (told("reservation.cancelled"), "let go"),
                    (told("reservation.refunded"), "refunded"),
                    (told("payment.failed"), "declined"),
                ),
                curve(
                    "Why fans are refused",
                    "Refusals a second by code (docs/errors.md). seat_unavailable is a busy sale; store_unavailable is not.",
                    "reqps",
                    (f"topk(8, {rate('frontrow_http_problems_total', 'code')} > 0)", "{{code}}"),
                ),
            ],
        ),
        (
            "The servers",
            [
                curve(
                    "Answers",
                    "Answers a second by class of their status.",
                    "reqps",
                    (rate("frontrow_http_requests_total", "status"), "{{status}}"),
                    stacked=True,
                ),
                curve(
                    "How long answers take",
                    "Half, and 99 of 100, of the requests that are not streams are answered within this.",
                    "s",
                    (quantile(0.5, "frontrow_http_request_duration_seconds"), "half"),
                    (quantile(0.99, "frontrow_http_request_duration_seconds"), "99 %"),
                ),
                curve(
                    "Busy",
                    "Share of the time of its threads that each server spends working. Near 1 it is at its end: let fewer in.",
                    "percentunit",
                    (f"frontrow_runtime_busy_ratio{{{AT}}}", "{{instance}}"),
                ),
            ],
        ),
    ],
    [INSTANCE, concerts("frontrow_queue_waiting_fans")],
)
