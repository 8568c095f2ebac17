//! Requests as they go over the wire.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use testbed::FakeAws;

/// Long enough for the busiest machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// What came back: the status, the code of an error, and the body (JSON, or XML as a string).
#[derive(Debug)]
pub struct Reply {
    pub http: u16,
    pub code: String,
    pub body: Value,
}

impl Reply {
    pub fn message(&self) -> &str {
        match &self.body {
            Value::String(xml) => inside(xml, "Message"),
            body => body["message"].as_str().unwrap_or(""),
        }
    }

    pub fn refusal(&self) -> (u16, &str, &str) {
        (self.http, &self.code, self.message())
    }

    /// The text of an element of an XML body.
    pub fn element(&self, name: &str) -> &str {
        inside(self.body.as_str().unwrap(), name)
    }
}

fn inside<'a>(xml: &'a str, name: &str) -> &'a str {
    let start = xml.split_once(&format!("<{name}>")).map_or("", |(_, rest)| rest);
    start
        .split_once(&format!("</{name}>"))
        .map_or("", |(text, _)| text)
}

/// Someone who signs requests.
#[derive(Clone)]
pub struct Caller<'a> {
    pub fake: &'a FakeAws,
    pub key: String,
    pub token: String,
}

/// An administrator of an account.
pub fn account<'a>(fake: &'a FakeAws, account: &str) -> Caller<'a> {
    Caller {
        fake,
        key: account.to_owned(),
        token: String::new(),
    }
}

impl<'a> Caller<'a> {
    pub fn get(&self, path: &str) -> Reply {
        self.eks("GET", path, &Value::Null)
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.eks("POST", path, body)
    }

    pub fn delete(&self, path: &str) -> Reply {
        self.eks("DELETE", path, &Value::Null)
    }

    pub fn eks(&self, method: &str, path: &str, body: &Value) -> Reply {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send("us-west-2/eks", method, path, &body, PATIENCE).unwrap()
    }

    pub fn iam(&self, action: &str, fields: &[(&str, &str)]) -> Reply {
        let body = form(action, "2010-05-08", fields);
        self.send("us-east-1/iam", "POST", "/", &body, PATIENCE).unwrap()
    }

    pub fn sts(&self, action: &str, fields: &[(&str, &str)]) -> Reply {
        let body = form(action, "2011-06-15", fields);
        self.send("us-west-2/sts", "POST", "/", &body, PATIENCE).unwrap()
    }

    /// The session of a role, or why there is none.
    pub fn assume(&self, role_arn: &str, more: &[(&str, &str)]) -> Result<Caller<'a>, Reply> {
        let mut fields = vec![("RoleArn", role_arn), ("RoleSessionName", "test")];
        fields.extend(more);
        let reply = self.sts("AssumeRole", &fields);
        if reply.http != 200 {
            return Err(reply);
        }
        Ok(Caller {
            fake: self.fake,
            key: reply.element("AccessKeyId").to_owned(),
            token: reply.element("SessionToken").to_owned(),
        })
    }

    /// `None` if no answer comes in that time.
    pub fn send(
        &self,
        scope: &str,
        method: &str,
        path: &str,
        body: &str,
        patience: Duration,
    ) -> Option<Reply> {
        let Self { fake, key, token } = self;
        let mut stream = TcpStream::connect(fake.endpoint().trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(patience)).unwrap();
        let security = if token.is_empty() {
            String::new()
        } else {
            format!("x-amz-security-token: {token}\r\n")
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: aws\r\nconnection: close\r\ncontent-length: {}\r\n{security}authorization: \
             AWS4-HMAC-SHA256 Credential={key}/20261124/{scope}/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let http = head.split(' ').nth(1).unwrap().parse().unwrap();
        let typed = head
            .lines()
            .find_map(|line| line.strip_prefix("x-amzn-errortype: "));
        let body = serde_json::from_str(body).unwrap_or_else(|_| json!(body));
        let code = match &body {
            Value::String(xml) => inside(xml, "Code").to_owned(),
            _ => typed.unwrap_or("").to_owned(),
        };
        Some(Reply { http, code, body })
    }
}

fn form(action: &str, version: &str, fields: &[(&str, &str)]) -> String {
    fields.iter().fold(
        format!("Action={action}&Version={version}"),
        |form, (name, value)| format!("{form}&{name}={}", escaped(value)),
    )
}

/// A segment of a path, or a value of a form.
pub fn escaped(text: &str) -> String {
    text.replace('%', "%25")
        .replace(':', "%3A")
        .replace('/', "%2F")
        .replace('+', "%2B")
        .replace('&', "%26")
        .replace(' ', "%20")
}
