//! `waver`: see `waver --help`.

/// Memory is wiped when it is given back: bodies, headers, payloads that were opened and rows that were erased are in no dump of the process and no
/// core file once nobody holds them.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> = zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> std::process::ExitCode {
    waver::main(std::env::args_os()).into()
}
