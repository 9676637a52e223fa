//! tshark dissects what is signed and encrypted: it has a dissector for CMS, and reads it as the body of an answer in HTTP.

use std::{fmt::Write as _, path::Path};

use crate::{
    programs::{done, run, write},
    vectors,
};

/// What it says of our content types, which it cannot know.
const UNKNOWN_TYPE: &str = "BER: Dissector for OID not implemented. Contact Wireshark developers if you want this supported";

/// Each message alone in a packet, as text2pcap reads packets.
fn packets(messages: &[Vec<u8>]) -> String {
    let mut dump = String::new();
    for message in messages {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/pkcs7-mime\r\nContent-Length: {}\r\n\r\n",
            message.len()
        );
        for (line, bytes) in [head.as_bytes(), message].concat().chunks(16).enumerate() {
            write!(dump, "{:06x}", line * 16).unwrap();
            bytes.iter().for_each(|byte| write!(dump, " {byte:02x}").unwrap());
            dump.push('\n');
        }
        dump.push('\n');
    }
    dump
}

/// For each message: the protocols in it, whether it is malformed, and what else is said of it.
fn dissected(folder: &Path, messages: &[Vec<u8>]) -> Vec<[String; 3]> {
    write(folder, "packets.txt", packets(messages));
    done(folder, "text2pcap", "-q -T 80,5000 packets.txt packets.pcap");
    let fields = "-e frame.protocols -e _ws.malformed -e _ws.expert.message";
    let said = run(folder, "tshark", &format!("-r packets.pcap -T fields {fields}")).1;
    // It warns root before.
    let lines = said.lines().filter(|line| line.contains('\t'));
    lines
        .map(|line| {
            let mut columns = line.split('\t').map(str::to_owned);
            std::array::from_fn(|_| columns.next().unwrap_or_default())
        })
        .collect()
}

#[test]
fn tshark_finds_nothing_malformed_in_what_is_signed_and_encrypted() {
    let there = tempfile::tempdir().unwrap();
    let vectors = vectors::GOOD.into_iter().flat_map(vectors::read);
    let messages: Vec<_> = vectors
        .filter(|vector| ["Signed", "Signature", "Sealed"].contains(&vector.kind()))
        .map(|vector| vector.der)
        .collect();
    let dissected = dissected(there.path(), &messages);
    assert_eq!(dissected.len(), messages.len());
    for [protocols, malformed, said] in dissected {
        assert!(protocols.starts_with("eth:ethertype:ip:tcp:http:cms"), "{protocols}");
        assert_eq!(malformed, "");
        let other = said.replace("HTTP/1.1 200 OK\\r\\n", "").replace(UNKNOWN_TYPE, "");
        assert_eq!(other.trim_matches(','), "", "{said}");
    }
}

/// That it would have been found.
#[test]
fn tshark_finds_what_is_malformed() {
    let there = tempfile::tempdir().unwrap();
    let vectors = vectors::read("p256");
    let signed = vectors.into_iter().find(|vector| vector.kind() == "Signed").unwrap().der;
    let half = signed.split_at(signed.len() / 2).0.to_vec();
    let [protocols, malformed, said] = dissected(there.path(), &[half]).remove(0);
    assert!(!malformed.is_empty() || said.contains("BER Error"), "{protocols} {said}");
}
