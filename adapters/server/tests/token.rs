//! `countersign ca` with its keys in a token: SoftHSM 2, judged by OpenSSL.
#![cfg(feature = "pkcs11")]
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

const PIN: &str = "836214";

/// A folder with a token of its own in it, and authorities beside it.
struct House(tempfile::TempDir);

impl House {
    fn new() -> Self {
        let house = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(house.path().join("tokens")).unwrap();
        let tokens = house.path().join("tokens");
        house.write("softhsm2.conf", &format!("directories.tokendir = {}\n", tokens.display()));
        house.write("pin", &format!("{PIN}\n"));
        house.write("pw", "a passphrase for files\n");
        let made = house.run(
            "softhsm2-util",
            &format!("--init-token --free --label house --so-pin 12345678 --pin {PIN}"),
        );
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        house
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn run(&self, program: &str, arguments: &str) -> Output {
        Command::new(program)
            .args(arguments.split_whitespace())
            .current_dir(self.path())
            .env_remove("COUNTERSIGN_CA_PASSPHRASE")
            .env("COUNTERSIGN_PKCS11_MODULE", module())
            .env("SOFTHSM2_CONF", self.path().join("softhsm2.conf"))
            .output()
            .unwrap()
    }

    /// What it said; it must succeed, and never say the PIN.
    fn ca(&self, arguments: &str) -> String {
        let output = self.run(env!("CARGO_BIN_EXE_countersign"), &format!("ca {arguments}"));
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "{arguments}\n{said}");
        assert!(!said.contains(PIN), "{said}");
        said
    }

    fn refused(&self, arguments: &str) -> String {
        let output = self.run(env!("CARGO_BIN_EXE_countersign"), &format!("ca {arguments}"));
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!output.status.success(), "{arguments}\n{said}");
        assert!(!said.contains(PIN), "{said}");
        said
    }

    /// Has other software change what is in the token.
    fn token(&self, arguments: &str) {
        let module = module();
        let log_in =
            format!("--module {} --token-label house --login --pin {PIN}", module.display());
        let done = self.run("pkcs11-tool", &format!("{log_in} {arguments}"));
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn openssl(&self, arguments: &str) -> (bool, String) {
        let output = self.run("openssl", arguments);
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }

    fn exists(&self, name: &str) -> bool {
        self.path().join(name).exists()
    }
}

/// Where Debian puts it.
fn module() -> PathBuf {
    let places = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    ];
    let found = places.map(PathBuf::from).into_iter().find(|path| path.exists());
    found.ok_or("this test needs SoftHSM 2, which tests/install.sh installs").unwrap()
}

const KEY: &str = "pkcs11:token=house;object=";

#[test]
fn authorities_in_a_token_issue_renew_revoke_and_sign_lists() {
    for (rsa, signature) in [("", "ecdsa-with-SHA256"), ("--rsa", "sha256WithRSAEncryption")] {
        let house = House::new();
        house.ca(&format!(
            "init --dir root --kind root --name Root {rsa} --key {KEY}root?pin-source=file:pin"
        ));
        house.ca(&format!(
            "init --dir ca --kind merchants --name Merchants {rsa} --issuer root --key {KEY}merchants?pin-source=file:pin"
        ));
        for folder in ["root", "ca"] {
            assert!(!house.exists(&format!("{folder}/authority.key")), "a key is in a file");
        }
        let issue = "--profile tls-server --name shop.example --dns shop.example";
        house.ca(&format!("issue --dir ca {issue} --new-key shop.key --out shop.pem"));
        let verify = "verify -x509_strict -purpose sslserver -CAfile root/authority.pem -untrusted ca/authority.pem";
        let (verified, said) = house.openssl(&format!("{verify} shop.pem"));
        assert!(verified, "{said}");
        let (_, shown) = house.openssl("x509 -in shop.pem -noout -text");
        assert!(shown.contains(signature), "{shown}");

        let (_, serial) = house.openssl("x509 -in shop.pem -noout -serial");
        let serial = serial.trim().trim_start_matches("serial=").to_owned();
        house.ca(&format!("renew --dir ca --serial {serial} --new-key new.key --out new.pem"));
        house.ca(&format!("revoke --dir ca --serial {serial} --reason superseded"));
        house.ca("crl --dir ca --out ca.crl.pem");
        house.ca("crl --dir root --out root.crl.pem");
        let lists = ["ca.crl.pem", "root.crl.pem"]
            .map(|name| std::fs::read_to_string(house.path().join(name)).unwrap());
        house.write("lists.pem", &lists.concat());
        let checked = format!("{verify} -crl_check_all -CRLfile lists.pem");
        let (verified, said) = house.openssl(&format!("{checked} new.pem"));
        assert!(verified, "{said}");
        let (verified, said) = house.openssl(&format!("{checked} shop.pem"));
        assert!(!verified && said.contains("certificate revoked"), "{said}");
    }
}

