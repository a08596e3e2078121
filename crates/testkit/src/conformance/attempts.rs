//! What whatever counts attempts must do. Each case is named once, in the table at the end.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use frontrow_application::attempts::{AttemptCounts, AttemptLimit};
use frontrow_domain::records::Digest;
use futures_util::future::join_all;

/// Long enough that no test outlasts it.
const LONG: AttemptLimit = AttemptLimit { attempts: 3, window_seconds: 600 };
/// Short enough to be waited for where nobody can turn the clock.
const SHORT: AttemptLimit = AttemptLimit { attempts: 3, window_seconds: 1 };

/// Makes counts, with keys of their own.
pub trait CountsFactory: Send + Sync {
    /// An instance. All of one factory count together.
    fn open(&self) -> Arc<dyn AttemptCounts>;

    /// Another instance, where several can count together.
    fn second(&self) -> Option<Arc<dyn AttemptCounts>>;

    /// Lets so many seconds pass, by turning a clock or by waiting.
    fn pass(&self, seconds: u32) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

fn key(number: u8) -> Digest {
    [number; 16]
}

/// Up to the limit attempts pass; then the answer says how long there are no more. Other keys are not concerned.
pub async fn as_many_as_the_limit_pass(factory: impl CountsFactory) {
    let counts = factory.open();
    for _ in 0..3 {
        assert_eq!(counts.enter(key(1), LONG).await, Ok(Ok(())));
    }
    for _ in 0..5 {
        let refused = counts.enter(key(1), LONG).await.expect("counted").expect_err("there may be no more");
        assert!((590..=600).contains(&refused), "{refused}");
    }
    assert_eq!(counts.enter(key(2), LONG).await, Ok(Ok(())));
}

/// What was refused does not count, and what was taken back neither.
pub async fn what_is_taken_back_does_not_count(factory: impl CountsFactory) {
    let counts = factory.open();
    assert_eq!(counts.take_back(key(1)).await, Ok(()), "there is none");
    for _ in 0..10 {
        assert_eq!(counts.enter(key(1), LONG).await, Ok(Ok(())));
        assert_eq!(counts.take_back(key(1)).await, Ok(()));
    }
    for _ in 0..3 {
        assert_eq!(counts.enter(key(1), LONG).await, Ok(Ok(())));
    }
    assert!(counts.enter(key(1), LONG).await.expect("counted").is_err());
    assert_eq!(counts.take_back(key(1)).await, Ok(()));
    assert_eq!(counts.enter(key(1), LONG).await, Ok(Ok(())));
    assert!(counts.enter(key(1), LONG).await.expect("counted").is_err());
}

/// At the end of the window all is forgotten. It begins with the first attempt, and later ones do not move it.
pub async fn a_window_ends(factory: impl CountsFactory) {
    let counts = factory.open();
    for _ in 0..2 {
        for _ in 0..3 {
            assert_eq!(counts.enter(key(1), SHORT).await, Ok(Ok(())));
        }
        factory.pass(1).await;
    }
    assert_eq!(counts.enter(key(1), SHORT).await, Ok(Ok(())));
}

/// Many at once are no more than the limit, by however many instances.
pub async fn many_at_once_are_counted_one_by_one(factory: impl CountsFactory) {
    let counts = factory.open();
    let other = factory.second().unwrap_or_else(|| Arc::clone(&counts));
    let attempts = (0..64).map(|number| {
        let counts = Arc::clone(if number % 2 == 0 { &counts } else { &other });
        tokio::spawn(async move { counts.enter(key(1), LONG).await.expect("counted").is_ok() })
    });
    let passed = join_all(attempts).await.into_iter().filter(|passed| matches!(passed, Ok(true)));
    assert_eq!(passed.count(), 3);
    assert!(other.enter(key(1), LONG).await.expect("counted").is_err());
}

macro_rules! cases {
    (($d:tt) $($name:ident)*) => {
        /// All cases.
        pub const CASES: &[&str] = &[$(stringify!($name)),*];

        /// Stamps a test for every case about counts of attempts. The expression makes a
        /// [`CountsFactory`](crate::conformance::attempts::CountsFactory); it runs once a case.
        #[macro_export]
        macro_rules! attempts_suite {
            ($d factory:expr) => {
                $(
                    #[test]
                    fn $name() {
                        $crate::bounded($crate::conformance::attempts::$name($d factory));
                    }
                )*
            };
        }
    };
}

cases! { ($)
    as_many_as_the_limit_pass
    what_is_taken_back_does_not_count
    a_window_ends
    many_at_once_are_counted_one_by_one
}
