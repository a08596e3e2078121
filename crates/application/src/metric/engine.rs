//! What concerns the machine: the box office, the audit, the parts that Frontrow stands on, the process.

use super::catalogue::{SECONDS, SIZES};
use super::{Label, Scope, Section, any, counter, gauge, histogram, one_of};

const PRIORITY: Label = one_of("priority", &["settle", "begin", "job"]);
const FILE: Label = one_of("file", &["frontrow.sqlite", "line.sqlite", "delivery.sqlite"]);
const POOL: Label = one_of("pool", &["read", "write"]);
const DEPENDENCY: Label = one_of("dependency", &["store", "waiting_room", "kafka"]);
const ENGINE: Label = any("engine", "`sqlite`, `mysql`, `embedded`, `redis` or `kafka`");
const CONSUMERS: Label = one_of("consumer", &["chat", "webhook"]);

pub(super) const BOX_OFFICE: Section = Section {
    title: "The box office",
    about: "Every change goes through it, in groups. The priority `settle` ends a hold (pay, charge, cancel), `begin` is what \
        fans and operators begin (hold, sign up), `job` what nobody waits for.",
    metrics: &[
        gauge("frontrow_commands_waiting", &[PRIORITY], "Commands that wait for a group."),
        gauge(
            "frontrow_commands_waiting_limit",
            &[PRIORITY],
            "Commands that may wait; more are refused with `overloaded`.",
        ),
        counter(
            "frontrow_commands_shed_total",
            &[PRIORITY],
            "Commands that were refused because their queue was full.",
        ),
        counter(
            "frontrow_commands_late_total",
            &[],
            "Commands that were dropped undecided, past their deadline.",
        ),
        histogram("frontrow_group_commands", SIZES, &[], "Commands in a group that was committed."),
        histogram("frontrow_group_commit_seconds", SECONDS, &[], "From taking a group to its commit."),
        counter(
            "frontrow_slow_groups_total",
            &[],
            "Groups that took longer than `log.slow_group_ms`; the log explains one a second.",
        ),
        counter(
            "frontrow_group_failures_total",
            &[one_of("reason", &["busy", "lost", "broken", "unavailable", "outcome_unknown", "panicked"])],
            "Tries to commit a group that failed. A group that found the store busy, or lost a race, is tried again.",
        ),
        gauge("frontrow_seat_boards", &[], "Seat maps that are kept in memory."),
        counter(
            "frontrow_seat_messages_total",
            &[one_of(
                "outcome",
                &["sent", "not_sent", "left_out", "news", "nothing_new", "own", "foreign", "unreadable"],
            )],
            "Messages between servers about seats, by what came of them.",
        ),
        gauge(
            "frontrow_password_hashes_waiting",
            &[],
            "Log-ins and sign-ups that wait for their password to be hashed.",
        ),
        counter(
            "frontrow_password_hashes_total",
            &[],
            "Passwords that were hashed, at sign-ups, or checked, at log-ins.",
        ),
        counter(
            "frontrow_password_hashes_shed_total",
            &[],
            "Log-ins and sign-ups that were refused because too many waited.",
        ),
        gauge(
            "frontrow_giving_way_ratio",
            &[],
            "How far what can wait (hashing, the audit) gives way to the sale: 0 while it is calm, 1 as far as it may.",
        ),
        counter(
            "frontrow_job_failures_total",
            &[one_of(
                "task",
                &[
                    "expiry",
                    "cancellations",
                    "sold_out",
                    "upkeep",
                    "lines",
                    "sessions",
                    "admissions",
                    "feeds",
                    "messages",
                    "boards",
                    "relay",
                    "webhooks",
                    "lease",
                    "retries",
                    "delivery",
                    "measures",
                    "audit",
                ],
            )],
            "Runs of background jobs that failed; the next run tries again.",
        ),
    ],
};

