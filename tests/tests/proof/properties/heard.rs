//! What merchants and cardholders hear of a purchase.

/// What the gateway approves, of everything but what must not be heard of it; and that it is not heard.
pub(super) const HEARD: &[(&str, &str)] = &[
    (
        "a merchant hears only what the gateway approved: for whom, which purchase, how much, in which mode",
        "rule asked then asks_for(G, T, A, Hoi, Hod, Now, B)
         rule approved
           then approves(mx, T, A, Hoi, Hod, Now, B, Agreed, Mode, Verified)
           then approves(M, t1, A, Hoi, Hod, Now, B, Agreed, Mode, Verified)
           then approves(M, T, a1, Hoi, Hod, Now, B, Agreed, Mode, Verified)
           then approves(M, T, A, Hoi, Hod, no, B, Agreed, Mode, Verified)
           then approves(M, T, A, Hoi, Hod, Now, B, Agreed, unsigned, Verified)
         rule never if stands(g, t2, a2, approved, yes, dual_signed, Hoi)",
    ),
    (
        "a merchant hears the answer to what it asked, even if it names two requests alike",
        "rule asked then asks_for(G, T, A, Hoi, Hod, Now, B)
         rule approved then approves(M, T, A, hoi1, Hod, Now, B, Agreed, Mode, Verified)
         rule never if stands(g, T, A, approved, Captured, Mode, hoi2)",
    ),
    (
        "a merchant hears later only what the gateway approved",
        "rule asked then asks_for(G, T, A, Hoi, Hod, Now, B)
         rule approved
           then approves(mx, T, A, Hoi, Hod, Now, B, Agreed, Mode, Verified)
           then approves(M, t1, A, Hoi, Hod, Now, B, Agreed, Mode, Verified)
           then approves(M, T, a1, Hoi, Hod, Now, B, Agreed, Mode, Verified)
           then approves(M, T, A, Hoi, Hod, no, B, Agreed, Mode, Verified)
           then approves(M, T, A, Hoi, Hod, Now, B, Agreed, unsigned, Verified)
         rule never if stands_later(g, t2, a2, approved, yes, dual_signed)",
    ),
    (
        "a merchant is answered later by the gateway only where it asked that very gateway",
        "rule asked
           then asks_for(gx, T, A, Hoi, Hod, Now, B)
           then asks_for(G, t1, A, Hoi, Hod, Now, B)
         rule approved then approves(M, T, A, Hoi, Hod, Now, B, Agreed, Mode, Verified)
         rule never if is_answered_again(m, t2)",
    ),
    (
        "a cardholder has a receipt only for what the gateway approved",
        "rule asked then asks_for(G, T, A, Hoi, Hod, Now, B)
         rule bought then buys(M, G, T, A, Hod, Agreed, Mode)
         rule approved
           then approves(mx, T, A, Hoi, Hod, Now, B, Agreed, Mode, Verified)
           then approves(M, t1, A, Hoi, Hod, Now, B, Agreed, Mode, Verified)
           then approves(M, T, a1, Hoi, Hod, Now, B, Agreed, Mode, Verified)
           then approves(M, T, A, Hoi, hod1, Now, B, Agreed, Mode, Verified)
           then approves(M, T, A, Hoi, Hod, Now, B, agreed1, Mode, Verified)
           then approves(M, T, A, Hoi, Hod, Now, B, Agreed, unsigned, Verified)
         rule never if has_receipt(m, g, t2, a2, hod2, agreed2, dual_signed)",
    ),
    (
        "a receipt tells anybody only what the gateway approved",
        "rule asked then asks_for(G, T, A, Hoi, Hod, Now, B)
         rule approved
           then approves(mx, T, A, Hoi, Hod, Now, B, Agreed, Mode, Verified)
           then approves(M, t1, A, Hoi, Hod, Now, B, Agreed, Mode, Verified)
           then approves(M, T, a1, Hoi, Hod, Now, B, Agreed, Mode, Verified)
           then approves(M, T, A, Hoi, hod1, Now, B, Agreed, Mode, Verified)
           then approves(M, T, A, Hoi, Hod, Now, B, agreed1, Mode, Verified)
           then approves(M, T, A, Hoi, Hod, Now, B, Agreed, unsigned, Verified)
           then approves(M, T, A, Hoi, Hod, Now, B, Agreed, Mode, no)
         rule never if is_shown(g, t2, id(m), Name, hod2, a2, agreed2, dual_signed, yes, Code)
         rule never-under-another-name if is_shown(g, T, id(m), title(id(mx)), Hod, A, Agreed, Mode, Verified, Code)
         rule never-a-refusal if is_shown(g, T, Id, Name, Hod, A, Agreed, Mode, Verified, declined)",
    ),
    (
        "a cardholder is told of a payment only when the gateway approved it",
        "rule asked
           then asks_for(g, T, A, Hoi, Hod, Now, B)
           then is_asked(T, R, Challenge)
         rule bought then buys(M, G, T, A, Hod, Agreed, Mode)
         rule approved then approves(M, t1, A, Hoi, Hod, Now, B, Agreed, Mode, Verified)
         rule never if told(m, t2, completion(approved, Captured), Code)
         rule never-either if told(m, t2, Completion, approved)",
    ),
    (
        "a cardholder is told by the gateway itself only what it approved, and when asked",
        "rule asked
           then asks_for(G, T, A, Hoi, Hod, Now, B)
           then is_asked_directly(X, r1)
           then is_asked_directly(x1, rrpid_d(x1))
           then is_asked_directly(x3, rrpid_d(x3))
           then is_asked_directly(x4, rrpid_d(x4))
         rule bought then buys(M, G, T, A, Hod, Agreed, Mode)
         rule approved then approves(M, TransIDs{lid-C: L, lid-M: N, xid: x1, pReqDate: D, language: W}, A, Hoi, Hod, Now, B,
           Agreed, Mode, Verified)
           then approves(M, TransIDs{lid-C: L, lid-M: N, xid: x4, pReqDate: D, language: W}, A, Hoi, Hod, no, B, Agreed, Mode,
           Verified)
         rule never if told_by_gateway(g, x2, Code, Captured)
         rule never-a-yes-for-a-no if told_by_gateway(g, x3, approved, Captured)
         rule never-a-debit-for-a-hold if told_by_gateway(g, x4, Code, yes)",
    ),
    (
        "a cardholder is asked for a code only by the gateway, for what the phone rings for",
        "rule asked then asks_for(G, T, A, Hoi, Hod, Now, B)
         rule bought then buys(M, G, T, A, Hod, Agreed, Mode)
         rule rings
           then has_the_phone_ring(mx, T, Agreed)
           then has_the_phone_ring(M, t1, Agreed)
           then has_the_phone_ring(M, T, agreed1)
         rule never if prompted(m, g, t2, agreed2, Url, Phone, Digits)
         rule never-elsewhere if prompted(M, g, T, Agreed, url(gx), Phone, Digits)
         rule never-of-another-phone if prompted(M, g, T, Agreed, Url, another, Digits)
         rule never-of-another-length if prompted(M, g, T, Agreed, Url, Phone, another)",
    ),
    (
        "a merchant tells how a signed purchase stands only to its signer",
        "rule inquires
           then inquires(t1, R, Challenge)
           then inquires(T, r1, Challenge)
           then inquires(T, R, challenge1)
         rule never if is_inquired(t2, r2, challenge2)",
    ),
];
