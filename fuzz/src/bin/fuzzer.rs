//! libFuzzer around the target that the environment names. `cargo xtask fuzz` builds and calls it.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use waver_fuzz::Target;

/// A variable, since libFuzzer takes every argument for its own and starts copies of the process for some of its work.
const TARGET: &str = "WAVER_FUZZ_TARGET";

static CHOSEN: OnceLock<&Target> = OnceLock::new();

fuzz_target!(
    init: {
        let name = std::env::var(TARGET).unwrap_or_default();
        let target = waver_fuzz::find(&name).unwrap_or_else(|| panic!("{TARGET} is `{name}`, which is no target"));
        CHOSEN.set(target).unwrap_or_else(|_| unreachable!("init runs once"));
        // libFuzzer's own hook ends the process at any panic, also at one in a thread whose end is handled, as that of the compiler of
        // rules is. A panic that nobody handles still ends it.
        drop(std::panic::take_hook());
    },
    |bytes: &[u8]| {
        if let Some(target) = CHOSEN.get() {
            (target.run)(bytes);
        }
    }
);