pub(super) const AUDIT: Section = Section {
    title: "The audit",
    about: "Every server proves again and again, beside the sale and in short slices, that seats, reservations, payments and \
        money agree. Any difference is a defect: see the log of the server, which has described each of them once.",
    metrics: &[
        gauge(
            "frontrow_audit_differences",
            &[],
            "Things that do not agree: of the last complete round or of the one under way, whichever has more.",
        ),
        gauge(
            "frontrow_audit_round_age_seconds",
            &[],
            "Since when no round was completed; since the start where none was yet.",
        ),
        gauge(
            "frontrow_audit_round_duration_seconds",
            &[],
            "How long the last complete round took; 0 before it.",
        ),
        counter("frontrow_audit_rounds_total", &[], "Rounds that were completed."),
        histogram(
            "frontrow_audit_slice_seconds",
            SECONDS,
            &[],
            "How long one slice took to be read and compared.",
        ),
    ],
};

pub(super) const DEPENDENCIES: Section = Section {
    title: "What Frontrow stands on",
    about: "Asked every five seconds; what does not answer within a second is not up.",
    metrics: &[
        gauge(
            "frontrow_dependency_up",
            &[DEPENDENCY, ENGINE],
            "1 when it answered the last check, 0 when it did not.",
        ),
        gauge("frontrow_dependency_check_seconds", &[DEPENDENCY, ENGINE], "How long the last check took."),
        gauge(
            "frontrow_ready",
            &[],
            "1 when `/health/ready` would say so but for the store, which is above; 0 otherwise.",
        ),
        gauge(
            "frontrow_clock_drift_seconds",
            &[],
            "How far the wall clock has moved since the start, away from the time that holds go by.",
        ),
    ],
};

pub(super) const STORE: Section = Section {
    title: "The store",
    about: "Connections of the embedded store are those for lists and audits: look-ups and the writer have their own.",
    metrics: &[
        gauge(
            "frontrow_store_connections",
            &[POOL, one_of("state", &["busy", "idle"])],
            "Connections to the store, by whether they are in use.",
        ),
        gauge("frontrow_store_connections_limit", &[POOL], "Connections to the store that may be in use at once."),
        counter(
            "frontrow_store_connection_failures_total",
            &[],
            "Connections to a shared store that did not come about.",
        )
        .only(Scope::Shared),
        gauge("frontrow_sqlite_file_bytes", &[FILE], "Size of a database file.").only(Scope::Embedded),
        gauge(
            "frontrow_sqlite_wal_bytes",
            &[FILE],
            "Size of the write-ahead log on the disk; it is used again from its beginning, and stays as large as it was.",
        )
        .only(Scope::Embedded),
        gauge(
            "frontrow_sqlite_log_pages",
            &[one_of("file", &["frontrow.sqlite", "line.sqlite"])],
            "Pages in the write-ahead log that may have to be folded into the file yet: a log that is never folded whole \
             grows.",
        )
        .only(Scope::Embedded),
        gauge(
            "frontrow_sqlite_unfolded_bytes",
            &[],
            "Commits in the journal of the embedded store whose changes are not in their tables yet.",
        )
        .only(Scope::Embedded),
        gauge(
            "frontrow_sqlite_unfolded_limit_bytes",
            &[],
            "How much may be in that journal; beyond it nothing is sold until some of it was put into the tables.",
        )
        .only(Scope::Embedded),
        gauge(
            "frontrow_sqlite_fold_violation",
            &[],
            "1 once the tables of the embedded store did not take what was committed, which stops the sale; else 0.",
        )
        .only(Scope::Embedded),
        gauge(
            "frontrow_backup_made",
            &[],
            "1 when `frontrow backup` has noted a whole backup in the data folder, 0 when none was ever made.",
        )
        .only(Scope::Embedded),
        gauge(
            "frontrow_backup_age_seconds",
            &[],
            "Since the moment that the last backup is of; since the store was made where there is none.",
        )
        .only(Scope::Embedded),
        gauge("frontrow_data_free_bytes", &[], "Free space for this server on the disk of the data folder.")
            .only(Scope::Embedded),
        gauge("frontrow_data_size_bytes", &[], "Size of the disk of the data folder.").only(Scope::Embedded),
    ],
};

