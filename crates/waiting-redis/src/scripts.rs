//! The scripts, as Redis gets them: what they have in common, then what each does.

use redis::Script;

/// Redis 7 then refuses a script before it begins, and not half-way: when memory is full, on a replica, or while it
/// cannot keep what it would write.
const SHEBANG: &str = "#!lua\n";
const ROOM: &str = include_str!("../lua/room.lua");
const PLACE: &str = include_str!("../lua/place.lua");
const LOBBY: &str = include_str!("../lua/lobby.lua");

/// A script with the digest under which Redis remembers it.
pub(crate) struct Prepared {
    pub(crate) text: String,
    pub(crate) digest: String,
}

impl Prepared {
    pub(crate) fn new(parts: &[&str]) -> Self {
        let text = format!("{SHEBANG}{}", parts.concat());
        let digest = Script::new(&text).get_hash().to_owned();
        Self { text, digest }
    }
}

/// All scripts.
pub(crate) struct Scripts {
    pub(crate) requests: Prepared,
    pub(crate) tick: Prepared,
    pub(crate) draw: Prepared,
    pub(crate) sample: Prepared,
    pub(crate) clean: Prepared,
    pub(crate) through: Prepared,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        let of_room = |own| Prepared::new(&[ROOM, PLACE, own]);
        let with_lobby = |own| Prepared::new(&[ROOM, PLACE, LOBBY, own]);
        let forecast = include_str!("../lua/forecast.lua");
        Self {
            requests: Prepared::new(&[ROOM, PLACE, LOBBY, forecast, include_str!("../lua/requests.lua")]),
            tick: with_lobby(include_str!("../lua/tick.lua")),
            draw: with_lobby(include_str!("../lua/draw.lua")),
            sample: of_room(include_str!("../lua/sample.lua")),
            clean: of_room(include_str!("../lua/clean.lua")),
            through: Prepared::new(&[include_str!("../lua/through.lua")]),
        }
    }
}
