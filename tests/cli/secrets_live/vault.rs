//! What may show nowhere.

use base64::{Engine as _, prelude::BASE64_STANDARD};

/// Secrets by what they are, each in the forms in which it could show.
#[derive(Default)]
pub struct Vault {
    forms: Vec<(String, String)>,
}

impl Vault {
    /// A text.
    pub fn add(&mut self, what: &str, secret: &str) {
        assert!(secret.len() >= 12, "{what} is too short to be looked for");
        self.forms.push((what.to_owned(), secret.to_owned()));
        // In the middle of something encoded it may begin at any of three places of a group; what surrounds it is left out.
        for start in 0..3 {
            let padded = format!("{}{secret}", "x".repeat(start));
            let encoded = BASE64_STANDARD.encode(padded);
            let inner = encoded[if start == 0 { 0 } else { 4 }..encoded.len() - 4].to_owned();
            self.forms.push((format!("{what} in base64"), inner));
        }
    }

    /// What is kept in base64, such as PEM in a kubeconfig: as it is kept, and line by line.
    pub fn add_encoded(&mut self, what: &str, encoded: &str) {
        self.forms.push((what.to_owned(), encoded.to_owned()));
        let text = String::from_utf8(BASE64_STANDARD.decode(encoded).unwrap()).unwrap();
        for line in text.lines().filter(|line| !line.starts_with("-----")) {
            self.forms.push((format!("a line of {what}"), line.to_owned()));
        }
    }

    /// Fails if any of it is in a text.
    #[track_caller]
    pub fn search(&self, line: &str, text: &str) {
        for (what, form) in &self.forms {
            assert!(!text.contains(form.as_str()), "{line} shows {what}: {text}");
        }
    }
}

#[test]
fn it_finds_what_is_encoded_amid_other_things() {
    let mut vault = Vault::default();
    vault.add("a secret", "planted-credential");
    for before in ["", "a", "ab", "abc"] {
        let text = BASE64_STANDARD.encode(format!("{before}planted-credential and more"));
        assert!(
            std::panic::catch_unwind(|| vault.search("", &text)).is_err(),
            "{before:?}"
        );
    }
    vault.search("", "nothing");
}
