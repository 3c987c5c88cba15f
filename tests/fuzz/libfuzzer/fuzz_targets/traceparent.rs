#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dcv_resolver_fuzz::traceparent(data));
