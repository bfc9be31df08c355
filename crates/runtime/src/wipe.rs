//! What is left of a session in memory after it was withdrawn. The allocator wipes what is given back to it; this wipes the stack.

/// More than the module's calls ever take of it: the deepest writes a batch.
const STACK_BYTES: usize = 64 * 1024;

/// Wipes what calls that have returned left on the stack. Called from as far up as possible, since what lies above stays.
#[inline(never)]
pub(crate) fn stack() {
    let mut left = [0_u8; STACK_BYTES];
    // Nothing reads it, so without the black box the compiler would leave it out.
    std::hint::black_box(&mut left);
}
