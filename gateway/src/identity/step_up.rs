//! How strong and how fresh a sign-in must be (RFC 9470).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::base::Timestamp;

/// What is wanted of a sign-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepUp {
    /// One of these authentication contexts; any, where it is empty.
    pub acr_values: Vec<String>,
    /// This Conditional Access authentication context of Microsoft Entra (`acrs`); any, where it is
    /// `None`.
    pub authentication_context: Option<String>,
    /// A proof no older than this.
    pub max_age: Option<Duration>,
}

/// How somebody proved who they are, as far as whoever vouches for them says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strength {
    /// When.
    pub auth_time: Option<Timestamp>,
    /// Authentication context class.
    pub acr: Option<Arc<str>>,
    /// Microsoft Entra's authentication contexts.
    pub acrs: Arc<[String]>,
}

/// What a sign-in lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// Its authentication context is none of those that are wanted.
    Context,
    /// It is too old, or nobody says how old it is.
    Freshness,
}

impl StepUp {
    /// What is granted beyond `max_age`: the provider has judged by its own clock, and the person came
    /// back since. Without it somebody who has just signed in might be sent round again.
    pub const GRACE: Duration = Duration::from_secs(60);

    /// Whether a sign-in suffices now, and until when; `None` for as long as it lives.
    ///
    /// # Errors
    /// What it lacks.
    pub fn judge(&self, shown: &Strength, now: Timestamp) -> Result<Option<Timestamp>, Lacking> {
        let known = |acr: &Arc<str>| self.acr_values.iter().any(|wanted| **wanted == **acr);
        if !self.acr_values.is_empty() && !shown.acr.as_ref().is_some_and(known) {
            return Err(Lacking::Context);
        }
        let satisfied = |wanted: &String| shown.acrs.contains(wanted);
        if !self.authentication_context.as_ref().is_none_or(satisfied) {
            return Err(Lacking::Context);
        }
        let Some(max_age) = self.max_age else { return Ok(None) };
        let over = shown.auth_time.ok_or(Lacking::Freshness)?.after(max_age).after(Self::GRACE);
        if over <= now { Err(Lacking::Freshness) } else { Ok(Some(over)) }
    }
}

impl Lacking {
    /// The word used in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Context => "acr_not_met",
            Self::Freshness => "auth_too_old",
        }
    }
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(10_000);

    fn shown(secs: Option<i64>, acr: Option<&str>) -> Strength {
        let auth_time = secs.map(Timestamp::from_secs);
        Strength { auth_time, acr: acr.map(Into::into), acrs: Arc::default() }
    }

    #[test]
    fn a_sign_in_is_fresh_for_its_time_and_a_minute() {
        let wanted = StepUp { max_age: Some(Duration::from_secs(300)), ..StepUp::default() };
        let judge = |secs| wanted.judge(&shown(secs, None), NOW);
        assert_eq!(judge(Some(10_000)), Ok(Some(Timestamp::from_secs(10_360))));
        assert_eq!(judge(Some(9_641)), Ok(Some(Timestamp::from_secs(10_001))));
        assert_eq!(judge(Some(9_640)), Err(Lacking::Freshness));
        assert_eq!(judge(None), Err(Lacking::Freshness));
    }

    #[test]
    fn the_context_must_be_one_that_is_wanted() {
        let acr_values = vec!["mfa".into(), "hw".into()];
        let wanted = StepUp { acr_values, ..StepUp::default() };
        let judge = |acr| wanted.judge(&shown(None, acr), NOW);
        assert_eq!((judge(Some("hw")), judge(Some("mfa"))), (Ok(None), Ok(None)));
        for weak in [None, Some(""), Some("pwd"), Some("mfa hw"), Some("MFA")] {
            assert_eq!(judge(weak), Err(Lacking::Context), "{weak:?}");
        }
    }

    #[test]
    fn entras_context_must_be_among_those_that_are_stated() {
        let context = Some("c1".to_owned());
        let wanted = StepUp { authentication_context: context, ..StepUp::default() };
        let judge = |acrs: &[&str], acr| {
            let acrs = acrs.iter().map(|&it| it.to_owned()).collect();
            wanted.judge(&Strength { acrs, ..shown(None, acr) }, NOW)
        };
        assert_eq!((judge(&["c1"], None), judge(&["c3", "c1"], None)), (Ok(None), Ok(None)));
        for weak in [&[][..], &["c2"], &["c10"], &["C1"], &["c1 c2"], &["c"]] {
            assert_eq!(judge(weak, Some("c1")), Err(Lacking::Context), "{weak:?}");
        }
    }
}
