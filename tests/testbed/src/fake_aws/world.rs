use std::collections::BTreeMap;

use super::access::Entry;
use super::call::{Call, Caller};
use super::capability::EksCapability;
use super::cluster::{DEFAULT_ACCOUNT, EksCluster};
use super::delay::{Delay, Waiting};
use super::managed_policy::ManagedPolicy;
use super::pod_identity::Association;
use super::policy;
use super::reply::Refusal;
use super::role::{IamRole, Role};

/// A cluster and all that EKS keeps with it.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) spec: EksCluster,
    pub(super) entries: Vec<Entry>,
    pub(super) associations: Vec<Association>,
    pub(super) capabilities: Vec<EksCapability>,
}

impl Cluster {
    pub(super) fn entry(&mut self, principal_arn: &str) -> Option<&mut Entry> {
        self.entries
            .iter_mut()
            .find(|entry| entry.spec.principal_arn == principal_arn)
    }

    /// `arn:aws:eks:<region>:<account>:<kind>/<cluster>/<rest>`
    pub(super) fn part_arn(&self, kind: &str, rest: &str) -> String {
        let EksCluster {
            name,
            region,
            account,
            partition,
            ..
        } = &self.spec;
        format!("arn:{partition}:eks:{region}:{account}:{kind}/{name}/{rest}")
    }
}

/// What an assumed role has been given.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) caller: Caller,
    pub(super) secret: String,
    pub(super) token: String,
}

/// All that exists, in every account and region.
#[derive(Debug)]
pub(super) struct World {
    pub(super) clusters: Vec<Cluster>,
    pub(super) roles: Vec<Role>,
    pub(super) policies: Vec<ManagedPolicy>,
    /// By access key.
    pub(super) sessions: BTreeMap<String, Session>,
    /// The most that a list answers at once.
    pub(super) page_size: usize,
    pub(super) role_delay: Delay,
    pub(super) entry_delay: Delay,
    clock: i64,
    serial: u64,
}

impl Default for World {
    fn default() -> Self {
        Self {
            clusters: Vec::new(),
            roles: Vec::new(),
            policies: Vec::new(),
            sessions: BTreeMap::new(),
            page_size: 100,
            role_delay: Delay::None,
            entry_delay: Delay::None,
            // Later than the clusters that tests make.
            clock: 1_764_000_000,
            serial: 0,
        }
    }
}

impl World {
    /// Its own time, in seconds since 1970: every event has a second of its own, so that what came later is later even
    /// in IAM's whole seconds.
    pub(super) fn tick(&mut self) -> i64 {
        self.clock += 1;
        self.clock
    }

    /// The same with a fraction, as EKS has it.
    #[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
    pub(super) fn tick_fraction(&mut self) -> f64 {
        self.tick() as f64 + 0.317
    }

    /// A text that comes only once: `prefix` and so many letters and digits.
    pub(super) fn unique(&mut self, prefix: &str, length: usize, alphabet: &[u8]) -> String {
        self.serial += 1;
        let mut bits = u128::from(self.serial).wrapping_mul(0x2d99_787e_f76f_9b21_7a3c_55f1_a6e0_d9c5);
        let size = alphabet.len() as u128;
        let letters = (0..length).map(|_| {
            let at = usize::try_from(bits % size).unwrap_or_default();
            bits = bits / size + (bits % size) * 0x1_0000_0000_0000_0000_0000;
            char::from(alphabet[at])
        });
        prefix.chars().chain(letters).collect()
    }

    /// Who signed with this key, or the message why nobody can have.
    pub(super) fn caller(&self, access_key: &str, token: &str) -> Result<Caller, &'static str> {
        let invalid = "The security token included in the request is invalid.";
        if let Some(session) = self.sessions.get(access_key) {
            let caller = (session.token == token).then(|| session.caller.clone());
            return caller.ok_or(invalid);
        }
        if access_key.starts_with("ASIA") {
            return Err(invalid);
        }
        let is_account = access_key.len() == 12 && access_key.bytes().all(|byte| byte.is_ascii_digit());
        let account = if is_account { access_key } else { DEFAULT_ACCOUNT };
        Ok(Caller {
            account: account.to_owned(),
            arn: format!("arn:aws:iam::{account}:user/{USER}"),
            user_id: user_id(account),
            role: None,
        })
    }

    pub(super) fn cluster(&mut self, call: &Call) -> Result<&mut Cluster, Refusal> {
        let name = call.segment("name");
        self.clusters
            .iter_mut()
            .find(|cluster| {
                let spec = &cluster.spec;
                spec.name == name && spec.region == call.region && spec.account == call.account()
            })
            .ok_or_else(|| Refusal::not_found(format!("No cluster found for name: {name}.")))
    }

    pub(super) fn cluster_by_arn(&mut self, arn: &str) -> Option<&mut Cluster> {
        self.clusters.iter_mut().find(|cluster| cluster.spec.arn() == arn)
    }

    pub(super) fn role(&self, arn: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.spec.arn() == arn)
    }

    /// The role of a call of IAM: names are the account's, whatever their path and case.
    pub(super) fn role_of(&mut self, call: &Call) -> Result<&mut Role, Refusal> {
        let name = call.required("RoleName")?;
        self.roles
            .iter_mut()
            .find(|role| role.spec.account == call.account() && role.spec.name.eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                Refusal::new(
                    404,
                    "NoSuchEntity",
                    format!("The role with name {name} cannot be found."),
                )
            })
    }

    /// The hidden id of a principal, whether or not it is known everywhere yet.
    pub(super) fn principal_id(&self, arn: &str) -> Option<String> {
        if let Some(role) = self.role(arn) {
            return Some(role.spec.id.clone());
        }
        let account = arn
            .strip_suffix(&format!(":user/{USER}"))
            .and_then(|start| start.rsplit(':').next())?;
        Some(user_id(account))
    }

    /// The hidden id of a principal, once it is known everywhere; a call that comes too early counts as one.
    pub(super) fn settled_principal_id(&mut self, arn: &str) -> Option<String> {
        let role = self.roles.iter_mut().find(|role| role.spec.arn() == arn);
        if role.is_some_and(|role| !role.settling.is_over()) {
            return None;
        }
        self.principal_id(arn)
    }

    /// Adds a role, and gives what AWS gives.
    pub(super) fn add_role(&mut self, mut spec: IamRole, delay: Delay) -> &Role {
        if spec.id.is_empty() {
            spec.id = self.unique("AROA", 17, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
        }
        if spec.created_at == 0 {
            spec.created_at = self.tick();
        }
        let pins = self.pins(&spec.trust);
        self.roles.push(Role {
            spec,
            pins,
            settling: Waiting::begin(delay),
        });
        &self.roles[self.roles.len() - 1]
    }

    /// The ids of the principals that a trust policy names.
    pub(super) fn pins(&self, trust: &serde_json::Value) -> BTreeMap<String, String> {
        policy::aws_principals(trust)
            .into_iter()
            .filter_map(|arn| self.principal_id(&arn).map(|id| (arn, id)))
            .collect()
    }

    /// The trust policy of a role as IAM shows it: a principal that is gone, or has been made anew, appears as its id.
    pub(super) fn shown_trust(&self, role: &Role) -> serde_json::Value {
        policy::map_aws_principals(&role.spec.trust, |arn| match role.pins.get(arn) {
            Some(id) if self.principal_id(arn).as_ref() != Some(id) => id.clone(),
            _ => arn.to_owned(),
        })
    }
}

/// The IAM user that every account has, an administrator.
pub(super) const USER: &str = "testbed";

fn user_id(account: &str) -> String {
    format!("AIDATESTBED{account}")
}
