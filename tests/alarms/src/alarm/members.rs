//! The members of a JSON object, read strictly: an unknown one is an error, because it could change the alarm's state.

use serde_json::Value;

use super::AlarmError;

#[derive(Clone, Copy)]
pub(super) struct Members<'a>(pub(super) &'a Value);

impl<'a> Members<'a> {
    /// Fails if there is a member that is not among `names`.
    pub(super) fn only(self, names: &[&str]) -> Result<(), AlarmError> {
        let members = self.0.as_object().into_iter().flatten();
        let mut others = members.filter(|(name, _)| !names.contains(&name.as_str()));
        others.next().map_or(Ok(()), |(name, _)| {
            Err(AlarmError::Unsupported(format!("property {name}")))
        })
    }

    pub(super) fn has(self, name: &str) -> bool {
        !self.0[name].is_null()
    }

    pub(super) fn member(self, name: &str) -> Self {
        Self(&self.0[name])
    }

    /// The elements of a list; none if there is no such member.
    pub(super) fn list(self, name: &'static str) -> Result<&'a [Value], AlarmError> {
        match &self.0[name] {
            Value::Null => Ok(&[]),
            Value::Array(list) => Ok(list),
            _ => Err(AlarmError::Property(name)),
        }
    }

    pub(super) fn text(self, name: &'static str) -> Result<&'a str, AlarmError> {
        let text = self.0[name].as_str();
        text.ok_or(AlarmError::Property(name))
    }

    pub(super) fn text_if_any(self, name: &'static str) -> Result<Option<&'a str>, AlarmError> {
        self.has(name).then(|| self.text(name)).transpose()
    }

    /// A finite number. CloudFormation takes it as text too.
    pub(super) fn number(self, name: &'static str) -> Result<f64, AlarmError> {
        let value = &self.0[name];
        let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
        let number = number.filter(|number: &f64| number.is_finite());
        number.ok_or(AlarmError::Property(name))
    }

    /// A whole number above zero.
    pub(super) fn whole(self, name: &'static str) -> Result<u64, AlarmError> {
        let value = &self.0[name];
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let number = number.filter(|number| (1..=u64::from(u32::MAX)).contains(number));
        number.ok_or(AlarmError::Property(name))
    }

    pub(super) fn whole_or(self, name: &'static str, default: u64) -> Result<u64, AlarmError> {
        if self.has(name) {
            self.whole(name)
        } else {
            Ok(default)
        }
    }

    /// True if there is no such member.
    pub(super) fn truth_or_true(self, name: &'static str) -> Result<bool, AlarmError> {
        match &self.0[name] {
            Value::Null => Ok(true),
            Value::Bool(truth) => Ok(*truth),
            Value::String(text) => text.parse().map_err(|_| AlarmError::Property(name)),
            _ => Err(AlarmError::Property(name)),
        }
    }
}
