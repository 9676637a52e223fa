//! A tester's script.
#![no_main]

use std::{fs, path::PathBuf, sync::LazyLock};

use countersign_runner::{Catalogue, Scripts};

static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::of_project().expect("the project's own rows"));
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    std::env::temp_dir().join(format!("countersign-fuzz-{}.feature", std::process::id()))
});

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    fs::write(&*FILE, text).expect("a temporary file");
    if let Ok(scripts) = Scripts::read(&FILE, &CATALOGUE) {
        for told in scripts.scenarios() {
            // A script that would pass whatever happens is refused.
            assert!(!told.place().is_empty() && told.tags().all(|tag| !tag.is_empty()));
        }
    }
});
