"""The waiting rooms."""

from panels import (
    BAD,
    GOOD,
    INSTANCE,
    WATCH,
    concerts,
    dashboard,
    graph,
    limits,
    number,
)

from .queries import AT, a_line, mean, quantile, rate, share_of

LINE = dashboard(
    "frontrow-line",
    "Frontrow / The line",
    "The waiting rooms: who waits, how fast they are let in, and whether they were told the truth about it.",
    [
        (
            "Now",
            [
                number("Waiting", "Fans in line who were never skipped.", "short", f"sum({a_line('waiting_fans')})"),
                number("Inside", "Fans who are let in.", "short", f"sum({a_line('active_fans')})"),
                number(
                    "Away",
                    "Fans who were absent when their turn came, and may return.",
                    "short",
                    f"sum({a_line('skipped_fans')})",
                ),
                number(
                    "Let in a second", "Over the last ten seconds.", "reqps", f"sum({a_line('admitted_per_second')})"
                ),
                number(
                    "Rooms that let in",
                    "Rooms that are open: not scheduled, paused, sold out or closed.",
                    "none",
                    f"sum({a_line('admitting')})",
                ),
                number(
                    "Promises kept",
                    "Share of those let in within the last hour whose wait was inside the range that they were told. 80 % is the aim.",
                    "percentunit",
                    "frontrow:estimates_inside:ratio1h or on () vector(1)",
                    limits((0.5, WATCH), (0.8, GOOD), of=BAD),
                    decimals=0,
                ),
            ],
        ),
        (
            "Each concert",
            [
                graph(
                    "Waiting",
                    "Fans in line who were never skipped, and fans in the lobby of a sale with a draw.",
                    "short",
                    (a_line("waiting_fans"), "concert {{concert}}"),
                    (a_line("lobby_fans"), "concert {{concert}}, lobby"),
                    wide=12,
                ),
                graph(
                    "Away",
                    "Fans who were absent when their turn came. Many at once: their app does not ask often enough.",
                    "short",
                    (a_line("skipped_fans"), "concert {{concert}}"),
                    wide=12,
                ),
                graph(
                    "Cap used",
                    "Fans inside, as a share of the cap. At 1 others wait for them; below it, with a line, the rate is the limit.",
                    "percentunit",
                    (share_of(a_line("active_fans"), a_line("active_limit")), "concert {{concert}}"),
                    wide=12,
                ),
                graph(
                    "Rate used",
                    "Fans let in, as a share of the rate. With a long line and room inside it is close to 1.",
                    "percentunit",
                    (share_of(a_line("admitted_per_second"), a_line("rate_limit")), "concert {{concert}}"),
                    wide=12,
                ),
            ],
        ),
        (
            "Joining and asking",
            [
                graph(
                    "Joins a second",
                    "POST /queues, by class of the answer.",
                    "reqps",
                    (
                        rate("frontrow_http_requests_total", "status", 'route="/api/v1/queues",method="POST"'),
                        "{{status}}",
                    ),
                ),
                graph(
                    "Questions a second",
                    "GET /queues/status. Ten thousand waiting fans ask about a thousand times a second.",
                    "reqps",
                    (rate("frontrow_http_requests_total", "status", 'route="/api/v1/queues/status"'), "{{status}}"),
                ),
                graph(
                    "How long they take",
                    "99 of 100 are answered within this.",
                    "s",
                    (
                        quantile(
                            0.99,
                            "frontrow_http_request_duration_seconds",
                            "method, route",
                            AT + ',route=~"/api/v1/queues(/status)?",method=~"GET|POST"',
                        ),
                        "{{method}} {{route}}",
                    ),
                ),
                graph(
                    "Streams",
                    "Open streams of places in line and of seat maps, by server.",
                    "short",
                    (f"sum by (instance, stream) (frontrow_http_streams{{{AT}}})", "{{stream}} at {{instance}}"),
                ),
                graph(
                    "What was promised",
                    "Fans let in a second, by how their wait compares with what they were told at joining.",
                    "reqps",
                    (rate("frontrow_queue_estimates_total", "result"), "{{result}}"),
                    stacked=True,
                ),
                graph(
                    "Refused",
                    "Requests to the line that were refused because too many waited.",
                    "reqps",
                    (rate("frontrow_line_shed_total", "instance"), "{{instance}}"),
                ),
            ],
        ),
        (
            "How it is kept",
            [
                graph(
                    "Embedded: a batch takes",
                    "Half, and 99 of 100, batches of the journal are on the disk within this.",
                    "s",
                    (quantile(0.5, "frontrow_line_commit_seconds"), "half"),
                    (quantile(0.99, "frontrow_line_commit_seconds"), "99 %"),
                ),
                graph(
                    "Embedded: places in a batch",
                    "Places that are kept together. Grows with load, so that the disk is written as often as before.",
                    "short",
                    (mean("frontrow_line_batch_places"), "mean"),
                ),
                graph(
                    "Embedded: failures",
                    "Batches that could not be kept. Fans were told to try again.",
                    "reqps",
                    (rate("frontrow_line_commit_failures_total"), "failures"),
                ),
                graph(
                    "Redis: an answer takes",
                    "Half, and 99 of 100, batches of requests are answered by Redis within this.",
                    "s",
                    (quantile(0.5, "frontrow_redis_script_seconds"), "half"),
                    (quantile(0.99, "frontrow_redis_script_seconds"), "99 %"),
                ),
                graph(
                    "Redis: requests in a batch",
                    "Requests that share a way to Redis. Grows with load.",
                    "short",
                    (mean("frontrow_redis_batch_requests"), "mean"),
                ),
                graph(
                    "Redis: failures",
                    "Batches that Redis has not answered well. More than a few: see FrontrowRedisDown.",
                    "reqps",
                    (rate("frontrow_redis_failures_total"), "failures"),
                ),
            ],
        ),
    ],
    [INSTANCE, concerts("frontrow_queue_waiting_fans")],
)
