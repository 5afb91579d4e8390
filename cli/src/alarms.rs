//! The stack's alarms.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::StateValue;

use crate::error::ToolError;
use crate::finding::Finding;
use crate::session::Session;

/// The states of the stack's alarms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Alarms {
    /// Those that are on.
    pub on: Vec<Alarm>,
    /// How many are OK.
    pub ok: usize,
    /// How many have no data.
    pub no_data: usize,
}

/// An alarm that is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alarm {
    pub name: String,
    /// What it means, with the section of the runbook.
    pub description: String,
}

impl Alarms {
    /// Asks CloudWatch about the alarms of the stack.
    ///
    /// # Errors
    ///
    /// If CloudWatch or CloudFormation does not answer, or refuses.
    pub async fn of(session: &Session) -> Result<Self, ToolError> {
        let stack = session.stack().await?;
        let client = Client::new(session.config());
        let mut pages = client
            .describe_alarms()
            .alarm_name_prefix(format!("{}-", stack.name))
            .into_paginator()
            .send();
        let mut alarms = Self::default();
        while let Some(page) = pages.next().await {
            let page = page.map_err(ToolError::aws("DescribeAlarms"))?;
            for alarm in page.metric_alarms() {
                let name = alarm.alarm_name().unwrap_or_default();
                // another stack's name may begin with the name of this one
                if !stack.has_resource(name).await? {
                    continue;
                }
                match alarm.state_value() {
                    Some(StateValue::Alarm) => alarms.on.push(Alarm {
                        name: name.to_owned(),
                        description: alarm.alarm_description().unwrap_or_default().to_owned(),
                    }),
                    Some(StateValue::Ok) => alarms.ok += 1,
                    _ => alarms.no_data += 1,
                }
            }
        }
        Ok(alarms)
    }

    /// Whether all is quiet. Without any data, nobody knows.
    pub fn judge(&self) -> Finding {
        let Self { on, ok, no_data } = self;
        if !on.is_empty() {
            let all: Vec<_> = on
                .iter()
                .map(|alarm| format!("{}: {}", alarm.name, alarm.description))
                .collect();
            let found = format!("{} on: {}", on.len(), all.join("; "));
            return Finding::bad(found, self.sections());
        }
        let found = format!("0 on, {ok} OK, {no_data} without data");
        if *ok == 0 {
            let remedy = "wait until CloudWatch has evaluated the alarms";
            return Finding::unknown(found, remedy);
        }
        Finding::good(found)
    }

    /// The sections of the runbook about the alarms that are on.
    fn sections(&self) -> String {
        let mut sections: Vec<_> = self
            .on
            .iter()
            .filter_map(|alarm| alarm.description.rsplit_once("See "))
            .map(|(_, section)| section)
            .collect();
        sections.sort_unstable();
        sections.dedup();
        match sections.as_slice() {
            [] => "docs/runbook.md".into(),
            sections => sections.join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    #[test]
    fn an_alarm_that_is_on_names_its_section() {
        let alarm = |name: &str, section: &str| Alarm {
            name: name.into(),
            description: format!("Something failed. See docs/runbook.md#{section}"),
        };
        let alarms = Alarms {
            on: vec![
                alarm("Stuck", "stuck"),
                alarm("StuckAge", "stuck"),
                alarm("Late", "late"),
            ],
            ok: 7,
            no_data: 0,
        };
        let finding = alarms.judge();
        assert_eq!(finding.mark, Mark::Bad);
        assert_eq!(
            finding.remedy.as_deref(),
            Some("docs/runbook.md#late, docs/runbook.md#stuck")
        );
        assert!(finding.found.starts_with("3 on: Stuck: Something failed."));
    }

    #[test]
    fn alarms_without_data_prove_nothing() {
        let alarms = Alarms {
            no_data: 4,
            ..Alarms::default()
        };
        assert_eq!(alarms.judge().mark, Mark::Unknown);
        let alarms = Alarms {
            ok: 1,
            no_data: 4,
            ..Alarms::default()
        };
        assert_eq!(alarms.judge().mark, Mark::Good);
    }
}
