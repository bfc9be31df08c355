//! `waver`: see `waver --help`.

fn main() -> std::process::ExitCode {
    waver::main(std::env::args_os()).into()
}
