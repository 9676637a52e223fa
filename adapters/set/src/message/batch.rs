//! Batches, between merchant and gateway: what was debited and given back, counted on both sides and compared.

use der::asn1::GeneralizedTime;

use super::{
    common::{Chain, CurrencyAmount, RrTags, TransIds},
    settlement::SettlementCode,
};
use crate::{
    asn1::{List, Number, Random},
    protect::{Digest, Gateway, Merchant, Sealed, Signed},
    table::{Row, Structure, enumerations, structures},
};

/// A merchant's own number of a batch.
pub type BatchId = Number<1, 999_999_999>;
/// A merchant's own number of an item in its batch: at most so many can be in one.
pub type BatchSequenceNum = Number<1, 9_999>;
/// How many items.
pub type Count = Number<0, 9_999>;
/// What items come to, in minor units: as much as the largest number of the largest amounts.
pub type Total = Number<0, 9_999_999_999_999_999>;
/// How many items one answer tells of at most.
pub const MAX_DETAILS: i64 = 32;

/// A request about a batch as it is sent.
pub type BatchAdminReq = Sealed<Signed<BatchAdminReqData, Merchant>, Gateway>;
/// Its answer as it is sent.
pub type BatchAdminRes = Sealed<Signed<BatchAdminResData, Gateway>, Merchant>;

pub(crate) const ROWS: &[&Structure] = &[
    BatchItem::STRUCTURE,
    BatchOperation::STRUCTURE,
    BatchTotals::STRUCTURE,
    ReturnTransactionDetail::STRUCTURE,
    BatchAdminReqData::STRUCTURE,
    BaStatus::STRUCTURE,
    BatchStatus::STRUCTURE,
    TransactionAmtType::STRUCTURE,
    TransactionDetail::STRUCTURE,
    TransDetails::STRUCTURE,
    BatchAdminResData::STRUCTURE,
];

structures! {
    /// Where a capture, a credit or a reversal of one is counted.
    BatchItem = "BatchItem" {
        /// In which batch.
        batch_id = "batchID": BatchId,
        /// As which item of it: one number is one item.
        batch_sequence_num = "batchSequenceNum": BatchSequenceNum,
    }
}

enumerations! {
    /// What is to be done with a batch.
    BatchOperation = "BatchOperation" {
        /// Items may be counted in it from now on.
        Open = "open" 0,
        /// No item may be counted in it any more.
        Close = "close" 2,
    }

    /// What the gateway says to a request about a batch. Those above 1000 are ours, outside SET's numbers.
    BaStatus = "BAStatus" {
        /// It is done; of a question, that the batch is there.
        Success = "success" 0,
        /// It is not done, for a reason without a code of its own.
        UnspecifiedFailure = "unspecifiedFailure" 1,
        /// The number is that of a batch that was closed.
        BatchIdUnavailable = "batchIDUnavailable" 4,
        /// The batch is open.
        BatchAlreadyOpen = "batchAlreadyOpen" 5,
        /// There is no such batch.
        UnknownBatchId = "unknownBatchID" 6,
        /// The merchant's totals are not the gateway's.
        TotalsOutOfBalance = "totalsOutOfBalance" 8,
        /// The batch was closed before.
        BatchClosed = "batchClosed" 1001,
        /// Of some items there is no last word yet: they are asked for again first.
        ItemsUnderWay = "itemsUnderWay" 1002,
    }

    /// Which way the money goes.
    TransactionAmtType = "TransactionAmtType" {
        /// To the cardholder.
        Credit = "credit" 0,
        /// From the cardholder.
        Debit = "debit" 1,
    }
}

structures! {
    /// What the items of a batch come to that were done.
    BatchTotals = "BatchTotals" {
        /// The ISO 4217 number of the batch's currency.
        currency = "currency": Number<1, 999>,
        /// Minus the decimal digits of the minor unit.
        amt_exp10 = "amtExp10": Number<-4, 0>,
        /// How many gave money back.
        transaction_count_credit = "transactionCountCredit": Count,
        /// How much they gave back.
        transaction_total_amt_credit = "transactionTotalAmtCredit": Total,
        /// How many debited.
        transaction_count_debit = "transactionCountDebit": Count,
        /// How much they debited.
        transaction_total_amt_debit = "transactionTotalAmtDebit": Total,
    }

    /// Which items are to be told of.
    ReturnTransactionDetail = "ReturnTransactionDetail" {
        /// The first that may be told of.
        starting_point = "startingPoint": BatchSequenceNum,
        /// How many at most.
        maximum_items = "maximumItems": Number<1, MAX_DETAILS>,
    }

    /// A request about a batch; without an operation, a question.
    BatchAdminReqData = "BatchAdminReqData" 40 {
        /// The request.
        rr_tags = "batchAdminRRTags": RrTags,
        /// The batch.
        batch_id = "batchID": BatchId,
        /// The merchant's certificate to encrypt the answer to, and those above it.
        me_certificates = "meCertificates": Chain,
        ["0"] /// What is to be done with it.
        batch_operation = "batchOperation": BatchOperation,
        ["1"] /// What the merchant counts, to be compared. It must be there to close a batch; and to open one, with nothing counted,
        /// because it names the currency.
        batch_totals = "batchTotals": BatchTotals,
        ["2"] /// Which items are to be told of.
        return_transaction_detail = "returnTransactionDetail": ReturnTransactionDetail,
    }

    /// How a batch stands.
    BatchStatus = "BatchStatus" {
        /// When it was opened.
        open_date_time = "openDateTime": GeneralizedTime,
        /// Of how many items there is no last word yet.
        items_under_way = "itemsUnderWay": Count,
        /// What the others come to.
        batch_totals = "batchTotals": BatchTotals,
        ["0"] /// When it was closed.
        closed_when = "closedWhen": GeneralizedTime,
    }

    /// One item of a batch.
    TransactionDetail = "TransactionDetail" {
        /// The purchase.
        trans_ids = "transIDs": TransIds,
        /// The request that it is.
        rrpid = "rrpid": Random,
        /// The merchant's number of it.
        batch_sequence_num = "batchSequenceNum": BatchSequenceNum,
        /// How much was asked for.
        transaction_amt = "transactionAmt": CurrencyAmount,
        /// Which way it goes.
        transaction_amt_type = "transactionAmtType": TransactionAmtType,
        /// What became of it.
        code = "code": SettlementCode,
    }

    /// Items of a batch, by their numbers.
    TransDetails = "TransDetails" {
        /// As many as were asked for, or fewer: it ends where too many numbers in a row are no item's, too.
        transaction_detail_seq = "transactionDetailSeq": List<TransactionDetail, 0, 32>,
        ["0"] /// Where to go on; the last were told of when there is none.
        next_starting_point = "nextStartingPoint": BatchSequenceNum,
    }

    /// What the gateway says, and how the batch stands after it.
    BatchAdminResData = "BatchAdminResData" 41 {
        /// The request, and whose it was.
        rr_tags = "batchAdminRRTags": RrTags,
        /// The request that is answered, as it was signed.
        h_batch_admin_req = "hBatchAdminReq": Digest<BatchAdminReqData>,
        /// The batch.
        batch_id = "batchID": BatchId,
        /// What the gateway says.
        ba_status = "baStatus": BaStatus,
        ["0"] /// How the batch stands, if there is one.
        batch_status = "batchStatus": BatchStatus,
        ["1"] /// The items that were asked for.
        trans_details = "transDetails": TransDetails,
    }
}
