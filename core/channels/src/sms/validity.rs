//! How long a message is worth delivering: the validity_period of SMPP 3.4 section 7.1.1.

use std::time::Duration;

const SECONDS_PER_MINUTE: u64 = 60;
const SECONDS_PER_HOUR: u64 = 60 * SECONDS_PER_MINUTE;
const SECONDS_PER_DAY: u64 = 24 * SECONDS_PER_HOUR;

/// Longest period that [`relative`] writes: more days would not fit their two digits.
const MAX_SECONDS: u64 = 100 * SECONDS_PER_DAY - 1;

/// The relative form `YYMMDDhhmmss000R` of `period`, in whole seconds and at most 99 days: no years or months, the
/// lengths of which centres do not agree on.
pub fn relative(period: Duration) -> String {
    let seconds = period.as_secs().min(MAX_SECONDS);
    format!(
        "0000{:02}{:02}{:02}{:02}000R",
        seconds / SECONDS_PER_DAY,
        seconds % SECONDS_PER_DAY / SECONDS_PER_HOUR,
        seconds % SECONDS_PER_HOUR / SECONDS_PER_MINUTE,
        seconds % SECONDS_PER_MINUTE,
    )
}

/// The absolute form `YYMMDDhhmmss000+` of a time in universal time: no quarters of an hour before or behind it.
pub fn absolute(unix_seconds: u64) -> String {
    let (days, seconds) = (unix_seconds / SECONDS_PER_DAY, unix_seconds % SECONDS_PER_DAY);
    let (year, month, day) = date_of(days);
    format!(
        "{:02}{month:02}{day:02}{:02}{:02}{:02}000+",
        year % 100,
        seconds / SECONDS_PER_HOUR,
        seconds % SECONDS_PER_HOUR / SECONDS_PER_MINUTE,
        seconds % SECONDS_PER_MINUTE,
    )
}

/// Year, month and day of a day since 1970, by the Gregorian calendar: counted in eras of 400 years that begin on 1 March.
const fn date_of(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, next) =
        if month_from_march < 10 { (month_from_march + 3, 0) } else { (month_from_march - 9, 1) };
    (era * 400 + year_of_era + next, month, day)
}

/// The period of a relative form; a month counts 30 days and a year 365. `None` when it is not a relative form.
pub fn read_relative(text: &str) -> Option<Duration> {
    let digits = text.strip_suffix("000R")?;
    if digits.len() != 12 || !digits.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let two = |at: usize| digits.get(at..at + 2)?.parse::<u64>().ok();
    let days = two(0)? * 365 + two(2)? * 30 + two(4)?;
    let seconds = days * SECONDS_PER_DAY
        + two(6)? * SECONDS_PER_HOUR
        + two(8)? * SECONDS_PER_MINUTE
        + two(10)?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_written_in_its_relative_form() {
        for (seconds, text) in [
            (1, "000000000001000R"),
            (59, "000000000059000R"),
            (60, "000000000100000R"),
            (300, "000000000500000R"),
            (3_661, "000000010101000R"),
            (90_061, "000001010101000R"),
            (u64::MAX, "000099235959000R"),
        ] {
            assert_eq!(relative(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_time_is_written_in_its_absolute_form() {
        for (seconds, text) in [
            (0, "700101000000000+"),
            (951_782_399, "000228235959000+"),
            (951_782_400, "000229000000000+"),
            (1_709_251_199, "240229235959000+"),
            (1_709_251_200, "240301000000000+"),
            (1_795_757_340, "261127052900000+"),
            (4_107_542_400, "000301000000000+"),
        ] {
            assert_eq!(absolute(seconds), text);
        }
    }

    #[test]
    fn a_part_of_a_second_is_left_out() {
        assert_eq!(relative(Duration::from_millis(1_999)), "000000000001000R");
    }

    #[test]
    fn a_relative_form_is_read() {
        assert_eq!(read_relative("000000000500000R"), Some(Duration::from_secs(300)));
        assert_eq!(read_relative("010203040506000R"), Some(Duration::from_secs(36_993_906)));
    }

    #[test]
    fn what_is_not_relative_is_not_read() {
        for text in
            ["", "991231235959000+", "00000000050000R", "00000000x500000R", "0000000005000000R"]
        {
            assert_eq!(read_relative(text), None, "{text}");
        }
    }
}
