//! Before the code nobody is told which people and numbers an authority has certified: byte by byte the same, but for ids,
//! times and the short reference (ASVS 6.3.8).

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use countersign_tests::{
    curl::Answer,
    untold::{Seen, assert_same, kept_whole},
};
use serde_json::Value;

use crate::support::{NUMBER, Town};

/// Somebody who enrols, and all that was answered, with its headers.
struct Applicant<'a> {
    town: &'a Town,
    name: &'a str,
    number: &'a str,
    reference: String,
    seen: Vec<Seen>,
}

impl<'a> Applicant<'a> {
    const fn new(town: &'a Town, name: &'a str, number: &'a str) -> Self {
        Self { town, name, number, reference: String::new(), seen: Vec::new() }
    }

    fn keep(&mut self, (status, text): (u16, String)) -> String {
        let whole = text.clone();
        let answer = Answer { status, body: Value::from(text), complaint: String::new() };
        let (status, text) = kept_whole(answer, &self.reference);
        self.seen.push((status, text.replace(self.name, "SOMEBODY")));
        whole
    }

    /// As programs do: to the wrong code after the last.
    fn by_program(&mut self) {
        let body = format!(r#"{{"identifier":"{}","number":"{}"}}"#, self.name, self.number);
        let json = ["-i", "-H", "content-type: application/json", "-d", &body];
        let begun = self.keep(self.town.curl("/v1/enrolments", &json));
        let (_, rest) = begun.split_once("\"enrolment\":\"").unwrap();
        let token = rest.split('"').next().unwrap();
        for path in ["simpleenroll", "simplereenroll"] {
            for _ in 0..3 {
                let proof = format!("{token}:0000000000");
                self.keep(self.town.est(path, &proof, "stranger", &["-i"]));
            }
        }
    }

    /// As people do.
    fn on_the_page(&mut self) {
        let jar = format!("{}{}.jar", self.name, self.number);
        let jar = ["-i", "-b", &jar, "-c", &jar];
        let (name, number) =
            (format!("identifier={}", self.name), format!("number={}", self.number));
        let form = ["--data-urlencode", &name, "--data-urlencode", &number];
        let begun = self.keep(self.town.curl("/enrol", &[&jar[..], &form].concat()));
        let (_, rest) = begun.split_once("location: ").unwrap();
        let path = rest.split('\r').next().unwrap();
        let page = arrived(self.town, path, &jar);
        let (_, rest) = page.split_once("must say ref ").unwrap();
        rest.split('.').next().unwrap().clone_into(&mut self.reference);
        self.keep(self.town.curl(path, &jar));
        self.keep(self.town.curl(&format!("{path}/resend"), &[&jar[..], &["-d", ""]].concat()));
        for _ in 0..4 {
            let form = ["-d", "code=0000000000", "-d", "passphrase=correct-horse-battery"];
            self.keep(self.town.curl(&format!("{path}/code"), &[&jar[..], &form].concat()));
        }
        self.keep(self.town.curl(path, &jar));
    }
}

/// The page, once it says that the message is there: it would be another one before.
fn arrived(town: &Town, path: &str, jar: &[&str]) -> String {
    let end = Instant::now() + Duration::from_secs(15);
    loop {
        let (_, page) = town.curl(path, jar);
        if page.contains("A message with a code is on your phone") {
            return page;
        }
        assert!(Instant::now() < end, "no message came: {page}");
        sleep(Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn which_name_and_which_number_are_certified_is_told_to_no_applicant_before_the_code() {
    let town = Town::new(false).await;
    for name in ["alice", "stranger"] {
        town.request(name);
    }
    let proof = format!("{}:{}", town.begin("alice", NUMBER), town.code(1).await);
    let (status, answer) = town.est("simpleenroll", &proof, "alice", &[]);
    assert_eq!(status, 200, "{answer}");
    // Numbers that are shown alike, and names of one length.
    let (own, nobodys) = ("+33639970001", "+33639960001");
    for number in [own, nobodys] {
        town.add_phone(number);
    }
    let shown = [("alice", own), ("zilch", own), ("carol", NUMBER), ("carol", nobodys)].map(
        |(name, number)| {
            let mut applicant = Applicant::new(&town, name, number);
            applicant.by_program();
            applicant.on_the_page();
            applicant.seen
        },
    );
    let [certified_name, other_name, certified_number, other_number] = shown;
    assert_same("a name that is certified", &certified_name, &other_name);
    assert_same("a number that is certified", &certified_number, &other_number);
    assert_same("both", &certified_name, &other_number);
}
