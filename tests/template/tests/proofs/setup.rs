//! The proofs of how resources are set up.

use serde_json::json;

use super::{Proof, settings};

/// About encryption, retention and retries.
pub const PROOFS: &[Proof] = &[
    Proof {
        name: "everything_at_rest_is_encrypted_by_the_key",
        concerns: &[
            "AWS::DynamoDB::Table",
            "AWS::Events::Archive",
            "AWS::Events::EventBus",
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
            ("a_bus_with_another_key", |template| {
                template.remove("EventBus", "KmsKeyIdentifier")
            }),
            ("an_archive_with_another_key", |template| {
                template.remove("EventArchive", "KmsKeyIdentifier")
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
        flaws: &[
            ("an_open_door", |template| {
                template.remove("ApiStage", "DefaultRouteSettings")
            }),
            ("a_door_that_one_stranger_fills", |template| {
                template.0["Parameters"]["WebhookThrottlingRateLimit"]["Default"] = json!(100);
            }),
            ("a_burst_that_is_turned_away", |template| {
                template.0["Parameters"]["WebhookThrottlingBurstLimit"]["Default"] = json!(200);
            }),
        ],
    },
    Proof {
        name: "items_are_removed_when_they_expire",
        concerns: &["AWS::DynamoDB::Table"],
        complaints: settings::items_are_removed_when_they_expire,
        flaws: &[
            ("tokens_kept_for_ever", |template| {
                template.remove("TokenTable", "TimeToLiveSpecification")
            }),
            ("states_kept_for_ever", |template| {
                template.properties("PublishedTable")["TimeToLiveSpecification"]["Enabled"] =
                    json!(false);
            }),
        ],
    },
];
