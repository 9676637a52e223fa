//! The planted bugs (tests/planted) still fit the code: one that does not would no longer show that it is found.

use std::{fs, path::Path, process::Command};

#[test]
fn every_planted_bug_fits_the_code_and_names_what_finds_it() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let judges = ["judge.rs", "set/judge.rs", "wallet/judge.rs"]
        .map(|judge| tests.join("tests/campaign").join(judge));
    let judges = judges.map(|judge| fs::read_to_string(judge).unwrap()).concat();
    let patches = fs::read_dir(tests.join("planted")).unwrap();
    let patches = patches.map(|entry| entry.unwrap().path());
    let patches: Vec<_> = patches
        .filter(|path| path.extension().is_some_and(|extension| extension == "patch"))
        .collect();
    assert_eq!(patches.len(), 6);
    for patch in patches {
        let text = fs::read_to_string(&patch).unwrap();
        let mut names = 0;
        for line in text.lines().take_while(|line| !line.is_empty()) {
            names += 1;
            if let Some(rule) = line.strip_prefix("Rule: ") {
                assert!(judges.contains(rule), "{rule}");
                continue;
            }
            let test = line.strip_prefix("Test: ").unwrap();
            let (target, path) = test.split_once(' ').unwrap();
            let (module, name) = path.split_once("::").unwrap();
            let source = tests.join("tests").join(target).join(module).with_extension("rs");
            let source = fs::read_to_string(source).unwrap();
            assert!(source.contains(&format!("fn {name}(")), "{test}");
        }
        assert!(names > 0, "{}", patch.display());
        // Outside a repository, too: the paths are then relative to the project's folder.
        let checked = Command::new("git")
            .args(["apply", "--check", "--unsafe-paths"])
            .arg(&patch)
            .current_dir(tests.join(".."))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{}: {said}", patch.display());
    }
}
