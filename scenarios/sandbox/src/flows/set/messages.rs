//! What the messages of figure 11 are called when they are drawn, and by what they find their purchase. Only what everybody on
//! the way can read is told of them.

use axum::{
    body::Bytes,
    http::{HeaderMap, Method, header},
};
use countersign_domain::hex;
use countersign_set::{
    Order,
    http::{INITIATION, PAYMENT, REGISTRATION, REGISTRATION_INITIATION},
    message::{
        purchase::PReq,
        wrapper::{Message, MessageWrapper},
    },
};
use der::Decode as _;

use super::REGISTRATIONS;
use crate::{
    flows::checkout::amount,
    journal::{Detail, Party, Request, Said},
};

/// How a registration begins.
pub(super) const ASKS_HOW: &str = "asks how one registers";

/// A request of a cardholder, of a shop or of a merchant.
pub(super) fn request(method: &Method, path: &str, body: &Bytes) -> Option<Request> {
    match (method, path) {
        (&Method::POST, "/set") => of_message(body),
        (&Method::POST, "/set/registration") => {
            let request = of_message(body)?;
            Some(Request { subject: Some(REGISTRATIONS.to_owned()), ..request })
        }
        (&Method::GET, "/set/registration") => Some(Request {
            from: Party::Payer,
            to: Party::Server,
            label: ASKS_HOW.to_owned(),
            detail: Vec::new(),
            subject: Some(REGISTRATIONS.to_owned()),
            begins: false,
            from_outbox: false,
        }),
        (&Method::POST, "/v1/set/orders") => Some(Request {
            // Shop and merchant are one house: nothing is drawn.
            from: Party::Merchant,
            to: Party::Merchant,
            label: format!("asks for {} by SET", amount(body)),
            detail: Vec::new(),
            subject: None,
            begins: true,
            from_outbox: false,
        }),
        (_, path) => {
            let order = path.strip_prefix("/v1").unwrap_or(path).strip_prefix("/set/orders/");
            let from = if path.starts_with("/v1/") { Party::Merchant } else { Party::Payer };
            order.map(|order| Request {
                from,
                to: Party::Merchant,
                label: "opens the order".to_owned(),
                detail: Vec::new(),
                subject: Some(order.split('/').next().unwrap_or_default().to_owned()),
                begins: false,
                from_outbox: false,
            })
        }
    }
}

fn of_message(body: &Bytes) -> Option<Request> {
    let wrapper = MessageWrapper::from_der(body).ok()?;
    let (name, from, to) = named(&wrapper.message);
    let order = match &wrapper.message {
        Message::PInitReq(request) => Order::id_of(&request.lid_m).map(|id| id.to_string()),
        _ => None,
    };
    Some(Request {
        from,
        to,
        label: name.to_owned(),
        detail: detail(&wrapper, body),
        subject: order.or_else(|| xid(&wrapper)),
        begins: false,
        from_outbox: false,
    })
}

/// An answer of a merchant, of a gateway or of an authority.
pub(super) fn answer(headers: &HeaderMap, body: &Bytes) -> Option<Said> {
    let media_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    if media_type == INITIATION {
        let detail = vec![("signed".to_owned(), "by the merchant".to_owned())];
        return Some(Said { label: "PWakeUp".to_owned(), detail, name: None });
    }
    if media_type == REGISTRATION_INITIATION {
        let detail = vec![("signed".to_owned(), "by the authority".to_owned())];
        return Some(Said { label: "RegWakeUp".to_owned(), detail, name: None });
    }
    if media_type != PAYMENT && media_type != REGISTRATION {
        return None;
    }
    let wrapper = MessageWrapper::from_der(body).ok()?;
    let (name, ..) = named(&wrapper.message);
    Some(Said { label: name.to_owned(), detail: detail(&wrapper, body), name: xid(&wrapper) })
}

fn xid(wrapper: &MessageWrapper) -> Option<String> {
    wrapper.header.xid.as_ref().map(|xid| hex::encode(xid.as_bytes()))
}

