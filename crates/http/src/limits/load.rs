//! What is refused first when there is too much of everything: newcomers, then looking, then holds, and paying last
//! ([ADR 0028](../../../../docs/adr/0028-what-gives-way-under-load.md)).
//!
//! All requests in flight are counted together, and each class may be refused from a count of its own on. So whatever it
//! is that piles up, there is room left for what is worth more. Staff, and what watches the server, are never refused and not
//! counted: they are needed most when everything else is too much.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use axum::http::Method;
use frontrow_application::seldom::Seldom;
use metrics::counter;

use crate::problem::{Code, Problem};
use crate::settings::InFlightLimits;

/// What a request is for, by what it is worth when not all can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// What ends a hold, with money or without, and what is needed for it; the door.
    Pay,
    /// New holds.
    Hold,
    /// Whatever is only looked at.
    Look,
    /// Newcomers: joining a line, logging in, signing up.
    Join,
}

impl Class {
    /// The class of a request of this method to this route; none when it is never refused.
    pub(crate) fn of(method: &Method, route: Option<&str>) -> Option<Self> {
        let Some(route) = route else { return Some(Self::Look) };
        let Some(route) = route.strip_prefix("/api/v1") else {
            let is_watched = route.starts_with("/health/") || route == "/metrics";
            return (!is_watched).then_some(Self::Look);
        };
        if route.starts_with("/admin/") {
            return None;
        }
        let (posts, deletes) = (method == Method::POST, method == Method::DELETE);
        Some(match route {
            "/payments"
            | "/users/{userId}/charge"
            | "/reservations/{reservationId}/extend"
            | "/auth/refresh"
            | "/auth/logout"
            | "/gate/scan"
                if posts =>
            {
                Self::Pay
            }
            "/reservations/{reservationId}" | "/queues" if deletes => Self::Pay,
            "/reservations" if posts => Self::Hold,
            "/queues" | "/auth/login" | "/auth/signup" if posts => Self::Join,
            _ => Self::Look,
        })
    }

    /// Its name in metrics.
    const fn name(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::Hold => "hold",
            Self::Look => "look",
            Self::Join => "join",
        }
    }

    /// Seconds after which a refused one is worth another try: those who lose least by waiting wait longest.
    const fn retry_seconds(self) -> u64 {
        match self {
            Self::Pay | Self::Hold => 1,
            Self::Look => 2,
            Self::Join => 5,
        }
    }

    const fn limit(self, limits: &InFlightLimits) -> usize {
        match self {
            Self::Pay => limits.pay,
            Self::Hold => limits.hold,
            Self::Look => limits.look,
            Self::Join => limits.join,
        }
    }
}

/// Milliseconds for which the server says that it refuses requests after it last did.
const SHEDDING_SHOWN_MS: u64 = 5_000;

/// How much there is to do.
pub(crate) struct Load {
    limits: InFlightLimits,
    in_flight: AtomicUsize,
    begun: Instant,
    /// Milliseconds after the beginning when a request was last refused, plus one; 0 when none was.
    last_shed_ms: AtomicU64,
    talk: Seldom,
}

/// A request in flight, until it is dropped.
pub(crate) struct InFlight(Arc<Load>);

impl Load {
    pub(crate) fn new(limits: InFlightLimits) -> Arc<Self> {
        let (in_flight, last_shed_ms) = (AtomicUsize::new(0), AtomicU64::new(0));
        Arc::new(Self { limits, in_flight, begun: Instant::now(), last_shed_ms, talk: Seldom::new() })
    }