#[test]
fn a_key_that_is_in_the_token_already_is_used_and_a_request_is_signed_with_it() {
    let house = House::new();
    house.token("--keypairgen --key-type EC:prime256v1 --label mine --id 07 --usage-sign");
    // A root in files, whose passphrase is asked for as ever.
    house.ca("init --dir root --kind root --name Root --passphrase-file pw");
    house.ca(&format!(
        "init --dir ca --name Issuing --request-only --key {KEY}mine?pin-source=file:pin"
    ));
    let (sound, said) = house.openssl("req -in ca/authority.csr -noout -verify");
    assert!(sound, "{said}");
    house.ca("issue --dir root --passphrase-file pw --profile issuing --request ca/authority.csr --names-from-request --out ca.pem");
    house.ca("init --dir ca --certificate ca.pem");
    house.ca(
        "issue --dir ca --profile gateway-signature --name gateway --new-key gw.key --out gw.pem",
    );
    let verify =
        "verify -x509_strict -CAfile root/authority.pem -untrusted ca/authority.pem gw.pem";
    let (verified, said) = house.openssl(verify);
    assert!(verified, "{said}");
}

#[test]
fn a_key_whose_public_half_is_in_doubt_or_of_the_other_kind_is_refused() {
    let house = House::new();
    let generate = |named: &str| {
        house.token(&format!("--keypairgen --key-type EC:prime256v1 --usage-sign {named}"));
    };
    generate("--label nameless");
    for label in ["twin", "twin-too", "orphan", "cuckoo"] {
        let id = if label.starts_with("twin") { "07" } else { "08" };
        generate(&format!("--label {label} --id {id}"));
    }
    house.token("--delete-object --type pubkey --label orphan");
    generate("--label sound --id 09");
    for (object, kind, complaint) in [
        ("nameless", "", "the key in the token has no CKA_ID"),
        ("twin", "", "the token has several public keys of its CKA_ID"),
        ("orphan", "", "the public key beside it in the token is another's"),
        ("sound", "--rsa", "the key in the token is P-256"),
    ] {
        let said = house.refused(&format!(
            "init --dir ca --kind root --name Root {kind} --key {KEY}{object}?pin-source=file:pin"
        ));
        assert!(said.contains(complaint), "{object}\n{said}");
        assert!(!house.exists("ca"), "{object}");
    }
    // The other one's half is its own still.
    for (folder, object) in [("ca", "sound"), ("other", "cuckoo")] {
        house.ca(&format!(
            "init --dir {folder} --kind root --name Root --key {KEY}{object}?pin-source=file:pin"
        ));
    }
}

#[test]
fn a_token_that_cannot_be_used_is_told_without_the_pin() {
    let house = House::new();
    house.write("wrong", "000000\n");
    let init = "init --dir ca --kind root --name Root --key";
    for (uri, complaint) in [
        ("pkcs11:token=other;object=root?pin-source=file:pin", "there is no such token"),
        ("pkcs11:token=house;object=root?pin-source=file:wrong", "PIN"),
        ("pkcs11:token=house;object=root?pin-source=file:none", "none"),
        ("pkcs11:token=house;object=root?module-path=no.so&pin-source=file:pin", "no.so"),
        ("pkcs11:token=house;object=root?pin-value=1", "a PIN is not written down"),
    ] {
        let said = house.refused(&format!("{init} {uri}"));
        assert!(said.contains(complaint), "{uri}\n{said}");
        assert!(!house.exists("ca"), "{uri}");
    }
    // Once made, a key that is gone from the token is missed.
    house.ca(&format!("{init} {KEY}root?pin-source=file:pin"));
    std::fs::remove_dir_all(house.path().join("tokens")).unwrap();
    std::fs::create_dir(house.path().join("tokens")).unwrap();
    assert!(house.refused("crl --dir ca").contains("there is no such token"));
}
