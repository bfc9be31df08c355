//! Traits for log, state and keys; memory and sled behind them.
