//! WCAG 2.2 AA, as far as a machine can tell: axe-core.

use std::{fs, path::Path, process::Command, sync::OnceLock};

use serde_json::{Value, json};

use crate::driver::Browser;

/// The version whose rules are held.
const AXE: &str = "axe-core@4.14.1";

/// The script, fetched once by npm.
fn axe() -> &'static str {
    static SCRIPT: OnceLock<String> = OnceLock::new();
    SCRIPT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(AXE);
        let script = folder.join("package/axe.min.js");
        if !script.exists() {
            fs::create_dir_all(&folder).unwrap();
            let packed = Command::new("npm")
                .args(["pack", "--silent", AXE])
                .current_dir(&folder)
                .output()
                .unwrap();
            let name = String::from_utf8_lossy(&packed.stdout).trim().to_owned();
            let unpacked = Command::new("tar").args(["-xzf", &name]).current_dir(&folder).status();
            assert!(unpacked.unwrap().success(), "{}", String::from_utf8_lossy(&packed.stderr));
        }
        fs::read_to_string(script).unwrap()
    })
}

impl Browser {
    /// The page has no fault against WCAG 2.2 AA that axe-core finds, and does not scroll sideways.
    pub(crate) async fn must_be_accessible(&self, name: &str) {
        // WebDriver's scripts are not the page's: its policy does not forbid them.
        self.run(axe(), vec![]).await;
        let tags = json!(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]);
        let script = "const [tags, done] = arguments; \
                      axe.run(document, { runOnly: tags }).then((found) => done(found.violations), (error) => done(String(error)))";
        let found = self.client.execute_async(script, vec![tags]).await.unwrap();
        let faults =
            found.as_array().unwrap_or_else(|| unreachable!("{name}: axe did not run: {found}"));
        let told: Vec<String> = faults.iter().map(told).collect();
        assert!(told.is_empty(), "{name}:\n{}", told.join("\n"));
        let wide = self
            .run("return document.documentElement.scrollWidth - document.documentElement.clientWidth", vec![])
            .await;
        assert_eq!(wide, json!(0), "{name} scrolls sideways");
        if self.is_narrow {
            self.must_fit(name).await;
        }
    }
}

fn told(fault: &Value) -> String {
    let text = |pointer: &str| {
        fault.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    format!(
        "{}: {}\n  {}\n  {}",
        text("/id"),
        text("/help"),
        text("/nodes/0/html"),
        text("/nodes/0/failureSummary")
    )
}
