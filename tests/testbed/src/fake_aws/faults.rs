use super::call::Call;
use super::reply::Refusal;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Harm {
    /// Refused before anything has happened, with this code (none: throttling as the service says it).
    Refuse(Option<(String, u16)>),
    /// Done, and then answered with this error.
    LoseAnswer(String, u16),
    /// Not done, and never answered.
    HangBefore,
    /// Done, and never answered.
    HangAfter,
}

/// Something that goes wrong, for [`FakeAws::inject`](super::FakeAws::inject): with one call, the next one, unless it
/// says otherwise.
#[derive(Clone, Debug)]
pub struct Fault {
    harm: Harm,
    operation: Option<String>,
    account: Option<String>,
    region: Option<String>,
    object: Option<String>,
    changes_only: bool,
    /// How many calls that it is about pass first.
    skip: usize,
    /// How many calls it harms after those.
    times: usize,
    chance: Option<Chance>,
}

impl Fault {
    /// The call is refused with this error and has no effect.
    pub fn refuse(code: &str, http: u16) -> Self {
        Self::new(Harm::Refuse(Some((code.to_owned(), http))))
    }

    /// The call is refused as too many are: `ThrottlingException` of EKS, `Throttling` of IAM and STS.
    pub fn throttle() -> Self {
        Self::new(Harm::Refuse(None))
    }

    /// The call has its effect, and the answer is this error all the same.
    pub fn lose_answer(code: &str, http: u16) -> Self {
        Self::new(Harm::LoseAnswer(code.to_owned(), http))
    }

    /// The call has no effect and no answer: the client waits until it is killed or gives up.
    pub fn hang_before() -> Self {
        Self::new(Harm::HangBefore)
    }

    /// The call has its effect and no answer.
    pub fn hang_after() -> Self {
        Self::new(Harm::HangAfter)
    }

    /// Only calls of this operation, `CreateAccessEntry` for example.
    #[must_use]
    pub fn of(self, operation: &str) -> Self {
        Self {
            operation: Some(operation.to_owned()),
            ..self
        }
    }

    /// Only calls in this account.
    #[must_use]
    pub fn in_account(self, account: &str) -> Self {
        Self {
            account: Some(account.to_owned()),
            ..self
        }
    }

    /// Only calls in this region.
    #[must_use]
    pub fn in_region(self, region: &str) -> Self {
        Self {
            region: Some(region.to_owned()),
            ..self
        }
    }

    /// Only calls about this cluster or role (its name, or the ARN of what is tagged or assumed).
    #[must_use]
    pub fn about(self, object: &str) -> Self {
        Self {
            object: Some(object.to_owned()),
            ..self
        }
    }

    /// Only calls that are meant to change something.
    #[must_use]
    pub fn changes(self) -> Self {
        Self {
            changes_only: true,
            ..self
        }
    }

    /// The `n`th such call from now, counted from 1; with [`Fault::times`], from that one on.
    #[must_use]
    pub fn nth(self, n: usize) -> Self {
        Self {
            skip: n.saturating_sub(1),
            ..self
        }
    }

    /// So many calls instead of one.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// Every such call.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    /// Each such call with this chance, in percent; the same seed gives the same sequence.
    #[must_use]
    pub fn percent(self, percent: f64, seed: u64) -> Self {
        Self {
            chance: Some(Chance { percent, state: seed }),
            ..self.always()
        }
    }

    fn new(harm: Harm) -> Self {
        Self {
            harm,
            operation: None,
            account: None,
            region: None,
            object: None,
            changes_only: false,
            skip: 0,
            times: 1,
            chance: None,
        }
    }

    fn is_about(&self, call: &Call) -> bool {
        let fits = |wanted: &Option<String>, had: &str| wanted.as_deref().is_none_or(|wanted| wanted == had);
        fits(&self.operation, call.operation.name)
            && fits(&self.account, call.account())
            && fits(&self.region, &call.region)
            && fits(&self.object, call.object())
            && (!self.changes_only || call.operation.changes)
    }

    /// Whether it harms this call that it is about.
    fn strikes(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if self.times == 0 || !self.chance.as_mut().is_none_or(Chance::draw) {
            return false;
        }
        self.times -= 1;
        true
    }
}

/// The generator `SplitMix64`.
#[derive(Clone, Debug)]
struct Chance {
    percent: f64,
    state: u64,
}

impl Chance {
    fn draw(&mut self) -> bool {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        // In hundred thousandths: more than any test can tell apart.
        let drawn = u32::try_from(bits % 100_000).unwrap_or_default();
        f64::from(drawn) < self.percent * 1000.0
    }
}

/// All that goes wrong, in the order in which it was asked for. The first that strikes a call keeps the later ones from
/// seeing it, so that the same fault asked for twice harms two calls.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn take(&mut self, call: &Call) -> Option<Harm> {
        self.0.retain(|fault| fault.times > 0);
        let mut faults = self.0.iter_mut().filter(|fault| fault.is_about(call));
        let fault = faults.find_map(|fault| fault.strikes().then(|| fault.harm.clone()))?;
        Some(fault)
    }
}

/// The error that a test asked for.
pub(super) fn asked_for(call: &Call, code: &str, http: u16) -> Refusal {
    let message = match code {
        "ThrottlingException" | "TooManyRequestsException" | "Throttling" => "Rate exceeded".to_owned(),
        "AccessDeniedException" | "AccessDenied" => not_authorized(call, &call.actions()[0]),
        _ => format!("{code}, as the test asked for"),
    };
    Refusal::new(http, code, message)
}

/// What AWS says to a caller who may not.
pub(super) fn not_authorized(call: &Call, action: &str) -> String {
    let (partition, region, account, object) =
        (call.partition(), &call.region, call.account(), call.object());
    let resource = match call.service.name() {
        "eks" if object.starts_with("arn:") => object.to_owned(),
        "eks" if object.is_empty() => "*".to_owned(),
        "eks" => format!("arn:{partition}:eks:{region}:{account}:cluster/{object}"),
        "iam" => format!("arn:{partition}:iam::{account}:role/{object}"),
        _ => object.to_owned(),
    };
    format!(
        "User: {} is not authorized to perform: {action} on resource: {resource}",
        call.caller.arn
    )
}
