//! Where to look: credentials of each account, and its regions.

use bridge_aws::{AwsOptions, Session};
use bridge_core::{
    defaults::{Defaults, Values},
    drift::AccountRegion,
};
use futures::{StreamExt as _, stream};

use super::regions;
use crate::{args::DiscoverOptions, aws::words};

/// Accounts that are opened at once.
const OPENED_AT_ONCE: usize = 16;

/// An account and region, and the way there.
pub struct Place {
    /// Which.
    pub at: AccountRegion,
    /// Its partition.
    pub partition: String,
    /// The way there.
    pub session: Session,
    /// The flags that lead there.
    pub options: AwsOptions,
    /// Whether it is only one of all regions: the account may not have switched it on.
    pub may_be_off: bool,
}

/// An account that cannot be looked at.
pub struct Closed {
    /// The regions of it that should have been looked at, as far as they are known.
    pub places: Vec<AccountRegion>,
    /// Why.
    pub reason: String,
}

/// One set of credentials.
struct Login {
    options: AwsOptions,
    account: Option<String>,
}

/// Opens every account; one that cannot be opened does not keep the others from being looked at.
pub async fn find(options: &DiscoverOptions, defaults: &Defaults) -> (Vec<Place>, Vec<Closed>) {
    let (mut open, mut closed) = (Vec::new(), Vec::new());
    let (logins, unusable) = logins(options, defaults);
    closed.extend(unusable);
    let mut opened = stream::iter(logins)
        .map(|login| Box::pin(places(login, options)))
        .buffered(OPENED_AT_ONCE);
    while let Some(found) = opened.next().await {
        match found {
            Ok(places) => open.extend(places),
            Err(trouble) => closed.push(trouble),
        }
    }
    drop(opened);
    // Two profiles of one account are one account.
    let mut seen = std::collections::BTreeSet::new();
    open.retain(|place: &Place| seen.insert(place.at.clone()));
    (open, closed)
}

fn logins(options: &DiscoverOptions, defaults: &Defaults) -> (Vec<Login>, Vec<Closed>) {
    let region = options
        .regions
        .first()
        .filter(|region| *region != "all")
        .cloned()
        .or_else(|| defaults.region.clone())
        // Credentials need none, and those of all regions get theirs later.
        .or_else(|| (!options.regions.is_empty()).then(|| "us-east-1".to_owned()));
    let base = |profile: Option<&String>| AwsOptions {
        region: region.clone(),
        profile: profile.cloned(),
        ..AwsOptions::default()
    };
    if options.accounts.is_empty() {
        let mut profiles: Vec<Option<&String>> = options.profiles.iter().map(Some).collect();
        if profiles.is_empty() {
            profiles.push(None);
        }
        let role = options.assume_role.as_ref();
        let (mut logins, mut closed) = (Vec::new(), Vec::new());
        for profile in profiles {
            match role.map(|role| role.fill(&Values::default())).transpose() {
                Ok(assume_role) => logins.push(Login {
                    options: AwsOptions {
                        assume_role,
                        ..base(profile)
                    },
                    account: None,
                }),
                Err(error) => closed.push(Closed {
                    places: Vec::new(),
                    reason: format!("{error}: say the accounts with --accounts"),
                }),
            }
        }
        return (logins, closed);
    }
    let pattern = options.assume_role.as_ref().or(defaults.assume_role.as_ref());
    let (mut logins, mut closed) = (Vec::new(), Vec::new());
    for account in &options.accounts {
        let values = Values {
            account: Some(account.clone()),
            ..Values::default()
        };
        match pattern.map(|pattern| pattern.fill(&values)).transpose() {
            Ok(assume_role) => logins.push(Login {
                options: AwsOptions {
                    assume_role,
                    ..base(options.profiles.first())
                },
                account: Some(account.clone()),
            }),
            Err(error) => closed.push(Closed {
                places: Vec::new(),
                reason: format!("account {account}: {error}"),
            }),
        }
    }
    (logins, closed)
}

async fn places(login: Login, options: &DiscoverOptions) -> Result<Vec<Place>, Closed> {
    let named = |account: &str, region: &str| AccountRegion {
        account: account.to_owned(),
        region: region.to_owned(),
    };
    let closed = |reason: String| Closed {
        places: match &login.account {
            Some(account) => options
                .regions
                .iter()
                .map(|region| named(account, region))
                .collect(),
            None => Vec::new(),
        },
        reason,
    };
    let session = Session::open(&login.options)
        .await
        .map_err(|error| closed(words(error)))?;
    let caller = session.caller().await.map_err(|error| closed(words(error)))?;
    if let Some(account) = login
        .account
        .as_ref()
        .filter(|account| **account != caller.account)
    {
        return Err(closed(format!(
            "account {account}: the credentials are of account {}; say with --assume-role how to get into the others",
            caller.account
        )));
    }
    let all = options.regions.first().is_some_and(|region| region == "all");
    let regions: Vec<String> = if all {
        regions::all(&caller.partition)
            .iter()
            .map(|region| (*region).to_owned())
            .collect()
    } else if options.regions.is_empty() {
        vec![session.region().to_owned()]
    } else {
        options.regions.clone()
    };
    Ok(regions
        .iter()
        .map(|region| Place {
            at: named(&caller.account, region),
            partition: caller.partition.clone(),
            session: session.in_region(region),
            options: AwsOptions {
                region: Some(region.clone()),
                ..login.options.clone()
            },
            may_be_off: all,
        })
        .collect())
}
