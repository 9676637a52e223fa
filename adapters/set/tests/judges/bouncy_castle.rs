//! Bouncy Castle reads the dual signature and opens the envelope beside it.

use countersign_domain::hex;
use countersign_set::{
    message::purchase::PiTbs,
    table::{CONTENT_TYPES, Content as _},
};

use crate::{
    house::folder,
    programs::{done, write},
    vectors,
};

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges/BouncyCastle.java");
/// Debian's libbcprov-java, libbcpkix-java and libbcutil-java.
const CLASSES: &str =
    "/usr/share/java/bcprov.jar:/usr/share/java/bcpkix.jar:/usr/share/java/bcutil.jar";

#[test]
fn bouncy_castle_reads_the_dual_signature_and_opens_the_payment() {
    let there = tempfile::tempdir().unwrap();
    let there = there.path();
    let mut asked = Vec::new();
    for kind in ["p256", "rsa3072"] {
        let keys = folder(kind).join("keys");
        let keys = keys.display();
        let vectors = vectors::read(kind);
        let one = |of: &str| {
            let found = vectors.iter().find(|vector| vector.kind() == of).unwrap();
            (found.der.clone(), hex::decode(found.field("content").unwrap()).unwrap())
        };
        let ((signature, pi_tbs), (sealed, content)) = (one("Signature"), one("Sealed"));
        let changed = |of: &[u8]| {
            let mut changed = of.to_vec();
            // Of an envelope that is the tag.
            *changed.last_mut().unwrap() ^= 1;
            changed
        };
        write(there, &format!("{kind}-other-tbs"), changed(&pi_tbs));
        write(there, &format!("{kind}-other-sealed"), changed(&sealed));
        write(there, &format!("{kind}-tbs"), pi_tbs);
        write(there, &format!("{kind}-sealed"), sealed);
        write(there, &format!("{kind}-signature"), signature);
        write(there, &format!("{kind}-content"), content);
        let content_type = format!("{CONTENT_TYPES}.{}", PiTbs::NUMBER);
        for which in ["", "other-"] {
            asked.push(format!(
                "verify {content_type} {kind}-signature {kind}-{which}tbs {keys}/test-only-cardholder.pem"
            ));
            asked.push(format!(
                "open {kind}-{which}sealed {kind}-content {keys}/test-only-gateway-exchange.key"
            ));
        }
    }
    let said = done(there, "java", &format!("-cp {CLASSES} {PROGRAM} {}", asked.join(" ")));
    let said: Vec<_> = said.lines().collect();
    assert_eq!(said.len(), asked.len(), "{said:?}");
    for (four, asked) in said.chunks(4).zip(asked.chunks(4)) {
        let [signed, opened, other_signed, other_opened] = four else { unreachable!("{four:?}") };
        assert_eq!([signed, opened], [&"right"; 2], "{asked:?}");
        assert_eq!(*other_signed, "wrong", "{asked:?}");
        assert!(other_opened.contains("Error finalising cipher"), "{other_opened}");
    }
}
