use uuid::Uuid;

use super::*;
use crate::LoginId;

#[test]
fn addresses_are_normalised_once() {
    let same = ["fan@example.com", " Fan@Example.COM ", "FAN@EXAMPLE.COM\n"];
    for text in same {
        assert_eq!(Email::parse(text).map(|email| email.to_string()), Ok("fan@example.com".to_owned()));
    }
    assert_ne!(Email::parse("fán@example.com"), Email::parse("fan@example.com"));
}

#[test]
fn what_is_no_address_is_refused() {
    let long = format!("{}@example.com", "a".repeat(250));
    for text in ["", "fan", "@x", "fan@", "a@b@c", "a b@c", "a@b..c", "a@-b", "a\u{0}@b", long.as_str()] {
        assert_eq!(Email::parse(text), Err(EmailRefused), "{text:?}");
    }
}

#[test]
fn passwords_are_measured_in_characters_and_bounded_in_bytes() {
    assert_eq!(check_password("123456789"), Err(PasswordRefused::TooShort));
    assert_eq!(check_password("1234567890"), Ok(()));
    assert_eq!(check_password("비밀번호는열글자이다!"), Ok(()));
    assert_eq!(check_password(&"x".repeat(1_025)), Err(PasswordRefused::TooLong));
}

fn login() -> (Login, Timestamp) {
    let now = Timestamp::from_micros(1_000_000_000);
    (Login::open(LoginId::new(Uuid::nil()), UserId::new(Uuid::nil()), now, 1_000), now)
}

#[test]
fn refreshing_moves_on_and_a_lost_answer_is_forgiven_for_a_minute() {
    let (login, now) = login();
    let login = login.refresh(0, now, 1_000).expect("first use");
    assert_eq!(login.generation, 1);
    let again = login.clone().refresh(0, now.plus_seconds(59), 1_000).expect("lost answer");
    assert_eq!(again.generation, 1, "the repeat does not move the family on");
    assert_eq!(login.clone().refresh(0, now.plus_seconds(60), 1_000), Err(RefreshRefused::Reused));
    assert_eq!(login.refresh(1, now.plus_seconds(60), 1_000).map(|login| login.generation), Ok(2));
}

#[test]
fn an_older_token_ends_the_family_also_within_the_minute() {
    let (login, now) = login();
    let login =
        login.refresh(0, now, 1_000).and_then(|login| login.refresh(1, now, 1_000)).expect("two uses");
    assert_eq!(login.refresh(0, now, 1_000), Err(RefreshRefused::Reused));
}

#[test]
fn an_ended_or_lapsed_login_stays_ended() {
    let (login, now) = login();
    assert_eq!(login.clone().end().refresh(0, now, 1_000), Err(RefreshRefused::Ended));
    assert_eq!(login.refresh(0, now.plus_seconds(1_000), 1_000), Err(RefreshRefused::Ended));
}

#[test]
fn erasure_leaves_the_pseudonym_only() {
    let account = Account {
        id: UserId::new(Uuid::from_u128(7)),
        email: Email::parse("fan@example.com").ok(),
        name: "Fan".to_owned(),
        role: Role::Fan,
        standing: Standing::Active,
        credential: Credential::Password("hash".to_owned()),
        created_at: Timestamp::ZERO,
        changed_at: None,
    };
    let erased = account.clone().erased(Timestamp::from_micros(3));
    assert_eq!(erased.id, account.id);
    assert_eq!(
        (erased.email, erased.credential, erased.standing),
        (None, Credential::None, Standing::Erased)
    );
    assert_eq!(erased.name, Account::ERASED_NAME);
    assert_eq!(erased.changed_at, Some(Timestamp::from_micros(3)));
}
