//! Reads JSON without ever giving up on its content: what has the wrong type is noted with its path and skipped, so
//! that one reading finds everything that is wrong. Only what is no JSON at all ends it.
//!
//! A [`Shape`] says what it takes; whatever else comes is wrong. It works on any deserializer, so a plan inside a
//! request is read together with the request, and never becomes a tree of values in between.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::findings::{Findings, Step};

/// What a value has to look like, and what becomes of it. Nothing comes of a value that is wrong.
pub(super) trait Shape: Sized {
    /// What it becomes.
    type Out;
    /// What it has to be.
    const MUST_BE: &'static str;

    fn null(self, findings: &mut Findings) -> Option<Self::Out> {
        wrong::<Self>(findings)
    }

    fn flag(self, _flag: bool, findings: &mut Findings) -> Option<Self::Out> {
        wrong::<Self>(findings)
    }

    fn whole(self, _number: i64, findings: &mut Findings) -> Option<Self::Out> {
        wrong::<Self>(findings)
    }

    fn number(self, _number: f64, findings: &mut Findings) -> Option<Self::Out> {
        wrong::<Self>(findings)
    }

    fn text(self, _text: &str, findings: &mut Findings) -> Option<Self::Out> {
        wrong::<Self>(findings)
    }

    fn list<'de, A: SeqAccess<'de>>(
        self,
        mut list: A,
        findings: &mut Findings,
    ) -> Result<Option<Self::Out>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(wrong::<Self>(findings))
    }

    fn object<'de, A: MapAccess<'de>>(
        self,
        mut object: A,
        findings: &mut Findings,
    ) -> Result<Option<Self::Out>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(wrong::<Self>(findings))
    }
}

fn wrong<S: Shape>(findings: &mut Findings) -> Option<S::Out> {
    findings.wrong(format!("must be {}", S::MUST_BE));
    None
}

/// Reads one value.
pub(super) struct Reader<'f, S> {
    pub(super) shape: S,
    pub(super) findings: &'f mut Findings,
}

impl<'de, S: Shape> DeserializeSeed<'de> for Reader<'_, S> {
    type Value = Option<S::Out>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Shape> Visitor<'de> for Reader<'_, S> {
    type Value = Option<S::Out>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(S::MUST_BE)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(self.shape.null(self.findings))
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(self.shape.null(self.findings))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(self.shape.flag(flag, self.findings))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(self.shape.whole(number, self.findings))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        // What is too large for the type is out of every range of ours as well.
        Ok(self.shape.whole(i64::try_from(number).unwrap_or(i64::MAX), self.findings))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(self.shape.number(number, self.findings))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(self.shape.text(text, self.findings))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        self.shape.list(list, self.findings)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        self.shape.object(object, self.findings)
    }
}

/// The same, or null for nothing.
pub(super) struct Maybe<S>(pub(super) S);

impl<S: Shape> Shape for Maybe<S> {
    type Out = S::Out;
    const MUST_BE: &'static str = S::MUST_BE;

    fn null(self, _findings: &mut Findings) -> Option<S::Out> {
        None
    }

    fn flag(self, flag: bool, findings: &mut Findings) -> Option<S::Out> {
        self.0.flag(flag, findings)
    }

    fn whole(self, number: i64, findings: &mut Findings) -> Option<S::Out> {
        self.0.whole(number, findings)
    }

    fn number(self, number: f64, findings: &mut Findings) -> Option<S::Out> {
        self.0.number(number, findings)
    }

    fn text(self, text: &str, findings: &mut Findings) -> Option<S::Out> {
        self.0.text(text, findings)
    }

    fn list<'de, A: SeqAccess<'de>>(
        self,
        list: A,
        findings: &mut Findings,
    ) -> Result<Option<S::Out>, A::Error> {
        self.0.list(list, findings)
    }

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<S::Out>, A::Error> {
        self.0.object(object, findings)
    }
}

/// Text of so many characters.
#[derive(Clone, Copy)]
pub(super) struct Text {
    pub(super) min: usize,
    pub(super) max: usize,
}

impl Shape for Text {
    type Out = Box<str>;
    const MUST_BE: &'static str = "text";

    fn text(self, text: &str, findings: &mut Findings) -> Option<Box<str>> {
        let Self { min, max } = self;
        let length = text.chars().count();
        if length < min || length > max {
            findings.wrong(format!("must have {min} to {max} characters"));
            return None;
        }
        if text.contains('\0') {
            findings.wrong("must not contain the character U+0000");
            return None;
        }
        Some(text.into())
    }
}

/// A whole number within a range.
#[derive(Clone, Copy)]
pub(super) struct Whole {
    pub(super) min: i64,
    pub(super) max: i64,
}

impl Shape for Whole {
    type Out = i64;
    const MUST_BE: &'static str = "a whole number";

    fn whole(self, number: i64, findings: &mut Findings) -> Option<i64> {
        if number < self.min || number > self.max {
            findings.wrong(format!("must be from {} to {}", self.min, self.max));
            return None;
        }
        Some(number)
    }
}

