//! The protected fields without which no property of the model falls, and why each is there all the same. A field that
//! comes to the table needs a property or a reason; one that got a property loses its reason.

/// Structure, field, reason.
pub(crate) const REASONS: &[(&str, &str, &str)] = &[
    ("CurrencyAmount", "currency", AN_AMOUNT),
    ("CurrencyAmount", "amount", AN_AMOUNT),
    ("CurrencyAmount", "amtExp10", AN_AMOUNT),
    ("TransIDs", "lid-C", "for the cardholder's own books; xid names the purchase"),
    (
        "TransIDs",
        "lid-M",
        "for the merchant's own books; xid, which is the merchant's, names the purchase",
    ),
    ("TransIDs", "pReqDate", TIME),
    ("TransIDs", "language", "in which words the message is written"),
    ("RRTags", "rrpid", "hAuthReq and hCodeReq name the request, too (W3 takes out both)"),
    ("RRTags", "merchantID", "hAuthReq and hCodeReq name the request, too (W3 takes out both)"),
    ("RRTags", "date", TIME),
    (
        "PInitResData",
        "transIDs",
        "a purchase of another name is refused by the merchant, who knows none of that name",
    ),
    ("PInitResData", "rrpid", FRESH),
    ("PInitResData", "chall-C", FRESH),
    ("PInitResData", "chall-M", FRESH),
    ("PInitResData", "merchantID", "the signature names the merchant; the wake-up has the id"),
    (
        "PInitResData",
        "gatewayURL",
        "where a code may be sent to; it is encrypted to the gateway wherever it goes",
    ),
    ("HODInput", "odSalt", GUESSING),
    (
        "OIData",
        "transIDs",
        "the gateway compares those in PIHead with the merchant's, and chall-M is of one purchase",
    ),
    ("OIData", "rrpid", FRESH),
    ("OIData", "chall-C", FRESH),
    ("OIData", "odSalt", "the merchant needs it to compute hod"),
    ("OIData", "chall-M", FRESH),
    ("OIData", "brandID", BRAND),
    (
        "OIData",
        "gateway",
        "PI-TBS names the gateway, too (W1 takes out all three); a merchant sees a wrong one earlier (W2)",
    ),
    ("PIHead", "transIDs", "hOIData is of an order that has them"),
    (
        "PIHead",
        "merchantID",
        "the merchant's key is in it, too; the id is what bank and person are told",
    ),
    ("PIHead", "brandID", BRAND),
    (
        "PIHead",
        "gateway",
        "PI-TBS names the gateway, too (W1 takes out all three), and so does the reference, where nothing is signed",
    ),
    ("PIHead", "swIdent", "tells operators which program made a payment that is refused"),
    ("PANData", "pan", DEBITED),
    ("PANData", "cardExpiry", DEBITED),
    ("PANData", "panSecret", "so that the card cannot be guessed from the name in the certificate"),
    ("PANData", "exNonce", SESSION),
    ("PANToken", "pan", DEBITED),
    ("PANToken", "cardExpiry", DEBITED),
    ("PANToken", "exNonce", SESSION),
    ("PIData", "panData", DEBITED),
    ("PIDataUnsigned", "panToken", DEBITED),
    (
        "PI-TBS",
        "gateway",
        "PIHead, of which hPI is the digest, names it, too (W1 takes out all three); the merchant sees this one",
    ),
    (
        "PIDualSigned",
        "piSealed",
        "without it nothing is debited; what is in it is under the signature beside it",
    ),
    ("PResData", "rrpid", "chall-C is of one request, too"),
    ("PResData", "chall-C", "rrpid is of one request, too"),
    ("PResData", "attemptsLeft", SHOWN),
    ("PResData", "codeStart", GATEWAYS_OWN),
    ("PResData", "receipt", GATEWAYS_OWN),
    ("ReceiptData", "date", TIME),
    ("PurchaseName", "xid", COMPARED),
    (
        "PurchaseName",
        "merchantID",
        "the message to the phone has the merchant's name beside it, and the code is bound to its key",
    ),
    ("PurchaseName", "purchAmt", "the message to the phone has the amount beside it"),
    (
        "AuthReqPayload",
        "captureNow",
        "whether a debit is now or later; both are what the cardholder agreed to",
    ),
    ("AuthReqData", "meCertificates", SEALED),
    (
        "AuthReqTBS",
        "hBaggage",
        "another payment beside the request must be of the same purchase, order, amount and merchant to be debited",
    ),
    (
        "Answer",
        "transIDs",
        "the answer names the request by its digest, and the request the purchase",
    ),
    ("Answer", "attemptsLeft", SHOWN),
    ("AuthResTBS", "authRRTags", "hAuthReq names the request, too"),
    ("CodeStartData", "gateway", "the gateway signs it, and hPI-TBS names the gateway"),
    ("CodeStartData", "attemptsLeft", SHOWN),
    ("CodeStartData", "expiresAt", TIME),
    ("CodeStartData", "pinAsked", PIN),
    (
        "CodeReqTBS",
        "authTags",
        "the merchant is told of the purchase by Answer, and hCodeReq names the request",
    ),
    ("CodeReqTBS", "meCertificates", SEALED),
    (
        "CodeReqTBS",
        "codeSubmission",
        "it is encrypted to the gateway by itself, and names what it is for",
    ),
    ("CodeResTBS", "rrTags", "hCodeReq names the request, too"),
    ("CodeResTBS", "hCodeReq", "rrTags names the request, too"),
    ("CodeDirectResData", "xid", "rrpid is of one request, and the request names the purchase"),
    ("CodeDirectResData", "attemptsLeft", SHOWN),
    ("CodeDirectResData", "receipt", "the gateway signs it by itself"),
    (
        "Settled",
        "transIDs",
        "the answer names the request by its digest, and the request the purchase",
    ),
    ("Settled", "reqAmt", "the answer names the request by its digest, and the request the amount"),
    ("Settled", "capturedAmt", SHOWN_TO_SHOPS),
    ("Settled", "creditedAmt", SHOWN_TO_SHOPS),
    ("AuthRevReqTBS", "meCertificates", SEALED),
    ("AuthRevResTBS", "rrTags", "hAuthRevReq names the request, too"),
    ("AuthRevResTBS", "hAuthRevReq", "rrTags names the request, too"),
    ("CapReqTBS", "meCertificates", SEALED),
    ("CapResTBS", "rrTags", "hCapReq names the request, too"),
    ("CapResTBS", "hCapReq", "rrTags names the request, too"),
    ("CapRevReqTBS", "meCertificates", SEALED),
    ("CapRevResTBS", "rrTags", "hCapRevReq names the request, too"),
    ("CapRevResTBS", "hCapRevReq", "rrTags names the request, too"),
    ("CredReqTBS", "meCertificates", SEALED),
    ("CredResTBS", "rrTags", "hCredReq names the request, too"),
    ("CredResTBS", "hCredReq", "rrTags names the request, too"),
    ("CredRevReqTBS", "meCertificates", SEALED),
    ("CredRevResTBS", "rrTags", "hCredRevReq names the request, too"),
    ("CredRevResTBS", "hCredRevReq", "rrTags names the request, too"),
    ("BatchTotals", "currency", COUNTED),
    ("BatchTotals", "amtExp10", COUNTED),
    ("BatchTotals", "transactionCountCredit", COUNTED),
    ("BatchTotals", "transactionTotalAmtCredit", COUNTED),
    ("BatchTotals", "transactionCountDebit", COUNTED),
    ("BatchTotals", "transactionTotalAmtDebit", COUNTED),
    ("ReturnTransactionDetail", "startingPoint", COUNTED),
    ("ReturnTransactionDetail", "maximumItems", COUNTED),
    ("BatchAdminReqData", "meCertificates", SEALED),
    ("BatchStatus", "openDateTime", TIME),
    ("BatchStatus", "itemsUnderWay", SHOWN_TO_SHOPS),
    ("BatchStatus", "closedWhen", TIME),
    ("TransactionDetail", "transIDs", COUNTED),
    ("TransactionDetail", "rrpid", COUNTED),
    ("TransactionDetail", "batchSequenceNum", COUNTED),
    ("TransactionDetail", "transactionAmt", COUNTED),
    ("TransactionDetail", "transactionAmtType", COUNTED),
    ("TransactionDetail", "code", COUNTED),
    ("TransDetails", "nextStartingPoint", SHOWN_TO_SHOPS),
    ("BatchAdminResData", "batchAdminRRTags", "hBatchAdminReq names the request, too"),
    ("BatchAdminResData", "batchID", "hBatchAdminReq names the request, and the request the batch"),
    ("PCertReqData", "pCertRRTags", FRESH),
    ("PCertResTBS", "pCertRRTags", FRESH),
    ("PCertResTBS", "hPCertReq", FRESH),
    ("ErrorTBS", "errorCode", AN_ERROR),
    ("ErrorTBS", "errorNonce", AN_ERROR),
    ("ErrorTBS", "rrpid", AN_ERROR),
];

