//! The limits of the sandbox's servers.

/// So that a newcomer who plays with one phone is not blocked at once.
pub(crate) const UNLIMITED: &str = "\
failures_in_a_row = 100
payments_waiting = 0
pause_seconds = 0
messages_per_number_an_hour = 0
messages_per_number_a_day = 0
messages_per_range_an_hour = 0
messages_per_client_an_hour = 0
messages_per_client_a_day = 0
";
