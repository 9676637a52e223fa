//! The bare verification API (figures 4 and 5), for sites with pages of their own: it has no page here.

/// Its section of the configuration: the shop may also ask for codes from its own machine.
pub(super) fn section() -> String {
    "\n[access]\norigins = { dupont = [\"localhost\"] }\n".to_owned()
}
