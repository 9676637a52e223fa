use countersign_bank::Iso8583Settings;
use countersign_domain::time::Timestamp;

use super::*;
use crate::drivers;

const VALID: &str = r#"
[tls]
certificate = "server.pem"
key = "server.key"
[checkout]
listen = "127.0.0.1:8443"
public_origin = "https://pay.example.com"
[api]
listen = "127.0.0.1:9443"
[store]
path = "countersign.db"
[keys]
current = "1"
files = { 1 = "master.key" }
[sms]
address = "centre.example.com:2775"
system_id = "shop"
password_file = "centre.password"
source = "Dupont"
[bank]
address = "bank.example.com:8583"
[[relying_party]]
id = "dupont"
name = "Librairie Dupont"
api_key_sha256 = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"
"#;

fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let environment =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::from(text, Path::new("/etc/countersign"), environment)
        .map_err(|error| error.to_string())
}

fn with(change: (&str, &str)) -> Result<Config, String> {
    assert!(VALID.contains(change.0), "{}", change.0);
    parse(&VALID.replace(change.0, change.1), &[])
}

#[test]
fn what_is_left_out_has_its_default() {
    let config = parse(VALID, &[]).unwrap();
    assert_eq!(config.policy, Policy::default());
    let checkout = config.checkout.unwrap();
    assert_eq!(checkout.client_authorities, None);
    assert!(checkout.trusted_terminators.is_empty());
    assert!(!config.sms.unwrap().transaction_mode);
    assert!(!config.relying_parties[0].party.may_enrol);
}

#[test]
fn a_path_is_relative_to_the_folder_of_the_file() {
    let config = parse(VALID, &[]).unwrap();
    let path = config.files.path(&config.store.unwrap().path.unwrap());
    assert_eq!(path, Path::new("/etc/countersign/countersign.db"));
    assert_eq!(config.files.path(Path::new("/var/x")), Path::new("/var/x"));
}

