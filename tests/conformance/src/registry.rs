//! The `registry` battery, for every [`SessionRegistry`].

use dcv_resolver_core::SessionRegistry;

use crate::Fixture;

mod deregister;
mod dropped;
mod list;
mod register;
mod renew;
mod sweep;

pub use deregister::*;
pub use dropped::*;
pub use list::*;
pub use register::*;
pub use renew::*;
pub use sweep::*;

#[doc(hidden)]
#[macro_export]
macro_rules! __registry_rules {
    (($($then:tt)+) $arguments:tt) => {
        $($then)+! {
            $arguments
            r1_registered_record_is_found
            r1_registered_records_are_returned_unchanged
            r1_unusual_ids_are_registered_separately
            r1_expired_record_can_be_registered
            r2_live_record_of_another_lease_is_kept
            r2_live_seeded_record_is_kept
            r2_refused_register_does_not_change_the_lease
            r2_tokens_are_compared_in_full
            r3_repeated_register_stores_the_new_record
            r3_repeated_register_revives_an_expired_record
            r4_expired_record_counts_as_absent
            r4_expired_seeded_record_counts_as_absent
            r4_extreme_expiries_are_compared_correctly
            r4_token_of_a_replaced_record_is_invalid
            r5_one_of_concurrent_registers_wins
            r5_one_of_concurrent_registers_over_an_expired_record_wins
            r6_only_the_owner_renews
            r6_absent_record_is_not_renewed
            r6_expired_lease_is_not_renewed
            r6_lease_is_renewed_in_its_last_millisecond
            r7_renew_changes_only_the_expiry
            r7_lease_can_be_shortened
            s6_lookup_does_not_extend_a_lease
            r6_renew_and_register_do_not_both_win
            r8_only_the_owner_deregisters
            r8_repeated_deregister_is_harmless
            r8_owner_deregisters_an_expired_record
            r8_deregistered_id_is_free
            r8_one_of_concurrent_deregisters_removes
            r8_concurrent_renew_does_not_restore_a_deregistered_record
            r9_sweep_removes_and_counts_expired_records
            r9_sweep_keeps_live_records
            r9_swept_id_is_free
            r9_sweep_of_an_empty_store_removes_nothing
            r9_sweep_keeps_concurrently_renewed_records
            r9_sweep_keeps_concurrently_registered_records
            l1_record_present_throughout_is_listed
            l1_removed_records_are_not_listed
            r10_dropped_register_stores_the_record_or_nothing
            r10_dropped_register_leaves_the_old_record_or_the_new
            r10_dropped_renew_changes_the_expiry_or_nothing
            r10_dropped_deregister_removes_the_record_or_nothing
            r10_dropped_sweep_keeps_live_records
        }
    };
}

__registry_rules! { (crate::macros::check) [Fixture<Store: SessionRegistry>] }