const AN_AMOUNT: &str =
    "an amount is one value in the model: its three parts are compared together, never apart";
const COUNTED: &str =
    "what is counted is one value in the model: its parts are compared together, never apart";
const TIME: &str = "the model knows no time; the program compares it with its clock, or shows it";
const PIN: &str = "a second element beside the code: what is proved holds without it";
const FRESH: &str = "that an answer is no older than its question, which the model does not know: nothing in it is old";
const GUESSING: &str =
    "so that goods cannot be guessed from a digest, and the model does not guess";
const BRAND: &str =
    "which cards are taken, by merchant and gateway; no brand is better than another in the model";
const DEBITED: &str = "what is debited: without it there is no payment";
const SESSION: &str = "makes two payments of one order differ, and with them their codes: the model has no two at once";
const SHOWN: &str = "shown to people, and counted by the gateway";
const SHOWN_TO_SHOPS: &str = "shown to shops, and counted by the gateway";
const GATEWAYS_OWN: &str = "the gateway signs it by itself";
const COMPARED: &str = "keeps the person from typing a code beside the wrong purchase, where it is refused: it is bound to the right one";
const SEALED: &str =
    "that nobody but the merchant reads the answer, in which there is neither card nor code";
const AN_ERROR: &str = "an error ends an attempt, and is trusted in nothing else";
