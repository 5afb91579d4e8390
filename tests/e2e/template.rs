//! Proofs over the transformed template: what the local AWS does not enforce, and AWS would show only in production.
//!
//! A proof is a function from a template to complaints. To show that it can fail, it also gets templates with one flaw
//! each, and has to complain about every one of them.

mod admission;
mod document;
mod policy;
mod roles;
mod settings;

use std::sync::LazyLock;

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use document::Template;

static TEMPLATE: LazyLock<Result<Template, String>> = LazyLock::new(Template::transformed);

/// Something that holds of the template, and flaws that break it.
struct Proof {
    name: &'static str,
    complaints: fn(&Template) -> Vec<String>,
    flaws: &'static [Flaw],
}

/// What a flaw is called, and how it gets into a template.
type Flaw = (&'static str, fn(&mut Flawed));

/// One trial for each proof, and one for each flaw that it has to notice.
pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for &Proof {
        name,
        complaints,
        flaws,
    } in PROOFS
    {
        trials.push(Trial::test(
            format!("template::{name}"),
            move || match complaints(template()?).as_slice() {
                [] => Ok(()),
                complaints => Err(complaints.join("\n").into()),
            },
        ));
        for &(flaw, spoil) in flaws {
            trials.push(Trial::test(
                format!("template::{name}::notices_{flaw}"),
                move || {
                    let mut flawed = Flawed(template()?.0.clone());
                    spoil(&mut flawed);
                    match complaints(&Template(flawed.0)).is_empty() {
                        true => Err("the flaw went unnoticed".into()),
                        false => Ok(()),
                    }
                },
            ));
        }
    }
    trials
}

fn template() -> Result<&'static Template, Failed> {
    TEMPLATE.as_ref().map_err(Failed::from)
}

/// A template in which something is being broken.
struct Flawed(Value);

impl Flawed {
    /// The properties of a resource.
    fn properties(&mut self, resource: &str) -> &mut Value {
        let properties = self
            .0
            .pointer_mut(&format!("/Resources/{resource}/Properties"));
        properties.unwrap_or_else(|| panic!("the template has no {resource}"))
    }

    /// The statement `sid` of a role's policy, or of the key's.
    fn statement(&mut self, resource: &str, sid: &str) -> &mut Value {
        let properties = self.properties(resource);
        let pointer = match properties["KeyPolicy"].is_null() {
            true => "/Policies/0/PolicyDocument/Statement",
            false => "/KeyPolicy/Statement",
        };
        let statements = properties
            .pointer_mut(pointer)
            .and_then(Value::as_array_mut);
        let statement =
            statements.and_then(|all| all.iter_mut().find(|statement| statement["Sid"] == sid));
        statement.unwrap_or_else(|| panic!("{resource} has no statement {sid}"))
    }

    /// Takes a property away, which has to be there.
    fn remove(&mut self, resource: &str, property: &str) {
        let removed = self
            .properties(resource)
            .as_object_mut()
            .and_then(|all| all.remove(property));
        assert!(removed.is_some(), "{resource} has no {property}");
    }
}