#[test]
fn a_configuration_is_refused_by_the_rule_it_breaks() {
    let party = "[[relying_party]]\nid = \"dupont\"";
    for (change, why) in [
        (("[tls]", "[tls"), "line 2"),
        (("[store]", "[store]\nsize = 1"), "unknown field `size`"),
        (("[bank]", "[banque]"), "unknown field `banque`"),
        (("listen = \"127.0.0.1:8443\"", "listen = \"here\""), "invalid socket address"),
        (
            ("https://pay.example.com", "http://pay.example.com"),
            "public_origin is not https:// and a host",
        ),
        (
            ("https://pay.example.com", "https://pay.example.com/shop"),
            "public_origin is not https:// and a host",
        ),
        (("https://pay.example.com", "https://0.0.0.0"), "public_origin is not https:// and a host"),
        (("https://pay.example.com", "https://a:443"), "public_origin is not https:// and a host"),
        (
            ("[bank]", "[access.origins]\ndupont = [\"login.example.com:8443\"]\n[bank]"),
            "origin is not a host",
        ),
        (
            ("source = \"Dupont\"", "source = \"Dupont\"\ntls_server_name = \"centre\""),
            "sms.tls_server_name and sms.tls_authorities are needed together",
        ),
        (("[bank]", "[policy]\nttl_seconds = 601\n[bank]"), "ttl_seconds must be 30 to 600"),
        (
            ("[bank]", "[policy]\nprofile = \"psd2\"\npin_from = \"phone\"\n[bank]"),
            "unknown variant `phone`",
        ),
        (("[bank]", "[policy]\npin_from = \"code\"\n[bank]"), "profile must be there for PINs"),
        (("[bank]", "[policy]\nmax_attempts = 6\n[bank]"), "max_attempts must be 1 to 5"),
        (
            ("id = \"dupont\"", &format!("id = \"{}\"", "d".repeat(65))),
            "is longer than 64 characters",
        ),
        (("2c70e12b7a0646f9", "2c70"), "api_key_sha256 is not 64 hexadecimal digits"),
        (
            (
                "[[relying_party]]",
                &format!(
                    "{party}\nname = \"x\"\napi_key_sha256 = \"{}\"\n[[relying_party]]",
                    "1".repeat(64)
                ),
            ),
            "relying_party.id is there twice",
        ),
        (
            (
                "[[relying_party]]",
                "[[relying_party]]\nid = \"durand\"\nname = \"x\"
                 api_key_sha256 = \"2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683\"
                 [[relying_party]]",
            ),
            "relying_party.api_key_sha256 of dupont is that of durand, too",
        ),
        (
            (
                "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            "relying_party.api_key_sha256 of dupont is of an empty key, or of zeros",
        ),
    ] {
        let refused = with(change).map(|_| ()).unwrap_err();
        assert!(refused.contains(why), "{change:?}: {refused}");
    }
}

fn bank(config: &Config) -> Result<Iso8583Settings, ConfigError> {
    drivers::bank_settings(config.bank.as_ref().unwrap(), &config.relying_parties)
}

#[test]
fn what_the_bank_calls_us_and_our_merchants_is_configured() {
    let keys = "terminal_id = \"TERM0042\"\nmerchant_category = \"5942\"";
    let numbers = "[bank.merchant_numbers]\ndupont = \"4711\"";
    let config = with(("[[relying", &format!("{keys}\n{numbers}\n[[relying"))).unwrap();
    let settings = bank(&config).unwrap();
    assert_eq!(settings.terminal_id, "TERM0042");
    assert_eq!(settings.merchant_category, "5942");
    assert_eq!(settings.merchant_number(&"dupont".try_into().unwrap()), Some("4711"));
}

#[test]
fn merchant_numbers_are_refused_by_the_rule_they_break() {
    let durand = format!(
        "[[relying_party]]\nid = \"durand\"\nname = \"x\"\napi_key_sha256 = \"{}\"\n[[relying",
        "1".repeat(64)
    );
    for (numbers, why) in [
        ("dupont = \"0123456789abcdef\"", "must give dupont a number of 1 to 15 printable"),
        (
            "durand = \"4711\"\ndupont = \"4711\"",
            "must not give dupont and durand the same number 4711",
        ),
        ("duran = \"4711\"", "bank.merchant_numbers names duran, which is no relying party"),
        (
            "durand = \"dupont\"",
            "bank.merchant_numbers must not give durand and dupont the same number dupont",
        ),
    ] {
        let section = format!("[bank.merchant_numbers]\n{numbers}\n{durand}");
        let config = with(("[[relying", &section)).unwrap();
        let refused = bank(&config).map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains(why), "{numbers}: {refused}");
    }
}

#[test]
fn the_environment_overrides_any_key_with_a_value_of_its_type() {
    let config = parse(
        VALID,
        &[
            ("COUNTERSIGN__API__LISTEN", "127.0.0.1:9444"),
            ("COUNTERSIGN__SMS__WINDOW", "50"),
            ("COUNTERSIGN__SMS__TRANSACTION_MODE", "true"),
            ("COUNTERSIGN__POLICY__ORDER", "code_first"),
            ("COUNTERSIGN__CHECKOUT__TRUSTED_TERMINATORS", "[\"10.0.0.1\"]"),
            ("COUNTERSIGN", "not ours"),
            ("PATH", "not ours"),
        ],
    )
    .unwrap();
    assert_eq!(config.api.unwrap().listen.port(), 9444);
    let sms = config.sms.unwrap();
    assert_eq!(sms.window, Some(50));
    assert!(sms.transaction_mode);
    assert_eq!(config.policy.limits().order, countersign_domain::plan::Order::CodeFirst);
    assert_eq!(config.checkout.unwrap().trusted_terminators.len(), 1);
}

