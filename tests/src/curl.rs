//! Merchant and payer played by `curl`: an HTTP client that is not ours.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use countersign_sandbox::Sandbox;
use serde_json::{Value, json};

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status; 0 when there was no answer at all.
    pub status: u16,
    /// The body, as JSON if it is JSON, as text if not.
    pub body: Value,
    /// What curl complained of.
    pub complaint: String,
}

impl Answer {
    /// A member of the body, by JSON pointer, as text; empty when it is not there.
    pub fn text(&self, pointer: &str) -> &str {
        let member = self.body.pointer(pointer).and_then(Value::as_str);
        member.unwrap_or_default()
    }
}

/// Where a server is, and how it is called.
#[derive(Clone, Debug)]
pub struct Shop {
    /// The merchants' API.
    pub api: String,
    /// The payers' pages.
    pub checkout: String,
    /// Handsets, accounts, clock.
    pub control: String,
    api_key: String,
    authority: PathBuf,
    folder: PathBuf,
}

impl Shop {
    /// The shop of a sandbox.
    pub fn of(sandbox: &Sandbox) -> Self {
        Self {
            api: sandbox.api_url().to_owned(),
            checkout: sandbox.checkout_url().to_owned(),
            control: sandbox.control_url(),
            api_key: sandbox.api_key().to_owned(),
            authority: sandbox.authority().to_owned(),
            folder: sandbox.folder().to_owned(),
        }
    }

    /// Calls the merchants' API with the merchant's key.
    pub fn merchant(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.merchant_with(&[], method, path, body)
    }

    /// The same, with further arguments of curl's.
    pub fn merchant_with(
        &self,
        more: &[&str],
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let key = format!("Authorization: Bearer {}", self.api_key);
        let url = format!("{}{path}", self.api);
        let body = body.map(Value::to_string);
        let mut arguments = vec!["-X", method, "-H", &key, &url];
        arguments.extend(more);
        if let Some(body) = &body {
            arguments.extend(["-d", body]);
        }
        self.curl(&arguments)
    }

    /// Enters a subscriber into the directory.
    pub fn enrol(&self, user_id: &str, number: &str, card: &str, expiry: &str) -> Answer {
        let body = json!({ "number": number, "card": { "number": card, "expiry": expiry } });
        self.merchant("PUT", &format!("/v1/subscribers/{user_id}"), Some(&body))
    }

    /// Creates a checkout over some euros; its page's address.
    pub fn order(&self, euros: &str, items: &Value) -> String {
        let body = json!({
            "amount": { "value": euros, "currency": "EUR" },
            "reference": "order-1",
            "items": items,
        });
        let created = self.merchant("POST", "/v1/checkouts", Some(&body));
        created.text("/url").to_owned()
    }

    /// Calls the sandbox's control.
    pub fn control(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let url = format!("{}{path}", self.control);
        let body = body.map(Value::to_string);
        let mut arguments = vec!["-X", method, "-H", "Content-Type: application/json", &url];
        if let Some(body) = &body {
            arguments.extend(["-d", body]);
        }
        self.curl(&arguments)
    }

    /// A payer's browser without cookies yet.
    pub fn browser(&self, name: &str) -> Browser<'_> {
        Browser {
            shop: self,
            cookies: self.folder.join(format!("{name}.cookies")),
            certificate: None,
        }
    }

    /// Runs curl, trusting the sandbox's authority and nobody else.
    pub fn curl(&self, arguments: &[&str]) -> Answer {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "30", "--cacert"])
            .arg(&self.authority)
            .args(["--write-out", "\n%{http_code}"])
            .args(arguments)
            .output();
        match output {
            Ok(output) => answer(&output),
            Err(error) => Answer {
                status: 0,
                body: Value::Null,
                complaint: format!("curl cannot be run, see tests/install.sh: {error}"),
            },
        }
    }
}

fn answer(output: &Output) -> Answer {
    let text = String::from_utf8_lossy(&output.stdout);
    let (body, status) = text.rsplit_once('\n').unwrap_or_default();
    Answer {
        status: status.parse().unwrap_or_default(),
        body: serde_json::from_str(body).unwrap_or_else(|_| Value::from(body)),
        complaint: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A payer's browser: one cookie jar, so one session.
#[derive(Clone, Debug)]
pub struct Browser<'a> {
    shop: &'a Shop,
    cookies: PathBuf,
    certificate: Option<(PathBuf, PathBuf)>,
}

impl Browser<'_> {
    /// The same browser, with a client certificate and its key.
    #[must_use]
    pub fn with_certificate(mut self, certificate: &Path, key: &Path) -> Self {
        self.certificate = Some((certificate.to_owned(), key.to_owned()));
        self
    }

    /// Opens a page as JSON; further arguments are curl's.
    pub fn open(&self, url: &str, more: &[&str]) -> Answer {
        self.ask("application/json", url, more)
    }

    /// Opens a page as people see it.
    pub fn look(&self, url: &str, more: &[&str]) -> Answer {
        self.ask("text/html", url, more)
    }

    fn ask(&self, accepted: &str, url: &str, more: &[&str]) -> Answer {
        let cookies = self.cookies.to_string_lossy();
        let accept = format!("Accept: {accepted}");
        let mut arguments = vec!["-b", &cookies, "-c", &cookies];
        arguments.extend(["-H", &accept, url]);
        let files = self
            .certificate
            .as_ref()
            .map(|(certificate, key)| (certificate.to_string_lossy(), key.to_string_lossy()));
        if let Some((certificate, key)) = &files {
            arguments.extend(["--cert", certificate, "--key", key]);
        }
        arguments.extend(more);
        self.shop.curl(&arguments)
    }

    /// Opens the page, which begins a session, then says who pays.
    pub fn pay(&self, page: &str, form: &str) -> Answer {
        self.open(page, &[]);
        self.open(page, &["-d", form])
    }

    /// Types the code.
    pub fn type_code(&self, page: &str, code: &str) -> Answer {
        self.open(&format!("{page}/code"), &["-d", &format!("code={code}")])
    }
}
