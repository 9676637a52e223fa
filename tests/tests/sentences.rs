//! The words of pages and problems: one file of sentences for all flows and one for each, in each language.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Shorter texts are labels, which may well be the same in two places.
const SHORTEST_SENTENCE_CHARS: usize = 25;

/// The texts of a language, by their names.
type Texts = BTreeMap<String, String>;

/// The folders with words, by their crates.
fn folders() -> BTreeMap<String, PathBuf> {
    let adapters = Path::new(env!("CARGO_MANIFEST_DIR")).join("../adapters");
    let crates = fs::read_dir(adapters).unwrap().map(|entry| entry.unwrap());
    let words = crates.map(|entry| (entry.file_name(), entry.path().join("locales")));
    words
        .filter(|(_, folder)| folder.is_dir())
        .map(|(name, folder)| (name.into_string().unwrap(), folder))
        .collect()
}

/// The languages of a folder, each with its texts. A name stands at the beginning of a line, before ` = `.
fn languages(folder: &Path) -> BTreeMap<String, Texts> {
    let languages = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    languages
        .map(|language| {
            let mut texts = Texts::new();
            for file in fs::read_dir(language.path()).unwrap() {
                let text = fs::read_to_string(file.unwrap().path()).unwrap();
                let lines = text.lines().filter(|line| !line.starts_with([' ', '#']));
                for (name, text) in lines.filter_map(|line| line.split_once(" = ")) {
                    let before = texts.insert(name.to_owned(), text.to_owned());
                    assert_eq!(before, None, "{name} is there twice");
                }
            }
            (language.file_name().into_string().unwrap(), texts)
        })
        .collect()
}

fn names(texts: &Texts) -> BTreeSet<&str> {
    texts.keys().map(String::as_str).collect()
}

#[test]
fn every_language_is_everywhere_and_has_every_name() {
    let shared = languages(&folders()["web"]);
    assert!(shared.len() > 1 && shared["en"].len() > 50);
    for (room, folder) in folders() {
        let own = languages(&folder);
        assert!(own.keys().eq(shared.keys()), "{room}: {:?}", own.keys());
        for (language, texts) in &own {
            assert_eq!(names(&own["en"]), names(texts), "{room}, {language}");
        }
    }
}

#[test]
fn what_happened_comes_with_what_to_do() {
    for (room, folder) in folders() {
        let texts = &languages(&folder)["en"];
        for name in texts.keys().filter_map(|name| name.strip_prefix("err-")) {
            // The title that several causes share.
            let is_alone = name == "certificate";
            assert!(is_alone || texts.contains_key(&format!("rec-{name}")), "{room}: rec-{name}");
        }
        for name in texts.keys().filter_map(|name| name.strip_prefix("rec-")) {
            assert!(texts.contains_key(&format!("err-{name}")), "{room}: err-{name}");
        }
    }
}

#[test]
fn no_sentence_stands_twice() {
    let shared = languages(&folders()["web"]).remove("en").unwrap();
    let mut seen = BTreeMap::<(String, String), String>::new();
    for (room, folder) in folders() {
        for (language, texts) in languages(&folder) {
            for (name, text) in texts {
                let place = format!("{room}: {name}");
                assert!(room == "web" || !shared.contains_key(&name), "{place} is shared");
                let is_sentence = text.chars().count() >= SHORTEST_SENTENCE_CHARS;
                if is_sentence && !text.starts_with("{ ") {
                    let other = seen.insert((language.clone(), text), place.clone());
                    assert_eq!(other, None, "{place} says it again");
                }
            }
        }
    }
}

/// GSM 03.38's basic alphabet: a message with any other character needs about twice as many parts.
const GSM: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

#[test]
fn messages_to_phones_need_no_other_alphabet_than_gsm() {
    for (language, texts) in languages(&folders()["web"]) {
        let messages: Vec<_> =
            texts.iter().filter(|(name, _)| name.starts_with("message-")).collect();
        assert!(messages.len() >= 8, "{language}");
        for (name, text) in messages {
            let said = text.replace(['{', '}'], "");
            let strange: String = said.chars().filter(|c| !GSM.contains(*c)).collect();
            assert_eq!(strange, "", "{language}: {name}");
        }
    }
}
