//! The changes that must happen as one, as scripts that run in the server.

use std::sync::LazyLock;

use redis::Script;

pub(super) struct Scripts {
    pub(super) bar: Script,
    pub(super) bars: Script,
    pub(super) insert: Script,
    pub(super) keys_of: Script,
    pub(super) lease: Script,
    pub(super) release: Script,
    pub(super) remove: Script,
    pub(super) replace: Script,
    pub(super) settle_tries: Script,
    pub(super) spend: Script,
    pub(super) sweep: Script,
    pub(super) take_tries: Script,
    pub(super) touch: Script,
}

pub(super) static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| Scripts {
    bar: Script::new(include_str!("bar.lua")),
    bars: Script::new(include_str!("bars.lua")),
    insert: Script::new(include_str!("insert.lua")),
    keys_of: Script::new(include_str!("keys_of.lua")),
    lease: Script::new(include_str!("lease.lua")),
    release: Script::new(include_str!("release.lua")),
    remove: Script::new(include_str!("remove.lua")),
    replace: Script::new(include_str!("replace.lua")),
    settle_tries: Script::new(include_str!("settle_tries.lua")),
    spend: Script::new(include_str!("spend.lua")),
    sweep: Script::new(include_str!("sweep.lua")),
    take_tries: Script::new(include_str!("take_tries.lua")),
    touch: Script::new(include_str!("touch.lua")),
});