    /// Counts a request, or refuses it.
    pub(crate) fn enter(self: &Arc<Self>, class: Class) -> Result<InFlight, Problem> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let entered = InFlight(Arc::clone(self));
        if before < class.limit(&self.limits) {
            return Ok(entered);
        }
        drop(entered);
        self.refuse(class, before);
        let detail = "There is too much to do, and nothing has changed; please try again in a moment.";
        Err(Problem::new(Code::Overloaded, detail).retry_after(class.retry_seconds()))
    }

    fn refuse(&self, class: Class, in_flight: usize) {
        self.last_shed_ms.store(self.elapsed_ms() + 1, Ordering::Relaxed);
        counter!("frontrow_http_requests_shed_total", "class" => class.name()).increment(1);
        if let Some(untold) = self.talk.turn() {
            tracing::warn!(
                class = class.name(),
                in_flight,
                untold,
                "refusing requests: there is too much to do"
            );
        }
    }

    /// How many requests are in flight.
    #[cfg(test)]
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Whether requests were refused just now.
    pub(crate) fn is_shedding(&self) -> bool {
        let last = self.last_shed_ms.load(Ordering::Relaxed);
        last > 0 && self.elapsed_ms() < last + SHEDDING_SHOWN_MS
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: InFlightLimits = InFlightLimits { pay: 4, hold: 3, look: 2, join: 1 };

    #[test]
    fn what_is_worth_less_is_refused_first_whatever_piles_up() {
        for piling in [Class::Pay, Class::Hold, Class::Look] {
            let load = Load::new(LIMITS);
            let mut open = Vec::new();
            while let Ok(entered) = load.enter(piling) {
                open.push(entered);
            }
            assert_eq!(open.len(), piling.limit(&LIMITS), "{piling:?}");
            assert!(load.is_shedding());
            for class in [Class::Pay, Class::Hold, Class::Look, Class::Join] {
                let has_room = class.limit(&LIMITS) > open.len();
                assert_eq!(load.enter(class).is_ok(), has_room, "{class:?} beside {piling:?}");
            }
            open.pop();
            assert!(load.enter(piling).is_ok(), "there is room again");
            open.clear();
            assert_eq!(load.in_flight(), 0, "nothing is kept");
        }
        assert!(!Load::new(LIMITS).is_shedding(), "nothing was refused");
    }

    #[test]
    fn who_is_refused_is_told_when_to_come_again() {
        let load = Load::new(InFlightLimits { pay: 0, hold: 0, look: 0, join: 0 });
        for (class, seconds) in [(Class::Pay, 1), (Class::Hold, 1), (Class::Look, 2), (Class::Join, 5)] {
            let problem = load.enter(class).err().expect("refused");
            assert_eq!(problem.code(), Code::Overloaded);
            let document: serde_json::Value = serde_json::from_slice(&problem.write("r")).expect("JSON");
            assert_eq!(document["retryAfter"], seconds, "{class:?}");
        }
    }

    #[test]
    fn every_route_has_its_class() {
        let of = |method: Method, route: &str| Class::of(&method, Some(route));
        let mut classes = std::collections::BTreeMap::<_, Vec<_>>::new();
        for (path, item) in crate::openapi().paths.paths {
            let methods = [
                (Method::GET, item.get.is_some()),
                (Method::POST, item.post.is_some()),
                (Method::PUT, item.put.is_some()),
                (Method::PATCH, item.patch.is_some()),
                (Method::DELETE, item.delete.is_some()),
            ];
            for (method, is_there) in methods {
                let class = of(method.clone(), &path).map_or("never refused", Class::name);
                if is_there && class != "look" {
                    classes.entry(class).or_default().push(format!("{method} {path}"));
                }
            }
        }
        let rest = classes.remove("never refused").expect("some are never refused");
        let is_of_staff = |route: &String| route.contains("/admin/") || !route.contains("/api/v1/");
        assert!(rest.iter().all(is_of_staff), "{rest:#?}");
        for routes in classes.values_mut() {
            routes.sort_unstable();
        }
        expect_test::expect![[r#"
            {
                "hold": [
                    "POST /api/v1/reservations",
                ],
                "join": [
                    "POST /api/v1/auth/login",
                    "POST /api/v1/auth/signup",
                    "POST /api/v1/queues",
                ],
                "pay": [
                    "DELETE /api/v1/queues",
                    "DELETE /api/v1/reservations/{reservationId}",
                    "POST /api/v1/auth/logout",
                    "POST /api/v1/auth/refresh",
                    "POST /api/v1/gate/scan",
                    "POST /api/v1/payments",
                    "POST /api/v1/reservations/{reservationId}/extend",
                    "POST /api/v1/users/{userId}/charge",
                ],
            }
        "#]]
        .assert_debug_eq(&classes);
        assert_eq!(Class::of(&Method::GET, None), Some(Class::Look), "what is not there");
        assert_eq!(of(Method::GET, "/assets/{*path}"), Some(Class::Look));
    }
}
