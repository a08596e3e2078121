"""The servers: requests, groups, jobs, the process."""

from panels import BAD, INSTANCE, WATCH, bars, dashboard, graph, limits

from .queries import AT, OVER, quantile, rate

ENGINE = dashboard(
    "frontrow-engine",
    "Frontrow / The engine",
    "The servers themselves: what they are asked, how groups are committed, and what they have left.",
    [
        (
            "Requests",
            [
                graph(
                    "By route",
                    "The ten busiest routes.",
                    "reqps",
                    (f"topk(10, {rate('frontrow_http_requests_total', 'method, route')} > 0)", "{{method}} {{route}}"),
                ),
                graph(
                    "Errors by route",
                    "Answers of class 5xx. A line here is worth a look.",
                    "reqps",
                    (
                        "topk(10, "
                        + rate("frontrow_http_requests_total", "method, route", 'status="5xx"')
                        + " > 0) or vector(0)",
                        "{{method}} {{route}}",
                    ),
                ),
                graph(
                    "Slowest routes",
                    "99 of 100 are answered within this; log-in is slow on purpose.",
                    "s",
                    (f"topk(10, {quantile(0.99, 'frontrow_http_request_duration_seconds', 'route')} > 0)", "{{route}}"),
                ),
                graph(
                    "In flight",
                    "Requests that are being answered.",
                    "short",
                    (f"frontrow_http_requests_in_flight{{{AT}}}", "{{instance}}"),
                ),
                graph(
                    "Share of slow ones",
                    "Share of the sale's requests over 250 ms; over 30 days 1 % is promised.",
                    "percentunit",
                    ("frontrow:sale_slow:ratio5m", "5 minutes"),
                    ("frontrow:sale_slow:ratio1h", "1 hour"),
                    ("frontrow:sale_slow:ratio6h", "6 hours"),
                    steps=limits((0.01, WATCH), (0.144, BAD)),
                ),
                graph(
                    "Without an answer",
                    "Requests whose client went away, that ran out of time, or whose handler panicked.",
                    "reqps",
                    (rate("frontrow_http_requests_abandoned_total"), "gone"),
                    (rate("frontrow_http_timeouts_total"), "out of time"),
                    (rate("frontrow_http_panics_total"), "panicked"),
                ),
            ],
        ),
        (
            "The box office",
            [
                graph(
                    "Commands in a group",
                    "Half, and 99 of 100, groups have at most so many. Grows with load: that is how it keeps up.",
                    "short",
                    (quantile(0.5, "frontrow_group_commands"), "half"),
                    (quantile(0.99, "frontrow_group_commands"), "99 %"),
                ),
                graph(
                    "A group takes",
                    "From taking a group to its commit. The disk, or the database, is what it waits for.",
                    "s",
                    (quantile(0.5, "frontrow_group_commit_seconds"), "half"),
                    (quantile(0.99, "frontrow_group_commit_seconds"), "99 %"),
                ),
                graph(
                    "Groups and commands",
                    "Committed a second.",
                    "reqps",
                    (rate("frontrow_group_commands_count"), "groups"),
                    (rate("frontrow_group_commands_sum"), "commands"),
                ),
                graph(
                    "Queues",
                    "Commands that wait, as a share of those that may, by priority.",
                    "percentunit",
                    (
                        f"sum by (priority) (frontrow_commands_waiting{{{AT}}}) / sum by (priority) (frontrow_commands_waiting_limit{{{AT}}})",
                        "{{priority}}",
                    ),
                ),
                graph(
                    "Refused and late",
                    "Commands that found their queue full, and those that were dropped past their deadline.",
                    "reqps",
                    (rate("frontrow_commands_shed_total", "priority"), "refused: {{priority}}"),
                    (rate("frontrow_commands_late_total"), "late"),
                ),
                graph(
                    "Groups that failed",
                    "Tries to commit, by why they failed. A few busy or lost ones are a busy sale.",
                    "reqps",
                    (rate("frontrow_group_failures_total", "reason"), "{{reason}}"),
                ),
            ],
        ),
        (
            "Background",
            [
                graph(
                    "Jobs that fail",
                    "Runs that failed; the next run tries again.",
                    "reqps",
                    (rate("frontrow_job_failures_total", "task"), "{{task}}"),
                ),
                graph(
                    "Audit",
                    "A slice is read and compared within this, 99 times of 100.",
                    "s",
                    (quantile(0.99, "frontrow_audit_slice_seconds"), "slice"),
                ),
                graph(
                    "Passwords",
                    "Log-ins and sign-ups that wait for their hash, those that had it, and those refused because too many waited.",
                    "short",
                    (f"sum(frontrow_password_hashes_waiting{{{AT}}})", "waiting"),
                    (rate("frontrow_password_hashes_total"), "hashed a second"),
                    (rate("frontrow_password_hashes_shed_total"), "refused a second"),
                ),
                graph(
                    "Giving way",
                    "How far hashing and the audit give way to the sale. At 1 for hours, log-ins are few and the audit is slow.",
                    "percentunit",
                    (f"frontrow_giving_way_ratio{{{AT}}}", "{{instance}}"),
                ),
            ],
        ),
        (
            "The process",
            [
                graph(
                    "Processor",
                    "Cores that are used.",
                    "short",
                    (f"rate(process_cpu_seconds_total{{{AT}}}[{OVER}])", "{{instance}}"),
                ),
                graph(
                    "Threads at work",
                    "Share of the time of its threads that is spent working. 1 is all of it.",
                    "percentunit",
                    (f"frontrow_runtime_busy_ratio{{{AT}}}", "{{instance}}"),
                ),
                graph(
                    "Memory", "Resident memory.", "bytes", (f"process_resident_memory_bytes{{{AT}}}", "{{instance}}")
                ),
                graph(
                    "Connections",
                    "Open connections, as a share of those that may be.",
                    "percentunit",
                    (f"frontrow_http_connections{{{AT}}} / frontrow_http_connections_limit{{{AT}}}", "{{instance}}"),
                ),
                graph(
                    "Files",
                    "Open files, as a share of those that may be.",
                    "percentunit",
                    (f"process_open_fds{{{AT}}} / process_max_fds{{{AT}}}", "{{instance}}"),
                ),
                graph(
                    "Connections cut or missed",
                    "Connections that could not be accepted, and clients that took nothing and were cut off.",
                    "reqps",
                    (rate("frontrow_http_accept_failures_total"), "not accepted"),
                    (rate("frontrow_http_write_timeouts_total"), "cut off"),
                ),
                bars(
                    "Running for",
                    "Since the start of each server.",
                    "s",
                    f"time() - process_start_time_seconds{{{AT}}}",
                    "{{instance}}",
                    wide=12,
                    high=4,
                ),
                bars(
                    "Versions",
                    "Servers by version: two during a rolling restart, else one.",
                    "none",
                    "count by (version) (frontrow_build_info)",
                    "{{version}}",
                    wide=12,
                    high=4,
                ),
            ],
        ),
    ],
    [INSTANCE],
)
