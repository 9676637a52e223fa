//! Which currencies there are, and in which of them one can pay.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    invalid::{Field, InvalidInput},
    time::Timestamp,
};

/// What the list of currencies that we read by still has although it was withdrawn, and from when on nobody pays in it, 00:00
/// UTC. ISO 4217 list three has the months, and the authorities that issued them the days. The list's own flags have no date,
/// and one too many: VES is in list one beside VED (amendment 170).
const WITHDRAWN: [(&str, u64); 5] = [
    // Cuba ended its second currency on 2021-06-30.
    ("CUC", 1_625_097_600),
    // Croatia has had the euro since 2023-01-01.
    ("HRK", 1_672_531_200),
    // Sierra Leone's old notes ended on 2023-12-31; SLE had taken their place.
    ("SLL", 1_704_067_200),
    // ZWG took its place in amendment 177; it ended on 2024-08-31.
    ("ZWL", 1_725_148_800),
    // Bulgaria has had the euro since 2026-01-01.
    ("BGN", 1_767_225_600),
];

/// An ISO 4217 currency.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// Whether one can be asked to pay in it at that time: money that somebody has, and that was not withdrawn. What is in
    /// records and books is read all the same, and can be given back.
    ///
    /// # Errors
    /// When it is a fund, a unit of account, or was withdrawn before.
    pub fn must_be_payable(self, at: Timestamp) -> Result<(), InvalidInput> {
        self.must_be_money()?;
        if self.withdrawn_from().is_some_and(|from| at >= from) {
            return Err(InvalidInput::new(Field::Currency, "was withdrawn (ISO 4217 list three)"));
        }
        Ok(())
    }

    /// Whether people have money in it, or had before it was withdrawn.
    ///
    /// # Errors
    /// When it is a fund or a unit of account.
    pub fn must_be_money(self) -> Result<(), InvalidInput> {
        if self.0.is_fund() || self.0.is_special() {
            let why = "is a fund or a unit of account, in which nobody pays";
            return Err(InvalidInput::new(Field::Currency, why));
        }
        Ok(())
    }

    /// From when on nobody pays in it, where that is known.
    pub fn withdrawn_from(self) -> Option<Timestamp> {
        let (_, from) = WITHDRAWN.iter().find(|(code, _)| *code == self.code())?;
        Some(Timestamp::from_unix_seconds(*from))
    }

    /// Those that are withdrawn, or will be on a day that is known.
    pub fn withdrawn() -> impl Iterator<Item = Self> {
        WITHDRAWN.iter().filter_map(|(code, _)| Self::try_from(*code).ok())
    }

    /// The currency of an ISO 4217 number, such as 978, if it has one and a minor unit.
    pub fn from_numeric(number: u16) -> Option<Self> {
        let currency = iso_currency::Currency::from_numeric(number);
        currency.filter(|currency| currency.exponent().is_some()).map(Self)
    }

    /// The three letters, such as `EUR`.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// The ISO 4217 number, such as 978.
    pub fn numeric(self) -> u16 {
        self.0.numeric()
    }

    /// How many decimal digits the minor unit has: 2 for `EUR`, 0 for `JPY`, 3 for `KWD`.
    pub fn minor_digits(self) -> u8 {
        u8::try_from(self.0.exponent().unwrap_or(0)).unwrap_or(0)
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidInput;

    fn try_from(code: String) -> Result<Self, InvalidInput> {
        Self::try_from(code.as_str())
    }
}

impl TryFrom<&str> for Currency {
    type Error = InvalidInput;

