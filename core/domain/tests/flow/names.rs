//! Every text that a person reads and another wrote: none of them can hide, reverse or blank what stands in it.

use countersign_domain::{
    agreement::{CertificateName, DocumentTitle, FactLabel, FactValue, ServiceName},
    id::Identifier,
    settlement::Because,
    transaction::{ItemName, Payee, Reference},
};

/// Of a text, whether each kind takes it: payees (a relying party's name), references and items of purchases (the
/// checkout's and the wallet's,
/// whose cards are called so, too), services (a login's, and a wallet's name), certificates, documents and their facts, the
/// reason of a settlement, and identifiers of people, as an operator's customers have.
fn takers(text: &str) -> [(&'static str, bool); 10] {
    [
        ("payee", Payee::try_from(text).is_ok()),
        ("reference", Reference::try_from(text).is_ok()),
        ("item", ItemName::try_from(text).is_ok()),
        ("service", ServiceName::try_from(text).is_ok()),
        ("certificate", CertificateName::try_from(text).is_ok()),
        ("document", DocumentTitle::try_from(text).is_ok()),
        ("fact", FactLabel::try_from(text).is_ok()),
        ("value", FactValue::try_from(text).is_ok()),
        ("reason", Because::try_from(text.to_owned()).is_ok()),
        ("identifier", Identifier::try_from(text).is_ok()),
    ]
}

#[test]
fn no_text_that_a_person_reads_has_a_character_that_is_not_seen_or_reverses_others() {
    for hidden in [
        "\0",
        "\t",
        "\n",
        "\u{85}",
        "\u{ad}",
        "\u{34f}",
        "\u{61c}",
        "\u{115f}",
        "\u{17b4}",
        "\u{180b}",
        "\u{180e}",
        "\u{200b}",
        "\u{200c}",
        "\u{200d}",
        "\u{200e}",
        "\u{200f}",
        "\u{2028}",
        "\u{2029}",
        "\u{202a}",
        "\u{202b}",
        "\u{202c}",
        "\u{202d}",
        "\u{202e}",
        "\u{2060}",
        "\u{2066}",
        "\u{2067}",
        "\u{2068}",
        "\u{2069}",
        "\u{2800}",
        "\u{3164}",
        "\u{e000}",
        "\u{fdd0}",
        "\u{fe0f}",
        "\u{feff}",
        "\u{ffa0}",
        "\u{fff9}",
        "\u{fffc}",
        "\u{ffff}",
        "\u{1d173}",
        "\u{e0041}",
        "\u{e0100}",
        "\u{f0000}",
        "\u{10ffff}",
    ] {
        for text in [format!("Shop{hidden}Lyon"), format!("{hidden}Shop"), hidden.to_owned()] {
            for (kind, taken) in takers(&text) {
                assert!(!taken, "{kind}: {text:?}");
            }
        }
    }
}

#[test]
fn a_name_in_any_script_is_taken_where_names_are() {
    for name in [
        "Caf\u{e9} Zo\u{eb}",
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
        "\u{645}\u{642}\u{647}\u{649}",
        "\u{5bff}\u{53f8}",
    ] {
        for (kind, taken) in takers(name) {
            assert!(taken || kind == "identifier", "{kind}: {name}");
        }
    }
    assert!(takers("alice").iter().all(|(_, taken)| *taken));
}
