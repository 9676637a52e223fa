//! Statements are read by programs that are not ours: pyiso20022, and Python's `csv`.
//!
//! Needs Python 3 with `venv`, into which pip fetches two packages the first time.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use countersign_domain::{
    amount::{Amount, Currency},
    ports::{Reads as _, Store as _},
    record::Batch,
    register::{Account, Entry, Posting, Span, Statement},
    testing::MemoryStore,
    time::Timestamp,
};
use countersign_statement::{Heading, Unfit, camt053, csv};
use serde_json::{Value, json};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/statements");
/// 1 November 2026.
const MONTH: u64 = 1_793_491_200_000;
const DAY: u64 = 86_400_000;

fn account(name: &str) -> Account {
    Account::try_from(name.to_owned()).unwrap()
}

fn currency(code: &str) -> Currency {
    Currency::try_from(code).unwrap()
}

fn at(day: u64) -> Timestamp {
    Timestamp::from_unix_millis(MONTH + day * DAY + 7)
}

fn posting(id: &str, debit: &str, credit: &str, amount_minor: u64, day: u64) -> Posting {
    let amount = Amount::new(amount_minor, currency("EUR")).unwrap();
    Posting::new(id, account(debit), account(credit), amount, at(day))
}

/// Alice's wallet: something before the span, then two payments in, three out, and one from the wallet to itself.
async fn books() -> MemoryStore {
    let store = MemoryStore::default();
    let long = "pay_0123456789abcdefghijklmnopqrstuvwxyz/end";
    let postings = vec![
        posting("before", "bank:b", "wallet:alice", 10_000, 0),
        posting("in-1", "bank:b", "wallet:alice", 5_005, 1),
        posting("=HYPERLINK(\"http://x\")", "wallet:alice", "wallet_merchant:books", 4_990, 2),
        posting(long, "wallet:alice", "wallet_merchant:caf\u{e9}", 20_000, 3),
        posting("circle", "wallet:alice", "wallet:alice", 1, 4),
        posting("in-2", "bank:b", "wallet:alice", 3, 5),
        posting("others", "bank:b", "wallet:bob", 7, 5),
        posting("after", "bank:b", "wallet:alice", 1, 9),
    ];
    store.commit(Batch { postings, ..Batch::default() }).await.unwrap();
    store
}

/// The pages of the span, two entries each, and at least one.
async fn pages(store: &MemoryStore, name: &str, limit: usize) -> Vec<Statement> {
    let (mut pages, mut span) = (vec![], Some(Span::between(at(1), at(9))));
    while let Some(of_page) = span {
        let page = store.statement(&account(name), currency("EUR"), of_page, limit).await.unwrap();
        span = page.rest();
        pages.push(page);
    }
    pages
}

fn heading<'a>(account: &'a Account, page: usize) -> Heading<'a> {
    Heading {
        id: "2026-11-wallet-alice",
        account,
        number: "W-0001",
        currency: currency("EUR"),
        from: at(1),
        to: at(9),
        made_at: at(10),
        page: u16::try_from(page).unwrap(),
    }
}

/// What names a buyer typed would be.
fn text(entry: &Entry) -> String {
    match entry.posting.id.as_str() {
        "in-1" => "\u{ff1d}1 & <Bank> ;=1\t\"=2\"\r\n-3".to_owned(),
        id => format!("@{id}"),
    }
}

/// What the reader said, or why it refused.
fn try_read(form: &str, files: &[PathBuf]) -> Result<Value, String> {
    let python = environment().join("bin/python");
    let mut reader = Command::new(python);
    let output = reader.arg(format!("{HERE}/read.py")).arg(form).args(files).output().unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

fn read(form: &str, files: &[PathBuf]) -> Value {
    try_read(form, files).unwrap()
}

/// Where the packages are. Made once for each list of them; pip fetches them the first time.
fn environment() -> &'static Path {
    static ENVIRONMENT: OnceLock<PathBuf> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("read-statements");
        let requirements = format!("{HERE}/requirements.txt");
        let (wanted, installed) = (fs::read(&requirements).unwrap(), place.join("installed.txt"));
        if !fs::read(&installed).is_ok_and(|installed| installed == wanted) {
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place));
            let options = ["--quiet", "--disable-pip-version-check", "--only-binary", ":all:"];
            let mut pip = Command::new(place.join("bin/pip"));
            run(pip.arg("install").args(options).args(["--requirement", &requirements]));
            fs::write(installed, wanted).unwrap();
        }
        place
    })
}

