//! File descriptors: as many as all bounds together need, or no start. A listener that runs out of them keeps the others,
//! the bank, the centre and the store out as well.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::StartError;

/// For what is not a peer's connection: the store's files, the SMS centre, the bank, servers that are asked, and what has
/// waited to be closed.
const RESERVE: u64 = 1024;

/// Raises the soft limit where it is below what `connections` and the reserve need, up to the hard limit. Gives what is
/// allowed then; `None` is without a limit.
///
/// # Errors
/// When the hard limit is below it, too.
pub(crate) fn secure(connections: u64) -> Result<Option<u64>, StartError> {
    let needed = connections.saturating_add(RESERVE);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= needed);
    if enough(current) {
        return Ok(current);
    }
    if !enough(maximum) {
        return Err(StartError::Descriptors { needed, allowed: maximum.unwrap_or_default() });
    }
    let raised = Rlimit { current: Some(needed), maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => Ok(Some(needed)),
        Err(_) => Err(StartError::Descriptors { needed, allowed: current.unwrap_or_default() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_hard_limit_is_refused_with_what_is_needed() {
        let Some(hard) = getrlimit(Resource::Nofile).maximum else {
            return;
        };
        let refused = secure(hard);
        let needed = hard + RESERVE;
        assert_eq!(refused, Err(StartError::Descriptors { needed, allowed: hard }));
    }
}
