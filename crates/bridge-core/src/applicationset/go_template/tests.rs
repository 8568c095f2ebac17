//! What templates read.

use super::*;

/// `labels | annotations`, `*` for all, `?` if the template is not understood.
fn read(template: &str) -> String {
    let mut reads = Reads::default();
    if scan(template, &mut reads).is_err() {
        return "?".to_owned();
    }
    let show = |keys: &Keys| match keys {
        Keys::All => "*".to_owned(),
        Keys::Some(keys) => keys.iter().cloned().collect::<Vec<_>>().join(","),
    };
    format!("{}|{}", show(&reads.labels), show(&reads.annotations))
}

#[test]
fn constant_keys_are_followed() {
    for (template, expected) in [
        ("addon-{{.name}}-{{ .values.chart }}", "|"),
        ("{{.metadata.labels.environment}}", "environment|"),
        ("{{- $.metadata.annotations.a -}}", "|a"),
        (r#"{{ index .metadata.labels "a.b/c" | upper }}"#, "a.b/c|"),
        (r#"{{ index . "metadata" "annotations" `x/y` }}"#, "|x/y"),
        (r#"{{ (index .metadata "labels").region }}"#, "region|"),
        (r#"{{ default "d" .metadata.annotations.p }}"#, "|p"),
        (r#"{{ .metadata.annotations.p | default "d" | quote }}"#, "|p"),
        (r#"{{ dig "labels" "x" "none" .metadata }}"#, "x|"),
        (r#"{{ .metadata.labels | dig "x" "none" }}"#, "x|"),
        (r#"{{ if hasKey .metadata.labels "x" }}y{{ end }}"#, "x|"),
        (r#"{{ get .metadata.annotations "k" }}"#, "|k"),
        (
            r#"{{ if eq (index .metadata.labels "e") "dev" }}a{{ else if .metadata.annotations.b }}c{{ end }}"#,
            "e|b",
        ),
        (
            "{{ with .metadata.annotations.a }}x: {{ . }}{{ end }}{{ .name }}",
            "|a",
        ),
        (
            "{{ with .metadata.annotations.a }}{{ $.metadata.labels.b }}{{ else }}{{ .metadata.labels.c }}{{ end }}",
            "b,c|a",
        ),
        (
            "{{ $l := .metadata.labels }}{{ $l.one }}{{ index $l \"two\" }}",
            "one,two|",
        ),
        (
            "{{ $x := .metadata.annotations.x }}{{ $x }}{{ if $x }}{{ printf \"%s\" $x }}{{ end }}",
            "|x",
        ),
        ("{{/* .metadata.labels */}}{{- /* all of . */ -}}", "|"),
        (r#"{{ "{{ .metadata.labels }}" }}"#, "|"),
        (
            "{{ range $i, $v := until 3 }}{{ $i }}{{ $v }}{{ . }}{{ end }}",
            "|",
        ),
        (
            "{{ .generator }}{{ .path.basename }}{{ .5 }}{{ -1 }}{{ 'a' }}{{ true }}",
            "|",
        ),
    ] {
        assert_eq!(read(template), expected, "{template}");
    }
}

#[test]
fn whatever_is_used_whole_counts_whole() {
    for (template, expected) in [
        ("{{ . }}", "*|*"),
        ("{{ toJson . }}", "*|*"),
        ("{{ $ | toYaml }}", "*|*"),
        ("{{ .metadata }}", "*|*"),
        ("{{ .metadata.labels | toJson }}", "*|"),
        ("{{ range $k, $v := .metadata.labels }}{{ $k }}{{ end }}", "*|"),
        ("{{ range .metadata.annotations }}{{ . }}{{ end }}", "|*"),
        ("{{ if .metadata.annotations }}x{{ end }}", "|*"),
        ("{{ with .metadata.labels }}{{ .a }}{{ end }}", "*|"),
        ("{{ index .metadata.labels .name }}", "*|"),
        (
            "{{ index .metadata.labels (printf \"enable_%s\" .values.x) }}",
            "*|",
        ),
        ("{{ $k := \"a\" }}{{ index .metadata.annotations $k }}", "|*"),
        ("{{ range .clusters }}{{ .metadata.labels.a }}{{ end }}", "*|*"),
        (
            "{{ $x := .name }}{{ range .list }}{{ $x }}{{ $x = $.metadata }}{{ end }}",
            "*|*",
        ),
        (
            "{{ $x := .name }}{{ with $ }}{{ $x }}{{ $x = .metadata.labels }}{{ end }}",
            "*|",
        ),
        ("{{ template \"t\" . }}", "*|*"),
        (
            "{{ define \"t\" }}{{ .labels.x }}{{ end }}{{ template \"t\" .metadata }}",
            "*|*",
        ),
        ("{{ keys .metadata.labels | sortAlpha }}", "*|"),
        ("{{ merge .metadata.labels .metadata.annotations }}", "*|*"),
        ("{{ dict \"all\" $ }}", "*|*"),
        (
            "{{ if and .metadata.labels.a .metadata.annotations }}{{ end }}",
            "a|*",
        ),
    ] {
        assert_eq!(read(template), expected, "{template}");
    }
}

#[test]
fn what_is_not_understood_is_said() {
    for template in [
        "{{ .a",
        "{{ \"open }}",
        "{{ end }}{{ .x }}",
        "{{ \"\\x41\" }}",
        "{{ ( .a }}",
        "{{ .a .b }}",
        "{{ # }}",
    ] {
        assert_eq!(read(template), "?", "{template}");
    }
}

/// Templates that hide what they read.
#[test]
fn no_read_is_missed() {
    for (template, expected) in [
        (r#"{{ tpl "{{ .metadata.labels.a }}" . }}"#, "*|*"),
        (r#"{{ tpl .values.t (dict "l" .metadata.labels) }}"#, "*|"),
        ("{{ with $all := . }}{{ $all.metadata.labels.a }}{{ end }}", "a|"),
        (
            "{{ $m := .metadata }}{{ $l := $m.labels }}{{ $l.a }}{{ (get $m \"annotations\").b }}",
            "a|b",
        ),
        (
            "{{ $l := .metadata.labels }}{{ if true }}{{ $l := .metadata.annotations }}{{ $l.b }}{{ end }}{{ $l.a }}",
            "*|*",
        ),
        (
            "{{ $x := .metadata }}{{ range list 1 2 }}{{ $x.labels.a }}{{ $x = $ }}{{ end }}",
            "*|*",
        ),
        ("{{ range list . }}{{ .metadata.labels.a }}{{ end }}", "*|*"),
        ("{{ range $k, $v := .metadata }}{{ $v.a }}{{ end }}", "*|*"),
        ("{{ range $k, $v := . }}{{ $v }}{{ end }}", "*|*"),
        (
            "{{ with .missing }}{{ else with .metadata.labels.a }}{{ . }}{{ else }}{{ .metadata.annotations.b }}{{ end }}",
            "a|b",
        ),
        (
            "{{ if .x }}{{ else if .metadata.labels.a }}{{ else }}{{ .metadata.labels.b }}{{ end }}{{ .metadata.labels.c }}",
            "a,b,c|",
        ),
        (
            "{{ range .list }}{{ else }}{{ .metadata.labels.a }}{{ end }}",
            "a|",
        ),
        (
            "{{ (.metadata).labels.a }}{{ ((index . \"metadata\").annotations).b }}",
            "a|b",
        ),
        (
            "{{ \"a\" | index .metadata.labels }}{{ \"b\" | get .metadata.annotations }}",
            "a|b",
        ),
        (
            "{{ .metadata.labels | toJson | fromJson | dig \"a\" \"\" }}",
            "*|",
        ),
        (
            "{{ (ternary .metadata.labels .metadata.annotations true).a }}",
            "*|*",
        ),
        ("{{ (coalesce .missing .metadata.labels).a }}", "*|"),
        (
            "{{ index . (printf \"meta%s\" \"data\") \"labels\" \"a\" }}",
            "*|*",
        ),
        ("{{ index .metadata (lower \"LABELS\") \"a\" }}", "*|*"),
        ("{{ block \"b\" .metadata }}{{ .labels.a }}{{ end }}", "*|*"),
        (
            "{{ define \"t\" }}{{ $.metadata.labels.a }}{{ end }}{{ template \"t\" $ }}",
            "*|*",
        ),
        ("{{ hasKey .metadata \"labels\" }}", "*|"),
        ("{{ pluck \"a\" .metadata.labels .metadata.annotations }}", "*|*"),
        ("{{ printf `%v}}` .metadata.labels }}", "*|"),
        ("{{/* }} */}}{{ .metadata.labels.a }}", "a|"),
        ("{{ '\\'' }}{{ '}' }}{{ .metadata.labels.a }}", "a|"),
        ("{{- .metadata.labels.a -}}\n{{-\t.metadata.labels.b\t-}}", "a,b|"),
        ("{{ .metadata.labels.größe }}", "größe|"),
        ("{{ .metadata.labels.a.b }}{{ .metadata.name }}", "a|"),
        (
            "{{ len .metadata.annotations }}{{ not .metadata.labels.a }}",
            "a|*",
        ),
        ("{{ $_ := set .metadata.labels \"x\" \"y\" }}{{ .name }}", "*|"),
    ] {
        assert_eq!(read(template), expected, "{template}");
    }
}
