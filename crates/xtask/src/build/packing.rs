//! Brotli beside each file that the collector serves: it hands those out as they are and never compresses by itself.

use std::path::PathBuf;

use anyhow::Result;

use super::Build;
use crate::process;

/// Writes `{file}.br` for every file that gets smaller by it. Node has brotli built in.
const PACK: &str = r"
const { brotliCompressSync, constants: c } = require('node:zlib');
const { readFileSync, rmSync, writeFileSync } = require('node:fs');
for (const path of process.argv.slice(1)) {
  const bytes = readFileSync(path);
  const params = { [c.BROTLI_PARAM_QUALITY]: c.BROTLI_MAX_QUALITY, [c.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const packed = brotliCompressSync(bytes, { params });
  if (packed.length < bytes.length) {
    writeFileSync(path + '.br', packed);
    console.log(path + '.br');
  } else {
    rmSync(path + '.br', { force: true });
  }
}
";

/// Returns the given files and the packed ones.
///
/// # Errors
/// Node failed.
pub(super) fn pack(build: &Build, mut files: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    let packed = process::capture(build.environment.command("node").args(["--eval", PACK, "--"]).args(&files))?;
    files.extend(packed.lines().map(PathBuf::from));
    Ok(files)
}
