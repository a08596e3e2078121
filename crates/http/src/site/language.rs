//! What a visitor wants to read in, and how bright: what they have chosen before (a cookie), else what their browser
//! says.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::http::{HeaderMap, header};
use serde_json::Value;

use super::assets::ASSETS;

/// A language of the site. Each has its file in `web/messages`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Language {
    English,
    Korean,
}

/// How bright a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Theme {
    /// As the device is set.
    Auto,
    Light,
    Dark,
}

/// How somebody wants to see the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Visitor {
    pub(super) language: Language,
    pub(super) theme: Theme,
}

impl Language {
    pub(super) const ALL: [Self; 2] = [Self::English, Self::Korean];

    /// As in the attribute `lang`, in `Accept-Language`, and in the name of the file of messages.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Korean => "ko",
        }
    }

    fn of_code(code: &str) -> Option<Self> {
        let primary = code.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.code()))
    }

    /// The first of the languages that somebody prefers; English if it is none of ours.
    fn accepted(header: &str) -> Self {
        let mut best = (0.0_f32, Self::English);
        for one in header.split(',') {
            let mut parts = one.split(';').map(str::trim);
            let Some(language) = parts.next().and_then(Self::of_code) else { continue };
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse);
            // Of two that weigh the same the first counts.
            if let Ok(weight) = weight
                && weight > best.0
            {
                best = (weight, language);
            }
        }
        best.1
    }
}

impl Theme {
    /// As in the cookie and the attribute `data-theme`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl Visitor {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let chosen = cookie(headers, "lang").and_then(Language::of_code);
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let language = chosen.unwrap_or_else(|| Language::accepted(accepted.unwrap_or_default()));
        let theme = match cookie(headers, "theme") {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::Auto,
        };
        Self { language, theme }
    }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    })
}

type Messages = BTreeMap<String, Value>;

/// The messages of all languages, by the code of the language.
static MESSAGES: LazyLock<BTreeMap<Language, Messages>> = LazyLock::new(|| {
    let read = |language: Language| {
        let text = ASSETS.text(&format!("messages/{}.json", language.code()));
        // The tests read the same files: what is built in can be read.
        (language, serde_json::from_str(text).unwrap_or_default())
    };
    Language::ALL.into_iter().map(read).collect()
});

/// A message that has no numbers in it. The key itself, where there is none: better to be seen than to be missed.
pub(super) fn message(language: Language, key: &str) -> &str {
    let found = MESSAGES.get(&language).and_then(|messages| messages.get_key_value(key));
    found.and_then(|(_, value)| value.as_str()).unwrap_or_else(|| {
        tracing::error!(key, "the site has no such message");
        ""
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::http::HeaderValue;

    use super::*;

    fn visitor(pairs: &[(&'static str, &'static str)]) -> Visitor {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        Visitor::of(&headers)
    }

    #[test]
    fn the_browser_says_the_language_and_a_choice_counts_more() {
        let language = |header: &'static str| visitor(&[("accept-language", header)]).language;
        assert_eq!(visitor(&[]).language, Language::English);
        assert_eq!(language("ko-KR,ko;q=0.9,en;q=0.8"), Language::Korean);
        assert_eq!(language("fr, en;q=0.5, ko;q=0.7"), Language::Korean);
        assert_eq!(language("en-GB, ko"), Language::English);
        assert_eq!(language("ko;q=x, de;;q, ,;"), Language::English);
        assert_eq!(language("ko;q=0"), Language::English);
        let chosen = visitor(&[("accept-language", "ko"), ("cookie", "a=b; lang=en; theme=dark")]);
        assert_eq!(chosen, Visitor { language: Language::English, theme: Theme::Dark });
        let nonsense = visitor(&[("cookie", "lang=<script>; theme=\"><script>")]);
        assert_eq!(nonsense, Visitor { language: Language::English, theme: Theme::Auto });
    }

    /// The places in a message that are filled in, and the forms that it has.
    fn shape(value: &Value) -> (BTreeSet<&str>, bool) {
        let texts: Vec<&str> = match value {
            Value::Object(forms) => forms.values().filter_map(Value::as_str).collect(),
            value => value.as_str().into_iter().collect(),
        };
        let places =
            texts.iter().flat_map(|text| text.split('{').skip(1)).filter_map(|rest| rest.split('}').next());
        (places.collect(), value.is_object())
    }

    #[test]
    fn languages_say_the_same() {
        let english = &MESSAGES[&Language::English];
        let korean = &MESSAGES[&Language::Korean];
        assert!(english.len() > 100, "{} messages", english.len());
        assert_eq!(english.keys().collect::<Vec<_>>(), korean.keys().collect::<Vec<_>>());
        for (key, value) in english {
            assert_eq!(shape(value).0, shape(&korean[key]).0, "what {key} fills in");
            let forms = value.as_object().map(|forms| forms.keys().map(String::as_str).collect::<Vec<_>>());
            assert!(forms.is_none_or(|forms| forms == ["one", "other"]), "forms of {key}");
        }
    }

    #[test]
    fn every_message_that_a_module_names_is_there() {
        let english = &MESSAGES[&Language::English];
        let mut named = 0;
        for module in ASSETS.below("app/").chain(ASSETS.below("pages/")) {
            for call in ASSETS.text(module).split(" t(\"").chain(ASSETS.text(module).split("{t(\"")).skip(1) {
                let key = call.split('"').next().unwrap_or_default();
                // A key that ends in a dot is completed by a word of the API.
                let is_there = if key.ends_with('.') {
                    english.keys().any(|known| known.starts_with(key))
                } else {
                    english.contains_key(key)
                        || call.starts_with(&key.to_owned()) && key.contains(['\n', ' '])
                };
                assert!(is_there, "{module}: {key}");
                named += 1;
            }
        }
        assert!(named > 50, "{named} found");
    }
}
