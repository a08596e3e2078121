//! How the night of a fan may end.

/// How the night of a fan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Has paid tickets.
    Bought,
    /// Was told that nothing is left.
    SoldOut,
    /// Had enough of waiting and left the line.
    LeftLine,
    /// Had enough of waiting and vanished without a word.
    Vanished,
    /// Looked at the map and took nothing.
    TookNothing,
    /// Held seats and gave them back.
    GaveBack,
    /// Held seats and let the hold lapse.
    LetLapse,
    /// Wanted to pay when the hold had ended.
    HoldEnded,
    /// The session was over before anything was held.
    SessionEnded,
    /// Others were faster again and again.
    OutrunTooOften,
    /// Was refused something that they cannot help.
    Refused,
    /// Was still on their way when the rehearsal ended.
    Unfinished,
}

impl End {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Bought,
        Self::SoldOut,
        Self::LeftLine,
        Self::Vanished,
        Self::TookNothing,
        Self::GaveBack,
        Self::LetLapse,
        Self::HoldEnded,
        Self::SessionEnded,
        Self::OutrunTooOften,
        Self::Refused,
        Self::Unfinished,
    ];

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bought => "bought tickets",
            Self::SoldOut => "came too late: sold out",
            Self::LeftLine => "left the line",
            Self::Vanished => "vanished from the line",
            Self::TookNothing => "looked and took nothing",
            Self::GaveBack => "gave their seats back",
            Self::LetLapse => "let their hold lapse",
            Self::HoldEnded => "paid too late: the hold had ended",
            Self::SessionEnded => "the session ended first",
            Self::OutrunTooOften => "gave up after others were faster",
            Self::Refused => "refused",
            Self::Unfinished => "still there at the end",
        }
    }
}