#[test]
fn an_override_that_means_no_key_is_refused() {
    let refused = parse(VALID, &[("COUNTERSIGN__SMS__WINDOWS", "50")]).unwrap_err();
    assert!(refused.contains("unknown field `windows`"), "{refused}");
    let refused = parse(VALID, &[("COUNTERSIGN__STORE__PATH__X", "1")]).unwrap_err();
    assert!(refused.contains("names no section"), "{refused}");
}

#[test]
fn a_master_secret_is_sixty_four_hexadecimal_digits() {
    assert!(master_secret(&"0a".repeat(32)).is_some());
    for text in ["", "0", "0a", &"0a".repeat(33), &"0".repeat(63), &"zz".repeat(32)] {
        assert!(master_secret(text).is_none(), "{text}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let config = parse(VALID, &[]).unwrap();
    let error = config.keys.ring(&config.files).map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("/etc/countersign/master.key cannot be read: "), "{error}");
}

#[test]
fn a_theme_is_refused_by_the_rule_it_breaks() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("logo.svg"), "<svg xmlns='http://www.w3.org/2000/svg'/>").unwrap();
    fs::write(folder.path().join("logo.gif"), "GIF89a").unwrap();
    let themes = |section: &str| {
        let config = Config::from_toml(&format!("{VALID}\n{section}"), folder.path());
        config.and_then(|config| config.themes()).map_err(|error| error.to_string())
    };
    let fine = themes("[theme.dupont]\ncolour = \"#7a1f3d\"\nlogo = \"logo.svg\"").unwrap();
    let theme = fine.of(&"dupont".try_into().unwrap()).unwrap();
    assert!(theme.logo.is_some() && theme.colour.is_some());
    for (section, why) in [
        ("[theme.durand]", "there is no relying party durand"),
        ("[theme.dupont]\nfont = \"Comic Sans\"", "unknown field `font`"),
        ("[theme.dupont]\ncolour = \"#dddddd\"", "colour is too light"),
        ("[theme.dupont]\nlogo = \"logo.gif\"", "logo is neither PNG nor JPEG nor SVG"),
        ("[theme.dupont]\nlogo = \"nowhere.png\"", "nowhere.png"),
    ] {
        let refused = themes(section).unwrap_err();
        assert!(refused.contains(why), "{section}: {refused}");
    }
}

/// What is wrong with the master secrets in files of that content.
fn masters(contents: [&str; 2]) -> Result<(), ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in ["1.key", "2.key"].into_iter().zip(contents) {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let section = "files = { 1 = \"1.key\", 2 = \"2.key\" }";
    let text = VALID.replace("files = { 1 = \"master.key\" }", section);
    let config = Config::from_toml(&text, folder.path()).unwrap();
    config.keys.ring(&config.files).map(drop)
}

#[test]
fn master_secrets_are_not_zeros_and_not_one_twice() {
    let (one, other) = ("0a".repeat(32), "0b".repeat(32));
    assert_eq!(masters([&one, &other]), Ok(()));
    for (contents, why) in [
        ([&*one, &*one], "name two files with the same secret: a new key is a new secret"),
        ([&one, &"00".repeat(32)], "names a file of zeros, which is no secret"),
    ] {
        assert_eq!(masters(contents), Err(ConfigError::unusable("keys.files", why)));
    }
}

#[test]
fn what_is_final_is_kept_for_a_month_and_for_as_long_as_it_can_be_credited() {
    let kept = |section: &str| {
        let config = with(("[bank]", &format!("{section}\n[bank]"))).unwrap();
        crate::retention::kept(config.retention.as_ref().unwrap(), &config.policy)
    };
    let all = kept("[retention]\ndays = 31\nidempotency_days = 2").unwrap();
    let seconds =
        |collection| all.iter().find(|kept| kept.collection == collection).unwrap().seconds;
    assert_eq!((seconds("payment"), seconds("idempotency")), (31 * 86_400, 2 * 86_400));
    for (section, key, why) in [
        ("days = 29", "days", "must be 30 to 36500"),
        ("days = 36501", "days", "must be 30 to 36500"),
        ("days = 30\nidempotency_days = 0", "idempotency_days", "must be 1 to 36500"),
        (
            "days = 400\n[policy]\ncredit_days = 400",
            "days",
            "must be more than policy.credit_days: until then a payment can be credited",
        ),
    ] {
        let refused = kept(&format!("[retention]\n{section}")).unwrap_err().to_string();
        assert_eq!(refused, format!("retention.{key} {why}"));
    }
}

