//! What every store must do, whatever it is made of: the rules are in `rules`, and each store runs all of them.

mod rules;

/// One module of tests for a store, from an expression that makes a fresh one. The expression is a pair of the store,
/// in an `Arc`, and of whatever must live as long as it does.
macro_rules! contract {
    ($store:ident: $fresh:expr; $($rule:ident)*) => {
        mod $store {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    let (store, _kept) = $fresh;
                    super::rules::$rule(store).await;
                }
            )*
        }
    };
    ($($store:ident: $fresh:expr;)*) => {
        $(contract! { $store: $fresh;
            an_empty_batch_changes_nothing
            what_was_inserted_is_loaded
            what_is_not_there_is_not_found
            inserting_what_exists_conflicts
            replacing_another_version_conflicts
            replacing_what_is_missing_conflicts
            times_of_ends_come_earliest_first_of_one_collection_and_as_they_are
            a_sweep_removes_the_earliest_that_are_final_whatever_their_version
            a_sweep_comes_after_the_changes_of_its_batch_and_is_made_with_all_of_it
            a_page_has_the_records_of_one_collection_after_an_id_in_the_order_of_ids
            what_is_removed_is_gone_and_its_facts_stay
            removing_another_version_conflicts
            naming_a_record_twice_in_one_batch_conflicts
            posting_twice_conflicts
            posting_twice_in_one_batch_conflicts
            the_first_that_stands_in_the_way_is_named
            a_batch_is_committed_whole
            versions_rise_by_one
            a_replacement_replaces_body_and_due_time
            due_records_come_earliest_first
            a_record_is_due_at_its_time_and_not_before
            due_records_are_of_one_collection
            due_records_are_no_more_than_the_limit
            due_records_are_counted_whatever_the_limit
            facts_come_in_the_order_of_their_commits
            a_balance_is_of_one_account_one_currency_and_one_side
            a_debit_down_to_the_floor_is_made_and_one_below_it_is_refused
            a_debit_without_a_floor_overdraws
            of_a_batch_that_overdraws_nothing_is_kept
            the_postings_of_a_batch_count_in_their_order
            another_currency_and_another_account_do_not_count_for_a_floor
            a_posting_from_an_account_to_itself_changes_no_net_balance
            a_posting_made_before_conflicts_although_it_would_overdraw_now
            of_many_debits_at_once_as_many_are_made_as_fit
            many_credits_of_one_account_at_once_are_all_made
            a_count_up_to_its_bound_is_made_and_one_above_it_is_refused
            a_window_that_is_over_begins_again
            of_a_batch_that_counts_one_too_many_nothing_is_kept
            a_batch_that_conflicts_counts_nothing
            a_window_that_is_exhausted_counts_nothing_in_the_others_of_its_subject
            windows_of_one_subject_end_each_at_its_own_time
            a_window_keeps_its_end_when_its_length_is_another_by_now
            a_window_that_is_not_counted_for_a_while_is_kept_with_its_subject
            a_subject_that_is_counted_twice_in_a_batch_is_counted_twice
            of_many_counts_at_once_as_many_are_made_as_fit
            a_statement_is_continued_in_the_order_of_commits_and_of_one_instant
            an_account_without_postings_has_an_empty_statement
            a_span_that_closes_before_it_opens_is_empty
            a_span_by_time_ends_before_the_first_posting_of_that_time_or_later
            statements_add_up_while_others_post
            collections_do_not_share_ids
            ids_and_bodies_are_any_text
            a_large_body_comes_back
            of_many_replacements_of_one_version_one_is_made
            many_inserts_at_once_are_all_made
        })*
    };
}

contract! {
    memory: (std::sync::Arc::new(countersign_domain::testing::MemoryStore::default()), ());
    sqlite: {
        let folder = tempfile::tempdir().unwrap();
        let store = countersign_store::SqliteStore::open(&folder.path().join("store.db")).unwrap();
        (std::sync::Arc::new(store), folder)
    };
    postgres: {
        let database = countersign_store::testing::new_store().await;
        let keys = std::sync::Arc::new(countersign_domain::testing::key_ring());
        let store = countersign_store::PostgresStore::open(&database, keys).await.unwrap();
        (std::sync::Arc::new(store), ())
    };
}