/// What is known of a message before it is opened, and how it is protected.
fn detail(wrapper: &MessageWrapper, body: &Bytes) -> Detail {
    let mut detail = vec![
        ("octets".to_owned(), body.len().to_string()),
        ("rrpid".to_owned(), hex::encode(wrapper.header.rrpid.as_bytes())),
    ];
    detail.extend(xid(wrapper).map(|xid| ("xid".to_owned(), xid)));
    let protected = match &wrapper.message {
        Message::PInitReq(_) => "in clear",
        Message::PReq(PReq::DualSigned(_)) => {
            "order in clear, payment encrypted to the gateway, one signature over both"
        }
        Message::PReq(PReq::Unsigned(_)) => {
            "order in clear, payment encrypted to the gateway, no signature"
        }
        Message::PInitRes(_)
        | Message::PRes(_)
        | Message::InqRes(_)
        | Message::CodeForwardRes(_)
        | Message::PCertReq(_) => "signed by the merchant",
        Message::CodeDirectRes(_) | Message::PCertRes(_) => "signed by the gateway",
        Message::InqReq(_) => "signed by the cardholder, if the purchase was",
        Message::CodeForwardReq(_) | Message::CodeDirectReq(_) => {
            "the code is encrypted to the gateway"
        }
        Message::AuthReq(_)
        | Message::AuthRevReq(_)
        | Message::CapReq(_)
        | Message::CapRevReq(_)
        | Message::CredReq(_)
        | Message::CredRevReq(_)
        | Message::BatchAdminReq(_)
        | Message::CodeReq(_) => "signed by the merchant and encrypted to the gateway",
        Message::AuthRes(_)
        | Message::AuthRevRes(_)
        | Message::CapRes(_)
        | Message::CapRevRes(_)
        | Message::CredRes(_)
        | Message::CredRevRes(_)
        | Message::BatchAdminRes(_)
        | Message::CodeRes(_) => "signed by the gateway and encrypted to the merchant",
        Message::CardCInitReq(_) | Message::MeAqCInitReq(_) => "in clear",
        Message::CardCInitRes(_) | Message::MeAqCInitRes(_) | Message::RegFormRes(_) => {
            "signed by the authority"
        }
        Message::RegFormReq(_) => "encrypted to the authority",
        Message::CertReq(_) | Message::CertInqReq(_) => {
            "signed with the new key and encrypted to the authority"
        }
        Message::CertRes(_) | Message::CertInqRes(_) => {
            "signed by the authority and encrypted with the key that was sent along"
        }
        Message::Error(_) => "signed, if there is a key to sign with",
    };
    detail.push(("protected".to_owned(), protected.to_owned()));
    detail
}

/// A message's name, who sends it and to whom. An answer goes back on the way of its request.
const fn named(message: &Message) -> (&'static str, Party, Party) {
    let (payer, merchant, gateway) = (Party::Payer, Party::Merchant, Party::Server);
    match message {
        Message::PInitReq(_) => ("PInitReq", payer, merchant),
        Message::PInitRes(_) => ("PInitRes", merchant, payer),
        Message::PReq(_) => ("PReq", payer, merchant),
        Message::PRes(_) => ("PRes", merchant, payer),
        Message::InqReq(_) => ("InqReq", payer, merchant),
        Message::InqRes(_) => ("InqRes", merchant, payer),
        Message::AuthReq(_) => ("AuthReq", merchant, gateway),
        Message::AuthRes(_) => ("AuthRes", gateway, merchant),
        Message::AuthRevReq(_) => ("AuthRevReq", merchant, gateway),
        Message::AuthRevRes(_) => ("AuthRevRes", gateway, merchant),
        Message::CapReq(_) => ("CapReq", merchant, gateway),
        Message::CapRes(_) => ("CapRes", gateway, merchant),
        Message::CapRevReq(_) => ("CapRevReq", merchant, gateway),
        Message::CapRevRes(_) => ("CapRevRes", gateway, merchant),
        Message::CredReq(_) => ("CredReq", merchant, gateway),
        Message::CredRes(_) => ("CredRes", gateway, merchant),
        Message::CredRevReq(_) => ("CredRevReq", merchant, gateway),
        Message::CredRevRes(_) => ("CredRevRes", gateway, merchant),
        Message::BatchAdminReq(_) => ("BatchAdminReq", merchant, gateway),
        Message::BatchAdminRes(_) => ("BatchAdminRes", gateway, merchant),
        Message::PCertReq(_) => ("PCertReq", merchant, gateway),
        Message::PCertRes(_) => ("PCertRes", gateway, merchant),
        Message::CodeReq(_) => ("CodeReq", merchant, gateway),
        Message::CodeRes(_) => ("CodeRes", gateway, merchant),
        Message::CodeForwardReq(_) => ("CodeForwardReq", payer, merchant),
        Message::CodeForwardRes(_) => ("CodeForwardRes", merchant, payer),
        Message::CodeDirectReq(_) => ("CodeDirectReq", payer, gateway),
        Message::CodeDirectRes(_) => ("CodeDirectRes", gateway, payer),
        Message::CardCInitReq(_) => ("CardCInitReq", payer, gateway),
        Message::CardCInitRes(_) => ("CardCInitRes", gateway, payer),
        Message::MeAqCInitReq(_) => ("Me-AqCInitReq", merchant, gateway),
        Message::MeAqCInitRes(_) => ("Me-AqCInitRes", gateway, merchant),
        Message::RegFormReq(_) => ("RegFormReq", payer, gateway),
        Message::RegFormRes(_) => ("RegFormRes", gateway, payer),
        Message::CertReq(_) => ("CertReq", payer, gateway),
        Message::CertRes(_) => ("CertRes", gateway, payer),
        Message::CertInqReq(_) => ("CertInqReq", payer, gateway),
        Message::CertInqRes(_) => ("CertInqRes", gateway, payer),
        Message::Error(_) => ("Error", merchant, payer),
    }
}
