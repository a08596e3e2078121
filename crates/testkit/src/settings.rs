//! The settings of tests: those of `config/default.toml`, where nothing else is said.

use frontrow_application::{BoxOfficeSettings, SalesSettings, Settings};
use frontrow_domain::catalog::{HoldPolicy, ScheduleDefaults};
use frontrow_domain::reservation::LapsePolicy;
use frontrow_domain::wallet::ChargePolicy;
use frontrow_domain::{Currency, Money};

/// What a server has that nobody has configured. Every field is public: a test changes what it is about.
pub fn settings() -> Settings {
    Settings {
        currency: Currency::KRW,
        charges: ChargePolicy {
            charge_min: Money::of(1_000),
            charge_max: Money::of(1_000_000),
            balance_max: Money::of(10_000_000),
        },
        sales: SalesSettings {
            defaults: ScheduleDefaults {
                hold: HoldPolicy { hold_seconds: 300, max_seconds: 600, extension_seconds: 300 },
                max_seats_per_fan: 4,
            },
            lapses: LapsePolicy { limit: 10, window_seconds: 600, pause_seconds: 60 },
            max_seats_per_request: 20,
        },
        login_seconds: 30 * 24 * 60 * 60,
        box_office: BoxOfficeSettings::default(),
        tells_admissions: true,
    }
}
