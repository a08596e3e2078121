"""What the servers stand on, and events on their way."""

from panels import BAD, GOOD, INSTANCE, bars, dashboard, graph, limits, number

from .queries import AT, EVENT, NONE, quantile, rate

STORES = dashboard(
    "frontrow-stores",
    "Frontrow / Store, Redis, Kafka",
    "What the servers stand on, and events on their way to others.",
    [
        (
            "Is it there?",
            [
                graph(
                    "Up",
                    "1 when it answered the last check.",
                    "none",
                    (f"frontrow_dependency_up{{{AT}}}", "{{dependency}} ({{engine}}) at {{instance}}"),
                    wide=12,
                ),
                graph(
                    "A check takes",
                    "How long the last check took.",
                    "s",
                    (f"frontrow_dependency_check_seconds{{{AT}}}", "{{dependency}} ({{engine}}) at {{instance}}"),
                    wide=12,
                ),
                graph(
                    "Disk free",
                    "Share of the disk with the data folder that is free.",
                    "percentunit",
                    (f"frontrow_data_free_bytes{{{AT}}} / frontrow_data_size_bytes{{{AT}}}", "{{instance}}"),
                    steps=limits((0.1, GOOD), of=BAD),
                ),
                graph(
                    "Embedded: age of the last backup",
                    "Since the moment that the last backup is of, or since the store was made. What was sold since is on one disk.",
                    "s",
                    (f"frontrow_backup_age_seconds{{{AT}}}", "{{instance}}"),
                    steps=limits((10_800, BAD)),
                ),
                graph(
                    "Clock",
                    "How far the wall clock has moved away from the time that holds go by.",
                    "s",
                    (f"frontrow_clock_drift_seconds{{{AT}}}", "{{instance}}"),
                    least=None,
                ),
                graph(
                    "Ready",
                    "1 while a server would have requests sent to it, whatever its store says.",
                    "none",
                    (f"frontrow_ready{{{AT}}}", "{{instance}}"),
                ),
            ],
        ),
        (
            "The store",
            [
                graph(
                    "Connections in use",
                    "Share of the connections to the store that are in use. At 1 lists and audits wait.",
                    "percentunit",
                    (
                        f'sum by (instance, pool) (frontrow_store_connections{{{AT},state="busy"}}) / sum by (instance, pool) (frontrow_store_connections_limit{{{AT}}})',
                        "{{pool}} at {{instance}}",
                    ),
                ),
                graph(
                    "Shared: no connection",
                    "Connections to a shared store that did not come about.",
                    "reqps",
                    (rate("frontrow_store_connection_failures_total", "instance"), "{{instance}}"),
                ),
                graph(
                    "A group takes",
                    "99 of 100 groups, by server. A shared store that is slow is slow for all.",
                    "s",
                    (quantile(0.99, "frontrow_group_commit_seconds", "instance"), "{{instance}}"),
                ),
                graph(
                    "Embedded: files",
                    "Size of the database files.",
                    "bytes",
                    (f"frontrow_sqlite_file_bytes{{{AT}}}", "{{file}} at {{instance}}"),
                ),
                graph(
                    "Embedded: write-ahead logs",
                    "Size of the logs on the disk; used again from the beginning, they do not get smaller.",
                    "bytes",
                    (f"frontrow_sqlite_wal_bytes{{{AT}}}", "{{file}} at {{instance}}"),
                ),
                graph(
                    "Embedded: pages to fold",
                    "Pages of the logs that are not in the database yet. Falls again after every rush.",
                    "short",
                    (f"frontrow_sqlite_log_pages{{{AT}}}", "{{file}} at {{instance}}"),
                    steps=limits((64_000, BAD)),
                ),
                graph(
                    "Embedded: sold, not in its tables yet",
                    "The journal of the embedded store. Rises in a rush and falls after it; at the limit nothing is sold.",
                    "bytes",
                    (f"frontrow_sqlite_unfolded_bytes{{{AT}}}", "{{instance}}"),
                    (f"frontrow_sqlite_unfolded_limit_bytes{{{AT}}}", "limit at {{instance}}"),
                ),
            ],
        ),
        (
            "Between servers",
            [
                graph(
                    "Messages about seats",
                    "What servers tell each other by Redis, by what came of it. not_sent and left_out cost up to half a second.",
                    "reqps",
                    (rate("frontrow_seat_messages_total", "outcome"), "{{outcome}}"),
                    wide=12,
                ),
                graph(
                    "Redis",
                    "99 of 100 batches are answered within this, by server.",
                    "s",
                    (quantile(0.99, "frontrow_redis_script_seconds", "instance"), "{{instance}}"),
                    wide=12,
                ),
            ],
        ),
        (
            "Events on their way",
            [
                graph(
                    "Behind",
                    "How old the oldest event is that a consumer was not handed yet.",
                    "s",
                    ("max by (consumer) (frontrow_events_lag_seconds)", "{{consumer}}"),
                    steps=limits((60, BAD)),
                ),
                graph(
                    "Parked",
                    "Events that are kept back for a consumer that failed, to be tried again.",
                    "short",
                    ("max by (consumer) (frontrow_events_parked)", "{{consumer}}"),
                ),
                number(
                    "Dead letters",
                    "Events that were given up on: docs/runbook/FrontrowDeadLetters.md.",
                    "none",
                    "max(frontrow_events_dead_letters)",
                    NONE,
                    high=8,
                ),
                bars(
                    "Webhooks",
                    "Webhooks by whether they are told of events. failed and gone need a word with their owners.",
                    "none",
                    "max by (status) (frontrow_webhooks)",
                    "{{status}}",
                    wide=4,
                ),
                graph(
                    "Webhook attempts",
                    "Tries to tell webhooks, by what came of them.",
                    "reqps",
                    (rate("frontrow_webhook_attempts_total", "result"), "{{result}}"),
                ),
                graph("Committed events", "Events a second that were committed.", "reqps", (rate(EVENT), "committed")),
            ],
        ),
        (
            "Kafka",
            [
                graph(
                    "Published",
                    "Events a second that Kafka has acknowledged, and those sent again.",
                    "reqps",
                    (rate("frontrow_kafka_published_total"), "acknowledged"),
                    (rate("frontrow_kafka_publish_retries_total"), "again"),
                ),
                graph(
                    "Not acknowledged yet",
                    "Messages in the queues of the producers.",
                    "short",
                    (f"sum by (client) (frontrow_kafka_producer_queue{{{AT}}})", "{{client}}"),
                ),
                graph(
                    "Consumed",
                    "Events a second that chat and webhooks have dealt with.",
                    "reqps",
                    (rate("frontrow_kafka_consumed_total", "consumer"), "{{consumer}}"),
                ),
                graph(
                    "Consumers behind",
                    "Messages between a consumer and the end of its partitions.",
                    "short",
                    ("sum by (consumer) (frontrow_kafka_consumer_lag)", "{{consumer}}"),
                ),
                graph(
                    "Errors",
                    "What clients of Kafka say to be wrong.",
                    "reqps",
                    (rate("frontrow_kafka_errors_total", "client"), "{{client}}"),
                ),
                graph(
                    "Dead letters",
                    "Put on the dead-letter topic, not put there, and events that Kafka cannot take.",
                    "reqps",
                    (rate("frontrow_kafka_dead_letters_total", "result"), "{{result}}"),
                    (rate("frontrow_kafka_unpublishable_total"), "cannot be taken"),
                ),
            ],
        ),
    ],
    [INSTANCE],
)
