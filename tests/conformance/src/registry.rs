//! The `registry` battery: what every [`SessionRegistry`] keeps.
//!
//! [`SessionRegistry`]: dcv_resolver_core::SessionRegistry

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
            register_stores
            registered_records_come_back_as_they_went_in
            awkward_ids_are_registered_apart
            an_expired_record_can_be_registered
            a_live_record_of_another_lease_is_kept
            a_live_record_that_was_seeded_is_kept
            a_refused_register_leaves_the_lease
            tokens_are_compared_in_full
            registering_again_stores_the_new_record
            registering_again_revives_an_expired_record
            an_expired_record_counts_as_absent
            an_expired_record_that_was_seeded_counts_as_absent
            far_expiries_are_judged_rightly
            the_token_of_an_expired_record_is_worth_nothing
            of_concurrent_registers_one_wins
            of_concurrent_registers_over_an_expired_record_one_wins
            only_the_owner_renews
            an_absent_record_is_not_renewed
            an_expired_lease_is_not_revived
            a_lease_is_renewed_to_its_last_millisecond
            renew_changes_the_expiry_and_nothing_else
            a_lease_can_be_cut_short
            looking_up_does_not_extend_a_lease
            renew_and_register_do_not_both_win
            only_the_owner_deregisters
            deregistering_again_is_harmless
            an_expired_record_is_deregistered_by_its_owner
            a_deregistered_id_is_free
            of_concurrent_deregisters_one_removes
            a_record_is_not_renewed_back_into_being
            sweep_removes_and_counts_what_is_expired
            sweep_keeps_what_is_live
            sweep_frees_the_id
            sweeping_nothing_is_harmless
            sweep_keeps_what_is_renewed_meanwhile
            sweep_keeps_what_is_registered_meanwhile
            list_shows_what_is_there_throughout
            list_stops_showing_what_is_gone
            a_dropped_register_is_whole_or_absent
            a_dropped_register_over_a_record_leaves_one_of_both
            a_dropped_renew_changes_the_expiry_or_nothing
            a_dropped_deregister_removes_or_keeps
            a_dropped_sweep_keeps_what_is_live
        }
    };
}
