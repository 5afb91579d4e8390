//! The proofs of how resources are set up.

use serde_json::{Value, json};

use super::{Proof, limits, settings};

/// About encryption, retention, names, retries and limits.
pub const PROOFS: &[Proof] = &[
    Proof {
        name: "everything_at_rest_is_encrypted_by_the_key",
        concerns: &[
            "AWS::DynamoDB::Table",
            "AWS::KMS::Key",
            "AWS::Logs::LogGroup",
            "AWS::SQS::Queue",
            "AWS::SecretsManager::Secret",
        ],
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
        concerns: &["AWS::KMS::Key", "AWS::SecretsManager::Secret"],
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
        concerns: &["AWS::SecretsManager::Secret"],
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
        concerns: &["AWS::SQS::Queue", "AWS::Scheduler::Schedule"],
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
        concerns: &["AWS::Scheduler::Schedule"],
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
        concerns: &[
            "AWS::ApiGatewayV2::Stage",
            "AWS::Lambda::Function",
            "AWS::Logs::LogGroup",
        ],
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
        concerns: &["AWS::ApiGatewayV2::Stage"],
        complaints: settings::the_access_log_quotes_no_request,
        flaws: &[("a_quoted_request", |template| {
            template.properties("ApiStage")["AccessLogSettings"]["Format"] =
                json!(r#"{"path": "$context.path"}"#);
        })],
    },
    Proof {
        name: "the_api_is_throttled",
        concerns: &["AWS::ApiGatewayV2::Stage"],
        complaints: settings::the_api_is_throttled,
        flaws: &[("an_open_door", |template| {
            template.remove("ApiStage", "DefaultRouteSettings")
        })],
    },
    Proof {
        name: "tokens_are_removed_when_they_expire",
        concerns: &["AWS::DynamoDB::Table"],
        complaints: settings::tokens_are_removed_when_they_expire,
        flaws: &[("tokens_kept_for_ever", |template| {
            template.remove("TokenTable", "TimeToLiveSpecification")
        })],
    },
    Proof {
        name: "webhooks_wait_a_week_and_dead_letters_two",
        concerns: &["AWS::SQS::Queue"],
        complaints: limits::webhooks_wait_a_week_and_dead_letters_two,
        flaws: &[
            ("webhooks_that_are_gone_sooner", |template| {
                template.remove("WebhookQueue", "MessageRetentionPeriod")
            }),
            ("dead_letters_that_are_gone_sooner", |template| {
                template.properties("WebhookDeadLetterQueue")["MessageRetentionPeriod"] =
                    json!(604_800);
            }),
            ("failures_that_are_gone_sooner", |template| {
                template.remove("TokenRefreshFailureQueue", "MessageRetentionPeriod")
            }),
            ("a_poison_webhook", |template| {
                template.remove("WebhookQueue", "RedrivePolicy")
            }),
            ("dead_letters_elsewhere", |template| {
                template.properties("WebhookQueue")["RedrivePolicy"]["deadLetterTargetArn"] =
                    json!({"Fn::GetAtt": ["TokenRefreshFailureQueue", "Arn"]});
            }),
            ("a_webhook_given_up_at_once", |template| {
                template.properties("WebhookQueue")["RedrivePolicy"]["maxReceiveCount"] = json!(1);
            }),
        ],
    },
    Proof {
        name: "every_webhook_that_is_let_in_fits_its_queues",
        concerns: &["AWS::SQS::Queue"],
        complaints: limits::every_webhook_that_is_let_in_fits_its_queues,
        flaws: &[
            ("a_narrow_queue", |template| {
                template.properties("WebhookQueue")["MaximumMessageSize"] = json!(262_144);
            }),
            ("a_narrow_dead_letter_queue", |template| {
                template.remove("WebhookDeadLetterQueue", "MaximumMessageSize")
            }),
        ],
    },
    Proof {
        name: "the_token_is_looked_after_every_five_minutes",
        concerns: &["AWS::Scheduler::Schedule"],
        complaints: limits::the_token_is_looked_after_every_five_minutes,
        flaws: &[
            ("another_rate", |template| {
                template.properties("TokenRefreshFunctionSchedule")["ScheduleExpression"] =
                    json!("rate(5 hours)");
            }),
            ("another_function", |template| {
                template.properties("TokenRefreshFunctionSchedule")["Target"]["Arn"] =
                    json!({"Fn::GetAtt": ["WebhookFunction", "Arn"]});
            }),
            ("a_schedule_at_rest", |template| {
                template.properties("TokenRefreshFunctionSchedule")["State"] = json!("DISABLED");
            }),
        ],
    },
    Proof {
        name: "functions_outlast_their_own_deadlines",
        concerns: &["AWS::Lambda::Function"],
        complaints: limits::functions_outlast_their_own_deadlines,
        flaws: &[
            ("a_webhook_cut_off_in_its_cold_start", |template| {
                template.properties("WebhookFunction")["Timeout"] = json!(1);
            }),
            ("a_renewal_with_the_default", |template| {
                template.remove("TokenRefreshFunction", "Timeout")
            }),
        ],
    },
    Proof {
        name: "webhooks_arrive_in_payload_format_2",
        concerns: &["AWS::ApiGatewayV2::Integration"],
        complaints: limits::webhooks_arrive_in_payload_format_2,
        flaws: &[
            ("the_older_format", |template| {
                template.properties("WebhookIntegration")["PayloadFormatVersion"] = json!("1.0");
            }),
            ("no_format", |template| {
                template.remove("WebhookIntegration", "PayloadFormatVersion")
            }),
            ("another_integration", |template| {
                template.properties("WebhookIntegration")["IntegrationType"] = json!("HTTP_PROXY");
            }),
        ],
    },
];
