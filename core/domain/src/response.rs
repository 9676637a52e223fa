//! What a person types back: the code, and a PIN beside it.

use crate::{
    code::TypedCode,
    pin::{NewPin, TypedPin},
};

/// What a person answers a challenge with.
#[derive(Clone, Debug)]
pub struct Response {
    pub(crate) code: TypedCode,
    pub(crate) pin: Option<TypedPin>,
    pub(crate) new_pin: Option<NewPin>,
}

impl Response {
    /// The code, with the PIN where one is asked for.
    pub const fn new(code: TypedCode, pin: Option<TypedPin>) -> Self {
        Self { code, pin, new_pin: None }
    }

    /// The code, to set a PIN: nothing else is done for it.
    pub const fn setting(code: TypedCode, new_pin: NewPin) -> Self {
        Self { code, pin: None, new_pin: Some(new_pin) }
    }
}

impl From<TypedCode> for Response {
    fn from(code: TypedCode) -> Self {
        Self::new(code, None)
    }
}

impl From<&TypedCode> for Response {
    fn from(code: &TypedCode) -> Self {
        code.clone().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_response_is_shown_by_debug() {
        let code = TypedCode::try_from("123456").unwrap();
        let pin = NewPin::try_from("283915".to_owned()).unwrap();
        let shown = format!("{:?}", Response::setting(code, pin));
        assert!(!shown.contains("283915") && !shown.contains("123456"), "{shown}");
    }
}
