//! A `load` request: the task and its `key=value` pairs.

use std::collections::HashMap;

/// What the harness asks for.
pub struct Spec {
    /// Name of the task.
    pub task: String,
    values: HashMap<String, String>,
}

impl Spec {
    /// Reads `<task> key=value ...`.
    pub fn parse(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let task = words.next().expect("a task").to_owned();
        let pairs = words.map(|word| word.split_once('=').expect("key=value"));
        Self { task, values: pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect() }
    }

    /// A string; panics when it is missing.
    pub fn text(&self, key: &str) -> &str {
        self.values.get(key).unwrap_or_else(|| panic!("{} needs {key}", self.task))
    }

    /// A size; panics when it is missing or no integer.
    pub fn size(&self, key: &str) -> usize {
        self.text(key).parse().unwrap_or_else(|_| panic!("{key}: {} is no size", self.text(key)))
    }
}