#[test]
fn every_mount_that_lets_in_certificates_without_a_revocation_list_is_named() {
    let tls = r#"{ certificate = "one.pem", key = "one.key" }"#;
    let set = format!(
        r#"
[set.gateway]
listen = "127.0.0.1:8445"
public_origin = "https://gateway.example"
signature = {tls}
exchange = [{tls}]
authorities = "root.pem"
brands = ["Card"]
[set.merchant]
listen = "127.0.0.1:8446"
public_origin = "https://shop.example"
relying_party = "dupont"
signature = {tls}
exchange = {tls}
authorities = "root.pem"
[set.merchant.gateway]
url = "https://gateway.example/set"
certificate = "gateway.pem"
"#
    );
    let all = VALID.replace("[checkout]", "[checkout]\nclient_authorities = \"root.pem\"") + &set;
    let keys = ["checkout", "set.gateway", "set.merchant"];
    let named = keys.map(|key| format!("{key}.revocation_lists"));
    assert_eq!(parse(&all, &[]).unwrap().without_revocation_lists(), named);
    for (key, named) in keys.iter().zip(&named) {
        let section = format!("[{key}]\n");
        let with = all.replace(&section, &format!("{section}revocation_lists = [\"root.crl\"]\n"));
        let without = parse(&with, &[]).unwrap().without_revocation_lists();
        assert_eq!(without.len(), 2, "{key}");
        assert!(!without.contains(&named.as_str()), "{key}");
    }
    // A checkout that asks for no certificates lets none in; the operator's clients are named one by one.
    assert!(parse(VALID, &[]).unwrap().without_revocation_lists().is_empty());
}

#[test]
fn a_fund_is_refused_by_its_key_and_a_currency_that_ends_or_ended_is_told() {
    // 30 November 2025: Bulgaria has had the euro since 1 January 2026.
    let before = Timestamp::from_unix_seconds(1_764_460_800);
    let after = Timestamp::from_unix_seconds(1_767_225_600);
    let with = |currency: &str| {
        let limit = format!("{{ amount_minor = 500, currency = \"{currency}\" }}");
        let policy = format!("[policy]\nno_bank_up_to = [{limit}]\nnormal_up_to = [{limit}]\n");
        parse(&(policy + VALID), &[]).unwrap()
    };
    for (currency, day, is_over) in
        [("BGN", "2026-01-01", [false, true]), ("HRK", "2023-01-01", [true, true])]
    {
        let config = with(currency);
        assert_eq!(config.check_currencies(), Ok(()), "{currency}");
        for (now, is_over) in [before, after].into_iter().zip(is_over) {
            let told = ["policy.normal_up_to", "policy.no_bank_up_to"].map(|key| Withdrawn {
                key,
                currency: currency.try_into().unwrap(),
                day: day.to_owned(),
                is_over,
            });
            assert_eq!(config.withdrawn(now), told);
        }
    }
    for fund in ["CLF", "CHE", "UYW"] {
        let why = format!(
            "policy.normal_up_to names {fund}, which is a fund or a unit of account, in which nobody pays"
        );
        assert_eq!(with(fund).check_currencies().unwrap_err().to_string(), why);
    }
    assert_eq!(with("EUR").check_currencies(), Ok(()));
    assert!(with("EUR").withdrawn(after).is_empty());
}
