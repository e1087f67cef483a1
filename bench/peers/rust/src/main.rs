//! The native peer: speaks the protocol of ../protocol.mjs. RAYON_NUM_THREADS sets its threads.

use std::io::{BufRead, Write};
use std::time::Instant;

use kwta_bench::{load, peak, Spec, Task};

fn main() {
    let mut task: Option<Box<dyn Task>> = None;
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let (command, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let reply = match command {
            "info" => info(),
            "time" if rest.starts_with("peak ") => {
                let fastest = peak::Peak.variants().len() - 1;
                format!(r#"{{"ms":{:?}}}"#, time(&mut peak::Peak, fastest, number(&rest["peak ".len()..])))
            }
            "load" => {
                drop(task.take());
                let spec = Spec::parse(rest);
                task = load(&spec, &mut |name| read(&format!("{}/{name}.f32", spec.text("dir"))));
                let names = task.as_ref().map_or(&[][..], |task| task.variants());
                format!(r#"{{"variants":{names:?}}}"#)
            }
            _ => {
                let (variant, argument) = rest.split_once(' ').expect("a variant and an argument");
                let task = task.as_mut().expect("a task");
                let variant = task.variants().iter().position(|&name| name == variant).expect("a variant");
                if command == "check" {
                    task.reset();
                    task.run(variant);
                    write(argument, &task.output(variant));
                    r#"{"ok":true}"#.to_owned()
                } else {
                    format!(r#"{{"ms":{:?}}}"#, time(&mut **task, variant, number(argument)))
                }
            }
        };
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{reply}").and_then(|()| stdout.flush()).expect("a reader");
    }
}

fn info() -> String {
    let rustc = env!("KWTA_BENCH_RUSTC");
    let peak = peak::fastest().map(|name| format!(r#","peak":{{"name":{name:?},"flops":{}}}"#, peak::FLOPS));
    format!(r#"{{"versions":{{"rustc":{rustc:?}}}{}}}"#, peak.unwrap_or_default())
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}

fn time(task: &mut dyn Task, variant: usize, repetitions: usize) -> Vec<f64> {
    let mut once = || {
        task.reset();
        let start = Instant::now();
        task.run(variant);
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..repetitions).map(|_| once()).collect()
}

fn read(path: &str) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().expect("four bytes"))).collect()
}

fn write(path: &str, values: &[f32]) {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(path, bytes).unwrap_or_else(|error| panic!("{path}: {error}"));
}