fn run(command: &mut Command) {
    let done = command.status().is_ok_and(|status| status.success());
    assert!(done, "these tests need Python 3 with venv, and the network once: {command:?}");
}

fn written(folder: &Path, texts: &[String]) -> Vec<PathBuf> {
    let write = |(number, text): (usize, &String)| {
        let path = folder.join(number.to_string());
        fs::write(&path, text).unwrap();
        path
    };
    texts.iter().enumerate().map(write).collect()
}

#[tokio::test]
async fn pyiso20022_reads_a_statement_in_pages_as_it_was_meant() {
    let (folder, alice) = (tempfile::tempdir().unwrap(), account("wallet:alice"));
    let pages = pages(&books().await, "wallet:alice", 2).await;
    let texts = pages
        .iter()
        .zip(1..)
        .map(|(page, number)| camt053(&heading(&alice, number), page, text).unwrap());
    let files = written(folder.path(), &texts.collect::<Vec<_>>());
    let time = |day: u64| format!("2026-11-{:02}T00:00:00.007Z", day + 1);
    let page = |number: u16, is_last: bool, balances: Value, entries: Value| {
        json!({
            "message": format!("2026-11-wallet-alice-{number}"), "id": "2026-11-wallet-alice",
            "made_at": time(10), "page": [number.to_string(), is_last],
            "span": [time(1), time(9)], "account": ["W-0001", "EUR"],
            "balances": balances, "entries": entries,
        })
    };
    let booked =
        |position: &str, amount: &str, day: u64, id: Option<&str>, kind: &str, text: &str| {
            json!([position, format!("{amount} EUR"), "BOOK", time(day), id, kind, text])
        };
    let link = "=HYPERLINK(\"http://x\")";
    let long = "@pay_0123456789abcdefghijklmnopqrstuvwxyz/end";
    let expected = json!([
        page(
            1,
            false,
            json!([["OPBD", "100.00 EUR", time(1)], ["CLBD/INTM", "100.15 EUR", time(9)]]),
            json!([
                booked("2", "50.05", 1, Some("in-1"), "bank", "\u{ff1d}1 & <Bank> ;=1 \"=2\"  -3"),
                booked("3", "-49.90", 2, Some(link), "wallet_merchant", &format!("@{link}")),
            ])
        ),
        page(
            2,
            false,
            json!([["OPBD/INTM", "100.15 EUR", time(1)], ["CLBD/INTM", "-99.85 EUR", time(9)]]),
            json!([
                booked("4", "-200.00", 3, None, "wallet_merchant", long),
                booked("5", "-0.01", 4, Some("circle"), "wallet", "@circle"),
                booked("5", "0.01", 4, Some("circle"), "wallet", "@circle"),
            ])
        ),
        page(
            3,
            true,
            json!([["OPBD/INTM", "-99.85 EUR", time(1)], ["CLBD", "-99.82 EUR", time(9)]]),
            json!([booked("6", "0.03", 5, Some("in-2"), "bank", "@in-2")])
        ),
    ]);
    assert_eq!(read("camt", &files), expected);
}

#[tokio::test]
async fn the_readers_refuse_what_is_not_in_the_schema_or_is_a_formula() {
    let (folder, alice) = (tempfile::tempdir().unwrap(), account("wallet:alice"));
    let pages = pages(&books().await, "wallet:alice", 99).await;
    let camt = camt053(&heading(&alice, 1), &pages[0], text).unwrap();
    let csv = csv(&heading(&alice, 1), &pages[0], text).unwrap();
    for (form, text, good, bad, why) in [
        ("camt", &camt, "<Cd>BOOK</Cd>", "<Cd>BOOKED</Cd>", "sts.cd'"),
        ("camt", &camt, "50.05</Amt>", "50.050001</Amt>", "ntry.[0].amt.value'"),
        ("camt", &camt, "<Sts>", "<Status/><Sts>", "Unknown property"),
        ("camt", &camt, "<Ccy>EUR</Ccy></Acct>", "</Acct><Ccy>EUR</Ccy>", "Unknown property"),
        (
            "camt",
            &camt,
            "<NtryRef>2</NtryRef><Amt Ccy=\"EUR\">50.05</Amt>",
            "<Amt Ccy=\"EUR\">50.05</Amt><NtryRef>2</NtryRef>",
            "AssertionError: <?xml",
        ),
        ("csv", &csv, "'@circle", "@circle", "AssertionError: (',', '@circle')"),
        ("csv", &csv, ";'=1", ";=1", "AssertionError: (';', '=1"),
    ] {
        assert!(text.contains(good), "{good}");
        let refused = try_read(form, &written(folder.path(), &[text.replace(good, bad)]));
        assert!(refused.as_ref().is_err_and(|said| said.contains(why)), "{bad}: {refused:?}");
    }
}

