//! Tells the program which compiler made it.

fn main() {
    let rustc = std::env::var("RUSTC").expect("cargo sets RUSTC");
    let output = std::process::Command::new(rustc).arg("--version").output().expect("rustc --version");
    let version = String::from_utf8(output.stdout).expect("text");
    println!("cargo::rustc-env=KWTA_BENCH_RUSTC={}", version.trim());
    println!("cargo::rerun-if-changed=build.rs");
}
