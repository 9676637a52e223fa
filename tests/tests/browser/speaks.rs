//! A page says each thing once, where it is heard first, and its tab says where things stand.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;

use crate::driver::Browser;

/// How long a page may take to be as it is to be.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is wrong with how the page speaks.
const FAULTS: &str = r"
const faults = [];
const shown = (element) => element.checkVisibility({ visibilityProperty: true });
const said = (element) => element.innerText.trim();
const parts = [...document.querySelectorAll('main p,main h1,main h2,main h3')].filter(shown).map(said).filter(Boolean);
for (const text of new Set(parts.filter((text, at) => parts.indexOf(text) !== at))) faults.push(`says twice: ${text}`);
const problems = [...document.querySelectorAll('#problem,[role=alert]')];
if (problems.length > 1) faults.push('says in two places what is wrong');
if (problems.length === 1) {
  const sentences = said(problems[0]).split(/[.:]\s+|\n+/).map((text) => text.replace(/\.$/, '')).filter((text) => text.length > 9);
  const all = document.querySelector('main').innerText;
  for (const sentence of sentences) {
    if (all.split(sentence).length > 2) faults.push(`says twice what is wrong: ${sentence}`);
  }
  const marked = document.querySelector('[aria-invalid=true]');
  if (document.activeElement !== (marked ?? problems[0])) {
    faults.push(`opens at <${document.activeElement.localName} id='${document.activeElement.id}'> and not at what is wrong`);
  }
  const { top, bottom } = problems[0].getBoundingClientRect();
  if (bottom < 0 || top > innerHeight) faults.push('opens where what is wrong is not seen');
  if (marked && !marked.getAttribute('aria-describedby')?.split(' ').includes('problem')) {
    faults.push(`${marked.id} is not described by what is wrong`);
  }
}
const cancels = [...document.querySelectorAll('form[action$=\'/cancel\'] button')];
const all = document.body.innerText;
for (const name of ['Cancel payment', 'Annuler le paiement']) {
  const named = cancels.filter((button) => said(button) === name).length;
  if (all.toLowerCase().split(name.toLowerCase()).length - 1 !== named) faults.push(`${name} is the name of something else`);
}
for (const button of cancels) {
  if (!/^(Cancel payment|Annuler le paiement)$/.test(said(button))) faults.push(`what cancels is called ${said(button)}`);
}
if (!/\S/.test(document.title)) faults.push('has no title');
const heading = document.querySelector('#problem h1,#problem h2');
if (heading && problems[0].matches('[role=alert]') && !document.title.startsWith(said(heading))) {
  faults.push(`its title, ${document.title}, does not say what is wrong`);
}
const language = document.documentElement.lang;
if (!['en', 'fr'].includes(language)) faults.push(`its language is ${language}`);
return faults;
";

impl Browser {
    pub(crate) async fn must_say_each_thing_once(&self, name: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let faults = self.run(FAULTS, vec![]).await;
            if faults.as_array().is_some_and(Vec::is_empty) {
                return;
            }
            // A page is there a moment before its focus is.
            assert!(Instant::now() < end, "{name}: {faults:#}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// What the tab is called begins so.
    pub(crate) async fn must_be_called(&self, title: &str) {
        let called = self.run("return document.title", vec![]).await;
        assert!(called.as_str().is_some_and(|called| called.starts_with(title)), "{called}");
    }

    /// There is nothing on the page that runs: it is the same without scripts.
    pub(crate) async fn must_run_nothing(&self) {
        let found = "return document.querySelectorAll('script,[onclick],[onsubmit]').length";
        assert_eq!(self.run(found, vec![]).await, Value::from(0));
    }
}
