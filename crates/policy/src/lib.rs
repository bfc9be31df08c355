//! offers.toml validated and compiled: eligibility, schedules, texts.
