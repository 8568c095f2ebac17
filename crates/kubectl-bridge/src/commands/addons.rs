//! `addons`: which are on where, and switching them.

mod show;

use bridge_core::{catalog::Catalog, change::KeyChanges, keys, selector::Selector, suggest};

use crate::{
    args::AddonsArgs,
    context::Context,
    edit::{self, Changes, Kind, Rules},
    exit::Exit,
    select::Which,
    usage::{UsageError, usage},
};

/// Runs `addons`.
pub async fn run(ctx: &Context, args: AddonsArgs) -> anyhow::Result<Exit> {
    let AddonsArgs {
        names,
        select,
        enable,
        disable,
        toggle,
        max_clusters,
        confirm,
        write,
        wait,
    } = args;
    let labels = switches(&enable, &disable, &toggle)?;
    let write = write.resolve()?;
    let wait = wait.resolve()?;
    if labels.is_empty() {
        if wait.is_some() {
            return usage("--wait waits for a switch: add --enable, --disable or --toggle");
        }
        let one = names.len() == 1;
        let which = if names.is_empty() && select.is_empty() {
            Which::Selected(Selector::default())
        } else {
            select.resolve(names)?
        };
        return show::run(ctx, &which, one).await;
    }
    let which = select.resolve(names)?;
    if wait.is_some() && ctx.is_folder() {
        return Err(bridge_kube::HubError::FolderCannot("be waited for: nothing runs there (--wait)").into());
    }
    let changes = KeyChanges {
        labels,
        ..KeyChanges::default()
    };
    let rules = Rules {
        kind: Kind::Addons,
        overwrite: true,
        max_clusters,
        yes: confirm.yes,
        write,
        wait,
    };
    edit::run(ctx, &which, &changes, rules).await
}

/// The toggle labels that the flags name, each to its value.
fn switches(enable: &[String], disable: &[String], toggle: &[String]) -> anyhow::Result<Changes> {
    let catalog = Catalog::builtin();
    let mut labels = Changes::new();
    let mut set = |label: String, on: bool| -> anyhow::Result<()> {
        let value = Some(on.to_string());
        match labels.insert(label.clone(), value.clone()) {
            Some(before) if before != value => usage(format!("{label} is switched both on and off")),
            _ => Ok(()),
        }
    };
    for (words, on) in [(enable, true), (disable, false)] {
        for word in words {
            let addon = catalog
                .resolve(word)
                .map_err(|error| UsageError::new(error.to_string()))?;
            set(addon.label(), on)?;
        }
    }
    for word in toggle {
        let (label, on) = match word.split_once('=') {
            Some((label, "true")) => (label, true),
            Some((label, "false")) => (label, false),
            _ => return usage(format!("--toggle \"{word}\": write LABEL=true or LABEL=false")),
        };
        if keys::toggle_addon(label).is_none() {
            return usage(format!(
                "--toggle \"{label}\": a toggle is a label {}<addon>{}; other labels are set with \"{} label\"",
                keys::TOGGLE_PREFIX,
                suggest::hint(label, catalog.addons().iter().map(|addon| addon.name)),
                crate::BIN_NAME,
            ));
        }
        set(label.to_owned(), on)?;
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn names_aliases_and_labels_become_toggles() {
        let labels = switches(
            &words(&["aws-lbc", "enable_karpenter"]),
            &words(&["keda"]),
            &words(&["enable_my_own=true"]),
        )
        .unwrap();
        let expected = [
            ("enable_aws_load_balancer_controller", "true"),
            ("enable_karpenter", "true"),
            ("enable_keda", "false"),
            ("enable_my_own", "true"),
        ]
        .map(|(key, value)| (key.to_owned(), Some(value.to_owned())));
        assert_eq!(labels, Changes::from(expected));
    }

    #[test]
    fn contradictions_and_unknown_names_are_refused() {
        for (enable, disable, toggle, expected) in [
            (
                &["keda"][..],
                &["keda"][..],
                &[][..],
                "enable_keda is switched both on and off",
            ),
            (&["keda"], &[], &["enable_keda=false"], "both on and off"),
            (&["karpentr"], &[], &[], "did you mean \"karpenter\"?"),
            (&[], &[], &["enable_x=yes"], "LABEL=true or LABEL=false"),
            (&[], &[], &["x=true"], "a toggle is a label enable_<addon>"),
        ] {
            let error = switches(&words(enable), &words(disable), &words(toggle)).unwrap_err();
            assert!(error.is::<UsageError>());
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