    fn try_from(code: &str) -> Result<Self, InvalidInput> {
        iso_currency::Currency::from_code(code)
            // Metals, funds and test codes have no minor unit: one cannot be asked to pay in them.
            .filter(|currency| currency.exponent().is_some())
            .map(Self)
            .ok_or(InvalidInput::new(
                Field::Currency,
                "is not an ISO 4217 code of a currency, such as EUR",
            ))
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(unix_seconds: u64) -> Timestamp {
        Timestamp::from_unix_seconds(unix_seconds)
    }

    /// 2026-11-27.
    const TODAY: u64 = 1_795_737_600;

    fn is_payable(code: &str, unix_seconds: u64) -> bool {
        Currency::try_from(code).unwrap().must_be_payable(at(unix_seconds)).is_ok()
    }

    #[test]
    fn a_currency_is_payable_until_the_second_in_which_it_is_withdrawn_and_read_for_ever() {
        for (code, second) in WITHDRAWN {
            assert_eq!(second % 86_400, 0, "{code}");
            assert!(is_payable(code, second - 1), "{code}");
            assert!(!is_payable(code, second), "{code}");
            let read = serde_json::from_str::<Currency>(&format!("\"{code}\"")).unwrap();
            assert_eq!((read.code(), Currency::from_numeric(read.numeric())), (code, Some(read)));
        }
    }

    #[test]
    fn funds_and_units_of_account_are_not_paid_in_at_any_time() {
        for code in ["BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW", "XAD"] {
            assert!(!is_payable(code, 0) && !is_payable(code, TODAY), "{code}");
        }
        for code in [
            "XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA",
            "XXX", "ANG", "BYR", "DEM", "EEK", "FRF", "LTL", "MRO", "STD", "VEF", "eur", "EURO",
            "",
        ] {
            assert!(Currency::try_from(code).is_err(), "{code}");
        }
    }

    #[test]
    fn what_has_taken_anothers_place_is_paid_in() {
        for code in ["CUP", "EUR", "MRU", "SLE", "STN", "VED", "VES", "XCG", "XAF", "XOF", "ZWG"] {
            assert!(is_payable(code, TODAY), "{code}");
        }
    }

    #[test]
    fn each_withdrawal_that_the_list_of_currencies_knows_of_has_its_date_here() {
        let superseded = (0..1_000)
            .filter_map(iso_currency::Currency::from_numeric)
            .filter(|currency| currency.is_superseded().is_some());
        let mut codes: Vec<_> = superseded.map(|currency| currency.code()).collect();
        codes.retain(|code| *code != "VES");
        codes.sort_unstable();
        let mut dated = WITHDRAWN.map(|(code, _)| code);
        dated.sort_unstable();
        assert_eq!(codes, dated);
    }

    /// Lists one and three of ISO 4217: see `tests/vectors/README.md`.
    const LISTS: &str = include_str!("../../tests/vectors/iso-4217.csv");

    #[test]
    fn what_can_be_paid_in_is_what_list_one_of_iso_4217_has_and_no_fund() {
        // List one of that year does not mark these units of account.
        let unmarked = ["UYW", "XAD"];
        let mut paid_in = 0;
        for line in LISTS.lines().skip(1) {
            let fields: Vec<_> = line.split(',').collect();
            let [code, number, digits, fund, withdrawn] = fields[..] else { panic!("{line}") };
            let read = Currency::try_from(code).ok();
            if !withdrawn.is_empty() {
                assert!(read.is_none_or(|read| read.withdrawn_from().is_some()), "{line}");
                continue;
            }
            assert_eq!(read.is_some(), !digits.is_empty(), "{line}");
            let Some(read) = read else { continue };
            assert_eq!(format!("{:03}", read.numeric()), number, "{line}");
            assert_eq!(read.minor_digits().to_string(), digits, "{line}");
            let is_fund = !fund.is_empty() || unmarked.contains(&code);
            assert_eq!(is_payable(code, TODAY), !is_fund, "{line}");
            paid_in += usize::from(!is_fund);
        }
        let known = (0..1_000).filter_map(Currency::from_numeric);
        assert_eq!(known.filter(|known| is_payable(known.code(), TODAY)).count(), paid_in);
    }

    #[test]
    fn a_currency_is_withdrawn_in_the_month_that_list_three_of_iso_4217_has_or_at_its_end() {
        for (code, from) in WITHDRAWN {
            let line = LISTS.lines().find(|line| line.starts_with(code)).unwrap();
            let (_, month) = line.rsplit_once(',').unwrap();
            let months = [from - 86_400, from].map(month_of);
            assert!(months.iter().any(|of| of == month), "{code}: {month} is not of {months:?}");
        }
    }

    /// The month of a day, such as `2026-01`: civil_from_days of Howard Hinnant's algorithms.
    #[expect(clippy::arithmetic_side_effects, reason = "days of this century")]
    fn month_of(unix_seconds: u64) -> String {
        let days = unix_seconds / 86_400 + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let march_first = (5 * day + 2) / 153;
        let month = if march_first < 10 { march_first + 3 } else { march_first - 9 };
        format!("{:04}-{month:02}", era * 400 + year + u64::from(month <= 2))
    }

    #[test]
    fn the_minor_unit_is_that_of_iso_4217() {
        for (digits, codes) in [
            (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
            (
                2,
                "AFN ALL AMD AUD CNY COP EUR HUF IDR IRR KPW LAK LBP MGA MMK MRU PKR RSD SLE SOS STN \
                 SYP TWD TZS USD UZS VED VES XCG YER ZWG",
            ),
            (3, "BHD IQD JOD KWD LYD OMR TND"),
            (4, "CLF UYW"),
        ] {
            for code in codes.split_whitespace() {
                assert_eq!(Currency::try_from(code).unwrap().minor_digits(), digits, "{code}");
            }
        }
    }
}