/// Any number within a range.
#[derive(Clone, Copy)]
pub(super) struct Number {
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Shape for Number {
    type Out = f64;
    const MUST_BE: &'static str = "a number";

    fn whole(self, number: i64, findings: &mut Findings) -> Option<f64> {
        self.number(number as f64, findings)
    }

    fn number(self, number: f64, findings: &mut Findings) -> Option<f64> {
        // Whatever is not a number is not within the range either.
        if !(self.min..=self.max).contains(&number) {
            findings.wrong(format!("must be from {} to {}", self.min, self.max));
            return None;
        }
        Some(number)
    }
}

/// True or false.
#[derive(Clone, Copy)]
pub(super) struct Flag;

impl Shape for Flag {
    type Out = bool;
    const MUST_BE: &'static str = "true or false";

    fn flag(self, flag: bool, _findings: &mut Findings) -> Option<bool> {
        Some(flag)
    }
}

/// Reads the items of a list, with the path of each.
pub(super) fn items<'de, A: SeqAccess<'de>, S: Shape>(
    mut list: A,
    findings: &mut Findings,
    mut shape: impl FnMut() -> S,
    mut keep: impl FnMut(usize, S::Out),
) -> Result<usize, A::Error> {
    let mut at = 0;
    loop {
        findings.enter(Step::Item(at));
        let item = list.next_element_seed(Reader { shape: shape(), findings: &mut *findings })?;
        findings.leave();
        match item {
            None => return Ok(at),
            Some(Some(item)) => keep(at, item),
            Some(None) => {}
        }
        at += 1;
    }
}

/// The members that an object may have. A set of them is a number with a bit for each.
pub(super) struct Members {
    pub(super) known: &'static [&'static str],
    /// Those that have to be there.
    pub(super) required: &'static [&'static str],
    /// True when others are wrong, false when they are not looked at.
    pub(super) is_strict: bool,
}

impl Members {
    /// Reads an object; `read` is called once for each member that is known, and takes its value.
    pub(super) fn read<'de, A: MapAccess<'de>>(
        &self,
        mut object: A,
        findings: &mut Findings,
        mut read: impl FnMut(&'static str, &mut A, &mut Findings) -> Result<(), A::Error>,
    ) -> Result<(), A::Error> {
        let mut seen = 0_u32;
        while let Some(name) = object.next_key::<Cow<'_, str>>()? {
            let Some(at) = self.known.iter().position(|known| *known == name) else {
                if self.is_strict {
                    findings.enter_named(&name);
                    findings.wrong(format!("is not known; there may be {}", self.known.join(", ")));
                    findings.leave();
                }
                object.next_value::<IgnoredAny>()?;
                continue;
            };
            findings.enter_member(self.known[at]);
            if seen & (1 << at) == 0 {
                seen |= 1 << at;
                read(self.known[at], &mut object, findings)?;
            } else {
                findings.wrong("must be given once");
                object.next_value::<IgnoredAny>()?;
            }
            findings.leave();
        }
        for (at, name) in self.known.iter().enumerate() {
            if seen & (1 << at) == 0 && self.required.contains(name) {
                findings.wrong_member(name, "must be given");
            }
        }
        Ok(())
    }
}

/// Reads the value of a member.
pub(super) fn value<'de, A: MapAccess<'de>, S: Shape>(
    object: &mut A,
    shape: S,
    findings: &mut Findings,
) -> Result<Option<S::Out>, A::Error> {
    object.next_value_seed(Reader { shape, findings })
}

/// Names with numbers: what each grade costs.
pub(super) struct Prices;

/// The most grades that a plan may have.
pub(super) const GRADES_MAX: usize = 1_000;

impl Shape for Prices {
    type Out = Vec<(Box<str>, i64)>;
    const MUST_BE: &'static str = "an object with a price for each grade";

    fn object<'de, A: MapAccess<'de>>(
        self,
        mut object: A,
        findings: &mut Findings,
    ) -> Result<Option<Self::Out>, A::Error> {
        let max = frontrow_domain::catalog::SeatPlan::PRICE_MAX.minor();
        let mut prices: Vec<(Box<str>, i64)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        let mut count = 0;
        while let Some(name) = object.next_key::<Cow<'_, str>>()? {
            count += 1;
            if count > GRADES_MAX {
                object.next_value::<IgnoredAny>()?;
                continue;
            }
            findings.enter_named(&name);
            let price = value(&mut object, Whole { min: 0, max }, findings)?;
            if names.insert(name.clone().into_owned()) {
                // A price that is wrong is not missing as well.
                prices.push((name.as_ref().into(), price.unwrap_or(0)));
            } else {
                findings.wrong("must be given once");
            }
            findings.leave();
        }
        if count > GRADES_MAX {
            findings.wrong(format!("must be {GRADES_MAX} at the most"));
        }
        Ok(Some(prices))
    }
}
