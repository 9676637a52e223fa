//! The sandbox that scenarios are run against: our own, or one that runs already.

use std::sync::Arc;

use crate::{
    control::{Control, Description},
    failure::Failure,
};

/// One sandbox.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) control: Control,
    pub(crate) description: Description,
}

/// The sandboxes of a run, by the order in which their policy asks bank and phone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Benches {
    pub(crate) bank_first: Option<Arc<Bench>>,
    pub(crate) code_first: Option<Arc<Bench>>,
}

impl Bench {
    /// The sandbox at that control URL.
    pub(crate) async fn at(url: &str) -> Result<Self, Failure> {
        let control = Control::new(url);
        let description = control.description().await?;
        Ok(Self { control, description })
    }
}

impl Benches {
    /// Only the sandbox at that control URL, whichever its order is.
    pub(crate) async fn at(url: &str) -> Result<Self, Failure> {
        let bench = Arc::new(Bench::at(url).await?);
        Ok(if bench.description.order == "code_first" {
            Self { code_first: Some(bench), bank_first: None }
        } else {
            Self { bank_first: Some(bench), code_first: None }
        })
    }

    /// The one that a scenario is for.
    pub(crate) fn of(&self, code_first: bool) -> Option<&Arc<Bench>> {
        if code_first { self.code_first.as_ref() } else { self.bank_first.as_ref() }
    }
}