pub(super) const KAFKA: Section = Section {
    title: "Kafka",
    about: "Shown by servers that have a Kafka in their settings.",
    metrics: &[
        counter("frontrow_kafka_published_total", &[], "Events that Kafka has acknowledged.")
            .only(Scope::Kafka),
        counter(
            "frontrow_kafka_publish_retries_total",
            &[],
            "Events that were sent again, because Kafka has not taken them or has not said so.",
        )
        .only(Scope::Kafka),
        counter(
            "frontrow_kafka_unpublishable_total",
            &[],
            "Events that Kafka cannot take, and that became dead letters.",
        )
        .only(Scope::Kafka),
        counter(
            "frontrow_kafka_errors_total",
            &[one_of("client", &["publisher", "dead_letters", "admin", "chat", "webhook"])],
            "What clients of Kafka have said to be wrong.",
        )
        .only(Scope::Kafka),
        counter(
            "frontrow_kafka_consumed_total",
            &[CONSUMERS],
            "Events from Kafka that consumers have dealt with.",
        )
        .only(Scope::Kafka),
        counter(
            "frontrow_kafka_dead_letters_total",
            &[one_of("result", &["sent", "failed"])],
            "Letters that were put on the dead-letter topic, and those that could not be.",
        )
        .only(Scope::Kafka),
        gauge(
            "frontrow_kafka_producer_queue",
            &[one_of("client", &["publisher", "dead_letters"])],
            "Messages that Kafka has not acknowledged yet.",
        )
        .only(Scope::Kafka),
        gauge(
            "frontrow_kafka_consumer_lag",
            &[any("consumer", "`chat`, or `webhook-` and the id of one of 100 webhooks at the most")],
            "Messages behind the end of the partitions that this server reads for a consumer.",
        )
        .only(Scope::Kafka),
    ],
};

pub(super) const PROCESS: Section = Section {
    title: "The process",
    about: "Names that begin with `process_` are those of every Prometheus client.",
    metrics: &[
        gauge("frontrow_build_info", &[any("version", "the version")], "1, with what this program is."),
        gauge(
            "frontrow_instance_info",
            &[
                one_of("store", &["sqlite", "mysql"]),
                one_of("waiting_room", &["embedded", "redis"]),
                one_of("events", &["log", "kafka"]),
            ],
            "1, with what this server runs on.",
        ),
        gauge("frontrow_runtime_workers", &[], "Threads that serve requests."),
        gauge("frontrow_runtime_tasks", &[], "Tasks that are alive: connections, jobs, relays."),
        gauge(
            "frontrow_runtime_queued_tasks",
            &[],
            "Tasks that wait for a thread to come from outside the runtime.",
        ),
        gauge(
            "frontrow_runtime_busy_ratio",
            &[],
            "Share of the threads' time that was spent working, lately; 1 is all of it.",
        ),
        counter("process_cpu_seconds_total", &[], "Total user and system CPU time spent in seconds."),
        gauge("process_resident_memory_bytes", &[], "Resident memory size in bytes."),
        gauge("process_virtual_memory_bytes", &[], "Virtual memory size in bytes."),
        gauge(
            "process_virtual_memory_max_bytes",
            &[],
            "Maximum amount of virtual memory available in bytes.",
        ),
        gauge("process_open_fds", &[], "Number of open file descriptors."),
        gauge("process_max_fds", &[], "Maximum number of open file descriptors."),
        gauge("process_threads", &[], "Number of OS threads in the process."),
        gauge("process_start_time_seconds", &[], "Start time of the process since unix epoch in seconds."),
    ],
};