#[tokio::test]
async fn pages_of_csv_are_one_file_that_no_spreadsheet_calculates() {
    let (folder, alice) = (tempfile::tempdir().unwrap(), account("wallet:alice"));
    let store = books().await;
    let whole = pages(&store, "wallet:alice", 99).await;
    let texts = pages(&store, "wallet:alice", 2).await;
    let texts = texts
        .iter()
        .zip(1..)
        .map(|(page, number)| csv(&heading(&alice, number), page, text).unwrap());
    let file = texts.collect::<String>();
    assert_eq!(csv(&heading(&alice, 1), &whole[0], text).as_ref(), Ok(&file));
    let time = |day: u64| format!("2026-11-{:02}T00:00:00.007Z", day + 1);
    let link = "'=HYPERLINK(\"http://x\")";
    let long = "pay_0123456789abcdefghijklmnopqrstuvwxyz/end";
    let expected = json!([[
        ["line", "at", "reference", "text", "debit", "credit", "balance", "currency"],
        ["opening", time(1), "", "", "", "", "100.00", "EUR"],
        [
            "entry",
            time(1),
            "in-1",
            "'\u{ff1d}1 & <Bank> ;'=1 \"'=2\"  '-3",
            "",
            "50.05",
            "150.05",
            "EUR"
        ],
        ["entry", time(2), link, "'@=HYPERLINK(\"http://x\")", "49.90", "", "100.15", "EUR"],
        ["entry", time(3), long, format!("'@{long}"), "200.00", "", "-99.85", "EUR"],
        ["entry", time(4), "circle", "'@circle", "0.01", "0.01", "-99.85", "EUR"],
        ["entry", time(5), "in-2", "'@in-2", "", "0.03", "-99.82", "EUR"],
        ["closing", time(9), "", "", "", "", "-99.82", "EUR"],
    ]]);
    assert_eq!(read("csv", &written(folder.path(), &[file])), expected);
}

#[tokio::test]
async fn an_account_without_movements_has_a_statement() {
    let (folder, carol) = (tempfile::tempdir().unwrap(), account("wallet:carol"));
    let pages = pages(&books().await, "wallet:carol", 2).await;
    let camt = camt053(&heading(&carol, 1), &pages[0], text).unwrap();
    let found = read("camt", &written(folder.path(), &[camt]));
    let balances = json!([
        ["OPBD", "0.00 EUR", "2026-11-02T00:00:00.007Z"],
        ["CLBD", "0.00 EUR", "2026-11-10T00:00:00.007Z"],
    ]);
    assert_eq!((&found[0]["balances"], &found[0]["entries"]), (&balances, &json!([])));
    assert_eq!(found[0]["page"], json!(["1", true]));
}

#[tokio::test]
async fn what_iso_20022_has_no_room_for_is_refused() {
    let alice = account("wallet:alice");
    let good = heading(&alice, 1);
    let pages = pages(&books().await, "wallet:alice", 99).await;
    let (long, late) = ("x".repeat(501), Timestamp::from_unix_millis(u64::MAX));
    let length =
        |element, value: &str, most| Unfit::Length { element, value: value.to_owned(), most };
    for (heading, expected) in [
        (Heading { id: "", ..good }, length("Id", "", 29)),
        (Heading { id: &long[..30], ..good }, length("Id", &long[..30], 29)),
        (Heading { number: &long[..35], ..good }, length("Acct/Id/Othr/Id", &long[..35], 34)),
        (Heading { from: late, ..good }, Unfit::Time { millis: u64::MAX }),
        (Heading { to: late, ..good }, Unfit::Time { millis: u64::MAX }),
        (Heading { made_at: late, ..good }, Unfit::Time { millis: u64::MAX }),
    ] {
        assert_eq!(camt053(&heading, &pages[0], text), Err(expected));
    }
    let told = camt053(&good, &pages[0], |_| long.clone());
    assert_eq!(told, Err(length("AddtlNtryInf", &long, 500)));
    let mut rich = pages[0].clone();
    rich.closing.credit_minor = rich.closing.debit_minor + 10_u64.pow(18);
    let told = camt053(&good, &rich, text);
    assert_eq!(told, Err(Unfit::Digits { minor: 10_i128.pow(18) }));
    assert_eq!(
        csv(&Heading { from: late, ..good }, &pages[0], text),
        Err(Unfit::Time { millis: u64::MAX })
    );
}