const PROOFS: &[Proof] = &[
    Proof {
        name: "roles_may_use_the_key_for_what_they_touch",
        complaints: roles::roles_may_use_the_key_for_what_they_touch,
        flaws: &[
            ("a_sender_that_may_not_encrypt", |template| {
                template.statement("WebhookRole", "EncryptMessages")["Action"] =
                    json!(["kms:Decrypt"]);
            }),
            ("a_reader_that_may_not_decrypt", |template| {
                template.statement("TokenRefreshRole", "DecryptSecret")["Effect"] = json!("Deny");
            }),
            ("a_key_for_the_wrong_service", |template| {
                template.statement("TokenRefreshRole", "EncryptToken")["Condition"]["StringEquals"]
                    ["kms:ViaService"] = json!({"Fn::Sub": "sqs.${AWS::Region}.amazonaws.com"});
            }),
            ("a_schedule_that_may_not_encrypt", |template| {
                template.statement("TokenRefreshScheduleRole", "EncryptMessages")["Resource"] =
                    json!({"Fn::GetAtt": ["TokenTable", "Arn"]});
            }),
            ("an_action_it_does_not_know", |template| {
                template.statement("WebhookRole", "QueueDeliveries")["Action"] =
                    json!("sqs:PurgeQueue");
            }),
        ],
    },
    Proof {
        name: "roles_are_narrow",
        complaints: roles::roles_are_narrow,
        flaws: &[
            ("every_resource", |template| {
                template.statement("WebhookRole", "QueueDeliveries")["Resource"] = json!("*");
            }),
            ("every_action", |template| {
                template.statement("TokenRefreshRole", "StoreToken")["Action"] =
                    json!(["dynamodb:*"]);
            }),
            ("the_key_used_directly", |template| {
                template.statement("WebhookRole", "DecryptSecret")["Condition"] = json!({});
            }),
            ("a_managed_policy", |template| {
                template.properties("WebhookRole")["ManagedPolicyArns"] =
                    json!(["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
            }),
            ("an_exception", |template| {
                let statement = template.statement("WebhookRole", "QueueDeliveries");
                statement["NotAction"] = statement["Action"].take();
            }),
            ("a_policy_elsewhere", |template| {
                template.0["Resources"]["WebhookRole"]["Type"] = json!("AWS::IAM::RolePolicy");
            }),
        ],
    },
    Proof {
        name: "roles_are_assumed_by_their_service_only",
        complaints: roles::roles_are_assumed_by_their_service_only,
        flaws: &[
            ("a_scheduler_of_another_account", |template| {
                template.properties("TokenRefreshScheduleRole")["AssumeRolePolicyDocument"]["Statement"]
                    [0]["Condition"] =
                    json!({"StringEquals": {"aws:SourceAccount": "999999999999"}});
            }),
            ("a_further_principal", |template| {
                template.properties("WebhookRole")["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
                    ["AWS"] = json!("*");
            }),
        ],
    },
    Proof {
        name: "the_key_admits_services_of_this_account_only",
        complaints: admission::the_key_admits_services_of_this_account_only,
        flaws: &[
            ("logs_that_are_not_admitted", |template| {
                template.statement("Key", "LogGroupsOfThisAccount")["Action"] =
                    json!(["kms:Decrypt*"]);
            }),
            ("logs_of_other_accounts", |template| {
                template.statement("Key", "LogGroupsOfThisAccount")["Condition"] = json!({});
            }),
            ("queues_that_are_not_admitted", |template| {
                template.statement("Key", "QueuesOfThisAccount")["Principal"]["Service"] =
                    json!("scheduler.amazonaws.com");
            }),
            ("a_scheduler_that_is_not_admitted", |template| {
                template.statement("Key", "QueuesOfThisAccount")["Principal"]["Service"] =
                    json!("sqs.amazonaws.com");
            }),
            ("queues_of_other_accounts", |template| {
                template.statement("Key", "QueuesOfThisAccount")["Condition"] = Value::Null;
            }),
            ("rules_that_are_not_admitted", |template| {
                template.0["Resources"]["Rule"] = json!({"Type": "AWS::Events::Rule"});
            }),
            ("everybody", |template| {
                template.statement("Key", "AccountDecidesByIam")["Principal"] = json!("*");
            }),
        ],
    },
    Proof {
        name: "functions_are_invoked_from_their_routes_only",
        complaints: admission::functions_are_invoked_from_their_routes_only,
        flaws: &[
            ("a_route_without_permission", |template| {
                template.properties("WebhookRoute")["RouteKey"] = json!("POST /whoop/other");
            }),
            ("a_permission_for_all_routes", |template| {
                template.properties("WebhookPermission")["SourceArn"] = json!({
                    "Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"
                });
            }),
            ("a_permission_for_any_api", |template| {
                template.remove("WebhookPermission", "SourceArn")
            }),
            ("another_function", |template| {
                template.properties("WebhookIntegration")["IntegrationUri"] =
                    json!({"Fn::GetAtt": ["TokenRefreshFunction", "Arn"]});
            }),
        ],
    },
    Proof {
        name: "roles_may_report_where_they_are_told_to",
        complaints: roles::roles_may_report_where_they_are_told_to,
        flaws: &[
            ("a_function_that_may_not_log", |template| {
                template.statement("WebhookRole", "WriteLogs")["Action"] =
                    json!("logs:PutLogEvents");
            }),
            ("a_failure_that_goes_nowhere", |template| {
                template.statement("TokenRefreshRole", "ReportFailures")["Resource"] =
                    json!({"Fn::GetAtt": ["WebhookQueue", "Arn"]});
            }),
            ("a_schedule_that_may_not_invoke", |template| {
                template.statement("TokenRefreshScheduleRole", "InvokeFunction")["Resource"] =
                    json!({"Fn::GetAtt": ["WebhookFunction", "Arn"]});
            }),
            ("a_tick_that_is_lost", |template| {
                template.statement("TokenRefreshScheduleRole", "ReportFailures")["Effect"] =
                    json!("Deny");
            }),
        ],
    },
    Proof {
        name: "everything_at_rest_is_encrypted_by_the_key",
        complaints: settings::everything_at_rest_is_encrypted_by_the_key,
        flaws: &[
            ("a_queue_in_the_clear", |template| {
                template.remove("WebhookDeadLetterQueue", "KmsMasterKeyId")
            }),
            ("a_table_with_another_key", |template| {
                template.properties("TokenTable")["SSESpecification"] = json!({"SSEEnabled": true});
            }),
            ("a_secret_with_another_key", |template| {
                template.properties("WebhookSigningSecret")["KmsKeyId"] =
                    json!("alias/aws/secretsmanager");
            }),
            ("logs_in_the_clear", |template| {
                template.remove("ApiAccessLogs", "KmsKeyId")
            }),
            ("a_key_that_stays_the_same", |template| {
                template.remove("Key", "EnableKeyRotation")
            }),
        ],
    },
    Proof {
        name: "secrets_and_key_outlive_the_stack",
        complaints: settings::secrets_and_key_outlive_the_stack,
        flaws: &[
            ("a_secret_that_goes", |template| {
                template.0["Resources"]["PartnerCredentialsSecret"]["DeletionPolicy"] =
                    json!("Delete");
            }),
            ("a_key_that_goes", |template| {
                template.0["Resources"]["Key"]["UpdateReplacePolicy"] = Value::Null;
            }),
        ],
    },
    Proof {
        name: "no_secret_gets_its_value_here",
        complaints: settings::no_secret_gets_its_value_here,
        flaws: &[
            ("a_value", |template| {
                template.properties("WebhookSigningSecret")["SecretString"] =
                    json!({"Ref": "SigningSecret"});
            }),
            ("a_generated_value", |template| {
                template.properties("PartnerCredentialsSecret")["GenerateSecretString"] = json!({});
            }),
        ],
    },
    Proof {
        name: "two_stacks_fit_in_one_account",
        complaints: settings::two_stacks_fit_in_one_account,
        flaws: &[
            ("a_fixed_queue", |template| {
                template.properties("WebhookQueue")["QueueName"] = json!("webhooks");
            }),
            ("a_fixed_schedule", |template| {
                template.properties("TokenRefreshFunctionSchedule")["Name"] =
                    json!("token-refresh");
            }),
        ],
    },
    Proof {
        name: "the_next_tick_is_the_retry",
        complaints: settings::the_next_tick_is_the_retry,
        flaws: &[
            ("retries", |template| {
                template.properties("TokenRefreshFunctionEventInvokeConfig")["MaximumRetryAttempts"] =
                    json!(2);
            }),
            ("retries_as_by_default", |template| {
                template.remove("TokenRefreshFunctionEventInvokeConfig", "FunctionName");
            }),
            ("failures_that_nobody_sees", |template| {
                template.remove("TokenRefreshFunctionEventInvokeConfig", "DestinationConfig");
            }),
        ],
    },
    Proof {
        name: "logs_are_kept_apart_and_for_a_time",
        complaints: settings::logs_are_kept_apart_and_for_a_time,
        flaws: &[
            ("logs_kept_for_ever", |template| {
                template.remove("WebhookLogs", "RetentionInDays")
            }),
            ("a_function_with_the_default_group", |template| {
                template.remove("WebhookFunction", "LoggingConfig")
            }),
            ("an_api_without_access_log", |template| {
                template.remove("ApiStage", "AccessLogSettings")
            }),
        ],
    },
    Proof {
        name: "the_access_log_quotes_no_request",
        complaints: settings::the_access_log_quotes_no_request,
        flaws: &[("a_quoted_request", |template| {
            template.properties("ApiStage")["AccessLogSettings"]["Format"] =
                json!(r#"{"path": "$context.path"}"#);
        })],
    },
    Proof {
        name: "the_api_is_throttled",
        complaints: settings::the_api_is_throttled,
        flaws: &[("an_open_door", |template| {
            template.remove("ApiStage", "DefaultRouteSettings")
        })],
    },
    Proof {
        name: "tokens_are_removed_when_they_expire",
        complaints: settings::tokens_are_removed_when_they_expire,
        flaws: &[("tokens_kept_for_ever", |template| {
            template.remove("TokenTable", "TimeToLiveSpecification")
        })],
    },
];
